"""Japanese posts of online communities, generated, with all that is true of them known.

Every community has topics (concepts that it shares with others), styles of writing, and jargon that it shares with
none. A concept has three to five spellings, such as 会議, ミーティング and MTG; which of them stands where is known.

==============  =======================================================================================
`content`       communities, concepts and styles, read from YAML and checked
`posts`         a post and what it mentions, written from an outline
`spelling`      spellings that training never sees; half-width kana
`drawing`       posts with labels for training and test, and posts without for continued training
==============  =======================================================================================
"""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "Post": "posts",
    "Mention": "posts",
    "load_communities": "content",
    "labelled": "drawing",
    "unlabelled": "drawing",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)
