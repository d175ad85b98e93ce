"""Retrieved documents, attached to the answer that used them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from collectors.apis.messages import parsed
from collectors.spans.candidate import Candidate, Trees, kind_of
from collectors.spans.content import said
from store.model import Operation, Span, SpanKind

TEXT_KEYS = ("content", "text", "page_content", "document.content")
PROBE = 60  # characters by which a document is recognised in a prompt
ANSWERS = (Operation.CHAT, Operation.COMPLETION, None)


def attach(calls: Sequence[Candidate], trees: Trees) -> None:
    """Give each answer the documents its trace retrieved before it.

    A prompt that shows some of the documents used those; where it shows none, the first answer after the retrieval
    gets them. Where all that were retrieved is nothing, that answer gets an empty list.
    """
    found = _retrievals(trees)
    if not found:
        return
    by_trace: dict[str, list[Candidate]] = defaultdict(list)
    for call in calls:
        if call.reading.get("operation") in ANSWERS and not call.reading.get("documents"):
            by_trace[call.span.trace_id].append(call)
    for trace_id, retrievals in found.items():
        _attach(sorted(by_trace[trace_id], key=lambda c: (c.span.start_ns, c.key)), retrievals)


def _retrievals(trees: Trees) -> dict[str, list[tuple[Span, list[Any]]]]:
    found: dict[str, list[tuple[Span, list[Any]]]] = defaultdict(list)
    for key, reading in trees.readings.items():
        if reading.get("documents") is not None and kind_of(reading) in (SpanKind.RETRIEVAL, SpanKind.RERANK):
            found[key[0]].append((trees.spans[key], reading["documents"]))
    return found


def _attach(calls: list[Candidate], retrievals: list[tuple[Span, list[Any]]]) -> None:
    taken: set[int] = set()
    for call in calls:
        before = [(i, docs) for i, (span, docs) in enumerate(retrievals) if span.end_ns <= call.span.start_ns]
        prompt = _prompt(call)
        shown = _distinct([doc for _, docs in before for doc in docs if _shown(doc, prompt)])
        fresh = [docs for i, docs in before if i not in taken]
        if shown or fresh:
            call.reading["documents"] = shown or _distinct([doc for docs in fresh for doc in docs])
        taken |= {i for i, _ in before}


def _prompt(call: Candidate) -> str:
    system = call.reading.get("system") or ()
    parts = [system] if isinstance(system, str) else [p.get("content") or "" for p in system]
    return "\n".join([*parts, *said(call.reading.get("asked") or ())])


def document_text(document: Any) -> str | None:
    """Return a retrieved document's text, whatever its key."""
    document = parsed(document)
    if isinstance(document, str):
        return document
    if not isinstance(document, dict):
        return None
    return next((document[key] for key in TEXT_KEYS if isinstance(document.get(key), str)), None)


def _shown(document: Any, prompt: str) -> bool:
    text = (document_text(document) or "").strip()
    return bool(text) and text[:PROBE] in prompt


def _distinct(documents: list[Any]) -> list[Any]:
    return list({str(document): document for document in documents}.values())
