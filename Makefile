# Two commands do everything: `make run` starts the app, `make test` runs every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Compiled modules are kept, whatever the shell says: every program and test process would compile them anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test stress lint bench

run: $(VENV)/.run-installed
	$(BIN)/python session_explorer_gradio.py $(ARGS)

test: $(VENV)/.dev-installed
	$(BIN)/python -m tests.app.get_chromium
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

# The promises of docs/reliability.md at their full counts; takes most of an hour.
stress: $(VENV)/.dev-installed
	$(BIN)/python -m tests.app.get_chromium
	STRESS=1 $(BIN)/python -m pytest -m promise -o timeout=3600 $(ARGS)

lint: $(VENV)/.dev-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

bench: $(VENV)/.dev-installed
	$(BIN)/python -m tests.app.get_chromium
	$(BIN)/python -m benchmarks

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.dev-installed: requirements-dev.txt requirements-formats.txt requirements-gym.txt requirements-mcp.txt $(VENV)/.run-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
