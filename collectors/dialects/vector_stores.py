"""Searches in vector stores (Pinecone, Chroma, Qdrant, Milvus and others), told by OpenLLMetry or OpenLIT.

`db.system` names the store; OpenLLMetry puts each thing found into a span event of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import known
from collectors.apis.messages import parsed
from collectors.dialect import Dialect, Reading
from store.model import LogRecord, Span, SpanKind

SYSTEM = ("db.system", "db.system.name")
STORES = frozenset({
    "pinecone", "chroma", "chromadb", "qdrant", "weaviate", "milvus", "lancedb", "marqo", "astra", "pgvector", "vespa",
})  # fmt: skip
SEARCHES = ("query", "search", "get", "retrieve", "fetch", "peek", "recommend")
FOUND = "db.query.result"


def score(span: Span) -> int:
    return 2 * any(name in span.attributes for name in SYSTEM)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    """Read a search; what a store is told (upserts, deletions) is no retrieval."""
    a = span.attributes
    store = str(next((a[name] for name in SYSTEM if a.get(name)), "")).lower()
    found = [_document(e.attributes) for e in span.events if e.name == FOUND]
    asked = str(a.get("db.operation") or a.get("db.operation.name") or span.name).lower()
    if store not in STORES or not (found or any(word in asked for word in SEARCHES)):
        return {}
    return {"kind": SpanKind.RETRIEVAL, "call": False, "documents": [d for d in found if d] or None}


def _document(told: Mapping[str, Any]) -> dict[str, Any]:
    return known({
        "id": told.get(f"{FOUND}.id"),
        "content": told.get(f"{FOUND}.document"),
        "score": told.get(f"{FOUND}.score", told.get(f"{FOUND}.distance")),
        "metadata": parsed(told.get(f"{FOUND}.metadata")),
    })  # fmt: skip


VECTOR_STORES = Dialect(name="vector-stores", priority=45, score=score, extract=extract)
