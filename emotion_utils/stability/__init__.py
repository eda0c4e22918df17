"""How far a circuit is a property of the model: chosen anew on other pairs, and under another ablation (chapter 07).

==================  ========================================================================================
module              what it does
==================  ========================================================================================
:mod:`membership`   circuits chosen anew on resampled pairs and on other splits: which heads are in them each time
:mod:`kinds`        mean against resample ablation: do both choose the same circuit, and how sure is each
:mod:`beside`       the circuit beside random sets, in nats and in texts
:mod:`findings`     what the tables say, as numbers for the page's sentences
==================  ========================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
