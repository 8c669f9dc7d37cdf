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
# Most tests wait most of the time. What runs side by side has an embedded AWS, or a whole stack, of its own.
UNIT_JOBS := 2
INTEGRATION_JOBS := 4
E2E_JOBS := 2
ASL_VALIDATOR := build/asl-validator/node_modules/.bin/asl-validator
ASL_VALIDATOR_VERSION := 4.0.0

AWS_OPTIONS = $(if $(STACK),--stack-name $(STACK)) $(if $(YES),--yes)

# The first Python from 3.11 on; 3.11 comes first because the pinned requirements are compiled for it.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	if $$python -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
	then echo $$python; break; fi; done)

.PHONY: help setup up down demo backfill housekeeping-dry-run report test lint format test-unit test-integration \
	test-e2e test-heavy test-compose env bench preflight deploy-aws sample-data destroy-aws verify-aws \
	bundle graph lock clean

help: ## list the commands
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' \
		| while IFS=$$'\t' read -r name text; do printf '  make %-18s %s\n' "$$name" "$$text"; done

setup: .venv/.installed .venv-sdk/.installed .venv-local-aws/.installed ## make the three Python environments

up: setup ## start Airflow and the embedded AWS, and leave them running
	@.venv/bin/python -m scripts up

env: .env ## write .env for docker compose, with random secrets; one that is there stays as it is

.env:
	@umask 077; secret() { od -An -v -tx1 -N "$$1" /dev/urandom | tr -d ' \n'; }; \
	fernet_key=$$(head -c 32 /dev/urandom | base64 | tr '+/' '-_'); \
	sed -e "s/^FERNET_KEY=$$/&$$fernet_key/" -e "s/^ADMIN_PASSWORD=$$/&$$(secret 10)/" \
		-e "s/^POSTGRES_PASSWORD=$$/&$$(secret 16)/" -e "s/^REDIS_PASSWORD=$$/&$$(secret 16)/" \
		-e "s/^API_SECRET_KEY=$$/&$$(secret 32)/" -e "s/^JWT_SECRET=$$/&$$(secret 32)/" .env.example > .env; \
	echo "wrote .env; Airflow's user is admin, with the ADMIN_PASSWORD there"

down: ## stop everything that `make up` and `make demo` started
	@if [ -x .venv/bin/python ]; then .venv/bin/python -m scripts down; else echo "nothing is set up"; fi

demo: setup ## retrain twice, one accepted and one rejected, and call the endpoint
	@.venv/bin/python -m scripts.demo

housekeeping-dry-run: setup ## print what housekeeping would remove, on the local stack or else on AWS
	@PYTHONPATH=plugins .venv/bin/python -m scripts.housekeeping $(if $(MODEL),--model $(MODEL))

backfill: setup ## retrain intervals of the past: make backfill FROM=2013-05-01T04 TO=2013-05-01T09 [CONF='{...}']
	@[ -n "$(FROM)" ] && [ -n "$(TO)" ] || { echo "say FROM=2013-05-01T04 TO=2013-05-01T09 (UTC)" >&2; exit 1; }
	@.venv/bin/python -m scripts.backfills --from "$(FROM)" --to "$(TO)" $(if $(MODEL),--model $(MODEL)) \
		$(if $(CONF),--conf '$(CONF)')

report: setup ## gate reports of a range: make report FROM=2013-05-01 TO=2013-05-03 [MODEL=flight_delay]
	@[ -n "$(FROM)" ] && [ -n "$(TO)" ] || { echo "say FROM=2013-05-01 TO=2013-05-03 (UTC)" >&2; exit 1; }
	@.venv/bin/python -m scripts.backfill_report --from "$(FROM)" --to "$(TO)" $(if $(MODEL),--model $(MODEL)) \
		$(if $(URL),--url $(URL)) --csv build/backfill-report.csv --plot build/backfill-report.svg

test: lint test-unit test-integration test-e2e ## lint, unit, integration and end-to-end tests

lint: setup ## ruff, mypy, and which part imports which
	@echo "== lint"
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@PYTHONPATH=.:plugins .venv/bin/lint-imports --cache-dir build/import-linter

format: setup ## format the code
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format .

