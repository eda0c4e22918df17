"""Parameters, run files, execution, freshness, Snakemake, the machine check, benchmarks."""

from emotion_utils.core.lazy import attach

__getattr__, __dir__ = attach(__name__)
