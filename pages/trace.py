"""What happened in this one?"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import streamlit as st

from pages.parts import asked, charts, filters, frame, links, scores, states, units, waterfall
from pages.parts.frame import Tile
from pages.parts.text import safe_label
from store import browse, spans
from store.browse import Selection
from store.model import Window

# Beside the tiles: label and column, in the order in which people ask.
FACTS = (
    ("Call", "call_id"), ("Trace", "trace_id"), ("Session", "session_id"), ("User", "user_id"),
    ("Tenant", "tenant"), ("Environment", "environment"), ("Service", "service"), ("Prompt", "prompt_name"),
    ("Version", "prompt_version"), ("Agent", "agent_name"), ("Asked for", "request_model"),
    ("Answered by", "response_model"), ("Operation", "operation"), ("Finish reason", "finish_reason"),
    ("HTTP status", "http_status"), ("Attempts", "attempts"), ("Temperature", "temperature"),
    ("Max tokens", "max_tokens"), ("Read from", "source"), ("Time is", "time_quality"),
    ("Tokens from", "tokens_origin"),
)  # fmt: skip

Call = Mapping[str, Any]


def page() -> None:
    call = _found()
    if call is None:
        frame.title("Trace", "What happened in this one?")
        st.info(
            "The URL names no call that is stored here. Choose one on the Calls page.", icon=":material/search_off:"
        )
        links.page("calls", "Go to Calls", key="none", icon=":material/forum:")
        return
    at = f"{call['event_time']:%d %b %Y %H:%M:%S} UTC".lstrip("0")
    frame.title("Trace", f"{call['model'] or 'unknown model'} · {at}")
    _moves(call)
    frame.tiles(_tiles(call))
    if call["error_type"] or call["error_message"]:
        with frame.card("Error", str(call["error_type"] or "")):
            st.code(call["error_message"] or "no message", language=None, wrap_lines=True)
    with states.guarded("The steps"):
        _steps(call)
    left, right = st.columns([3, 2], gap="small")
    with left:
        _texts(call)
    with right:
        with states.guarded("The scores"):
            scores.card(browse.scores(asked.store(), call["call_id"], call["event_time"]))
        _facts(call)


def _found() -> Call | None:
    named, trace = st.query_params.get("call"), st.query_params.get("trace")
    return browse.call(asked.store(), call_id=named, trace_id=trace) if named or trace else None


def _moves(call: Call) -> None:
    """Back to the selection, and to the one before and after in it."""
    kept = links.kept()
    earlier, later = _neighbours(call, kept)
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        links.page("calls", "Back to the calls", key="back", icon=":material/arrow_back:")
        links.turn("Earlier", "call", earlier, icon=":material/chevron_left:")
        links.turn("Later", "call", later, icon=":material/chevron_right:")
        if call["session_id"]:
            everything = {**links.sliced({}), "range": "30d", "quick": ""}
            links.page(
                "calls", "Session", {**everything, "q": call["session_id"]}, key="session", icon=":material/forum:"
            )
        with st.popover("Link", icon=":material/link:"):
            st.code(f"{asked.base_url()}/trace?{links.encoded({'call': call['call_id']})}", language=None)


def _neighbours(call: Call, kept: Mapping[str, str]) -> tuple[str | None, str | None]:
    now = asked.minute(asked.runtime().now())
    window = filters.window_of(kept, now)
    if not window.start <= call["event_time"] < window.end:
        window = Window(start=call["event_time"] - browse.MARGIN, end=call["event_time"] + browse.MARGIN)
    chosen = Selection(
        window=window, filters=filters.filters_of(kept), quick=kept.get("quick"), search=kept.get("q", "")
    )
    return browse.neighbours(asked.store(), chosen, call_id=call["call_id"], at=call["event_time"])


def _tiles(call: Call) -> list[Tile]:
    tokens = " · ".join(
        f"{units.count(call[column])} {word}"
        for column, word in (("cache_read_tokens", "cached"), ("cache_write_tokens", "written to cache"))
        if call[column]
    )
    reasoning = f"{units.count(call['reasoning_tokens'])} reasoning" if call["reasoning_tokens"] else ""
    first = f"first token after {units.duration(call['ttft_ms'])}" if call["ttft_ms"] is not None else ""
    return [
        Tile(
            label="Status", value=str(call["status"]), note=f"HTTP {call['http_status']}" if call["http_status"] else ""
        ),
        Tile(label="Latency", value=units.shown(call["latency_ms"], "ms"), note=first),
        Tile(
            label="Cost", value=units.shown(call["cost_usd"], "USD"), note=str(call["cost_status"] or "not priced yet")
        ),
        Tile(label="Tokens in", value=units.shown(call["input_tokens"], "tokens"), note=tokens),
        Tile(label="Tokens out", value=units.shown(call["output_tokens"], "tokens"), note=reasoning),
    ]


def _steps(call: Call) -> None:
    """The waterfall, when there is more than the one call."""
    if not call["trace_id"]:
        return
    found = spans.trace(asked.store(), call["trace_id"], around=call["event_time"])
    siblings = browse.calls_of_trace(asked.store(), call["trace_id"], call["event_time"])
    if len(found) > 1:
        waterfall.drawn(found, call)
    elif siblings.height > 1:
        with frame.card("Other calls of this trace", f"{siblings.height} calls"):
            for row in siblings.iter_rows(named=True):
                if row["call_id"] != call["call_id"]:
                    model = safe_label(row["model"] or "unknown model")
                    said = f"{row['event_time']:%H:%M:%S} · {model} · {row['status']}"
                    links.page(
                        "trace", said, {"call": row["call_id"]}, key=row["call_id"], icon=":material/account_tree:"
                    )


def _texts(call: Call) -> None:
    """Prompt and answer as plain text: what a stranger wrote is never rendered."""
    with frame.card("Question", _state(call)):
        if call["system_text"]:
            with st.expander("System prompt"):
                st.code(call["system_text"], language=None, wrap_lines=True)
        _messages(call["input_messages"])
        _plain(call["input_text"])
    with frame.card("Answer"):
        if call["reasoning_text"]:
            with st.expander("Reasoning"):
                st.code(call["reasoning_text"], language=None, wrap_lines=True)
        _plain(call["output_text"])
        _json("Tool calls", call["tool_calls"], expanded=not call["output_text"])
    if call["retrieved"]:
        with frame.card("Retrieved context"):
            _json("Documents", call["retrieved"])


def _state(call: Call) -> str:
    said = {"absent": "no content was recorded", "partial": "the answer was not recorded", "redacted": "redacted"}
    return {**said, "truncated": "cut short by its source"}.get(call["content_state"], "")


def _messages(text: str | None) -> None:
    if text:
        with st.expander("Whole conversation"):
            st.json(text, expanded=2)


def _plain(text: str | None) -> None:
    if text is None:
        st.caption("Not recorded.")
    elif not text:
        st.caption("Empty.")
    else:
        st.code(text, language=None, wrap_lines=True)


def _json(label: str, text: str | None, *, expanded: bool = False) -> None:
    if text:
        with st.expander(label, expanded=expanded):
            st.json(text, expanded=3)


def _facts(call: Call) -> None:
    colours = charts.ink()
    rows: Sequence[tuple[str, Any]] = [(label, call[column]) for label, column in FACTS if call[column] is not None]
    with frame.card("Facts"):
        frame.facts([(label, str(value)) for label, value in rows], colours)
        _json("Metadata", call["metadata"])
        _json("Parameters", call["params"])
        if call["tags"]:
            st.text("Tags: " + ", ".join(call["tags"]))
        if call["problems"]:
            st.caption("What was odd when it was read")
            st.code("\n".join(call["problems"]), language=None, wrap_lines=True)
        if call["merged_from"]:
            _json("Put together from", orjson.dumps(orjson.loads(call["merged_from"])).decode())


page()
