"""Worlds for pages to draw: a Runtime without a clock on a small database of its own."""

import random
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from analytics.prices import PriceSettings, price_calls
from leeway import config, runtime
from leeway.runtime import Runtime
from store.calls import append_calls, call_table
from store.evaluations import append_evaluations
from store.model import ContentState, Evaluation, LLMCall, Status

SHELL = Path(__file__).parents[2] / "pages" / "_shell.py"
PAGES = ("overview", "alerts", "calls", "cost", "quality", "drift", "data", "trace")
TIMEOUT_S = 60
MODELS = ("gpt-4o", "gpt-4o-mini", "acme-7b")


def make_calls(n: int, *, now: datetime, **fields: object) -> list[LLMCall]:
    """`n` calls over the last two days, one in ten failed; `fields` go over all of them."""
    rng = random.Random(n)
    return [_call(number, now - timedelta(days=2) * rng.random(), rng, fields) for number in range(n)]


def _call(number: int, at: datetime, rng: random.Random, fields: dict[str, object]) -> LLMCall:
    failed = number % 10 == 0
    made: dict[str, object] = {
        "call_id": f"call-{number:04}", "source": "test", "event_time": at, "started_at": at,
        "latency_ms": 200 + 1800 * rng.random(), "ttft_ms": 150.0, "status": Status.ERROR if failed else Status.OK,
        "error_type": "timeout" if failed else None, "provider": "openai", "model": MODELS[number % 3],
        "request_model": MODELS[number % 3], "input_tokens": 100 + number, "output_tokens": None if failed else 40,
        "input_text": f"question {number}", "output_text": None if failed else f"answer {number}",
        "content_state": ContentState.FULL, "trace_id": f"{number // 2:032x}", "span_id": f"{number:016x}",
        "session_id": f"session-{number % 7}", "user_id": f"user-{number % 20}",
        "tenant": ("north", "south")[number % 2],
        "environment": "production", "prompt_name": "reply", "prompt_version": f"v{number % 2 + 1}",
    }  # fmt: skip
    return LLMCall(**{**made, **fields})  # type: ignore[arg-type]


def scored(calls: list[LLMCall]) -> list[Evaluation]:
    """One answer in five toxic, each with a value."""
    return [
        Evaluation(
            call_id=call.call_id, event_time=call.event_time, name="toxicity", evaluator="toxicity/probe-1",
            value=0.9 if number % 5 == 0 else 0.1, label="toxic" if number % 5 == 0 else "fine",
            flagged=number % 5 == 0,
            explanation="worst piece: …", created_at=call.event_time,
        )
        for number, call in enumerate(calls)
        if call.output_text
    ]  # fmt: skip


@pytest.fixture
def world(tmp_path: Path, empty_database: Path) -> Iterator[Callable[..., Runtime]]:
    """Open a Runtime with these calls: `world(make_calls(200, now=now))`."""
    opened: list[Runtime] = []

    def start(calls: list[LLMCall] | None = None) -> Runtime:
        st.cache_data.clear()
        path = tmp_path / "pages.duckdb"
        if not opened:
            shutil.copyfile(empty_database, path)
        made = Runtime(config.load(environ={}, store__path=path))
        opened.append(made)
        runtime.use(made)
        if calls:
            with made.store.transaction() as tx:
                append_calls(tx, call_table(calls, source_id=None, ingested_at=made.now()))
                append_evaluations(tx, scored(calls))
            price_calls(made.store, PriceSettings(), now=made.now())
        return made

    yield start
    runtime.use(None)
    for made in opened:
        made.close()


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


def visit(page: str, **query: str) -> AppTest:
    """Open a page as a browser would, with these URL parameters."""
    test = AppTest.from_file(SHELL, default_timeout=TIMEOUT_S)
    test.query_params.update(query)
    test.switch_page(f"{page}.py")
    return test.run()


def said(test: AppTest) -> str:
    """All the text of a page, our own HTML and tables included."""
    kinds = ("markdown", "caption", "text", "code", "error", "warning", "info", "success", "html")
    parts = [str(getattr(element, "value", "") or element.proto) for kind in kinds for element in test.get(kind)]
    return "\n".join([*parts, *(str(frame.value) for frame in test.dataframe)])
