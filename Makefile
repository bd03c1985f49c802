# Everything is set up by itself: only Python 3.11 or newer, git and make have to be there.
# Options for a command: make demo ARGS="--fresh --exit"

PYTHON ?= python3
ARGS ?=
BIN := .venv/bin
# Compiled modules are kept, whatever the shell says of that, and kept out of the tree: most of the start of the tests
# and of every program that they run was compiling.
COMPILED := PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CURDIR)/.venv/pycache
PYTEST := $(COMPILED) $(BIN)/pytest

.DEFAULT_GOAL := help
.PHONY: help setup runtime dev demo test unit acceptance faults test-slow simulate check generated golden format bench shows lock clean

help:            ## Say what there is
	@grep -hE '^[a-z-]+: .*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/'

setup: dev       ## Download all that is needed, so that later commands need no network
	@$(BIN)/python -m rejoinder.embedded.fetch

runtime:
	@$(PYTHON) bin/bootstrap.py

dev:
	@$(PYTHON) bin/bootstrap.py --dev

demo: runtime    ## Run everything on generated or recorded traffic, until Ctrl-C
	@bin/rejoinder demo $(ARGS)

# Three at a time, of whom one mostly waits. A file stays with one process, so that what a file's tests share is made
# once. tests/conftest.py says which files are begun first; by itself xdist would leave those of one long test to the end.
PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder
# A client's call that keeps Python's lock for good also stops what ends a test that takes too long: this does not.
HANGING := -o faulthandler_timeout=1000 -o faulthandler_exit_on_timeout=true

test: dev        ## Run all tests but the slow ones
	@$(PYTEST) -m "not slow" $(PARALLEL) $(HANGING) $(ARGS)

unit: dev        ## Run the tests that need no services
	@$(PYTEST) tests/unit tests/contract -n 2 $(ARGS)

acceptance: dev  ## Run the acceptance tests alone
	@$(PYTEST) tests/acceptance -m "not slow" $(ARGS)

faults: dev      ## Inject faults into the real thing: kills, zombies, lost brokers, full disks; prints a table
	@$(PYTEST) tests/faults -m fault $(ARGS)

test-slow: dev   ## Run the slow tests: crashes, recorded traffic
	@$(PYTEST) -m slow $(ARGS)

# For example: make simulate ARGS="--seed 5000 --seeds 10000"
simulate: dev    ## Play seeds of the simulation; options are passed on
	@$(COMPILED) $(BIN)/python -m tests.simulation $(if $(ARGS),$(ARGS),--seeds 1000)

check: dev       ## Check style, types, import rules and generated files
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(MAKE) --no-print-directory generated

generated: dev
	@bin/rejoinder schemas check
	@bin/rejoinder lifecycle --check docs/reference/lifecycle.md
	@$(BIN)/python -m rejoinder.reference --check

# Only what comes of the logs there are: make golden ARGS=--outcomes
golden: dev      ## Write the golden log of the release to come, and what comes of all golden logs
	@$(COMPILED) $(BIN)/python -m tests.golden $(ARGS)

format: dev      ## Put the code into shape
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: runtime   ## Measure the engine against bare loops and peers, as JSON lines (about an hour)
	@$(COMPILED) $(BIN)/python -m bench $(ARGS)

# For example: make shows ARGS="--interactions 1000000"
shows: dev       ## Make a large log; rebuild, decide again and audit it, with every claim checked, as JSON lines
	@$(COMPILED) $(BIN)/python -m bench.shows $(ARGS)

LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml

PEER_LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11 --upgrade

lock: dev        ## Take the newest versions of all dependencies, and of Kafka's
	@$(LOCK) --upgrade --extra dev --output-file requirements-dev.lock
	@$(LOCK) --upgrade --constraints requirements-dev.lock --output-file requirements.lock
	@for peer in quix faust; do $(PEER_LOCK) bench/peers/$$peer.in --output-file bench/peers/$$peer.txt; done
	@$(BIN)/python -m rejoinder.embedded.lock_jars

clean:           ## Remove what was set up and built; data folders stay
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build *.egg-info
