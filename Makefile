# Every command of the project. `make run` and `make test` do all the set-up by themselves.

PYTHON  ?= python3
DATE    ?= 2024-05-20
BIN     := .venv/bin
PIP     := pip install --quiet --disable-pip-version-check --no-deps
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --upgrade

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test soak lab dagster serve stop lint format lock bench clean

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: setup ## Load one day and keep its report: make run DATE=2024-05-21
	@$(BIN)/etl run $(DATE)

test: setup-dev ## Run every test, in three processes
	@$(BIN)/pytest --numprocesses=3 --dist=worksteal

soak: setup-dev ## Run the tests of faults, load and bad input for long (an hour)
	@$(BIN)/pytest -m soak --soak

dagster: .venv/.ready-dagster ## Open Dagster on port 3000, with a day as an asset's partition
	@echo "http://127.0.0.1:3000  <- Dagster, in ten seconds. Stop with Ctrl-C."
	@PYTHONWARNINGS='ignore:Function `dev_command` is superseded' \
		$(BIN)/dagster dev --module-name etl_lib.orchestration --log-level warning

lab: setup ## Open JupyterLab on the notebooks
	@$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

serve: setup ## Keep the embedded databases and the API up, and print their addresses
	@$(BIN)/etl serve

stop: setup ## Stop the embedded PostgreSQL, whoever started it
	@$(BIN)/etl stop

lint: setup-dev ## Check style, types and that the notebooks carry no outputs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/nbstripout --verify notebooks/*.ipynb

format: setup-dev ## Format the code and strip the notebooks' outputs
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/nbstripout notebooks/*.ipynb

bench: setup benchmarks/.venv/.ready ## Measure speed and memory beside the alternatives
	@benchmarks/.venv/bin/python -m benchmarks

lock: setup-dev ## Pin the newest versions that pyproject.toml allows
	@$(COMPILE) pyproject.toml --group setup --output-file requirements.lock
	@$(COMPILE) --group dev --constraints requirements.lock --output-file requirements-dev.lock
	@$(COMPILE) --group dagster --constraints requirements-dev.lock --output-file requirements-dagster.lock
	@$(COMPILE) --group fonteapi --constraints requirements.lock --output-file fonteapi/requirements.lock
	@$(COMPILE) --group bench --constraints requirements.lock --output-file benchmarks/requirements.lock

clean: ## Remove the environment and the embedded databases (runs/ is kept)
	@[ ! -x $(BIN)/etl ] || $(BIN)/etl stop
	@rm -rf .venv .local benchmarks/.venv

setup: .venv/.ready

setup-dev: .venv/.ready-dev

.venv/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; say which one: make run PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv (once; about a minute) …"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m $(PIP) --require-hashes -r requirements.lock
	@$(BIN)/python -m $(PIP) --no-build-isolation --editable .
	@touch $@

.venv/.ready-%: .venv/.ready requirements-%.lock
	@echo "Adding what requirements-$*.lock names (once; about a minute) …"
	@$(BIN)/python -m $(PIP) --require-hashes -r requirements-$*.lock
	@touch $@

# An environment of its own: polars, where it is installed, is imported by the driver of every load
benchmarks/.venv/.ready: requirements.lock benchmarks/requirements.lock
	@echo "Setting up benchmarks/.venv (once; about a minute) …"
	@$(PYTHON) -m venv benchmarks/.venv
	@for lock in requirements.lock benchmarks/requirements.lock; do \
		benchmarks/.venv/bin/python -m $(PIP) --require-hashes -r $$lock || exit 1; \
	done
	@benchmarks/.venv/bin/python -m $(PIP) --no-build-isolation --editable .
	@touch $@
