"""Emotion circuits in language models: every claim with its null.

``import emotion_utils as eu`` loads nothing: names and rooms open when they are touched, and ``help(eu.steer)``,
``help(eu.vectors)`` describe them.

Names for every day, by what they are for:

===========  ===========================================================================================
open         `load` a model; list `models` and `prompts`; `partners` of prompts; `claims` of the reports;
             the `grammar` of the small world; a `Store` that keeps results
read         `activations` of texts; `attention` between their tokens
make         an `emotion_vector` (an `EmotionVector`); `head_pairs` of prompts
exchange     `write_vectors` for others, such as llama.cpp, `read_vectors` that others have made, and
             `load_vectors` of models that are not at hand
intervene    `steer`, `ablate` and `patch` make a `Condition`, under which one can
run          `generate` texts, and ask for the `log_odds` of what would be said
measure      `probe` a vector on held-out prompts, `project` on it, read it by the `logit_lens`;
             `screen_heads`; `score` texts with `scorers`
compare      `overlap` of subspaces; `align` two models
conclude     an `interval`, a `permutation_p`, `paired_effects`
show         a `table`; `show` a figure
===========  ===========================================================================================

The rooms, from the ground up; a room uses only those above it in this list:

================  ======================================================================================
`core`            errors, paths, whole files, hashes, the store, sizes by profile
`hub`             files of a hub repository, of one commit and checked; the devices with room for them
`statistics`      units, bootstrap, permutations, AUROC, tests and power of paired effects
`models`          find, load and open a model: names, files, families, hooks, tokens, batches
`smallworld`      the grammar of the bundled models' world: draw, recognise, ask for the truth
`communities`     Japanese posts of online communities, drawn with all that is true of them (chapter 11)
`plots`           the one door of every figure, table and viewer
`prompts`         prompt sets: read, complete, split; and what a bag of words knows of them
`training`        how the bundled models were made, and their cards
`engine`          interventions as data, run packed: generation and teacher forcing
`runtime`         parameters, run files, execution, freshness, the machine check, benchmarks
`activations`     read activations, keep them, look at them (chapter 02)
`corpora`         documents of several domains, cut to windows of tokens (chapter 10)
`scoring`         scorers of generated text
`vectors`         emotion vectors: make, probe, place, read (chapter 03)
`steering`        the steering experiment (chapter 05)
`heads`           what heads look at and write (chapter 06)
`subspaces`       bases of emotions, and their overlap before any map (chapter 04)
`baselines`       what a plain push reaches beside steering: random vectors, a bias on first words (chapter 05)
`circuits`        heads ablated, patched, attributed, assembled (chapters 06 and 07)
`classification`  texts with labels, a model with a classification head, and what it has to beat (chapter 11)
`alignment`       maps between models, RSA and CKA (chapter 04)
`planning`        what a run will cost, before anything of it is downloaded
`dictionaries`    sparse dictionaries of hidden states: trained, tried, read from files (chapter 12)
`parts`           what the past predicts of a hidden state, and what is new in it (chapter 10)
`novelty`         what the predictable and the novel part hold (chapter 10)
`stability`       circuits chosen anew, and beside random sets (chapter 07)
`planted`         data and models whose answer is known
`calibration`     every method tried on them (chapter 00)
`effects`         the paired effects of chapters 05 to 07, tested once (chapter 08)
`reports`         the reports' claims, and what each chapter measures for them
`wider`           the reports' comparison with wider models, by layer and by length (chapter 09)
`japanese`        what a model makes of Japanese: emotions, spellings of one concept (chapter 11)
`record`          the committed record of the real models, and a chapter's numbers beside it
`scaling`         from 135 M to 8 B parameters: published vectors, and what models share (chapter 09)
`predictability`  one model's hidden states taken apart, from texts to tables (chapter 10)
`siblings`        siblings of one model: classification, circuits, trainings (chapter 11)
`features`        what features of siblings and real models know, and what they are needed for (chapter 12)
`scrutiny`        what can be said of a claim without its model
`answers`         what each chapter answers, and whether what would have shown it wrong happened
`ledger`          all claims of a run in one list, and what its jobs took and gave
`figures`         one file of figures per chapter
`book`            from executed notebooks to pages
================  ======================================================================================
"""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "load": "models.model",
    "models": "models.cards:known_models",
    "prompts": "prompts.loading:prompt_set",
    "partners": "prompts.partners",
    "claims": "reports.claims:read_claims",
    "grammar": "smallworld.grammar:load_grammar",
    "Store": "core.store",
    "activations": "activations.prompt_sets:read_activations",
    "attention": "activations.prompt_sets:read_attention",
    "EmotionVector": "vectors.vector",
    "emotion_vector": "vectors.from_prompts",
    "head_pairs": "heads.pairs",
    "read_vectors": "vectors.exchange",
    "write_vectors": "vectors.exchange",
    "load_vectors": "scaling.published",
    "Condition": "engine.interventions",
    "steer": "steering.conditions",
    "ablate": "circuits.conditions",
    "patch": "circuits.conditions",
    "generate": "engine.generation",
    "log_odds": "engine.teacher_forcing:continuation_log_odds",
    "probe": "vectors.from_prompts",
    "project": "vectors.from_prompts",
    "logit_lens": "vectors.from_prompts",
    "screen_heads": "circuits.methods",
    "score": "scoring.scorer",
    "scorers": "scoring.catalogue",
    "overlap": "subspaces.measures",
    "align": "alignment.two_models:align_models",
    "interval": "statistics.resampling:grouped_mean_interval",
    "permutation_p": "statistics.permutations",
    "paired_effects": "statistics.paired",
    "table": "plots.tables",
    "show": "plots.figure",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)
