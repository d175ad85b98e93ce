"""Evaluations that clients send themselves: `gen_ai.evaluation.result` events, joined to the call they judge."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collectors.spans.record import EPOCH, moment
from collectors.spans.semconv import number
from store.model import Evaluation, LLMCall, LogRecord

EVENT = "gen_ai.evaluation.result"


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Where a judged call is found: by its span, by any span merged into it, by its response id."""

    by_span: Mapping[tuple[str, str], LLMCall]
    by_response: Mapping[str, LLMCall]


def calls_by_name(calls: Iterable[LLMCall]) -> Calls:
    by_span: dict[tuple[str, str], LLMCall] = {}
    by_response: dict[str, LLMCall] = {}
    for call in calls:
        by_span[call.trace_id or "", call.span_id or ""] = call
        for other in call.merged_from if isinstance(call.merged_from, list) else ():
            by_span[other["trace_id"], other["span_id"]] = call
        if call.response_id:
            by_response[call.response_id] = call
    return Calls(by_span=by_span, by_response=by_response)


def evaluation(log: LogRecord, calls: Calls) -> Evaluation | None:
    """Return the evaluation, None while its call is not known."""
    told = log.attributes
    call = calls.by_span.get((log.trace_id, log.span_id)) or calls.by_response.get(
        str(told.get("gen_ai.response.id") or "")
    )
    name = told.get("gen_ai.evaluation.name")
    if call is None or not name:
        return None
    label, explanation = told.get("gen_ai.evaluation.score.label"), told.get("gen_ai.evaluation.explanation")
    return Evaluation(
        call_id=call.call_id,
        event_time=call.event_time,
        name=str(name),
        evaluator=f"otlp/{log.scope_name}" if log.scope_name else "otlp",
        value=number(told.get("gen_ai.evaluation.score.value")),
        label=str(label) if label is not None else None,
        explanation=str(explanation) if explanation is not None else None,
        created_at=moment(log.time_ns) or EPOCH,
    )
