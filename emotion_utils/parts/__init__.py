"""What the past predicts of a hidden state, and what is new in it (chapter 10).

`token_types` tells what kind of token a state is of, `resampled` draws every statistic over whole documents,
`surprisal_correlation` holds the new part against surprisal, `probes` and `probe_tasks` ask both parts for domain and
token type, `novelty` shows the tokens that were not foreseen, and `vector_parts` and `steering_parts` take emotion
vectors apart and steer with the parts.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
