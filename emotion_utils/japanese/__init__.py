"""What a model makes of Japanese: emotions read and moved across languages, spellings of one concept (chapter 11).

============  =====================================================================
`emotions`    the four emotions in Japanese texts, read and moved across languages
`survival`    features of spellings of one concept, beside those of others
`spellings`   whether states know that several spellings are one concept
`reading`     all of it for one model
============  =====================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
