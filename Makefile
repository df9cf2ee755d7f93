# `make` lists the targets. Everything runs inside .venv, which `make env` builds from the
# hashed lock and leaves alone while nothing has changed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PACKAGES = $(wildcard events infra producers processors projections surfaces stack)
CHECKED = $(PACKAGES) $(wildcard src tests benchmarks examples)
FILE ?=
YES ?=
SECONDS ?= 300
SEED ?= 1
TORTURE ?=
EVENTS ?= 10000000
MINUTES ?= 30
LOAD ?= 0.7
OUTAGE ?= 600
OVERHEAD ?=
HTTP ?=
PYTEST ?=
PEERS ?=
# Most of the time a test on real servers waits for one of them: more of them than cores.
WORKERS ?= 4

.PHONY: bench-http bench-webhooks bench-tenants bench-waiting bench-growth bench-tables bench-soak bench-overhead bench-peers bench-floors performance lock-peers
.PHONY: help env lock up down demo test lint format conformance bench bench-recovery torture mutants docs clients clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 20

env: $(STAMP) ## the environment in .venv, from the hashed lock

$(STAMP): requirements-dev.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Runfold needs Python 3.11 or newer, and '$(PYTHON)' is not: install one and say \`make PYTHON=python3.11 $(or $(MAKECMDGOALS),env)\`." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "This Python comes without venv: install it (on Debian and Ubuntu: apt install python3-venv) and try again." >&2; exit 1; }
	@test -x $(BIN)/pip || { echo "making .venv"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "installing what requirements-dev.lock lists (the first time takes a minute)"
	@sh deploy/pip-install.sh $(BIN)/pip --require-hashes -r requirements-dev.lock
	@sh deploy/pip-install.sh $(BIN)/pip --no-deps --no-build-isolation \
	  --config-settings editable_mode=compat --editable .
	@touch $@

RESOLVE = build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-emit-index-url --no-emit-find-links --no-header pyproject.toml

lock: ## resolve what pyproject.toml names again, into requirements-dev.lock and requirements.lock
	@test -x build/lock/bin/uv || { $(PYTHON) -m venv build/lock && sh deploy/pip-install.sh build/lock/bin/pip uv; }
	@$(RESOLVE) --all-extras --group dev --output-file requirements-dev.lock
	@$(RESOLVE) --extra a2a --extra delivery --extra http --extra mcp --extra monitor --extra sealing --group build --constraint requirements-dev.lock --output-file requirements.lock
	@! grep -nE 'https?://' requirements*.lock || { echo "a lock holds an address" >&2; exit 1; }

up: env ## start Kafka, Postgres and every processor
	@$(BIN)/runfold up

down: env ## stop them
	@$(BIN)/runfold down

demo: env ## an agent at work on a log file (FILE=/path, YES=1 approves by itself)
	@$(BIN)/runfold demo $(if $(FILE),--file "$(FILE)") $(if $(YES),--yes)

# The files that took longest begin first: after a whole run with PYTEST=--junitxml=build/junit.xml,
# `python -m tests.support.order build/junit.xml` takes its times into the table of that.
test: env ## every test (PYTEST="-k lanes" picks some, WORKERS=1 runs them one after another)
	@$(BIN)/pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST)

lint: env ## format, rules, types, import contracts, schemas and pages that drifted
	@$(BIN)/ruff format --check $(CHECKED)
	@$(BIN)/ruff check $(CHECKED)
	@$(BIN)/mypy -p runfold
	@$(BIN)/lint-imports
	@$(BIN)/python -m runfold.events.avro --check
	@$(BIN)/python -m runfold.surfaces.docs --check

format: env ## put the code into the house's form
	@$(BIN)/ruff format $(CHECKED)
	@$(BIN)/ruff check --fix $(CHECKED)

conformance: env ## ask for every route of the HTTP API what its document allows, and much that it does not
	@RUNFOLD_CONFORMANCE=whole $(BIN)/python -m pytest -q tests/http/test_conformance.py

bench: env ## how fast it is here; figures in build/bench.json
	@$(BIN)/python -m benchmarks.bench

bench-overhead: env ## what metrics and traces cost, on and off by turns; build/overhead.json
	@$(BIN)/python -m benchmarks.overhead $(OVERHEAD)

bench-peers: env ## Runfold beside its peers, by turns (PEERS="--full", "--quick", "--only dbos runfold")
	@$(BIN)/python -m benchmarks.peers $(PEERS)

bench-floors: env ## Runfold beside the least that broker, codec and database need for its events
	@$(BIN)/python -m benchmarks.floors

performance: env ## take the last figures into docs/performance and write page and plots from them
	@$(BIN)/python -m benchmarks.performance --take

lock-peers: ## resolve benchmarks/peers/requirements.in again
	@test -x build/lock/bin/uv || { $(PYTHON) -m venv build/lock && sh deploy/pip-install.sh build/lock/bin/pip uv; }
	@build/lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-header benchmarks/peers/requirements.in \
	  --output-file benchmarks/peers/requirements.lock

bench-recovery: env ## how long runs stand still when their process is killed; build/recovery.json
	@$(BIN)/python -m benchmarks.recovery

bench-tenants: env ## what admission costs a run, and 10,000 tenants of which 100 are busy; build/tenants.json
	@$(BIN)/python -m benchmarks.single.admitting

bench-http: env ## requests, streams, idle listeners and pages of a gateway (HTTP="--only asking"); build/http.json
	@$(BIN)/python -m benchmarks.http $(HTTP)

bench-webhooks: env ## events a second to receivers of webhooks, and what each costs; build/webhooks.json
	@$(BIN)/python -m benchmarks.webhooks $(WEBHOOKS)

bench-waiting: env ## beside a slow tool, in an outage (OUTAGE=600 seconds), at a deployment; build/waiting.json
	@$(BIN)/python -m benchmarks.waiting --outage $(OUTAGE)

bench-growth: env ## what steps, live runs, lanes and load cost as they grow; docs/performance/growth.md
	@$(BIN)/python -m benchmarks.growth --take

bench-tables: env ## every query in tables with EVENTS events, 10 million unless given; 20 GB of disk
	@$(BIN)/python -m benchmarks.tables --events $(EVENTS) --take

bench-soak: env ## MINUTES at LOAD of what the machine can do, 30 at 0.7 unless given; build/soak.json
	@$(BIN)/python -m benchmarks.soak --minutes $(MINUTES) --load $(LOAD) --take

torture: env ## faults of every kind for SECONDS from SEED, judged; build/torture.json and .html
	@$(BIN)/python -m tests.system.torture --seconds $(SECONDS) --seed $(SEED) $(TORTURE)

mutants: env ## break the product in each way of a list, and see the harness catch every one
	@$(BIN)/python -m tests.system.torture.mutation

docs: env ## write the generated pages again
	@$(BIN)/python -m runfold.surfaces.docs

clients: docs ## generate and build the TypeScript client from the OpenAPI document (needs Node)
	@cd examples/clients/typescript && npm ci --ignore-scripts && npm run --silent generate && npm run --silent build

clean: ## remove the environment and everything built
	@rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
