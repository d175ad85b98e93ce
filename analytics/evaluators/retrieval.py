"""Retrieval that brought nothing, nothing that stands out, or old documents."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from analytics.evaluator import Engine, Evaluator, ScoringSettings, Subject, Verdict

FLAT = 0.02  # of the best score: the documents are as good as one another, or as bad
STALE = timedelta(days=365)
SCORE_KEYS = ("score", "document.score", "relevance_score", "similarity")
DATE_KEYS = ("updated_at", "last_modified", "modified_at", "published_at", "date")


def score(subjects: Sequence[Subject], _: ScoringSettings) -> list[Verdict]:
    return [_verdict(subject["retrieved"], subject["started_at"]) for subject in subjects]


def _verdict(retrieved: str, at: datetime | None) -> Verdict:
    documents = list(_documents(retrieved))
    if not documents:
        return Verdict(value=1.0, label="empty_retrieval", explanation="no document was retrieved")
    if at and (age := _age(documents, at)) is not None and age > STALE:
        return Verdict(value=0.0, label="stale", explanation=f"the newest document is {age.days} days old")
    if (gap := _gap(documents)) is not None and gap < FLAT:
        return Verdict(value=0.0, label="flat", explanation=f"{len(documents)} documents, scores within {gap:.1%}")
    return Verdict(value=0.0, label="retrieved", explanation=f"{len(documents)} documents")


def _documents(retrieved: str) -> Iterator[Any]:
    try:
        value = orjson.loads(retrieved)
    except orjson.JSONDecodeError:
        value = retrieved.strip() or None
    if isinstance(value, dict) and "documents" in value:
        value = value["documents"]
    yield from (item for item in (value if isinstance(value, list) else [value]) if item)


def _first(document: Any, keys: Sequence[str]) -> Any:
    if not isinstance(document, Mapping):
        return None
    metadata = document.get("metadata")
    places = (document, metadata if isinstance(metadata, Mapping) else {})
    return next((place[key] for place in places for key in keys if place.get(key) is not None), None)


def _gap(documents: Sequence[Any]) -> float | None:
    """How far the best score stands above the last, as a share of the best; None where fewer than two are told."""
    scores = [value for one in documents if isinstance(value := _first(one, SCORE_KEYS), int | float)]
    best = max(scores, default=0)
    return (best - min(scores)) / best if len(scores) > 1 and best > 0 else None


def _age(documents: Sequence[Any], at: datetime) -> timedelta | None:
    """How old the newest document was when it was used; None where no document tells its date."""
    dates = [date for one in documents if (date := _date(_first(one, DATE_KEYS)))]
    return at.replace(tzinfo=at.tzinfo or UTC) - max(dates) if dates else None


def _date(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return found.replace(tzinfo=found.tzinfo or UTC)


EVALUATOR = Evaluator(
    name="retrieval",
    title="Empty retrieval",
    help="The search behind the answer brought no document; flat scores and old documents stand in the label.",
    unit="share of calls",
    flagged="empty_retrieval",
    question="Did the search bring nothing of use?",
    needs=("retrieved",),
    reads=("started_at",),
    engines=lambda _: (
        Engine(
            id="rules-1",
            score=score,
            batch=512,
            cost="nothing",
            trust="exact, where the client logs searches that bring nothing; scores and dates only where it logs them",
        ),
    ),
)
