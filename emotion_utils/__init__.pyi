"""What the package hands on, for editors and type checkers: the same names as in `__init__.py`."""

from . import activations as activations
from . import alignment as alignment
from . import answers as answers
from . import baselines as baselines
from . import book as book
from . import calibration as calibration
from . import circuits as circuits
from . import classification as classification
from . import communities as communities
from . import core as core
from . import corpora as corpora
from . import dictionaries as dictionaries
from . import effects as effects
from . import engine as engine
from . import features as features
from . import figures as figures
from . import heads as heads
from . import hub as hub
from . import japanese as japanese
from . import ledger as ledger
from . import models as models
from . import novelty as novelty
from . import parts as parts
from . import planning as planning
from . import planted as planted
from . import plots as plots
from . import predictability as predictability
from . import prompts as prompts
from . import record as record
from . import reports as reports
from . import runtime as runtime
from . import scaling as scaling
from . import scoring as scoring
from . import scrutiny as scrutiny
from . import siblings as siblings
from . import smallworld as smallworld
from . import stability as stability
from . import statistics as statistics
from . import steering as steering
from . import subspaces as subspaces
from . import training as training
from . import vectors as vectors
from . import wider as wider
from .activations.prompt_sets import read_attention as attention
from .alignment.two_models import align_models as align
from .circuits.conditions import ablate as ablate
from .circuits.conditions import patch as patch
from .circuits.methods import screen_heads as screen_heads
from .core.store import Store as Store
from .engine.generation import generate as generate
from .engine.interventions import Condition as Condition
from .engine.teacher_forcing import continuation_log_odds as log_odds
from .heads.pairs import head_pairs as head_pairs
from .models.model import load as load
from .plots.figure import show as show
from .plots.tables import table as table
from .prompts.partners import partners as partners
from .reports.claims import read_claims as claims
from .scaling.published import load_vectors as load_vectors
from .scoring.catalogue import scorers as scorers
from .scoring.scorer import score as score
from .smallworld.grammar import load_grammar as grammar
from .statistics.paired import paired_effects as paired_effects
from .statistics.permutations import permutation_p as permutation_p
from .statistics.resampling import grouped_mean_interval as interval
from .steering.conditions import steer as steer
from .subspaces.measures import overlap as overlap
from .vectors.exchange import read_vectors as read_vectors
from .vectors.exchange import write_vectors as write_vectors
from .vectors.from_prompts import emotion_vector as emotion_vector
from .vectors.from_prompts import logit_lens as logit_lens
from .vectors.from_prompts import probe as probe
from .vectors.from_prompts import project as project
from .vectors.vector import EmotionVector as EmotionVector

__all__ = [
    "Condition",
    "EmotionVector",
    "Store",
    "ablate",
    "activations",
    "align",
    "alignment",
    "answers",
    "attention",
    "baselines",
    "book",
    "calibration",
    "circuits",
    "claims",
    "classification",
    "communities",
    "core",
    "corpora",
    "dictionaries",
    "effects",
    "emotion_vector",
    "engine",
    "features",
    "figures",
    "generate",
    "grammar",
    "head_pairs",
    "heads",
    "hub",
    "interval",
    "japanese",
    "ledger",
    "load",
    "load_vectors",
    "log_odds",
    "logit_lens",
    "models",
    "novelty",
    "overlap",
    "paired_effects",
    "partners",
    "parts",
    "patch",
    "permutation_p",
    "planning",
    "planted",
    "plots",
    "predictability",
    "probe",
    "project",
    "prompts",
    "read_vectors",
    "record",
    "reports",
    "runtime",
    "scaling",
    "score",
    "scorers",
    "scoring",
    "screen_heads",
    "scrutiny",
    "show",
    "siblings",
    "smallworld",
    "stability",
    "statistics",
    "steer",
    "steering",
    "subspaces",
    "table",
    "training",
    "vectors",
    "wider",
    "write_vectors",
]
