# Two commands do everything: `make demo` and `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
ENGINE ?= embedded
# Two suites side by side: half the time on two cores, since much of it waits for disks and servers.
TEST_PROCESSES ?= 2
BIN := .venv/bin
# Everything a run makes stays under the project's folder.
export ANAMNESE_CACHE ?= $(CURDIR)/.cache
export UV_LINK_MODE ?= copy
unexport PYTHONPATH
# A machine that forbids bytecode would compile every import of every command again (7 s a start, measured).
unexport PYTHONDONTWRITEBYTECODE

# The sentence-transformers extra (torch, 4.6 GB) is part of the tests; ANAMNESE_TEST_WITHOUT_TORCH=1 leaves it out.
ifeq ($(ANAMNESE_TEST_WITHOUT_TORCH),1)
TEST_LOCK := requirements/dev.lock
else
TEST_LOCK := requirements/test.lock
endif

.PHONY: help setup demo test check screenshots bench long contract lock clean
help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 14

.venv/.installed-setup: requirements/setup.lock
	@bash tools/system-packages.sh python
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/setup.lock
	@touch $@

.venv/.installed-run: .venv/.installed-setup requirements/run.lock pyproject.toml
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --require-hashes -r requirements/run.lock
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.installed-$(notdir $(TEST_LOCK)): .venv/.installed-run $(TEST_LOCK)
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --require-hashes -r $(TEST_LOCK)
	@touch $@

setup: .venv/.installed-run ## make .venv with the command `anamnese` in it
	@bash tools/system-packages.sh ocr

demo: setup ## ingest the sample patients, show what four people find, serve (ENGINE=opensearch for the cluster)
	@if [ "$(ENGINE)" = opensearch ]; then bash tools/system-packages.sh cluster; fi
	$(BIN)/anamnese demo --engine $(ENGINE) $(DEMO_ARGS)

check: .venv/.installed-$(notdir $(TEST_LOCK)) ## ruff, mypy, import-linter, the Scope lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/scope_lint.py

test: setup .venv/.installed-$(notdir $(TEST_LOCK)) ## every test, with the real OpenSearch, Redis, Tesseract, Chromium
	@bash tools/system-packages.sh cluster
	@bash tools/system-packages.sh browser
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder $(TEST_ARGS)
ifeq ($(ANAMNESE_TEST_WITHOUT_TORCH),1)
	@echo "Left out on request (ANAMNESE_TEST_WITHOUT_TORCH=1): the sentence-transformers backend."
endif

screenshots: setup .venv/.installed-$(notdir $(TEST_LOCK)) ## draw docs/screenshots again from the demo's patients
	@bash tools/system-packages.sh browser
	$(BIN)/python -m tools.screenshots

bench: setup .venv/.installed-$(notdir $(TEST_LOCK)) ## measure; results go to benchmarks/RESULTS.md
	$(BIN)/python -m benchmarks.run all

long: setup .venv/.installed-$(notdir $(TEST_LOCK)) ## the proofs that take hours (ANAMNESE_FUZZ_MINUTES, 60 by default, is how long parsers are fuzzed)
	ANAMNESE_LONG=1 HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest --timeout=0 $(TEST_ARGS)

contract: setup ## write docs/api-v1.json anew after something was added to /v1; refuses what would break a client
	$(BIN)/python -m tools.api_contract --write

lock: .venv/.installed-setup ## resolve the versions again
	for kind in run worker dev test; do \
	  case $$kind in run) extra= ;; worker) extra="--extra sentence-transformers" ;; dev) extra="--extra dev" ;; test) extra="--extra dev --extra sentence-transformers" ;; esac; \
	  $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	    --no-annotate --override requirements/overrides.txt $$extra pyproject.toml -o requirements/$$kind.lock; done

clean: ## remove what was made here: the environment, the caches, the demo's home
	rm -rf .venv .cache .home samples/out
