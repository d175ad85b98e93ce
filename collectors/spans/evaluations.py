"""Evaluations that clients send themselves, joined to the call they judge.

They come as `gen_ai.evaluation.result` events, in a log record or on a span, and as outcomes of guardrails, evaluators
and annotators that stand on spans. What judges a span that is no call judges the call nearest to it in its trace.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from collectors.apis.judged import EVENT, OF_TRACE
from collectors.spans.candidate import Trees
from collectors.spans.record import EPOCH, moment
from collectors.spans.semconv import number
from store.model import Evaluation, LLMCall, LogRecord, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """Where a judged call is found: by its span, by any span merged into it, by its response id."""

    by_span: Mapping[tuple[str, str], LLMCall]
    by_response: Mapping[str, LLMCall]
    by_trace: Mapping[str, list[LLMCall]] = field(default_factory=dict)

    def near(self, span: Span) -> LLMCall | None:
        """Return the call that a span is, or the nearest in its trace: the last of those that ran beside it."""
        own = self.by_span.get((span.trace_id, span.span_id))
        return own or min(self.by_trace.get(span.trace_id, ()), key=lambda call: _distance(call, span), default=None)

    def last(self, trace_id: str) -> LLMCall | None:
        """Return the call that ended a trace."""
        calls = self.by_trace.get(trace_id, ())
        return max(calls, key=lambda call: (call.ended_at or call.event_time, call.call_id), default=None)


def _distance(call: LLMCall, span: Span) -> tuple[float, float, str]:
    began, ended = call.started_at or call.event_time, call.ended_at or call.event_time
    start, end = moment(span.start_ns) or EPOCH, moment(span.end_ns) or EPOCH
    apart = max((began - end).total_seconds(), (start - ended).total_seconds(), 0.0)
    return apart, -ended.timestamp(), call.call_id


def calls_by_name(calls: Iterable[LLMCall]) -> Calls:
    by_span: dict[tuple[str, str], LLMCall] = {}
    by_response: dict[str, LLMCall] = {}
    by_trace: dict[str, list[LLMCall]] = defaultdict(list)
    for call in calls:
        merged = call.merged_from if isinstance(call.merged_from, list) else ()
        for trace_id in {call.trace_id or "", *(other["trace_id"] for other in merged)}:
            by_trace[trace_id].append(call)
        by_span[call.trace_id or "", call.span_id or ""] = call
        for other in merged:
            by_span[other["trace_id"], other["span_id"]] = call
        if call.response_id:
            by_response[call.response_id] = call
    return Calls(by_span=by_span, by_response=by_response, by_trace=by_trace)


def told_on_spans(trees: Trees) -> Iterator[LogRecord]:
    """Yield the evaluation events that stand on spans, as the log records they might have been."""
    for span in trees.spans.values():
        for event in span.events:
            if event.name == EVENT:
                yield LogRecord(
                    trace_id=span.trace_id, span_id=span.span_id, event_name=EVENT, time_ns=event.time_ns,
                    attributes=event.attributes, scope_name=span.scope_name, resource=span.resource,
                )  # fmt: skip


def outcomes(trees: Trees, calls: Calls) -> Iterator[Evaluation]:
    """Yield what guardrails, evaluators and annotators said on spans of the traces of these calls."""
    for key, reading in trees.readings.items():
        told = reading.get("outcomes")
        if told and (call := calls.near(trees.spans[key])) is not None:
            yield from (_outcome(one, trees.spans[key], call) for one in told)


def _outcome(told: Mapping[str, Any], span: Span, call: LLMCall) -> Evaluation:
    return Evaluation(
        call_id=call.call_id,
        event_time=call.event_time,
        evaluator=f"trace/{span.scope_name}",
        created_at=moment(span.end_ns) or EPOCH,
        **told,
    )


def evaluation(log: LogRecord, calls: Calls, trees: Trees) -> Evaluation | None:
    """Return the evaluation, None while its call is not known."""
    told = log.attributes
    call = calls.by_span.get((log.trace_id, log.span_id)) or calls.by_response.get(
        str(told.get("gen_ai.response.id") or "")
    )
    if call is None and (judged := trees.spans.get((log.trace_id, log.span_id))) is not None:
        call = calls.near(judged)
    if call is None and told.get(OF_TRACE):
        call = calls.last(log.trace_id)
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
