# Each target sets up what it needs: uv from PyPI when there is none, then a virtual environment from the lock.
# PYTHON=3.13 picks another interpreter, in an environment of its own.

PYTHON ?=
VENV := .venv$(addprefix -,$(PYTHON))
BIN := $(VENV)/bin
SHELL := /bin/bash
UV := $(or $(shell command -v uv),.tools/bin/uv)
LOCK := $(UV) pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" pyproject.toml

export UV_NO_PROGRESS := 1
export PYTHONPATH :=
# pyenv's shims answer only for the versions that this names: the newest first, of those that are there.
ifneq ($(shell command -v pyenv),)
export PYENV_VERSION := $(or $(PYENV_VERSION),$(shell pyenv versions --bare | grep -E '^3\.1[0-9]\.' | sort -rV | paste -sd:))
endif

.DEFAULT_GOAL := help
.PHONY: help has invoke test test-slow check fix lock openapi clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

invoke: $(VENV)/.ready ## Run the function here with EVENT (events/direct.json), on the WeChat sandbox if no credentials are set
	@$(BIN)/python -m handler.local invoke $(or $(EVENT),events/direct.json)

test: $(VENV)/.ready ## Run the tests (PYTHON=3.10 or 3.13 for another interpreter)
	$(BIN)/python -m pytest $(TESTS)

test-slow: $(VENV)/.ready ## Run the slow tests: artifacts, other processes, minutes
	$(BIN)/python -m pytest -m slow $(TESTS)

has: .tools/.ready # Whether the interpreter PYTHON is on this machine
	@$(UV) python find --quiet "$(PYTHON)" >/dev/null

check: $(VENV)/.ready ## Lint, format and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

fix: $(VENV)/.ready ## Apply the formatter and the linter's safe fixes
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: .tools/.ready ## Renew requirements.txt and requirements-dev.txt from pyproject.toml
	$(LOCK) --upgrade --output-file requirements.txt
	$(LOCK) --upgrade --constraint requirements.txt --group dev --output-file requirements-dev.txt

openapi: $(VENV)/.ready ## Renew handler/openapi.json from the models
	$(BIN)/python -m handler.local openapi > handler/openapi.json

clean: ## Remove everything that these targets made
	rm -rf .tools .venv* .aws-sam dist

# A virtual environment holds uv, so that a Python that the system manages stays as it is; where the system split off
# its venv module, a plain folder does.
.tools/.ready:
	@mkdir -p .tools
	@command -v uv >/dev/null || test -x .tools/bin/uv || { \
		echo "setting up uv" >&2; \
		{ python3 -m venv .tools 2>/dev/null && .tools/bin/python -m pip install -q --disable-pip-version-check uv >&2; } || \
		{ rm -rf .tools; mkdir .tools; python3 -m pip install -q --disable-pip-version-check --target .tools uv >&2; }; }
	@touch $@

$(VENV)/.ready: requirements-dev.txt | .tools/.ready
	@echo "setting up $(VENV)" >&2
	@$(UV) venv --quiet --allow-existing --python "$(or $(PYTHON),>=3.10)" $(VENV) >&2
	@$(UV) pip sync --quiet --require-hashes --python $(BIN)/python requirements-dev.txt >&2
	@touch $@
