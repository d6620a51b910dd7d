# Everything here runs in .venv, which is built first when it is not there. See tools/build-venv.
#
#   make PYTHON=/path/to/python3.13 ...   build .venv with this interpreter
#   make test ARGS="tests/study -x"       give pytest further arguments

PYTHON ?=
ARGS ?=
BIN := .venv/bin
BUILD := PYTHON='$(PYTHON)' tools/build-venv

.DEFAULT_GOAL := help
.PHONY: help venv venv-runtime venv-test demo test test-slow lint benchmark clean

help:
	@echo 'make demo       fit the neural-ODE model to the theophylline data, write pictures and a posterior'
	@echo 'make test       everyday tests'
	@echo 'make test-slow  the tests marked slow: calibration, long sampling, exhaustive comparisons'
	@echo 'make lint       style, format, types and the layers of the package'
	@echo 'make benchmark  timings'
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
	$(BIN)/python -m pytest $(ARGS)

test-slow: venv-test
	$(BIN)/python -m pytest -m slow $(ARGS)

lint: venv-test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

benchmark: venv-test
	$(BIN)/python -m pytest benchmarks --benchmark-only $(ARGS)

clean:
	rm -rf .venv .venv.lock .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .benchmarks build dist
	find . -type d -name __pycache__ -prune -exec rm -rf {} +
