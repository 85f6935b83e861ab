# The main commands are `make demo`, `make quick` and `make test`. They need only Python 3.10 or later with venv.

PYTHON ?= python3
VENV := .venv
OLDEST := .venv-airflow-2.11
HOOKS := .venv-hooks
MATRIX := $(patsubst %,.venv-matrix-%,2.11 3.0 3.1 3.2 3.3)
BENCH := .venv-bench
BARE := .venv-bare-oldest .venv-bare-newest
FLOORS := .venv-floors
FUZZ := .venv-fuzz
WHEELS := .cache/wheels
BIN := $(VENV)/bin
# The distributions that tests and tools import. Neither is on a package index yet, so both are installed together.
EDITABLE := --editable . --editable devserver
# For the environments that are installed most often. The pip that comes with an older Python uses twice as much CPU
# time, and most modules are never imported, so compiling them would be a waste.
NEW_PIP := --upgrade-deps
QUICKLY := --quiet --no-compile
SOURCES := src cncf-path/src devserver/src tests fuzz matrix benchmarks examples docs .github hatch_build.py

# Tests wait as well as compute, so there are usually more processes than cores. With WORKERS=0, one process runs all
# tests.
ifndef WORKERS
# The fast tests wait less, and each process takes several seconds to collect them.
quick: WORKERS = 3
endif
WORKERS ?= 6
# pytest-timeout cannot end a test that hangs in C, or that hangs after the only signal of pytest-timeout. After
# LONGEST_TEST seconds, the process of such a test ends and prints the stack of every thread. The test is then reported
# as failed, and the other tests continue. With WORKERS=0 the whole run ends. The longest test interrupts a thousand TLS
# handshakes.
LONGEST_TEST := 960
PYTEST = $(BIN)/python -m pytest --numprocesses=$(WORKERS) \
	--override-ini=faulthandler_timeout=$(LONGEST_TEST) --override-ini=faulthandler_exit_on_timeout=true

# Without bytecode, each of the many processes of a run would compile all modules that it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test quick bytecode lint format tests contract wheels docs docs-links environments oldest matrix pythons bench bench-plot bench-fleet bench-usage fuzz verdicts requirements clean packages minimal-deps $(BARE)

help:
	@echo "make demo    run an example without a cluster"
	@echo "make test    lint, types and all tests, in WORKERS (6) processes"
	@echo "make quick   the fast tests, which need no kube-apiserver, browser or process of Airflow, in 3 processes"
	@echo "make contract  run the tests that depend on the version of the API server (needs KUBEBUILDER_ASSETS)"
	@echo "make matrix  test every Airflow from 2.11 to 3.3 (needs PostgreSQL and Chromium); writes docs/reference/matrix.md"
	@echo "make pythons  run the tests that use Airflow as a library, with each supported Python on PATH; writes docs/reference/matrix.md"
	@echo "make docs    build the documentation in build/docs; make docs-links checks its links to other sites"
	@echo "make bench   compare it with Apache's backend (needs KUBEBUILDER_ASSETS); make bench-plot draws the plots"
	@echo "make bench-fleet  measure what many processes cost the API server, and their lookups during its faults (needs KUBEBUILDER_ASSETS)"
	@echo "make bench-usage  measure usage and check --dags with 5,000 DAGs"
	@echo "make fuzz    fuzz everything that reads untrusted input, FUZZ_SECONDS (600) for each of FUZZ_TARGETS (all)"
	@echo "make verdicts  compare the decisions of formats/usability.py with Airflow, on VALUES (100000) values of the SEED (1)"
	@echo "make packages  build what is released; make minimal-deps tests a bare installation, and the oldest dependencies"
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
	$(PYTEST)

quick: $(VENV)/ready
	$(PYTEST) -m "not slow"

# Collect the tests without running them, which leaves compiled modules. In a new clone, each process of the first run
# would compile all of them.
bytecode: $(VENV)/ready
	@$(BIN)/python -m pytest --collect-only --quiet >$(VENV)/collected || { cat $(VENV)/collected; exit 1; }

# The tests whose results can depend on the version of Kubernetes: those of its responses, and of lookups and watches.
contract: $(VENV)/ready
	$(PYTEST) tests/devserver tests/cli/test_refusals.py tests/cli/test_impersonation.py tests/backend/test_lookup.py \
		tests/backend/freshness

bench: $(BENCH)/ready
	$(BENCH)/bin/python benchmarks/run.py

