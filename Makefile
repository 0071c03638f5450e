PYTHON ?= python3
DATA ?= sample
RUN ?= sample
PARAMS ?=
BIN = .venv/bin

.PHONY: report results lab figures poster exercises test lint resolve refresh labtest site torture compare-way compare-rest

report: .venv/lab
	$(BIN)/fer run --data "$(DATA)" --run "$(RUN)" $(PARAMS)

lab: .venv/lab
	$(BIN)/fer lab

figures: .venv/lab
	$(BIN)/fer figures "$(RUN)"

results: .venv/lab
	$(BIN)/python reports/results.py "$(RUN)"

poster: .venv/lab
	$(BIN)/fer poster "$(RUN)"

# What students get, from notebooks/solutions/: without answers, in notebooks/exercises/.
exercises: .venv/dev
	cd notebooks && export PATH="$(CURDIR)/$(BIN):$$PATH" && for solution in solutions/*/; do \
		nbgrader generate_assignment --force --create --log-level=ERROR "$$(basename $$solution)" || exit 1; done

test: lint
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --durations 15 tests
	$(MAKE) -j 2 compare-way compare-rest

# Every notebook with its stored outputs, in two processes with a home each: 05, 07 and 09 go on with what 04 has made.
# What they leave there is verified.
compare-way: notebooks = $(wildcard notebooks/0[0-579]*.ipynb)
compare-rest: notebooks = $(wildcard notebooks/06*.ipynb notebooks/08*.ipynb notebooks/1*.ipynb) notebooks/solutions
compare-way compare-rest:
	home=$$(mktemp -d) && trap 'rm -rf "$$home"' EXIT && \
		export OMP_NUM_THREADS=1 FER_HOME=$$home FER_DATA=sample PYTHONHASHSEED=0 && \
		$(BIN)/python -m pytest --nbval --nbval-current-env --nbval-sanitize-with tests/nbval.cfg $(notebooks) && \
		$(BIN)/fer verify default-sample

torture: .venv/dev
	$(BIN)/python -m pytest tests -m torture

lint: .venv/dev
	$(BIN)/ruff check .

# Whether constraints.txt fits each Python, 3.11.2 being Debian 12's own; none of them has to be here.
resolve: .venv/dev
	for python in 3.11.2 3.12 3.13; do for system in x86_64-manylinux_2_28 windows; do \
		echo "constraints.txt, Python $$python, $$system"; \
		$(BIN)/uv pip compile --quiet --only-binary :all: --python-version $$python --python-platform $$system \
			--all-extras -c constraints.txt pyproject.toml >/dev/null || exit 1; done; done

refresh: .venv/dev
	$(BIN)/fer refresh

labtest: .venv/dev
	FER_LAB=all $(BIN)/python -m pytest tests/tools/test_jupyterlab.py

site: .venv/dev
	$(BIN)/fer site "$(RUN)"

# Learners get the extra `lab`; maintainers get `dev`, which holds it.
.venv/lab .venv/dev: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv && $(BIN)/python -m pip install -c constraints.txt -e ".[$(@F)]" && touch .venv/lab $@
