"""Spans that Leeway makes of other tools' runs: what the GenAI conventions have no name for."""

from collections.abc import Sequence

from collectors.apis.runs import COST, PROMPT_NAME, PROMPT_VERSION, TAGS
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Span

NAMES = (COST, PROMPT_NAME, PROMPT_VERSION, TAGS)


def score(span: Span) -> int:
    return any(name in span.attributes for name in NAMES)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    told = span.attributes
    return {
        "reported_cost_usd": semconv.number(told.get(COST)),
        "tags": semconv.strings(told.get(TAGS)),
        "prompt_name": told.get(PROMPT_NAME),
        "prompt_version": told.get(PROMPT_VERSION),
    }


RUNS = Dialect(name="runs", priority=10, score=score, extract=extract)
