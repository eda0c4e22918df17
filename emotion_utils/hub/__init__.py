"""Files of a hub repository: one commit, of the hashes that the hub states; and the devices that have room for them.

================  ==========================================================================================
module            what it does
================  ==========================================================================================
:mod:`snapshots`  the commit that a revision stands for, and its files in the cache of Hugging Face
:mod:`checking`   whether the disk has room for files, and whether what came is what the hub states
:mod:`refusals`   why a repository could not be had: gated, absent, another revision, no network, a full disk
:mod:`placement`  on which GPUs the weights of a model have room
================  ==========================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
