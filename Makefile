# Everything runs from here; `make` lists the commands. Nothing is installed outside this folder.

SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-print-directory
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME

UV_VERSION := 0.13.9
UV := .venv-uv/bin/uv
PYTEST := .venv/bin/python -m pytest -m "not heavy"
ASL_VALIDATOR := build/asl-validator/node_modules/.bin/asl-validator
ASL_VALIDATOR_VERSION := 4.0.0

# The first Python from 3.11 on; 3.11 comes first because the pinned requirements are compiled for it.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	if $$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo $$python; break; fi; done)

.PHONY: help setup up down demo test lint format test-unit test-integration test-e2e test-heavy bench lock clean

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' \
		| while IFS=$$'\t' read -r name text; do printf '  make %-18s %s\n' "$$name" "$$text"; done

setup: .venv/.installed .venv-sdk/.installed .venv-local-aws/.installed ## make the three Python environments

up: setup ## start Airflow and the embedded AWS, and leave them running
	@.venv/bin/python -m scripts up

down: ## stop everything that `make up` and `make demo` started
	@if [ -x .venv/bin/python ]; then .venv/bin/python -m scripts down; else echo "nothing is set up"; fi

demo: setup ## retrain twice, one accepted and one rejected, and call the endpoint
	@.venv/bin/python -m scripts.demo

test: lint test-unit test-integration test-e2e ## lint, unit, integration and end-to-end tests

lint: setup ## ruff and mypy
	@echo "== lint"
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy

format: setup ## format the code
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

test-unit: setup $(ASL_VALIDATOR) ## tests of single parts, no servers
	@echo "== unit tests"
	@$(PYTEST) tests/unit

test-integration: setup $(ASL_VALIDATOR) ## tests against the embedded AWS
	@echo "== integration tests"
	@command -v java >/dev/null || echo "no java on PATH: the Spark half of the transform's tests is skipped"
	@$(PYTEST) tests/integration

test-e2e: setup ## tests through a real Airflow
	@echo "== end-to-end tests"
	@$(PYTEST) tests/e2e

test-heavy: setup ## tests that take minutes
	@.venv/bin/python -m pytest -m heavy

bench: setup ## measure against the stock operators: waiting, overhead, parse time (10 minutes)
	@failed=0; \
	echo "== waiting"; \
	.venv/bin/python -m benchmarks.waiting --waits 300 --together --quotas || failed=1; \
	echo "== overhead and parse time"; \
	.venv/bin/python -m benchmarks.overhead --rounds 3 || failed=1; \
	echo "larger: .venv/bin/python -m benchmarks.waiting --waits 1000 (or 10000), benchmarks.overhead --rounds 10"; \
	exit $$failed

lock: $(UV) ## pin the requirements anew
	@for name in requirements requirements-sdk requirements-local-aws; do $(MAKE) $$name.lock; done
	@$(MAKE) requirements-dev.lock CONSTRAINTS="-c requirements.txt"

%.lock: $(UV)
	@echo "pinning $*.txt"
	@$(UV) pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" $(CONSTRAINTS) $*.in --output-file $*.txt

clean: down ## stop everything, and remove what was built (the environments stay)
	@rm -rf build .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -path './.venv*' -prune -o -name __pycache__ -type d -print0 | xargs -0r rm -rf

$(UV):
	@[ -n "$(PYTHON)" ] || { echo "No Python 3.11 or newer on PATH as python3.11, 3.12, 3.13 or python3" \
		"(with venv); name one: make setup PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "using $$($(PYTHON) --version) ($(PYTHON)); installing uv $(UV_VERSION)"
	@$(PYTHON) -m venv .venv-uv
	@.venv-uv/bin/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

# Args: the environment, its requirements.
define install
	@began=$$SECONDS; echo "installing $(1) from $(2)"; \
	[ -x $(1)/bin/python ] || $(UV) venv --quiet --python "$$(.venv-uv/bin/python -c 'import sys; \
		print(sys.executable)')" $(1); \
	$(UV) pip sync --quiet --python $(1)/bin/python $(2); \
	touch $(1)/.installed; echo "installed $(1) in $$((SECONDS - began)) s"
endef

.venv/.installed: requirements-dev.txt | $(UV)
	$(call install,.venv,requirements-dev.txt)

.venv-sdk/.installed: requirements-sdk.txt | $(UV)
	$(call install,.venv-sdk,requirements-sdk.txt)

.venv-local-aws/.installed: requirements-local-aws.txt | $(UV)
	$(call install,.venv-local-aws,requirements-local-aws.txt)

# Checks the compiled state machines; its tests say so and skip where npm is missing.
$(ASL_VALIDATOR):
	@if command -v npm >/dev/null; then \
		echo "installing asl-validator $(ASL_VALIDATOR_VERSION)"; \
		npm install --silent --no-audit --no-fund --no-save --prefix build/asl-validator \
			asl-validator@$(ASL_VALIDATOR_VERSION); \
	else echo "no npm on PATH: the state machine is not checked with asl-validator"; fi