# This takes a quarter of an hour. `$(BENCH)/bin/python benchmarks/plot.py` draws the plots again without measuring.
bench-plot: $(BENCH)/ready
	$(BENCH)/bin/python benchmarks/sweep.py
	$(BENCH)/bin/python benchmarks/plot.py

# This takes a quarter of an hour on an idle machine. It writes the tables in benchmarks/README.md and
# docs/how-to/caching.md.
bench-fleet: $(BENCH)/ready
	$(BENCH)/bin/python benchmarks/fleet.py
	$(BENCH)/bin/python benchmarks/fleet_table.py
	$(BENCH)/bin/python benchmarks/fleet_plot.py

bench-usage: $(BENCH)/ready
	$(BENCH)/bin/python benchmarks/usage.py

# This takes two hours with the defaults. fuzz/README.md lists the targets.
FUZZ_SECONDS ?= 600
FUZZ_TARGETS ?=

fuzz: $(FUZZ)/ready
	$(FUZZ)/bin/python -m fuzz --seconds $(FUZZ_SECONDS) $(FUZZ_TARGETS)

# This takes ten minutes with the defaults.
VALUES ?= 100000
SEED ?= 1

verdicts: environments
	PYTHONPATH=tests:src $(BIN)/python -m verdicts --count $(VALUES) --seed $(SEED)

# Write the generated pages and pictures, and then build the site in build/docs. Warnings are errors.
docs: $(VENV)/ready
	$(BIN)/python docs/make_cli.py
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_corpus.py
	$(BIN)/python docs/make_diagrams.py
	$(BIN)/python docs/make_pictures.py
	$(BIN)/python -m sphinx -E -b html -W -n --keep-going docs build/docs

# Check the links to other sites. This needs network access.
docs-links: $(VENV)/ready
	$(BIN)/python -m sphinx -b linkcheck -W -n --keep-going docs build/docs-links

environments: $(VENV)/ready oldest $(HOOKS)/ready

# Build what is released: the source distributions and wheels of all three distributions.
packages: $(VENV)/ready
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/python -m build --no-isolation --outdir dist cncf-path
	$(BIN)/python -m build --no-isolation --outdir dist devserver
	$(BIN)/twine check --strict dist/*

# Test what `pip install` installs, without extras, with the oldest and the newest Airflow, in new environments. Then
# test the oldest releases of all requirements in pyproject.toml; these cause deprecation warnings.
minimal-deps: $(BARE) $(FLOORS)/ready
	$(BIN)/python -m pytest tests/packaging/minimal_deps.py
	$(FLOORS)/bin/python -m pytest -W ignore::DeprecationWarning tests/kubernetes tests/devserver \
		tests/backend/test_lookup.py tests/backend/freshness \
		tests/backend/kubeconfig --ignore tests/backend/kubeconfig/test_files.py

$(BARE): packages
	$(PYTHON_FOR_OLDEST) -m venv --clear $@
	$@/bin/python -m pip install --quiet --constraint $(CONSTRAINTS) dist/airflow_kubernetes_secrets-*.whl

.venv-bare-oldest: CONSTRAINTS = requirements/airflow-2.11.txt
.venv-bare-newest: CONSTRAINTS = requirements/dev.txt

$(FLOORS)/ready: requirements/floors.txt pyproject.toml devserver/pyproject.toml
	$(PYTHON_FOR_OLDEST) -m venv $(FLOORS)
	$(FLOORS)/bin/python -m pip install --quiet --no-deps --requirement requirements/floors.txt
	$(FLOORS)/bin/python -m pip install --quiet --no-deps --no-build-isolation $(EDITABLE)
	@touch $@

# The environment with the newest Airflow, the extras and the tools.
$(VENV)/ready: requirements/dev.txt pyproject.toml devserver/pyproject.toml
	$(PYTHON) -m venv $(NEW_PIP) $(VENV)
	$(BIN)/python -m pip install $(QUICKLY) --no-deps --requirement requirements/dev.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation $(EDITABLE)
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

$(OLDEST)/ready: requirements/airflow-2.11.txt pyproject.toml devserver/pyproject.toml
	$(PYTHON_FOR_OLDEST) -m venv $(NEW_PIP) $(OLDEST)
	$(OLDEST)/bin/python -m pip install $(QUICKLY) --no-deps --requirement requirements/airflow-2.11.txt
	$(OLDEST)/bin/python -m pip install --quiet --no-deps --no-build-isolation $(EDITABLE)
	@touch $@

# The environment with the hooks of the providers. The tests add this project to its path.
$(HOOKS)/ready: requirements/hooks.txt
	$(PYTHON) -m venv $(NEW_PIP) $(HOOKS)
	$(HOOKS)/bin/python -m pip install $(QUICKLY) --no-deps --requirement requirements/hooks.txt
	@touch $@

# Test the installed wheel in every supported Airflow, each in its own environment. The result is docs/reference/matrix.md.
matrix: $(VENV)/ready wheels $(MATRIX:%=%/ready)
	$(BIN)/python -m pytest matrix

.venv-matrix-%/ready: requirements/airflow-%.txt
ifeq ($(PYTHON_FOR_OLDEST),)
	@echo "make matrix needs Python 3.10, 3.11 or 3.12 on PATH: the oldest Airflow has no release for another" >&2; exit 1
else
	$(PYTHON_FOR_OLDEST) -m venv .venv-matrix-$*
	.venv-matrix-$*/bin/python -m pip install --quiet --no-deps --requirement $<
	@touch $@
