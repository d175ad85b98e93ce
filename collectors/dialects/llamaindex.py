"""LlamaIndex through OpenInference: every method of a model is a span of its own, also those that ask it nothing."""

from collections.abc import Sequence

from collectors.dialect import Dialect, Reading
from store.model import LogRecord, Span, SpanKind

SCOPE = "openinference.instrumentation.llama_index"
ASKED = ("llm.input_messages.", "llm.prompts", "llm.prompt_template.")


def score(span: Span) -> int:
    return 2 * (span.scope_name == SCOPE and "llm.model_name" in span.attributes)


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    """Read a model's step; one that only prepares a request (`_prepare_chat_with_tools`) is no call."""
    asks = any(name.startswith(ASKED) for name in span.attributes)
    return {} if asks else {"call": False, "kind": SpanKind.CHAIN}


LLAMAINDEX = Dialect(name="llamaindex", priority=65, score=score, extract=extract)
