"""The steps of a trace, each as a bar from its start to its end."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import plotly.graph_objects as go
import streamlit as st

from pages.parts import charts, frame, units
from pages.parts.text import escaped
from store.model import Span

MOST_BARS = 200
ROW = 24
NS_IN_MS = 1e6
ERROR = 2


def drawn(spans: Sequence[Span], call: Mapping[str, Any]) -> None:
    rows = ordered(spans)
    note = f"{len(rows)} steps" + (f", the first {MOST_BARS} drawn" if len(rows) > MOST_BARS else "")
    with frame.card("Steps", note):
        if all(span.start_ns for span, _ in rows[:MOST_BARS]):
            alt = (
                f"Waterfall of {len(rows)} steps, {sum(span.status_code == ERROR for span, _ in rows)} of them failed."
            )
            frame.figure(_figure(rows[:MOST_BARS], call["span_id"]), alt=alt, key="waterfall")
        else:
            st.caption("The source told no times for these steps.")
        with st.expander("Attributes of a step"):
            names = [f"{number + 1}. {span.name[:60]}" for number, (span, _) in enumerate(rows)]
            chosen = st.selectbox("Step", range(len(rows)), format_func=lambda number: names[number])
            st.json(orjson.dumps(dict(rows[chosen][0].attributes), default=str).decode(), expanded=1)


def ordered(spans: Sequence[Span]) -> list[tuple[Span, int]]:
    """Parents before their children, by start; with each its depth. A span whose parent is missing is a root."""
    known = {span.span_id for span in spans}
    children: dict[str | None, list[Span]] = {}
    for span in sorted(spans, key=lambda one: (one.start_ns, one.span_id)):
        parent = span.parent_span_id if span.parent_span_id in known and span.parent_span_id != span.span_id else None
        children.setdefault(parent, []).append(span)
    rows: list[tuple[Span, int]] = []
    waiting = [(span, 0) for span in reversed(children.get(None, []))]
    while waiting:
        span, depth = waiting.pop()
        rows.append((span, depth))
        waiting += [(child, depth + 1) for child in reversed(children.pop(span.span_id, []))]
    seen = {span.span_id for span, _ in rows}
    return rows + [(span, 0) for span in spans if span.span_id not in seen]  # parents in a circle


def _figure(rows: Sequence[tuple[Span, int]], mine: str | None) -> go.Figure:
    colours = charts.ink()
    first = min(span.start_ns for span, _ in rows)
    lengths = [max(span.end_ns - span.start_ns, 0) / NS_IN_MS for span, _ in rows]
    failed = [span.status_code == ERROR for span, _ in rows]
    said = [units.duration(length) + " · failed" * bad for length, bad in zip(lengths, failed, strict=True)]
    labels = [f"{' ' * 3 * depth}{escaped(span.name, 44)}" for span, depth in rows]
    figure = go.Figure()
    figure.add_bar(
        orientation="h", y=list(range(len(rows))), x=lengths,
        base=[(span.start_ns - first) / NS_IN_MS for span, _ in rows],
        marker={
            "color": [_hue(span, mine, colours) for span, _ in rows],
            "pattern": {"shape": ["/" * bad for bad in failed]},
        },
        text=said,
        textposition="outside", cliponaxis=False, textfont={"size": 11, "color": colours.faint},
        hovertext=[escaped(span.name, 120) for span, _ in rows], hovertemplate="%{hovertext}: %{text}<extra></extra>",
    )  # fmt: skip
    figure.update_layout(**charts.layout(ROW * len(rows) + 50, colours, legend=False))
    figure.update_layout(hovermode="closest", margin={"l": 8, "r": 90, "t": 4, "b": 8}, bargap=0.35)
    figure.update_xaxes(**charts.axis(colours), automargin=True, ticksuffix=" ms", nticks=6)
    figure.update_yaxes(
        **charts.axis(colours), automargin=True, autorange="reversed", tickmode="array", showgrid=False,
        tickvals=list(range(len(rows))), ticktext=labels,
    )  # fmt: skip
    return figure


def _hue(span: Span, mine: str | None, colours: charts.Ink) -> str:
    """The call that the page is about stands out; a failed step is hatched besides."""
    if span.status_code == ERROR:
        return colours.warm
    return colours.hues[0] if span.span_id == mine else colours.hues[5]
