"""What sparse features of siblings and real models know, and what they are needed for (chapter 12).

===================  ==================================================================================
`reading`            what features do in texts: in every token, and in each text as a whole
`label_effects`      how strongly single features tell labels apart, beside labels that say nothing
===================  ==================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
