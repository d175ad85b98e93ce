"""The frame of a page: its title with the question it answers, tiles, and cards to put charts and tables in."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from html import escape
from typing import Any

import streamlit as st
from plotly.basedatatypes import BaseFigure
from streamlit.delta_generator import DeltaGenerator

from pages.parts import charts
from pages.parts.text import escaped
from pages.parts.units import Change

SIGNS = {"worse": "▲", "better": "▼"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One number: its value, how sure it is, how it changed (or a note), and its course as bars from zero up."""

    label: str
    value: str
    spread: str = ""
    change: Change | None = None
    note: str = ""
    shape: Sequence[float | None] = ()
    help: str = ""


_HEAD: ContextVar[DeltaGenerator] = ContextVar("head")


def start() -> None:
    """Keep a place above the filter bar for what a page says first."""
    _HEAD.set(st.container(gap="small"))


def head() -> DeltaGenerator:
    """The place above the filter bar."""
    return _HEAD.get()


def title(name: str, question: str, aside: str = "") -> None:
    """The page's name, what it answers, and at the right how fresh it is."""
    colours = charts.ink()
    head().html(
        f'<div style="display:flex;flex-wrap:wrap;align-items:baseline;gap:2px 14px">'
        f'<h1 style="font-size:1.5rem;font-weight:650;margin:0;padding:0">{escape(name)}</h1>'
        f'<span style="color:{colours.faint};font-size:0.95rem">{escape(question)}</span>'
        f'<span style="color:{colours.faint};font-size:0.85rem;margin-left:auto">{escape(aside)}</span></div>'
    )


def tiles(items: Sequence[Tile]) -> None:
    """Tiles side by side, as many as fit; none is ever cut."""
    height = 112 if any(item.shape for item in items) else 84
    cells = "".join(_tile(item, height) for item in items)
    st.html(
        f'<div style="display:grid;gap:10px;grid-template-columns:repeat(auto-fit,minmax(158px,1fr))">{cells}</div>'
    )


def _tile(item: Tile, height: int) -> str:
    colours = charts.ink()
    words = _changed(item.change, colours) if item.change else escape(item.note)
    return (
        f'<div title="{escape(item.help)}" style="border:1px solid {colours.line};border-radius:6px;'
        f"padding:9px 12px 8px;"
        f'min-height:{height}px;display:flex;flex-direction:column;box-sizing:border-box">'
        f'<div style="font-size:13px;color:{colours.faint}">{escape(item.label)}</div>'
        f'<div style="font-size:25px;font-weight:600;line-height:1.3;font-variant-numeric:tabular-nums">'
        f"{escape(item.value)}"
        f'<span style="font-size:12px;font-weight:400;color:{colours.faint};margin-left:7px">'
        f"{escape(item.spread)}</span></div>"
        f'<div style="font-size:12.5px;color:{colours.faint};min-height:18px">{words}</div>'
        f"{_bars(item.shape, colours)}</div>"
    )


def _changed(moved: Change, colours: charts.Ink) -> str:
    if moved.tone == "neutral":
        return escape(moved.text) if moved.text == "unchanged" else f"{escape(moved.text)} vs before"
    hue = colours.worse if moved.tone == "worse" else colours.better
    word = "worse" if moved.tone == "worse" else "better"
    return f'<span style="color:{hue};font-weight:600">{escape(moved.text)}</span>, {word}'


def _bars(shape: Sequence[float | None], colours: charts.Ink) -> str:
    """A small bar chart from zero up; a flat course looks flat."""
    top = max((value for value in shape if value is not None), default=0)
    if not top:
        return ""
    bars = "".join(
        f'<div style="flex:1;border-radius:1px;background:{colours.hues[0]};'
        f'height:{max(100 * (value or 0) / top, 0):.0f}%"></div>'
        for value in shape
    )
    return (
        f'<div aria-hidden="true" style="display:flex;align-items:flex-end;gap:2px;height:24px;'
        f'margin-top:auto;opacity:.5">{bars}</div>'
    )


@contextmanager
def card(heading: str, note: str = "") -> Iterator[None]:
    """A bordered box with a heading and, in small print, what the reader must know of the numbers in it."""
    with st.container(border=True, gap="xsmall"):
        colours = charts.ink()
        st.html(
            f'<div style="display:flex;flex-wrap:wrap;align-items:baseline;gap:0 10px">'
            f'<h2 style="font-size:0.98rem;font-weight:600;margin:0;padding:0">{escape(heading)}</h2>'
            f'<span style="color:{colours.faint};font-size:0.82rem">{escape(note)}</span></div>'
        )
        yield


def figure(drawn: BaseFigure, *, alt: str, key: str, brushed: Callable[[str], None] | None = None) -> None:
    """A figure in the look of `charts`; `alt` says in words what it shows.

    `brushed` is called with the key when the reader has drawn over a stretch of it: `st.session_state[key]`.
    """
    if brushed is None:
        st.plotly_chart(drawn, theme=None, config=charts.CONFIG, alt=alt, key=key)
        return
    drawn.to_dict()["layout"].update(dragmode="select", selectdirection="h")
    st.plotly_chart(
        drawn, theme=None, config=charts.CONFIG, alt=alt, key=key,
        on_select=lambda: brushed(key), selection_mode="box",
    )  # fmt: skip


def pressed(drawn: BaseFigure, *, alt: str, key: str, pressed: Callable[[str], None]) -> None:
    """Like `figure`; `pressed` is called with the `customdata` of a mark that was clicked, before the page is drawn."""

    def told() -> None:
        if (name := _custom(st.session_state[key])) is not None:
            pressed(name)

    st.plotly_chart(
        drawn, theme=None, config=charts.CONFIG, alt=alt, key=key, on_select=told, selection_mode="points"
    )  # fmt: skip


def pointed(drawn: BaseFigure, *, alt: str, key: str) -> str | None:
    """Like `figure`; return the `customdata` of the point that was clicked, None when there is none."""
    state = st.plotly_chart(
        drawn, theme=None, config=charts.CONFIG, alt=alt, key=key, on_select="rerun", selection_mode="points"
    )  # fmt: skip
    return _custom(state)


def _custom(state: Any) -> str | None:
    chosen = [point.get("customdata") for point in state.selection.points]
    told = chosen[0] if chosen else None
    return str(told[0] if isinstance(told, list) else told) if told else None


def facts(rows: Sequence[tuple[str, str]], colours: charts.Ink) -> None:
    """Labels and values in two columns; values may hold what strangers wrote."""
    lines = "".join(
        f'<div style="color:{colours.faint}">{escape(label)}</div>'
        f'<div style="overflow-wrap:anywhere">{escaped(value, 200)}</div>'
        for label, value in rows
    )
    st.html(
        f'<div style="display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;font-size:0.87rem">{lines}</div>'
    )
