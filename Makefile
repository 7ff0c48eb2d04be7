# Everything a fresh machine needs: `make demo`, `make test`. Python 3.11 or newer with venv.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: demo test test-all lint format manual bench merged clean

# compileall: pip compiles only what it copies, and an editable install would pay at its first runs.
# compat: a path instead of an import hook, which takes 15 ms at each start.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--config-settings editable_mode=compat --editable '.[test]'
	$(BIN)/python -m compileall -q patchscan rules
	$(BIN)/python -m patchscan.match.kept rules/tables
	touch $@

demo: $(STAMP)
	$(BIN)/patchscan --exit-zero --tree fixtures/tree fixtures/series/collapse-without-sync/series.mbox

test: $(STAMP) lint
	$(BIN)/pytest -n auto -m 'not slow'

test-all: $(STAMP) lint
	$(BIN)/pytest -n auto

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

manual: $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt \
		--config-settings editable_mode=compat --editable '.[docs]'
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

bench: $(STAMP)
	$(BIN)/python -m tests.benchmark --write tests/benchmark.txt

merged: $(STAMP)
	$(BIN)/python tests/merged.py

clean:
	rm -rf $(VENV) build dist docs/_build docs/generated *.egg-info .mypy_cache .pytest_cache .ruff_cache
