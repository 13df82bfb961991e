# The project's commands. `make run` and `make test` set up what they need.

PYTHON  ?= python3
DATE    ?= 2024-05-20
BIN     := .venv/bin
PIP     := pip install --quiet --disable-pip-version-check --no-deps
UV      := PATH="$$PATH:$(CURDIR)/$(BIN)" uv
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --upgrade

# uv compiles nothing to byte code, since most modules are never imported: the first import does
unexport PYTHONDONTWRITEBYTECODE

# uv reads neither pip.conf nor PIP_*: these three pip settings are handed on, the environment's last
PIP_TO_UV := pip config list | sort -r | sed -nE \
	-e 's/^(global|:env:)\.index-url=/export UV_DEFAULT_INDEX=/p' \
	-e 's/^(global|:env:)\.cert=/export SSL_CERT_FILE=/p' \
	-e 's/^(global|:env:)\.proxy=/export ALL_PROXY=/p'

# $(call install,ENVIRONMENT,WHAT): uv installs; where it fails, pip does
define install
	@eval "$$($(1)/bin/python -m $(PIP_TO_UV))"; \
	$(UV) pip install --quiet --python $(1)/bin/python --no-deps $(2) || \
		{ echo "uv failed; pip installs instead, which takes longer …"; $(1)/bin/python -m $(PIP) $(2); }
endef

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test test-fast soak lab dagster serve stop lint format lock bench clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: setup ## Load one day and keep its report: make run DATE=2024-05-21
	@$(BIN)/etl run $(DATE)

test: setup-dev ## Run every test (ten to fifteen minutes on two cores)
	@$(BIN)/pytest --numprocesses=3 --dist=worksteal

test-fast: setup-dev ## Run the unit and integration tests (five minutes on two cores)
	@$(BIN)/pytest --numprocesses=3 --dist=worksteal tests/unit tests/integration

soak: setup-dev ## Repeat the tests of faults, load and bad input for an hour
	@$(BIN)/pytest -m soak --soak

dagster: .venv/.ready-dagster ## Open Dagster on port 3000, with a partition for each day
	@echo "http://127.0.0.1:3000  <- Dagster, ready in ten seconds. Stop with Ctrl-C."
	@PYTHONWARNINGS='ignore:Function `dev_command` is superseded' \
		$(BIN)/dagster dev --module-name etl_lib.orchestration --log-level warning

lab: setup ## Open JupyterLab on the notebooks
	@$(BIN)/jupyter lab --FileContentsManager.preferred_dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

serve: setup ## Run the embedded databases and the API, and print their addresses
	@$(BIN)/etl serve

stop: setup ## Stop the embedded PostgreSQL
	@$(BIN)/etl stop

lint: setup-dev ## Check style, types, the direction of imports and the notebooks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo --no-cache
	@$(BIN)/nbstripout --verify notebooks/*.ipynb

format: setup-dev ## Format the code and strip the notebooks' outputs
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .
	@$(BIN)/nbstripout notebooks/*.ipynb

bench: setup benchmarks/.venv/.ready ## Compare speed and memory with the alternatives
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
		{ echo "Python 3.11 or newer is needed. Choose one by: make run PYTHON=python3.12"; exit 1; }
	@echo "Setting up .venv (once; less than a minute) …"
	@$(PYTHON) -m venv .venv
	@command -v uv >/dev/null || \
		sed -n '/^uv==/,/# via/p' requirements-dev.lock | $(BIN)/python -m $(PIP) --require-hashes -r /dev/stdin
	$(call install,.venv,--require-hashes -r requirements.lock)
	$(call install,.venv,--no-build-isolation --editable .)
	@touch $@

.venv/.ready-%: .venv/.ready requirements-%.lock
	@echo "Adding requirements-$*.lock to .venv (once; less than a minute) …"
	$(call install,.venv,--require-hashes -r requirements-$*.lock)
	@touch $@

# A second environment: the loading driver imports polars wherever it is installed
benchmarks/.venv/.ready: .venv/.ready benchmarks/requirements.lock
	@echo "Setting up benchmarks/.venv (once; less than a minute) …"
	@$(PYTHON) -m venv benchmarks/.venv
	$(call install,benchmarks/.venv,--require-hashes -r requirements.lock)
	$(call install,benchmarks/.venv,--require-hashes -r benchmarks/requirements.lock)
	$(call install,benchmarks/.venv,--no-build-isolation --editable .)
	@touch $@
