# Two commands do everything: `make run` starts the app, `make test` runs every test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Compiled modules are kept, whatever the shell says: every program and test process would compile them anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test stress lint bench space

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

# A Space of Hugging Face with the demo: `make space SPACE=folder` puts what is committed into the clone of a new one.
space:
	@test -d "$(SPACE)" || { echo "Give the folder of the Space's clone: make space SPACE=folder"; exit 2; }
	git archive HEAD page session models training saved session_explorer_gradio.py requirements.txt LICENSE | tar -x -C "$(SPACE)"
	cp space/README.md space/Dockerfile space/.gitattributes "$(SPACE)"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.run-installed: requirements.txt | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.dev-installed: requirements-dev.txt requirements-formats.txt requirements-gym.txt requirements-mcp.txt $(VENV)/.run-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@