endif

# Run the tests that use Airflow as a library, with each supported Python that is found. The result goes to
# docs/reference/matrix.md. PYTHONS="3.10 3.12" runs only these two, and fails if one is missing.
PYTHONS ?=

pythons: $(VENV)/ready wheels
	PYTHONPATH=tests:src $(BIN)/python -m matrix.pythons --numprocesses=$(WORKERS) $(PYTHONS)

# `make test` with this Python has the same requirements: their markers choose the releases that support it.
.venv-python-%/ready: requirements/dev.txt pyproject.toml devserver/pyproject.toml
	python$* -m venv $(NEW_PIP) .venv-python-$*
	.venv-python-$*/bin/python -m pip install $(QUICKLY) --no-deps --requirement requirements/dev.txt
	.venv-python-$*/bin/python -m pip install --quiet --no-deps --no-build-isolation $(EDITABLE)
	@touch $@

$(BENCH)/ready: requirements/bench.txt pyproject.toml
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --no-deps --requirement requirements/bench.txt
	$(BENCH)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# This environment has no Airflow, because no fuzz target needs it.
$(FUZZ)/ready: requirements/fuzz.txt pyproject.toml
	$(PYTHON) -m venv $(FUZZ)
	$(FUZZ)/bin/python -m pip install --quiet --no-deps --requirement requirements/fuzz.txt
	$(FUZZ)/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Tests use no network, so this downloads the wheels that they install into environments.
wheels: $(WHEELS)/ready

$(WHEELS)/ready: requirements/packaging-wheels.txt $(VENV)/ready
	grep -v '^#' $< | xargs -n 1 $(BIN)/python -m pip download --quiet --no-deps --only-binary :all: \
		--python-version 3.13 --dest $(WHEELS)
	@touch $@

# Compile the requirements from their .in files, with the newest releases. Where a date is given, the releases of that
# day are used: a release of Airflow works with the dependencies of its time, and not always with later ones.
requirements: $(VENV)/ready
	for each in dev:3.10 airflow-2.11:3.10 airflow-3.0:3.10:2025-09-01 airflow-3.1:3.10:2026-03-15 \
			airflow-3.2:3.10:2026-06-01 airflow-3.3:3.10 bench:3.11 fuzz:3.10; do \
		IFS=:; set -- $$each; \
		uv pip compile --quiet --upgrade --universal --python-version "$$2" $${3:+"--exclude-newer=$$3"} \
			--no-header --no-annotate --no-emit-index-url --no-emit-find-links \
			"requirements/$$1.in" --output-file "requirements/$$1.txt" || exit 1; done
	uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --override requirements/hooks-without.txt \
		requirements/hooks.in --output-file requirements/hooks.txt
	: "Remove the packages that the overrides exclude. Others can have the marker as one alternative (or)."
	sed -i "/ or /!{/'never'/d}" requirements/hooks.txt
	uv pip compile --quiet --universal --python-version 3.10 --resolution lowest-direct --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links --extra kubeconfig \
		pyproject.toml requirements/floors.in --output-file requirements/floors.txt
	uv pip compile --quiet --upgrade --universal --python-version 3.12 --generate-hashes --no-header --no-annotate \
		--no-emit-index-url --no-emit-find-links requirements/release.in --output-file requirements/release.txt

clean:
	rm -rf $(VENV) $(OLDEST) $(HOOKS) $(MATRIX) $(BENCH) $(BARE) $(FLOORS) $(FUZZ) .venv-python-* .cache build dist
