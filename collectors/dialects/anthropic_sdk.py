"""The Anthropic SDK's own tracing, beside whatever else instruments it: no content, the API's exact counts."""

from collections.abc import Sequence

from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from store.model import LogRecord, Span

SCOPE = "com.anthropic.sdk"


def score(span: Span) -> int:
    return 2 * span.scope_name.startswith(SCOPE)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    return {"finish_reasons": semconv.strings(span.attributes.get("anthropic.message.stop_reason"))}


ANTHROPIC_SDK = Dialect(name="anthropic-sdk", priority=25, score=score, extract=extract)
