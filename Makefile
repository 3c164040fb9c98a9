# Greenlight: `make help` lists what there is. Every target sets up what it needs, and costs nothing when nothing has changed.

PORT ?= 7071
STATE ?= .state
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3; do \
	if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then echo $$python; break; fi; done)
RUN_READY := $(VENV)/.ready-run
DEV_READY := $(VENV)/.ready-dev

.DEFAULT_GOAL := help
.PHONY: help run test check format test-live conformance bench rounds lock pictures clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(RUN_READY) ## start everything on this machine (PORT=7071), submit a sample, print the links
	@$(BIN)/python -m scripts.run --port $(PORT) --state $(STATE)

test: $(DEV_READY) ## run every test
	@$(BIN)/python -m scripts.machine browser
	@$(BIN)/python -m pytest $(PYTEST)

check: $(DEV_READY) ## format, lint, types, imports
	@$(BIN)/ruff format --check . && $(BIN)/ruff check . && $(BIN)/mypy && $(BIN)/lint-imports

format: $(DEV_READY) ## put the code into shape
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

test-live: $(DEV_READY) ## the whole way over HTTP: HOST="func" starts a Functions host, URL=... takes one that runs
	@GREENLIGHT_LIVE_HOST='$(HOST)' GREENLIGHT_LIVE_URL='$(URL)' $(BIN)/python -m pytest tests/live $(PYTEST)

conformance: $(DEV_READY) ## hold standalone to what the real engine did (RECORDED=../shared/conformance)
	@$(BIN)/python -m tests.conformance $(if $(RECORDED),--recorded $(RECORDED))

bench: $(DEV_READY) ## measure standalone beside Restate, dbos and durabletask (BENCH="--runs 1 --only standalone")
	@$(BIN)/python -m benchmarks $(BENCH)

rounds: $(DEV_READY) ## count what the engine does for one proposal (HOST="func" beside standalone)
	@$(BIN)/python -m benchmarks.engine_rounds '$(CURDIR)/$(BIN)/python -m standalone' $(if $(HOST),'$(HOST)')

lock: $(DEV_READY) ## pin anew what pyproject.toml allows (needs uv on the PATH)
	uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate pyproject.toml -o requirements.txt
	uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate pyproject.toml --extra standalone -o requirements-standalone.txt
	uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate pyproject.toml --extra standalone --extra development -o requirements-dev.txt

pictures: $(DEV_READY) ## draw the README's pictures anew from the running app
	@$(BIN)/python -m scripts.pictures

clean: ## remove what the other targets made
	rm -rf $(VENV) .state .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11, 3.12 or 3.13 is needed and was not found; name one with PYTHON=/path/to/python" >&2; exit 1; fi
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "$(PYTHON) lacks venv: on Debian, apt-get install python3-venv" >&2; exit 1; }
	@echo "making $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

$(RUN_READY): requirements-standalone.txt | $(VENV)/bin/python
	@echo "installing what standalone needs"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-standalone.txt
	@touch $@

$(DEV_READY): requirements-dev.txt | $(VENV)/bin/python
	@echo "installing what the tests need"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(RUN_READY)
