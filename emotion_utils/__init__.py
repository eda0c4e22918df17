"""Emotion circuits in language models: every claim with its null."""

from emotion_utils.core.lazy import attach

EXPORTS = {
    "load": "models.model",
    "models": "models.cards:known_models",
    "prompts": "prompts.loading:prompt_set",
    "partners": "prompts.partners",
    "claims": "reports.claims:read_claims",
    "grammar": "smallworld.grammar:load_grammar",
    "Store": "core.store",
    "EmotionVector": "vectors.vector",
    "Condition": "engine.interventions",
    "generate": "engine.generation",
    "score": "scoring.scorer",
    "scorers": "scoring.catalogue",
    "overlap": "subspaces.measures",
    "interval": "statistics.resampling:grouped_mean_interval",
    "permutation_p": "statistics.permutations",
    "paired_effects": "statistics.paired",
    "table": "plots.tables",
    "show": "plots.figure",
}

__getattr__, __dir__ = attach(__name__, EXPORTS)
