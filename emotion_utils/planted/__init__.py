"""Data and models whose answer is known, for the calibration and for tests.

`generators` makes pairs of models that share nothing, or exactly so much; `rotated_twins` writes a bundled model in
other coordinates; `handmade` is a transformer with a known circuit, and `heads` asks who finds it; `directions` moves
states along a known direction, `dictionaries` makes them of known atoms, and `processes` writes sequences of them
whose predictable part is known.
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