test-unit: setup $(ASL_VALIDATOR) ## tests of single parts, no servers
	@echo "== unit tests"
	@$(PYTEST) -n $(UNIT_JOBS) tests/unit

test-integration: setup $(ASL_VALIDATOR) ## tests against the embedded AWS
	@echo "== integration tests"
	@command -v java >/dev/null || echo "no java on PATH: the Spark half of the transform's tests is skipped"
	@$(PYTEST) -n $(INTEGRATION_JOBS) --durations 8 tests/integration

test-e2e: setup ## tests through a real Airflow
	@echo "== end-to-end tests"
	@$(PYTEST) -n $(E2E_JOBS) --dist loadfile --durations 8 tests/e2e

test-heavy: setup ## tests that take minutes
	@.venv/bin/python -m pytest -m heavy

test-compose: setup ## docker-compose.yml on a Docker engine of its own, from Debian's packages (root, minutes)
	@.venv/bin/python -m pytest --log-cli-level=INFO tests/compose/celery_retrain.py

bench: setup ## measure: waiting and overhead against the stock operators, parse time, backfills (half an hour)
	@failed=0; \
	echo "== waiting"; \
	.venv/bin/python -m benchmarks.waiting --waits 300 --together --quotas || failed=1; \
	echo "== overhead and parse time"; \
	.venv/bin/python -m benchmarks.overhead --rounds 3 || failed=1; \
	echo "== backfill"; \
	.venv/bin/python -m benchmarks.backfill --short 24 --long 192 || failed=1; \
	echo "larger: .venv/bin/python -m benchmarks.waiting --waits 1000 (or 10000), benchmarks.overhead --rounds 10"; \
	exit $$failed

preflight: setup ## look whether everything is there that a retrain needs, on the local stack or else on AWS
	@PYTHONPATH=plugins .venv/bin/python -m scripts.preflight

deploy-aws: setup ## create or update the stack in an AWS account: [STACK=name] [PARAMETERS="Name=value ..."] [YES=1]
	@.venv/bin/python -m scripts.deploy_aws $(AWS_OPTIONS) $(PARAMETERS)

sample-data: setup ## put the sample flights into the stack's bucket: [STACK=name] [YES=1]
	@.venv-local-aws/bin/python -m scripts.sample_data $(AWS_OPTIONS)

destroy-aws: setup ## delete the stack from an AWS account, not its data: [STACK=name] [YES=1]
	@.venv/bin/python -m scripts.destroy_aws $(AWS_OPTIONS)

verify-aws: setup ## prove on an AWS account what is assumed of it, and leave nothing there: [YES=1] [CLEAN=stack]
	@.venv/bin/python -m scripts.verify_aws $(if $(YES),--yes) $(if $(CLEAN),--clean $(CLEAN))

bundle: setup ## build what Amazon MWAA takes, in build/bundle
	@PYTHONPATH=plugins .venv/bin/python -m scripts.bundle $(if $(STACK),--stack-name $(STACK))

graph: setup ## draw the state machine anew, in docs/state-machine.svg
	@PYTHONPATH=.:plugins .venv/bin/python -m scripts.graph include/models/flight_delay --output docs/state-machine.svg

lock: $(UV) ## pin the requirements anew
	@for name in requirements requirements-sdk requirements-local-aws requirements-glue; do $(MAKE) $$name.lock; done
	@for name in requirements-celery requirements-dev; do $(MAKE) $$name.lock CONSTRAINTS="-c requirements.txt"; done

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

# Made by the embedded AWS when the first glueetl job runs.
.venv-glue/.installed: requirements-glue.txt | $(UV)
	$(call install,.venv-glue,requirements-glue.txt)

# Checks the compiled state machines; its tests say so and skip where npm is missing.
$(ASL_VALIDATOR):
	@if command -v npm >/dev/null; then \
		echo "installing asl-validator $(ASL_VALIDATOR_VERSION)"; \
		npm install --silent --no-audit --no-fund --no-save --prefix build/asl-validator \
			asl-validator@$(ASL_VALIDATOR_VERSION); \
	else echo "no npm on PATH: the state machine is not checked with asl-validator"; fi
