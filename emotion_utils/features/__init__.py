"""What sparse features of siblings and real models know, and what they are needed for (chapter 12).

===================  ==================================================================================
`reading`            what features do in texts: in every token, and in each text as a whole
`label_effects`      how strongly single features tell labels apart, beside labels that say nothing
`knockout`           logits of a classifier without some features
`control_features`   which features are taken out for a label, and which stand beside them as a control
`knockout_table`     what a classifier loses without them, label by label
`over_labels`        means over labels, of one sibling and of two; the report's seven labels tested
`cues`               on how many different tokens features fire, beside tokens of the same texts
`spelling_features`  features that spellings of one concept share, or have of their own
`emotion_features`   single features as probes of emotions, beside vectors and a bag of words
`classifier_loss`    what a classifier loses when states are replaced
`study`              the features of one training of a sibling, and all that they are asked
`tables`             what a page shows of two siblings
`results`            what the chapter computed, for its answer and the report's claims
===================  ==================================================================================
"""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
