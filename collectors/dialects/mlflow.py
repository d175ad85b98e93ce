"""MLflow's OTLP export: every attribute is JSON text; request and response stand whole in inputs and outputs."""

from collections.abc import Mapping, Sequence
from typing import Any

from collectors.apis.counts import completed, openai_usage
from collectors.apis.exchange import request_fields, response_fields
from collectors.apis.messages import messages, parsed
from collectors.dialect import Dialect, Reading
from collectors.spans import semconv
from collectors.spans.outcomes import guarded, scored
from store.model import LogRecord, Operation, Span, SpanKind

TYPE = "mlflow.spanType"
KINDS = {
    "CHAT_MODEL": SpanKind.LLM, "LLM": SpanKind.LLM, "EMBEDDING": SpanKind.EMBEDDING, "RETRIEVER": SpanKind.RETRIEVAL,
    "RERANKER": SpanKind.RERANK, "CHAIN": SpanKind.CHAIN, "WORKFLOW": SpanKind.CHAIN, "AGENT": SpanKind.AGENT,
    "TOOL": SpanKind.TOOL, "EVALUATOR": SpanKind.EVALUATOR, "GUARDRAIL": SpanKind.GUARDRAIL,
}  # fmt: skip
CALLS = {SpanKind.LLM: Operation.CHAT, SpanKind.EMBEDDING: Operation.EMBEDDING}
SCOPE = "mlflow."


def score(span: Span) -> int:
    a = span.attributes
    return 3 * (TYPE in a or (span.scope_name.startswith(SCOPE) and "model" in a))


def extract(span: Span, _logs: Sequence[LogRecord]) -> Reading:
    a = span.attributes
    if TYPE not in a:
        return _translated(a)
    kind = KINDS.get(str(parsed(a[TYPE])), SpanKind.OTHER)
    found: Reading = {"kind": kind, "call": kind in CALLS}
    if kind in CALLS:
        found.update(_call(a))
        found["operation"] = CALLS[kind]
    if kind == SpanKind.RETRIEVAL:
        documents = parsed(a.get("mlflow.spanOutputs"))
        found["documents"] = documents if isinstance(documents, list) else None
    if kind == SpanKind.GUARDRAIL:
        found["outcomes"] = guarded(span.name, {}, a.get("mlflow.spanOutputs"), failed=span.failed)
    if kind == SpanKind.EVALUATOR:
        found["outcomes"] = scored(span.name, a.get("mlflow.spanOutputs"))
    return found


def _translated(a: Mapping[str, Any]) -> Reading:
    """Read a call told in the conventions' words: one that failed names its model in a bare attribute only."""
    model = parsed(a["model"])
    is_call = semconv.operation(a)[0] is not None and isinstance(model, str)
    return {"request_model": model, "call": True} if is_call else {}


def _call(a: Mapping[str, Any]) -> Reading:
    request, response = _body(a.get("mlflow.spanInputs")), _body(a.get("mlflow.spanOutputs"))
    asked: Reading = request_fields(request) if isinstance(request, dict) else {"asked": messages(request)}
    answered: Reading = response_fields(response) if isinstance(response, dict) else {}
    answered = answered or {"answered": messages(response, "assistant")}
    counts = parsed(a.get("mlflow.chat.tokenUsage"))
    cost = parsed(a.get("mlflow.llm.cost"))
    usage = completed(openai_usage(counts), answered.pop("usage", None) or {})
    return {
        **{k: v for k, v in answered.items() if k not in ("created", "made_by")},
        **asked,
        "provider": semconv.provider(parsed(a.get("mlflow.llm.provider")) or parsed(a.get("mlflow.message.format"))),
        "request_model": asked.get("request_model") or parsed(a.get("model")) or parsed(a.get("mlflow.llm.model")),
        "usage": usage or None,
        "reported_cost_usd": semconv.number(cost.get("total_cost")) if isinstance(cost, dict) else None,
    }


def _body(raw: Any) -> Any:
    """Return a request or response; boto3's `invoke_model` has it in `body`, beside the model's id."""
    told = parsed(raw)
    body = parsed(told.get("body")) if isinstance(told, dict) else None
    return {**told, **body} if isinstance(body, dict) else told


MLFLOW = Dialect(name="mlflow", priority=85, score=score, extract=extract)
