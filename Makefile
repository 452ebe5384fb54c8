# Two commands for a newcomer: `make up` and `make test`. Options go through, as in
# `make up ARGS="--port 8001 --data-dir var-2"`.

PYTHON ?= python3
ARGS ?=
SHELL := /bin/sh
MANAGE := .venv/bin/python manage.py

# What is installed is known by the contents of the lock that it was installed from.
fingerprint = $(shell cksum < $(1) | cut -d ' ' -f 1)
RUNTIME := .venv/runtime-$(call fingerprint,requirements.lock)
DEV := .venv/dev-$(call fingerprint,requirements-dev.lock)

# Where Python comes without ensurepip, the pip that we were called with installs into .venv.
pip = $$(.venv/bin/python -c 'import pip' 2> /dev/null \
	&& echo .venv/bin/python -m pip || echo $(PYTHON) -m pip --python .venv/bin/python)
install = $(pip) install --quiet --disable-pip-version-check --require-hashes --only-binary :all:

.PHONY: up test lint test-faults test-contract test-browser bench fix lock

up: $(RUNTIME)  ## Start everything; the first time, with a project and demo data.
	@exec $(MANAGE) up $(ARGS)

test: $(DEV)  ## Run the tests.
	@.venv/bin/python -m pytest $(ARGS)

test-faults: $(DEV)  ## Run the tests that kill real processes.
	@.venv/bin/python -m pytest tests/faults -n 0 $(ARGS)

test-contract: $(DEV)  ## Send what breaks APIs to every operation of the OpenAPI file.
	@.venv/bin/python -m pytest tests/contract $(ARGS)

test-browser: $(DEV)  ## Look at every page in Chromium; pictures go to var/screenshots.
	@.venv/bin/python -m pytest tests/browser -n 0 -rs $(ARGS)

bench: $(RUNTIME)  ## Measure against the bars.
	@$(MANAGE) bench $(ARGS)

lint: export GROWTH_BASE_URL = https://growth.example
lint: export GROWTH_SECRET_KEY = long-enough-for-the-checks-of-a-production-instance-0123456789
lint: $(DEV)  ## Check everything that needs no test, quickest first.
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/lint-imports
	.venv/bin/mypy
	$(MANAGE) check --deploy --fail-level WARNING
	$(MANAGE) makemigrations --check --dry-run
	$(MANAGE) spectacular --validate --fail-on-warn --file /dev/null

fix: $(DEV)  ## Repair what ruff can.
	.venv/bin/ruff check --fix
	.venv/bin/ruff format

lock:  ## Write the lock files anew, with the newest versions that pyproject.toml allows.
	uv pip compile pyproject.toml $(COMPILE) --extra embedded --output-file requirements.lock
	uv pip compile pyproject.toml $(COMPILE) --extra embedded --group dev \
		--constraints requirements.lock --output-file requirements-dev.lock

COMPILE := --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "$(PYTHON) is too old: Python 3.11 or newer is needed." >&2; exit 1; }
	@$(PYTHON) -m venv .venv > /dev/null 2>&1 || $(PYTHON) -m venv --clear --without-pip .venv

$(RUNTIME): | .venv/bin/python
	@echo "Installing what growth needs into .venv …"
	@$(install) --requirement requirements.lock
	@touch $@

# The developer's lock holds all of the other.
$(DEV): | .venv/bin/python
	@echo "Installing what developers need into .venv …"
	@$(install) --requirement requirements-dev.lock
	@touch $@ $(RUNTIME)
