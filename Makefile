# Each target sets up what it needs in .venv, from the exact versions in requirements/.
#   make demo       compare five servers under several strategies, then send with the winner
#   make test       everything that CI checks: style, types, import contracts, tests
#   make lint       style, types and import contracts only
#   make bench      speed, as ratios within one run
#   make notebooks  execute the notebooks again and write them with their outputs
#   make lab        JupyterLab on the notebooks
#   make lock       choose the versions anew: make lock PYTHONS="python3.11 python3.12 python3.13"

PYTHON ?= python3
PYTHONS ?= $(PYTHON)
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input


.PHONY: demo test lint style types contracts tests bench notebooks lab lock wheel clean
.DEFAULT_GOAL := help
.PHONY: help

help:
	@sed -n 's/^#   //p' Makefile

demo: $(VENV)/run.stamp
	$(BIN)/mstoolkit demo

test: lint tests

lint: style types contracts

style: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev.stamp
	$(BIN)/mypy

contracts: $(VENV)/dev.stamp
	$(BIN)/lint-imports

tests: $(VENV)/dev.stamp
	$(BIN)/pytest -n $(JOBS)

bench: $(VENV)/dev.stamp
	$(BIN)/pytest tests/benchmarks -p no:randomly --timeout 600 -s

notebooks: $(VENV)/dev.stamp
	$(BIN)/python scripts/notebooks.py notebooks/*.py

lab: $(VENV)/dev.stamp
	$(BIN)/mstoolkit lab

lock:
	$(PYTHON) scripts/lock.py $(PYTHONS)

wheel: $(VENV)/dev.stamp
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .benchmarks

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "mstoolkit needs Python 3.11 or newer, and '$(PYTHON)' is" \
	    "$$($(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo missing);" \
	    "name another one: make $(or $(MAKECMDGOALS),demo) PYTHON=python3.12" >&2; exit 2; }
	@echo "Setting up $(VENV); this is done once."
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements/run.txt pyproject.toml | $(BIN)/python
	@$(PIP) install --requirement requirements/run.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/dev.stamp: requirements/dev.txt $(VENV)/run.stamp
	@$(PIP) install --requirement requirements/dev.txt
	@touch $@
