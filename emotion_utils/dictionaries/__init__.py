"""Sparse dictionaries of hidden states, as sparse autoencoders learn them (chapter 12).

================  ====================================================================================
`dictionary`      features of one layer: read states, write them back
================  ====================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
