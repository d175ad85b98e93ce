"""The documents say what the code does."""

import re
import shlex
from pathlib import Path

import pytest

from alerts.rules.rulefile import rule_from
from analytics.metric import metrics
from leeway import config, reference
from leeway.cli import parser

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TEXT = "\n".join(path.read_text() for path in DOCUMENTS)


def fenced(language: str = "") -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
    return [block for named, block in blocks if named == language]


def commands() -> list[str]:
    lines = (line.partition("  #")[0].strip() for block in fenced() for line in block.splitlines())
    return sorted({line.removeprefix(".venv/bin/") for line in lines if re.match(r"(\.venv/bin/)?leeway ", line)})


def test_the_reference_is_what_the_code_declares():
    assert (ROOT / "docs" / "reference.md").read_text() == reference.page(), "run `make docs`"


def test_the_readme_is_at_most_150_lines():
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("line", commands())
def test_every_command_in_the_documents_can_be_typed(line: str):
    parser().parse_args(shlex.split(line)[1:])


def test_every_make_target_in_the_documents_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", TEXT)) - {"and", "are", "is"} <= targets


def test_every_settings_example_is_valid(tmp_path: Path):
    settings = [block for block in fenced("toml") if "[[test]]" not in block]  # those are tests of rules
    for number, block in enumerate(settings):
        path = tmp_path / f"{number}.toml"
        path.write_text(block)
        for table in config.load(path, environ={}).rule:
            rule_from(table, where="docs", metrics=metrics())


def test_every_link_leads_somewhere():
    lost = [
        (path.name, target)
        for path in DOCUMENTS
        for target in re.findall(r"\]\(([^)#]+)\)", path.read_text())
        if not target.startswith("http") and not (path.parent / target).exists()
    ]
    assert lost == []


def test_the_readme_names_every_page():
    pages = {path.stem for path in (ROOT / "pages").glob("*.py")} - {"_shell", "__init__"}
    assert {page for page in pages if page.capitalize() not in README} == set()
