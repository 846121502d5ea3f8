# Two commands set everything up:  make demo   and   make test
# TGT chooses the demo's language: make demo TGT=sw

PYTHON ?= python3
VENV ?= .venv
NEWEST ?= .venv-newest
TGT ?= so
BIN := $(abspath $(VENV))/bin
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
LOCKED := $(BIN)/python $(PIP_INSTALL) --constraint constraints.txt
TEST := OMP_NUM_THREADS=1 python -m pytest --numprocesses auto --dist worksteal

.PHONY: help install demo test test-newest lint docs lock bench fuzz torture build clean

help: ## Show these targets.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed ## Make the virtual environment .venv and install clirot with the offline teacher.

# torch comes first: what it asks for depends on the build that is at hand.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(LOCKED) torch
	$(LOCKED) --editable '.[offline]'
	touch $@

$(VENV)/.dev-installed: $(VENV)/.installed
	$(LOCKED) --editable '.[offline,dev,docs]'
	touch $@

demo: $(VENV)/.installed ## The main job, end to end, without a model hub: a student, its table, a picture.
	PATH="$(BIN):$$PATH" CLIROT_HOME="$${CLIROT_HOME:-$(CURDIR)/demo-output/home}" \
		bash examples/demo.sh $(TGT) demo-output

test: $(VENV)/.dev-installed ## Run the tests with the versions of constraints.txt.
	PATH="$(BIN):$$PATH" $(TEST)

test-newest: ## Run the tests with the newest versions that pyproject.toml allows, in .venv-newest.
	test -x $(NEWEST)/bin/python || $(PYTHON) -m venv $(NEWEST)
	# torch keeps its version: another build of it is gigabytes.
	$(NEWEST)/bin/python $(PIP_INSTALL) "$$(grep '^torch==' constraints.txt)"
	$(NEWEST)/bin/python $(PIP_INSTALL) --upgrade --upgrade-strategy eager \
		"$$(grep '^torch==' constraints.txt)" --editable '.[offline,dev,docs]'
	PATH="$(abspath $(NEWEST))/bin:$$PATH" $(TEST)

lint: $(VENV)/.dev-installed ## Check format, style, types and floors.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev-installed ## Write docs/cli.md and build the site into site/; a warning is an error.
	$(BIN)/python docs/generate_cli.py
	$(BIN)/python -m sphinx --fail-on-warning --keep-going --fresh-env --quiet -b html docs site
	@echo "site/index.html"

lock: ## Write constraints.txt anew: the newest versions that pyproject.toml allows.
	test -x .venv-lock/bin/python || $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python $(PIP_INSTALL) --upgrade uv
	.venv-lock/bin/python tools/lock.py

bench: $(VENV)/.dev-installed ## Measure speed: start-up, evaluation, fusion, MaxSim, BM25, bitext, plans, training, vocabulary (fetches HornMT).
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/evaluate.py
	$(BIN)/python benchmarks/evaluate.py --fusion
	$(BIN)/python benchmarks/maxsim.py
	$(BIN)/python benchmarks/lexical.py
	$(BIN)/python benchmarks/bitext.py
	$(BIN)/python benchmarks/verification.py
	$(BIN)/python benchmarks/transport.py
	$(BIN)/python benchmarks/distillation.py --source hornmt
	$(BIN)/python benchmarks/vocabulary.py

fuzz: $(VENV)/.dev-installed ## Fuzz the readers of bitext, SECONDS=30 each (Linux).
	$(LOCKED) '.[fuzz]'
	$(BIN)/python tests/fuzz_readers.py --seconds $(or $(SECONDS),30)

torture: $(VENV)/.dev-installed ## Kill commands, break disks and files, race and fuzz for MINUTES=10, and print a table (Linux).
	PATH="$(BIN):$$PATH" PYTHONPATH=tests OMP_NUM_THREADS=1 python -m torture \
		--minutes $(or $(MINUTES),10) --seed $(or $(SEED),0)

build: $(VENV)/.dev-installed ## Build sdist and wheel into dist/.
	$(BIN)/python -m build

clean: ## Remove the virtual environments, caches, the site and the demo's output.
	rm -rf $(VENV) $(NEWEST) .venv-lock demo-output site dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
