# make demo    train, evaluate and report on the bundled videos (CPU, minutes)
# make test    every test               make check    lint + format + types + tests
# make lab     JupyterLab               make samples  draw the sample videos anew
# make notebooks   run every lesson and write it with its outputs (half an hour)
# make benchmarks  measure how fast the detector is and write it into docs and the README (half an hour)
#
# What was done to it, and what it survived (docs/robustness.md), each on its own:
#   make faults     make fuzz     make health     make precision     make scaling     make versions
#
# Everything runs in .venv, which is built on first use and again when pyproject.toml changes.
# Some measurements only:  make ONLY="training growth" benchmarks
# Another Python:  make PYTHON=python3.12 demo

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PYTEST := $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

.DEFAULT_GOAL := help
TRIALS := faults fuzz health precision scaling versions

.PHONY: help demo test check lint format lab samples notebooks benchmarks $(TRIALS) clean
.DELETE_ON_ERROR:

help:
	@sed -n 's/^# \{0,1\}//; /^$$/q; p' Makefile

# The stamp is written last: an install that was cut short leaves none, and the next make starts from an empty .venv.
# With a stamp from an older pyproject.toml the packages are brought up to date in place.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "clab-lite needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo 'not a Python here')."; \
	  echo "Name another one:  make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@if [ ! -f $@ ]; then echo "Creating .venv with $$($(PYTHON) --version) ..."; rm -rf .venv; $(PYTHON) -m venv .venv; fi
	@rm -f $@
	@echo "Installing PyTorch, JupyterLab and the rest into .venv: several GB on Linux, 3 to 15 minutes, silent until done ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[test]" || { \
	  echo "The installation did not finish. Check the network and run make again: it starts over."; exit 1; }
	@touch $@
	@echo "Installed."

demo: $(READY)
	@$(BIN)/python -m clab_lite demo

test: $(READY)
	@$(PYTEST)

lint: $(READY)
	@$(BIN)/python -m ruff check .
	@$(BIN)/python -m ruff format --check .
	@$(BIN)/python -m mypy

check: lint
	@$(PYTEST)

format: $(READY)
	@$(BIN)/python -m ruff check --fix .
	@$(BIN)/python -m ruff format .

lab: $(READY)
	@$(BIN)/python -m jupyter lab notebooks

samples: $(READY)
	@$(BIN)/python -m clab_lite make-samples data_samples --overwrite

notebooks: $(READY)
	@$(BIN)/python notebooks/build.py

benchmarks: $(READY)
	@PYTHONPATH=tests/benchmarks:tests/detector $(BIN)/python -m speed $(ONLY)

$(TRIALS): $(READY)
	@PYTHONPATH=tests $(BIN)/python -m trials.$@

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis build *.egg-info
