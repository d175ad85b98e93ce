"""Which calls show best what a metric says, and what to say of them without their text."""

from collections.abc import Sequence

from analytics.evaluator import evaluators
from analytics.leaks import hidden
from analytics.metric import metric
from store import browse
from store.connection import Store
from store.examples import Telling, flagged_calls, telling_calls
from store.model import Filters, Window

LIMIT = 3
LONGEST = 200  # characters of either text
# By what a metric's name begins with; what is not here is shown by its newest calls.
TELLING = {
    "error": Telling.FAILED, "rate_limited": Telling.RATE_LIMITED, "cost": Telling.COSTLY,
    "output_tokens": Telling.LONG, "input_tokens": Telling.LONG, "latency": Telling.SLOW, "ttft": Telling.LATE,
    "ingest_delay": Telling.OVERDUE, "negative_feedback": Telling.DISLIKED,
}  # fmt: skip


def examples(store: Store, name: str, window: Window, filters: Filters, *, limit: int = LIMIT) -> list[tuple[str, str]]:
    """Return (call id, a few words of numbers) of the calls that show a metric's value best."""
    evaluator = metric(name).evaluator
    if evaluator is not None and evaluators()[evaluator].rate == name:
        low = evaluators()[evaluator].low
        found = flagged_calls(store, window, filters, evaluator=evaluator, low=low, limit=limit)
        return [(row["call_id"], f"{evaluator} {row['value']:.2f}") for row in found.iter_rows(named=True)]
    kind = telling(name)
    found = telling_calls(store, window, filters, kind, names=tuple(evaluators()), limit=limit)
    return [(row["call_id"], _words(row, kind)) for row in found.iter_rows(named=True)]


def wording(store: Store, call_id: str) -> str:
    """The beginning of what was asked and answered, without personal data and secrets that have a form."""
    call = browse.call(store, call_id=call_id) or {}
    return " → ".join(hidden(call[part])[:LONGEST] for part in ("input_text", "output_text") if call.get(part))


def telling(name: str) -> Telling:
    """What makes a call a telling example of a metric."""
    return next((kind for start, kind in TELLING.items() if name.startswith(start)), Telling.NEWEST)


def _words(row: dict[str, object], kind: Telling) -> str:
    said: Sequence[tuple[str, str]] = {
        Telling.FAILED: [("error_type", "{}"), ("http_status", "HTTP {}")],
        Telling.RATE_LIMITED: [("http_status", "HTTP {}"), ("error_type", "{}")],
        Telling.COSTLY: [("cost_usd", "${:.4f}"), ("output_tokens", "{:,} tokens out")],
        Telling.LONG: [("input_tokens", "{:,} tokens in"), ("output_tokens", "{:,} out")],
        Telling.SLOW: [("latency_ms", "{:,.0f} ms"), ("output_tokens", "{:,} tokens out")],
        Telling.LATE: [("ttft_ms", "{:,.0f} ms to the first token")],
        Telling.OVERDUE: [("event_time", "of {:%d %b %H:%M} UTC"), ("ingested_at", "here at {:%d %b %H:%M}")],
    }.get(kind, [("event_time", "{:%d %b %H:%M} UTC")])
    return ", ".join(text.format(row[name]) for name, text in said if row[name] is not None)
