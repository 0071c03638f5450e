PYTHON ?= python3
DATA ?= sample
RUN ?= sample
PARAMS ?=
BIN = .venv/bin

.PHONY: report test lint refresh lab labtest poster site

report: .venv/installed
	$(BIN)/fer run --data "$(DATA)" --run "$(RUN)" $(PARAMS)

test: lint
	$(BIN)/python -m pytest tests
	home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && FER_HOME=$$home FER_DATA=sample PYTHONHASHSEED=0 TQDM_DISABLE=1 $(BIN)/python -m pytest --nbval --nbval-current-env notebooks

lint: .venv/installed
	$(BIN)/ruff check .

refresh: .venv/installed
	$(BIN)/fer refresh

lab: .venv/installed
	$(BIN)/jupyter lab notebooks

labtest: .venv/installed
	FER_LAB=all $(BIN)/python -m pytest tests/test_jupyterlab.py

poster: .venv/installed
	$(BIN)/fer poster "$(RUN)"

site: .venv/installed
	$(BIN)/fer site "$(RUN)"

.venv/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv && $(BIN)/python -m pip install -c constraints.txt -e '.[dev]' && touch $@
