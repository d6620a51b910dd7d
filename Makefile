# Everything here runs in .venv, which is built first when it is not there. See tools/build-venv.
#
#   make PYTHON=/path/to/python3.13 ...   build .venv with this interpreter
#   make test ARGS="tests/study -x"       give pytest further arguments
#   make test JOBS=4                      in four processes rather than two; 0 for none but pytest's own

PYTHON ?=
ARGS ?=
JOBS ?= 2
BIN := .venv/bin
BUILD := PYTHON='$(PYTHON)' tools/build-venv

.DEFAULT_GOAL := help
.PHONY: help venv venv-runtime venv-test demo test test-slow notebooks benchmark benchmark-peers clean
.PHONY: lint lint-style lint-format lint-types lint-layers

help:
	@echo 'make demo       fit the neural-ODE model to the theophylline data, write pictures and a posterior'
	@echo 'make test       everyday tests'
	@echo 'make test-slow  the tests marked slow: calibration, long sampling, exhaustive comparisons'
	@echo 'make notebooks  run every notebook'
	@echo 'make lint       style, format, types and the layers of the package'
	@echo 'make benchmark  timings'
	@echo 'make benchmark-peers  timings beside diffrax, Stan and PyMC, and the report in benchmarks/README.md'
	@echo 'make venv       only build .venv, with the tools for the tests'
	@echo 'make clean      remove .venv and every cache'

venv: venv-test

venv-runtime:
	@$(BUILD)

# After venv-runtime, so that `make -j demo test` does not build twice at once.
venv-test: venv-runtime
	@$(BUILD) test

demo: venv-runtime
	$(BIN)/bnode-nlme demo $(ARGS)

test: venv-test
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

test-slow: venv-test
	$(BIN)/python -m pytest -m slow $(ARGS)

notebooks: venv-test
	$(BIN)/python -m pytest -m notebook -n $(JOBS) $(ARGS)

# Apart, so that `make -k lint` tells everything at once.
lint: lint-style lint-format lint-types lint-layers

lint-style: venv-test
	$(BIN)/ruff check

lint-format: venv-test
	$(BIN)/ruff format --check

lint-types: venv-test
	$(BIN)/mypy

lint-layers: venv-test
	$(BIN)/lint-imports --no-logo

benchmark: venv-test
	$(BIN)/python -m pytest benchmarks --benchmark-only $(ARGS)

# An hour. The peers live in a folder of their own, so that .venv is what a user has.
PEERS := .venv-peers/bin/python
RESULTS := results/benchmarks
benchmark-peers:
	@VENV=.venv-peers $(BUILD) test peers
	mkdir -p $(RESULTS)
	-$(PEERS) -m pytest benchmarks --benchmark-only --benchmark-json=$(RESULTS)/race.json $(ARGS)
	$(PEERS) -m benchmarks.scaling --json $(RESULTS)/scaling.json
	$(PEERS) -m benchmarks.work_precision --json $(RESULTS)/work_precision.json
	$(PEERS) -m benchmarks.theophylline --json $(RESULTS)/theophylline.json
	$(PEERS) -m benchmarks.report --results $(RESULTS)

clean:
	rm -rf .venv .venv.lock .venv-peers .venv-peers.lock .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks build dist
	find . -type d -name __pycache__ -prune -exec rm -rf {} +
