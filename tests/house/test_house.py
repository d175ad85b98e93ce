"""The house keeps its own rules."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = ("store", "collectors", "analytics", "alerts", "leeway", "pages")
MODULES = [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))] + [ROOT / "app.py"]
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}
HEAVY = {"torch", "transformers", "sentence_transformers", "detoxify", "evidently", "sklearn"}


def test_no_module_is_longer_than_300_lines():
    too_long = {str(p.relative_to(ROOT)): n for p in MODULES if (n := len(p.read_text().splitlines())) > 300}
    assert too_long == {}


def test_no_function_is_longer_than_50_lines():
    too_long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 50
    ]
    assert too_long == []


def test_no_module_is_a_drawer():
    assert [path for path in MODULES if path.stem in DRAWERS] == []


def test_every_module_says_what_it_is_for():
    assert [str(p.relative_to(ROOT)) for p in MODULES if not ast.get_docstring(ast.parse(p.read_text()))] == []


@pytest.mark.parametrize("module", ["leeway.cli", "leeway.server", "leeway.runtime"])
def test_the_owner_process_loads_no_model_library(module: str):
    """They would cost every click of every visitor their share of garbage collection."""
    code = f"import sys, {module}; print(' '.join(sorted(set(sys.modules) & {HEAVY!r})))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert loaded.strip() == ""


def test_pyproject_pins_the_tools_that_judge():
    dev = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["dev"]
    pinned = {line.partition("==")[0] for line in dev if "==" in line}
    assert {"ruff", "mypy", "pytest", "import-linter"} <= pinned


def test_constraints_name_versions_and_no_addresses():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert all("==" in line for line in lines)
    assert not any("/" in line or "@" in line for line in lines)
