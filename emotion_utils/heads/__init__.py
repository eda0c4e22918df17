"""Which attention heads carry emotion: screened, taken out, transplanted, and assembled into a circuit.

========================  ==================================================================================
module                    what it does
========================  ==================================================================================
:mod:`pairs`              emotional prompts with their neutral partners, and the log-odds that are explained
:mod:`capture`            what each head gives at each position, counted from the end of the prompt
:mod:`ablation`           heads taken out: zero, mean, another prompt's
:mod:`attribution`        the same estimated from one gradient, and what heads write directly
:mod:`patching`           heads transplanted between partners, both ways, in three modes
:mod:`circuits`           sets of heads that suffice, and how few
:mod:`screening`          effects of all heads with intervals, a null with the maximum inside, stability
:mod:`masks`              how much of each head to keep, learned
:mod:`screened`           all methods on one model, and the same for several models
:mod:`flow`               the way through a circuit on one prompt
:mod:`texts`              what a model says without heads, or with other ones
:mod:`looking`            attention to emotion words, as the reports screened; :mod:`untrained` is its control
:mod:`attending`          what heads look at, by class of token
:mod:`reading`            what heads write, read in words; :mod:`words` and :mod:`ends` are what it is read from
:mod:`claims`             the reports' claims about heads
========================  ==================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
