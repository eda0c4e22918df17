"""Sparse dictionaries of hidden states, as sparse autoencoders learn them (chapter 12).

================  ====================================================================================
`dictionary`      features of one layer: read states, write them back
`settings`        two recipes for training: the report's L1 penalty, and BatchTopK
`learner`         one sparse autoencoder in training
`training`        dictionaries of several layers and seeds, kept in a store
`rivals`          components and neurons, as many as a dictionary has active features
`evaluation`      what is explained of held-out states, active and dead features
`loss`            what a model loses when states are replaced by what a dictionary makes of them
`across_seeds`    how alike the dictionaries of several seeds are
`tensors`         a dictionary as tensors by name, and in a file
`published`       dictionaries that others have trained, from files
================  ====================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
