# Groundloop's commands. `make` alone lists them.
# Needs Python 3.11 or newer and a package index; everything is installed into .venv. Node, for check-page and vendor, and
# Chromium, for test-browser and screenshots, are tools for those who change the web page: nothing that runs needs them.

PYTHON  ?= python3
# Processes that share the tests; those in a browser stay in one.
WORKERS ?= 2
SHARED  := -n $(WORKERS) --dist loadscope
VENV    := .venv
BIN     := $(VENV)/bin
WEB     := service/web
NODE_MODULES := $(WEB)/node_modules/.package-lock.json

.DEFAULT_GOAL := help
.PHONY: help install up test check check-page test-faults test-browser screenshots bench lock vendor clean

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Install Groundloop and its locked dependencies into .venv

up: $(VENV)/.installed ## Start everything: Redis, API, worker, schedule; Ctrl-C stops it
	@exec $(BIN)/groundloop up

test: $(VENV)/.tested ## Install and run the tests
	$(BIN)/pytest $(SHARED)

check: $(VENV)/.tested ## Lint, types, docstrings and the one-way stairs between packages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pydoclint -q service retrieval training
	$(BIN)/lint-imports
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory check-page; \
	  else echo "The types of the web page were not checked: there is no npm here (make check-page)"; fi

check-page: $(NODE_MODULES) ## Check the types of the web page; needs Node 20 or newer
	cd $(WEB) && npm run --silent check

test-faults: $(VENV)/.tested ## Kill, fill and corrupt real processes, and check that nothing acknowledged is lost
	$(BIN)/pytest $(SHARED) -m "fault or slow" tests --timeout 900

test-browser: $(VENV)/.tested ## Drive the web page of a whole Groundloop in headless Chromium
	$(BIN)/pytest -m browser tests/e2e/browser

screenshots: $(VENV)/.tested ## Take pictures of every screen into build/screenshots; PICTURES=docs/images/page keeps the best there
	$(BIN)/python -m tests.e2e.browser.screenshots $(if $(PICTURES),--best $(PICTURES))

bench: $(VENV)/.tested ## Run the benchmarks; each prints one table
	$(BIN)/python -m bench

lock: ## Resolve every dependency anew and write both lock files
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --disable-pip-version-check -q .
	build/lock/bin/pip freeze --exclude groundloop | sed 's/+cpu//' > requirements.lock
	build/lock/bin/pip install --disable-pip-version-check -q '.[dev]'
	build/lock/bin/pip freeze --exclude groundloop | sed 's/+cpu//' > requirements-dev.lock

vendor: $(NODE_MODULES) ## Bring the libraries of the web page anew, after a version in service/web/package.json was changed
	cd $(WEB) && npm run --silent vendor
	$(BIN)/python -m tests.docs.test_licences

clean: ## Remove .venv and caches; what you keep in .groundloop stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist *.egg-info \
	  $(WEB)/node_modules

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Groundloop needs Python 3.11 or newer, and '$(PYTHON)' is not: try 'make $(firstword $(MAKECMDGOALS)) PYTHON=python3.11'" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/pip install --disable-pip-version-check -q -r requirements.lock
	$(BIN)/pip install --disable-pip-version-check -q --no-deps -e .
	@touch $@

$(VENV)/.tested: requirements-dev.lock $(VENV)/.installed
	$(BIN)/pip install --disable-pip-version-check -q -r requirements-dev.lock
	@touch $@

$(NODE_MODULES): $(WEB)/package.json $(WEB)/package-lock.json
	@command -v npm >/dev/null || { echo "Node is needed here: install Node 20 or newer, with npm" >&2; exit 1; }
	cd $(WEB) && npm ci --loglevel=error
	@touch $@
