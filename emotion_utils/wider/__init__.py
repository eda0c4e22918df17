"""The reports' comparison with wider models (Phase 8): layer by layer, by the length of states, by their own checks.

`word_pairs` collects what is compared, `layers` scores it beside wrong pairs and by sound scores, `lengths` asks what a
score becomes when one model's states are longer, `real_lengths` how long they are, `checks` makes the reports' own
three, and `claims` measures the claims.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
