# Pocketpilot's commands. Each makes what it needs: the first run installs into .venv, later ones start at once.

PYTHON ?= python3
CONSTRAINTS ?= constraints/current.txt
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint $(CONSTRAINTS)
BASE := $(VENV)/.base-installed
TRAIN := $(VENV)/.train-installed
DEV := $(VENV)/.dev-installed
DOCS := $(VENV)/.docs-installed
comma := ,

.DEFAULT_GOAL := help
.PHONY: help drive demo test check explore mutation bench screenshots docs clean

help: ## list these commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 13

drive: $(BASE) ## the simulated car drives itself until Ctrl-C
	@$(BIN)/car drive --headless; code=$$?; if [ $$code -eq 130 ]; then exit 0; fi; exit $$code

demo: $(TRAIN) ## record, train, and drive the new pilot on a track it has not seen
	@$(BIN)/car demo

# A car in real time has the machine to itself; the other tests share it. Both parts run, whatever became of the first.
test: $(DEV) ## all tests
	@$(BIN)/python -m pytest --ignore=tests/system --numprocesses=logical --maxprocesses=8 --dist=loadfile; code=$$?; \
		$(BIN)/python -m pytest tests/system && exit $$code

check: $(DEV) ## format, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

explore: $(DEV) ## every state that the gate can be in, and every fault of the processes (about five minutes)
	@$(BIN)/python -m tests.explore

mutation: $(DEV) ## break the gate in every small way; its tests must notice (Linux, macOS; minutes)
	@$(BIN)/python -m tests.mutation

bench: $(DEV) ## every figure that the README claims
	@$(BIN)/python -m tests.benchmarks

screenshots: $(DEV) ## every page, as a phone and a desk show it, into screenshots/ (needs Chromium)
	@$(BIN)/python -m tests.system.chromium.screenshots screenshots

docs: $(DOCS) ## the documentation as a site, into build/docs
	@$(BIN)/python -m sphinx -c docs -b html --fail-on-warning --keep-going --quiet . build/docs
	@echo "Open build/docs/index.html"

clean: ## remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Pocketpilot needs Python 3.11 or newer; set PYTHON to one."; exit 1; }
	@echo "Making a Python environment in $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { echo "That needs Python's venv module: on Debian, apt install python3-venv."; exit 1; }

# pip says nothing for minutes, so a line is printed now and then. It ends with the shell that it keeps company; what
# sleeps holds no output, or whoever reads that would wait for it.
define install
	@seconds=0; while sleep 9 >/dev/null 2>&1 && kill -0 $$$$ 2>/dev/null; do \
		seconds=$$((seconds + 9)); echo "  still installing, $$seconds s so far ..."; \
	done & waiting=$$!; $(PIP) --editable $(1); code=$$?; kill $$waiting; exit $$code
endef

$(BASE): $(BIN)/python pyproject.toml $(CONSTRAINTS)
	@echo "Installing the car and its simulator (downloads about 150 MB, takes 400 MB of disk and a minute or two) ..."
	$(call install,.)
	@touch $@

$(TRAIN): $(BASE)
	@echo "Installing what training needs (downloads about 650 MB, takes 2.1 GB of disk and one to five minutes) ..."
	$(call install,'.[train]')
	@touch $@

$(DOCS): $(BASE)
	@echo "Installing what the site is made with ..."
	$(call install,'.[docs]')
	@touch $@

$(DEV): $(TRAIN)
	@echo "Installing what the tests need ..."
	$(call install,'.[train$(comma)dev]')
	@touch $@
