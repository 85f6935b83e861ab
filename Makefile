# Two commands for everybody: `make demo` and `make test`. They need Python 3.10 or later with venv, and nothing else.

PYTHON ?= python3
VENV := .venv
OLDEST := .venv-airflow-2.11
BENCH := .venv-bench
WHEELS := .cache/wheels
BIN := $(VENV)/bin
SOURCES := src cncf-path/src tests benchmarks examples docs

.PHONY: help demo test lint format tests wheels docs environments oldest bench bench-plot requirements clean

help:
	@echo "make demo    see it work, without a cluster"
	@echo "make test    lint, types and all tests"
	@echo "make bench   measure it beside Apache's backend (needs KUBEBUILDER_ASSETS); make bench-plot draws the plots"
	@echo "make format  format the code; make clean removes what these commands have installed"

demo: $(VENV)/ready
	@$(BIN)/python examples/demo.py

test: environments wheels lint tests

lint: $(VENV)/ready
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

format: $(VENV)/ready
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

tests: environments wheels
	$(BIN)/python -m pytest

bench: $(BENCH)/ready
	$(BENCH)/bin/python benchmarks/run.py

# A quarter of an hour; `$(BENCH)/bin/python benchmarks/plot.py` draws them again without measuring.
bench-plot: $(BENCH)/ready
	$(BENCH)/bin/python benchmarks/sweep.py
	$(BENCH)/bin/python benchmarks/plot.py

# The page of the command line, and its pictures.
docs: $(VENV)/ready
	$(BIN)/python docs/make_cli.py
	$(BIN)/python docs/make_pictures.py

environments: $(VENV)/ready oldest

# The newest Airflow, the extras and the tools.
$(VENV)/ready: requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# The oldest Airflow has no release for Python 3.13 and later.
PYTHON_FOR_OLDEST := $(shell for each in $(PYTHON) python3.12 python3.11 python3.10; do \
	"$$each" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo "$$each" && break; done)

ifeq ($(PYTHON_FOR_OLDEST),)
oldest:
	@echo "Airflow 2.11 is NOT tested: it needs Python 3.10, 3.11 or 3.12 on PATH"
else
oldest: $(OLDEST)/ready
endif

$(OLDEST)/ready: requirements/airflow-2.11.txt pyproject.toml
	$(PYTHON_FOR_OLDEST) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --no-deps --requirement requirements/airflow-2.11.txt
	$(OLDEST)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(BENCH)/ready: requirements/bench.txt pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --no-deps --requirement requirements/bench.txt
	$(BENCH)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Tests use no network: the wheels that they install in environments of their own are fetched before.
wheels: $(WHEELS)/ready

$(WHEELS)/ready: requirements/packaging-wheels.txt $(VENV)/ready
	grep -v '^#' $< | xargs -n 1 $(BIN)/python -m pip download --quiet --no-deps --only-binary :all: \
		--python-version 3.13 --dest $(WHEELS)
	@touch $@

# Write the requirements anew from their .in files, with the newest releases.
requirements: $(VENV)/ready
	for each in dev:3.10 airflow-2.11:3.10 bench:3.11; do \
		uv pip compile --quiet --upgrade --universal --python-version "$${each#*:}" --no-header --no-annotate \
			--no-emit-index-url --no-emit-find-links \
			"requirements/$${each%:*}.in" --output-file "requirements/$${each%:*}.txt" || exit 1; done

clean:
	rm -rf $(VENV) $(OLDEST) $(BENCH) .cache build dist
