"""Log text is hostile: nothing of it may come to life."""

import re

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pages.parts.text import cells, escaped, safe_label

HOSTILE = [
    "![x](http://evil.example/pixel.png)",
    "[invoice](http://evil.example)",
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "[a](javascript:alert(1))",
    "see http://evil.example/a and www.evil.example or mail a@evil.example",
    "$\\href{http://evil.example}{x}$",
    ":red[danger] :material/home: :blue-badge[x]",
    "# heading\n- list\n> quote\n| a | b |",
    "`code` **bold** ~~gone~~ _it_",
    "a\u202egnp.exe",
]
# The directives and LaTeX that Streamlit adds to Markdown, where they are not escaped.
OURS = re.compile(r"(?<!\\)(\$|:[a-z]+(-[a-z]+)*\[|:material/)")


def rendered(text: str) -> str:
    return MarkdownIt("gfm-like", {"linkify": False}).enable("table").render(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_in_a_label_stays_text(text):
    label = safe_label(text, 500)
    html = rendered(label)
    assert not re.search(r"<(a|img|script|h1|ul|table|code|strong|em|del|blockquote)\b", html)
    assert not OURS.search(label)
    assert "\u202e" not in label
    assert not re.search(r"https?://|\bwww\.|\w@\w", label)


@given(st.text(max_size=200))
def test_no_text_makes_a_label_with_markup(text):
    html = rendered(f"before {safe_label(text, 500)} after")
    assert set(re.findall(r"<(\w+)", html)) <= {"p"}


@given(st.text(max_size=200))
def test_no_text_makes_a_tag_in_our_html_or_a_figure(text):
    assert "<" not in escaped(text)
    assert '"' not in escaped(text)


def test_a_long_label_is_cut():
    assert safe_label("x" * 100, 10) == "x" * 9 + "…"


@pytest.mark.parametrize("cell", ['=HYPERLINK("http://evil.example")', "+1+1", "-2", "@SUM(1)", "\t=1", " =1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_run_gets_an_apostrophe(cell):
    assert cells(pl.DataFrame({"a": [cell]}))["a"][0] == "'" + cell


def test_ordinary_cells_and_numbers_stay_as_they_are():
    frame = pl.DataFrame({"a": ["plain", None, "a=b"], "n": [-1, 2, None]})
    assert cells(frame).equals(frame)
