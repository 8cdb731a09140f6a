# Everything a person runs. Needs Python 3.11 or newer and make; the rest is fetched into .venv and a cache folder.
PYTHON ?= python3
# Another package index for torch, e.g. the CPU wheels (about 200 MB instead of 5 GB):
#   make test TORCH_INDEX=https://download.pytorch.org/whl/cpu
TORCH_INDEX ?=
# Recordings with a manifest.jsonl that `make eval` measures.
AUDIO ?= samples
PYTEST_ARGS ?=
REPEATS ?= 1
# Most tests wait for something: one process starts engines, the other does what needs none meanwhile.
TEST_PROCESSES ?= 2

BIN := .venv/bin
STAMP := .venv/.josefine-installed
# A person sees pip's progress; a log gets the result only.
export PIP_QUIET := $(shell test -t 2; echo $$?)
# What has to be compiled anew where it changes.
KERNELS := libs/josefine_speech/kernels
SERVICES := ingest feature inference nlu gateway

.PHONY: help setup demo test chaos eval lint format lock clean
.DEFAULT_GOAL := help

help: ## Say what can be made
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(STAMP) ## Install everything into .venv

# Kernels that are gone are compiled anew.
$(KERNELS)/features-baseline.so:

$(STAMP): pyproject.toml requirements/all.lock hatch_build.py $(wildcard $(KERNELS)/*.[ch]) $(KERNELS)/features-baseline.so
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed, $(PYTHON) is %d.%d; say: make PYTHON=python3.12" % sys.version_info[:2])'
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear .venv || { echo "$(PYTHON) cannot make .venv: install what it lacks (Debian, Ubuntu: apt install python3-venv) and run make again" >&2; exit 1; }
	@echo "Installing pinned packages into .venv (torch is the large one; a few minutes the first time) ..."
	@sh deploy/image-steps.sh locked all .venv $(TORCH_INDEX)
	@$(BIN)/python -m pip install --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP) ## Start the stack, speak to it, show what comes out, stop it
	@$(BIN)/josefine demo

test: $(STAMP) ## Run every test
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadgroup --no-loadscope-reorder $(PYTEST_ARGS)

chaos: $(STAMP) ## Break everything in the middle of live speech and count what is lost: make chaos REPEATS=3
	@$(BIN)/python -m pytest -p no:randomly --no-header -q tests/chaos --chaos-repeats $(REPEATS) $(PYTEST_ARGS)

eval: $(STAMP) ## Measure word error rates and times through the whole stack: make eval AUDIO=folder
	@$(BIN)/josefine evaluate $(AUDIO)

lint: $(STAMP) ## Check style, types and who imports whom
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/clang-format --dry-run -Werror $(KERNELS)/*.[ch]

format: $(STAMP) ## Format the code
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .
	@$(BIN)/clang-format -i $(KERNELS)/*.[ch]

lock: ## Resolve the versions anew (needs uv)
	@uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --no-annotate --no-header --no-emit-index-url --quiet --upgrade -o requirements/all.lock
	@for service in $(SERVICES); do \
	  uv pip compile pyproject.toml --universal --python-version 3.11 --extra $$service --constraint requirements/all.lock --no-annotate --no-header --no-emit-index-url --quiet -o requirements/$$service.lock; \
	done

clean: ## Remove what setup installed (the cache of jars and models stays: see josefine doctor)
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis $(KERNELS)/*.so
