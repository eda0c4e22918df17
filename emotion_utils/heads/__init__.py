"""What attention heads look at and what they write (chapter 06, first half).

=========================  =================================================================================
module                     what it does
=========================  =================================================================================
:mod:`pairs`               emotional prompts with their neutral partners, and the log-odds that are explained
:mod:`openings`            which first words of replies heads are asked about, and whether they move at all
:mod:`budget`              what a chapter may cost on a model, and the sizes that follow from it
:mod:`outputs`             what each head gives at each position, counted from the end of the prompt
:mod:`delta_attention`     attention to emotion words, as the reports screened; :mod:`untrained` is its control
:mod:`attention_by_class`  what heads look at, by class of token
:mod:`ov_readout`          what heads write, read in words; :mod:`word_states` is what it is read from
:mod:`carried`             how much heads carry, not only whether they stand out
:mod:`looking`             whether heads that look at emotion words are heads that act
:mod:`findings`            what the tables say, as numbers for the page's sentences
=========================  =================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
