# Python 3.11 to 3.13 and make are enough: every target sets up .venv by itself, once.

PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check --retries 10 --timeout 60

export TF_CPP_MIN_LOG_LEVEL ?= 3

.PHONY: help quickstart test test-large lint format clean

help:
	@echo "make quickstart   adapt a generator to ten pictures"
	@echo "make test         all tests but the large ones (ARGS='-k name' selects)"
	@echo "make test-large   the large ones"
	@echo "make lint         ruff, pyright and import-linter"
	@echo "make format       let ruff mend and format the code"
	@echo "make clean        remove what builds and tests leave (not .venv, not runs)"

quickstart: $(INSTALLED)
	$(BIN)/tf-fewshot quickstart --workdir=runs/quickstart

test: $(INSTALLED)
	$(BIN)/python -m pytest --numprocesses=auto --dist=worksteal $(ARGS)

test-large: $(INSTALLED)
	$(BIN)/python -m pytest -m large $(ARGS)

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(INSTALLED)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf build dist *.egg-info .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find tf_fewshot tools configs tests -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamp is written last: an installation that was cut off is taken up again.
$(INSTALLED): setup.py
	@command -v $(PYTHON) >/dev/null || { \
	    echo "$(PYTHON) was not found: install Python 3.11, 3.12 or 3.13," \
	         "or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	    $(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || { \
	        echo "$(PYTHON) is $$($(PYTHON) --version 2>&1), but TensorFlow needs Python 3.11," \
	             "3.12 or 3.13. Name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }; \
	    $(PYTHON) -m venv --clear .venv || { \
	        echo "$(PYTHON) cannot make virtual environments: install its venv module" \
	             "(on Debian and Ubuntu: apt-get install python3-venv)" >&2; exit 1; }; }
	@echo "Installing into .venv: about 2 GB, a few minutes on the first run."
	@$(PIP) install --editable '.[dev]'
	@touch $@
