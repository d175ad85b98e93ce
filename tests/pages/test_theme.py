"""Both themes can be read, and the charts can be told apart from their ground."""

import re
import tomllib
from pathlib import Path

import pytest

from pages.parts.charts import DARK, LIGHT, Ink

CONFIG = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text())
TEXT, GRAPHIC = 4.5, 3.0


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_text_reaches_four_and_a_half_to_one(mode):
    theme = CONFIG["theme"][mode]
    for ground in (theme["backgroundColor"], theme["secondaryBackgroundColor"]):
        for name in ("textColor", "linkColor", "primaryColor"):
            assert contrast(theme[name], ground) >= TEXT, (name, ground)
    for name in ("red", "orange", "green", "blue", "gray"):
        assert contrast(theme[f"{name}TextColor"], theme["backgroundColor"]) >= TEXT, name
        assert contrast(theme[f"{name}TextColor"], theme[f"{name}BackgroundColor"]) >= TEXT, name


@pytest.mark.parametrize("ink", [LIGHT, DARK])
def test_every_line_of_a_chart_reaches_three_to_one(ink: Ink):
    assert all(contrast(hue, ink.ground) >= GRAPHIC for hue in (*ink.hues, ink.warm))
    assert all(contrast(text, ink.ground) >= TEXT for text in (ink.text, ink.faint, ink.worse, ink.better))


@pytest.mark.parametrize(("mode", "ink"), [("light", LIGHT), ("dark", DARK)])
def test_charts_and_theme_share_their_colours(mode: str, ink: Ink):
    theme = CONFIG["theme"][mode]
    assert tuple(theme["chartCategoricalColors"]) == ink.hues
    assert theme["backgroundColor"] == ink.ground
    assert theme["textColor"] == ink.text
    assert theme["borderColor"] == ink.line


def test_nothing_calls_home_and_nobody_else_is_let_in():
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert CONFIG["server"]["address"] == "127.0.0.1"
    assert CONFIG["server"]["fileWatcherType"] == "none"
    assert CONFIG["client"]["showErrorDetails"] == "none"
    assert CONFIG["client"]["toolbarMode"] == "viewer"


def test_no_page_has_a_primary_button_or_an_icon_from_elsewhere():
    """In dark mode no colour passes both as a text and under a white one; a material page icon is fetched from afar."""
    for path in Path("pages").rglob("*.py"):
        source = path.read_text()
        assert 'type="primary"' not in source, path
        assert not re.search(r"page_icon=.:material", source), path
        assert "unsafe_allow" not in source, path
