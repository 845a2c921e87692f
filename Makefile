# Commands for users and developers; they need Python (>= 3.11), make and a C++ compiler.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed-
CPP = $(shell git ls-files '*.h' '*.cpp' '*.cu')

# If this is set, each process that a test starts compiles all modules again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-all check format docs bench gpu clean

demo: $(STAMP)examples  ## train a network on handwritten digits, save digits.png
	$(BIN)/python examples/digits.py

test: $(STAMP)test  ## the tests without those that take long
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow"

test-all: $(STAMP)test-all  ## all tests, including comparisons with other frameworks
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps norse==1.1.0
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(STAMP)check  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/clang-format --dry-run --Werror $(CPP)
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(STAMP)check  ## format the code
	$(BIN)/ruff format .
	$(BIN)/clang-format -i $(CPP)
	$(BIN)/ruff check --fix .

docs: $(STAMP)docs  ## the documentation, in docs/_build/html; warnings are errors
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

bench: $(STAMP)bench  ## speed of training steps, of learning rules and of other frameworks; start of scripts
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps norse==1.1.0
	$(BIN)/python benchmarks/event_prop.py
	$(BIN)/python benchmarks/rules.py
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/peers.py --suite short

gpu:  ## on a machine with an NVIDIA GPU: tests of the CUDA engine and a short benchmark, 8 minutes
	@$(PYTHON) benchmarks/harness/gpu_day.py

# One environment; a set of extras is installed again if pyproject.toml changes.
$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP)%: $(BIN)/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[$*]"
	@touch $@

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache docs/_build docs/api digits.png pattern_generation.png
