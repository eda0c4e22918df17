"""What the past predicts of a hidden state, and what is new in it (chapter 10).

================  ====================================================================================
`reading`         one forward pass over windows: states after some blocks, surprisal of every token
`states`          the same for all windows, kept in memory or in shards on disk, or computed each time
`predictor`       causal attention that predicts a state from those before it
`baselines`       what it has to beat: position mean, previous token, autoregression, current token
`learner`         how one predictor is trained
`training`        predictors of several layers from one pass over the windows
`checkpoints`     what is needed to go on after a kill
`error_sums`      squared errors by document and position, by every measure
`r2`              R2 from them, with intervals over documents
`split`           both parts of states, and what the model loses with either alone
================  ====================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
