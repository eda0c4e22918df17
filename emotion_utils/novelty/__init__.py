"""What the predictable and the novel part of hidden states hold: surprise, domains, tokens, emotions (chapter 10).

=======================  ==================================================================================
`token_types`            what kind of token a state is of
`resampled`              statistics drawn over whole documents
`surprisal_correlation`  the length of the novel part beside the surprisal of its token
`probes`, `probe_tasks`  domain and token type, read from the states and from both parts
`tokens`                 the tokens that were foreseen least
`vector_parts`           emotion vectors taken apart
`steering_parts`         steering with the parts
=======================  ==================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
