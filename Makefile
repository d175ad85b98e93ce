# Two commands are all it takes: `make demo` and `make test`. Each says what it does, and can be stopped and run again.
PYTHON ?= python3.11
BIN := .venv/bin
DATA ?= ../shared/eval
STAMP := .venv/.installed
# A file's tests stay together: they share what is dear to make.
SIDE_BY_SIDE := -n auto --maxprocesses 4 --dist loadfile

.PHONY: docs demo test test-quick check fix bench eval install clean

demo: $(STAMP)
	@echo "Making the demo (about three minutes the first time), then serving http://127.0.0.1:8501"
	@$(BIN)/leeway demo

test: $(STAMP)
	@echo "Running the quick tests side by side, then whole servers and browsers one after the other"
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q $(SIDE_BY_SIDE) -m "not slow and not browser"
	@$(BIN)/coverage run -m pytest -q -m "slow or browser"
	@$(BIN)/coverage combine -q
	@$(BIN)/coverage report

test-quick: $(STAMP)
	@$(BIN)/pytest -q $(SIDE_BY_SIDE) -m "not slow and not browser and not ml"

check: $(STAMP)
	@echo "Checking format, lint, types and import contracts"
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fix: $(STAMP)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP)
	@echo "Measuring (about ten minutes); each figure is a ratio or a rate of this machine"
	@$(BIN)/python -m tests.benchmarks

eval: $(STAMP)
	@$(BIN)/python -m tests.eval $(DATA) $(if $(PAGE),--page $(PAGE))

docs: $(STAMP)
	@$(BIN)/python -m leeway.reference > docs/reference.md

install: $(STAMP)

# torch first and alone, from PyTorch's own CPU index where that can be reached: the default build for Linux brings
# gigabytes of GPU libraries that nothing here uses. Elsewhere pip takes the build it finds.
$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "python3.11 is needed: set PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Installing into .venv (some minutes the first time)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -c "import torch" 2>/dev/null || { \
		echo "  torch (CPU build)"; \
		$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt --retries 0 --timeout 10 \
			--extra-index-url https://download.pytorch.org/whl/cpu torch 2>/dev/null || \
		$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt torch; }
	@echo "  everything else"
	@$(BIN)/python -m pip install -q --disable-pip-version-check -c constraints.txt -e ".[ml,dev]"
	@touch $(STAMP)

clean:
	@rm -rf .venv data build dist .coverage* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
