"""Parameters, run files, execution, freshness, Snakemake, the machine check, benchmarks."""
