"""Judgements that stand on spans: OpenInference's annotations and evaluations, pydantic-evals' scores of a case."""

from collections.abc import Sequence

from collectors.apis.counts import as_object
from collectors.apis.messages import parsed
from collectors.dialect import Dialect, Reading
from collectors.spans.indexed import nested
from collectors.spans.outcomes import Outcome, named, scored
from store.model import LogRecord, Span

CASES = "pydantic-evals"
OF_CASES = ("scores", "labels", "assertions")
LISTS = {
    f"{of}{kind}s.": kind for of in ("", "trace.", "session.") for kind in ("annotation", "evaluation")
}  # prefix → the word that stands behind the number


def score(span: Span) -> int:
    if span.scope_name == CASES:
        return any(name in span.attributes for name in OF_CASES)
    return any(name.startswith(tuple(LISTS)) for name in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    if span.scope_name == CASES:
        return {"outcomes": [one for name in OF_CASES for one in named(as_object(parsed(a.get(name))))]}
    found: list[Outcome] = []
    for prefix, kind in LISTS.items():
        told = [item.get(kind) for item in nested(a, prefix) if isinstance(item, dict)]
        found += scored(kind, told) or []
    return {"outcomes": found}


ANNOTATIONS = Dialect(name="annotations", priority=20, score=score, extract=extract)
