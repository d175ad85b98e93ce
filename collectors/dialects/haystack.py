"""Haystack through OpenInference: what its attributes leave out stands in a reply's `meta`, which is Python text."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import as_object, openai_usage
from collectors.apis.messages import parsed
from collectors.apis.pythonic import python
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Span

SCOPE = "openinference.instrumentation.haystack"
META = "_meta="  # the last field of a ChatMessage


def score(span: Span) -> int:
    return 2 * (span.scope_name == SCOPE and "openinference.span.kind" in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    """Read the counts of embedders and what chat generators keep of the response beside its text."""
    meta = _meta(as_object(parsed(span.attributes.get("output.value"))))
    return {
        "usage": openai_usage(meta.get("usage")) or None,
        "finish_reasons": semconv.strings(meta.get("finish_reason")),
    }


def _meta(output: Mapping[str, Any]) -> Mapping[str, Any]:
    told = output.get("meta")
    if isinstance(told, list) and told:  # of the text generators, one for each reply
        told = told[0]
    replies = output.get("replies")
    if told is None and isinstance(replies, list) and replies and isinstance(replies[0], str):
        told = python(replies[0].rpartition(META)[2].removesuffix(")"))
    return as_object(told)


HAYSTACK = Dialect(name="haystack", priority=55, score=score, extract=extract)
