"""Heads ablated, patched, attributed, assembled (chapters 06 and 07).

=====================  =====================================================================================
module                 what it does
=====================  =====================================================================================
:mod:`ablation`        heads taken out: zero, mean, another prompt's
:mod:`attribution`     the same estimated from one gradient, and what heads write directly
:mod:`patching`        heads patched between partners, both ways, in three modes
:mod:`methods`         all heads of a model by every method; :mod:`comparison` does it for several models
:mod:`screening`       effects of all heads with intervals, a null with the maximum inside, stability
:mod:`pair_effects`    the same effects pair by pair, for the chapter on statistics
:mod:`faithfulness`    sets of heads that suffice, and how few; :mod:`masks` learns how much of each to keep
:mod:`texts`           what a model says without heads, or with other ones
:mod:`published`       what the reports did, on one head
:mod:`conditions`      heads taken out or patched as conditions of the engine
:mod:`findings`        what the tables of chapter 06 say, as numbers for the page's sentences;
                       :mod:`circuit_findings` those of chapter 07
=====================  =====================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
