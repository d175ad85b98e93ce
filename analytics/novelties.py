"""What else changed when a number moved: in words, for a message."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from analytics.metric import NO_FILTERS, metric
from analytics.verdict import SUMMARY
from store import comparisons, novelties
from store.connection import Store
from store.model import Filters, Window
from store.points import Relation

KNOWN = timedelta(days=7)  # a value that no call of these days named is new
MOST = 5
LEAST_SHARE = 0.01  # of the calls since it came: what is rarer moved nothing
NAMES = {"response_model": "response model"}
BROUGHT = ("provider", "environment")  # by a model, a prompt or a release
SUBJECTS = {"input_drift": ["input_text"], "output_drift": ["output_text"], "retrieved_drift": ["retrieved"]}
WHAT = {"input_text": "prompts", "output_text": "answers", "retrieved": "retrieved documents"}


def changes(store: Store, name: str, window: Window, filters: Filters = NO_FILTERS) -> Sequence[str]:
    """Return what came up in `window`, the largest first: new models, prompts and releases, prices, new topics."""
    known = Window(start=window.start - KNOWN, end=window.start)
    found = [*_topics(store, name, window)]
    new = novelties.new_values(store, window, known, filters, limit=MOST)
    found += [_new(row) for row in _by_itself(new.to_dicts()) if row["share"] >= LEAST_SHARE]
    prices = novelties.changed_prices(store, window, known, filters, limit=MOST)
    return [*found, *(_price(row) for row in prices.iter_rows(named=True))][:MOST]


def _by_itself(rows: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What did not merely come along: a new model brings its provider, and mostly answers by its own name."""
    models = {row["value"] for row in rows if row["dimension"] == "model"}
    brought_at = {row["first_at"] for row in rows if row["dimension"] not in BROUGHT}
    for row in rows:
        echo = row["dimension"] == "response_model" and row["value"] in models
        if not echo and not (row["dimension"] in BROUGHT and row["first_at"] in brought_at):
            yield row


def _new(row: dict[str, Any]) -> str:
    what = NAMES.get(row["dimension"], row["dimension"])
    return f"new {what} {row['value']} since {_moment(row['first_at'])} ({100 * row['share']:.0f} % of calls since)"


def _price(row: dict[str, Any]) -> str:
    def pair(old: float | None, new: float | None) -> str:
        return f"${old or 0:g} → ${new or 0:g}"

    told = (
        f"{pair(row['old_input_mtok'], row['input_mtok'])} in, {pair(row['old_output_mtok'], row['output_mtok'])} out"
    )
    return f"price of {row['model']} since {row['day']:%Y-%m-%d}: {told} a million tokens"


def _topics(store: Store, name: str, window: Window) -> Iterator[str]:
    """What is new in what people ask or models answer, where it is drift that moved."""
    if metric(name).relation is not Relation.COMPARISONS:
        return
    for subject in SUBJECTS.get(name, list(WHAT)):
        judged = comparisons.series(store, subject, window)
        ends = judged.filter(detector=SUMMARY, drifted=True)["current_end"].to_list()
        details = comparisons.details(store, SUMMARY, subject, ends[-1]) if ends else None
        topics = details.get("topics") if isinstance(details, dict) else None
        for topic in topics if isinstance(topics, list) else ():
            if isinstance(topic, dict) and topic.get("new"):
                yield f"new topic {topic['name']!r} ({100 * topic['now']:.0f} % of {WHAT[subject]})"


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
