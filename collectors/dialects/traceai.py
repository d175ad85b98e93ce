"""traceAI (Future AGI): OpenInference's lists and kinds under names that begin like those of the GenAI conventions."""

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from collectors.dialect import Dialect, Reading
from collectors.dialects import openinference
from collectors.spans import semconv
from collectors.spans.outcomes import guarded
from store.model import LogRecord, Span, SpanKind

KINDS = ("gen_ai.span.kind", "fi.span.kind")  # the latter: until 2026, over OpenInference's own names
NAMES = {
    **dict.fromkeys(KINDS, "openinference.span.kind"),
    "gen_ai.request.parameters": "llm.invocation_parameters", "gen_ai.provider.name": "llm.provider",
    "gen_ai.response.model": "llm.response.model_name", "gen_ai.cost.total": "llm.cost.total",
    "gen_ai.prompts": "llm.prompts",
}  # fmt: skip
LISTS = {
    "gen_ai.input.messages.": "llm.input_messages.", "gen_ai.output.messages.": "llm.output_messages.",
    "gen_ai.tool.definitions.": "llm.tools.",
}  # fmt: skip
MESSAGES = ("gen_ai.input.messages", "gen_ai.output.messages")


def score(span: Span) -> int:
    return 2 * any(kind in span.attributes for kind in KINDS)


def extract(span: Span, logs: Sequence[LogRecord]) -> Reading:
    """Read it as OpenInference; the model a response names stands where the request's should."""
    a = span.attributes
    found = openinference.extract(replace(span, attributes=_renamed(a)), logs)
    if found["kind"] == SpanKind.GUARDRAIL:
        said = {"result": a.get("gen_ai.guardrail.result"), "guardrail.name": a.get("gen_ai.guardrail.name")}
        found["outcomes"] = guarded(span.name, said, a.get("output.value"), failed=span.failed)
    if found["call"]:
        found["response_model"] = found.get("response_model") or a.get("gen_ai.request.model")
        found["usage"] = found.get("usage") or semconv.usage(a)
    if any(name in a for name in MESSAGES):  # others write the conventions' messages beside such a kind
        found.pop("asked", None)
        found.pop("answered", None)
    return found


def _renamed(a: Mapping[str, Any]) -> dict[str, Any]:
    return {_name(name): value for name, value in a.items()}


def _name(name: str) -> str:
    if name in NAMES:
        return NAMES[name]
    return next((theirs + name[len(ours) :] for ours, theirs in LISTS.items() if name.startswith(ours)), name)


TRACEAI = Dialect(name="traceai", priority=60, score=score, extract=extract)
