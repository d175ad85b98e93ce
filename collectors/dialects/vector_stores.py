"""Searches in vector stores (Pinecone, Chroma, Qdrant, Milvus and others), told by OpenLLMetry or OpenLIT.

`db.system` names the store; OpenLLMetry puts each thing found into a span event of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import known
from collectors.apis.messages import parsed
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Span, SpanKind

SYSTEM = ("db.system", "db.system.name")
STORES = frozenset({
    "pinecone", "chroma", "chromadb", "qdrant", "weaviate", "milvus", "lancedb", "marqo", "astra", "pgvector", "vespa",
})  # fmt: skip
ASKING = ("query", "search")
SEARCHES = ("query", "search", "get", "retrieve", "fetch", "peek", "recommend")
FOUND = ("db.query.result", "db.search.result")
HOW_MANY = ("db.response.returned_rows", "db.milvus.search.result_count")
TELL_EACH = ("chroma", "pinecone", "marqo", "milvus")  # of OpenLLMetry: an event for each thing found
OPENLLMETRY = "opentelemetry.instrumentation."


def score(span: Span) -> int:
    return 2 * any(name in span.attributes for name in SYSTEM)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    """Read a search; what a store is told (upserts, deletions) is no retrieval."""
    a = span.attributes
    store = str(next((a[name] for name in SYSTEM if a.get(name)), "")).lower()
    found = [_document(e.attributes, e.name) for e in span.events if e.name in FOUND]
    asked = str(a.get("db.operation") or a.get("db.operation.name") or span.name).lower()
    if store not in STORES or not (found or any(word in asked for word in SEARCHES)):
        return {}
    documents = [d for d in found if d]
    return {"kind": SpanKind.RETRIEVAL, "call": False, "documents": documents or _nothing(span, asked)}


def _nothing(span: Span, asked: str) -> list[Any] | None:
    """Return an empty list where a search told that it found nothing; None where it tells nothing of what it found."""
    told = semconv.first(span.attributes, HOW_MANY)
    if told is not None:
        return [] if told == 0 else None
    scope = span.scope_name.removeprefix(OPENLLMETRY)
    tells = scope != span.scope_name and scope.startswith(TELL_EACH) and any(word in asked for word in ASKING)
    return [] if tells and not span.failed else None


def _document(told: Mapping[str, Any], event: str) -> dict[str, Any]:
    found = known({
        "id": told.get(f"{event}.id"),
        "content": told.get(f"{event}.document"),
        "score": told.get(f"{event}.score", told.get(f"{event}.distance")),
        "metadata": parsed(told.get(f"{event}.metadata", told.get(f"{event}.entity"))),
    })  # fmt: skip
    return found or known({name: value for name, value in told.items() if not isinstance(value, list)})


VECTOR_STORES = Dialect(name="vector-stores", priority=45, score=score, extract=extract)
