"""Request and response side by side, as every in-house logger writes them under names of its own.

The usual names are tried; where they do not fit, a mapping of dotted paths says where things stand.
"""

from collections.abc import Iterator

from collectors import folding
from collectors.apis.messages import parsed
from collectors.apis.named import Named
from collectors.apis.stream import assembled
from collectors.complete import complete
from collectors.files.mapping import fields
from collectors.files.reading import Place, Record
from collectors.format import Format, Item, each
from store.errors import FormatError
from store.model import Operation

# What a call is made of ← where in-house loggers put it; the first that holds something wins.
GUESSES: dict[str, tuple[str, ...]] = {
    "request": ("request", "request_body", "req", "input_payload", "kwargs", "request.body", "llm_request"),
    "response": ("response", "response_body", "resp", "completion", "result", "response.body", "llm_response"),
    "messages": ("messages", "prompt", "input", "question", "query", "user_input", "user_message"),
    "answer": ("output", "answer", "response_text", "completion_text", "generated_text", "text", "assistant_message"),
    "error": ("error", "exception", "err"),
    "started_at": ("started_at", "start_time", "startTime", "timestamp", "time", "ts", "created_at", "date",
                   "@timestamp"),
    "ended_at": ("ended_at", "end_time", "endTime", "finished_at", "completed_at"),
    "latency_s": ("latency_s", "duration_s", "elapsed_s", "latency_seconds", "duration_seconds", "elapsed"),
    "latency_ms": ("latency_ms", "duration_ms", "elapsed_ms", "response_time_ms", "latencyMs", "durationMs", "took_ms"),
    "ttft_s": ("ttft_s", "time_to_first_token_s"),
    "ttft_ms": ("ttft_ms", "time_to_first_token_ms", "timeToFirstTokenMs"),
    "request_model": ("request_model", "model", "model_name", "engine", "deployment"),
    "response_model": ("response_model",),
    "provider": ("provider", "llm_provider", "vendor", "api"),
    "input_tokens": ("input_tokens", "prompt_tokens", "tokens_in", "usage.prompt_tokens", "usage.input_tokens"),
    "output_tokens": ("output_tokens", "completion_tokens", "tokens_out", "usage.completion_tokens",
                      "usage.output_tokens"),
    "total_tokens": ("total_tokens", "usage.total_tokens"),
    "reported_cost_usd": ("cost_usd", "cost", "total_cost", "usd"),
    "status": ("status",),
    "http_status": ("http_status", "status_code", "response_status", "http_status_code", "response.status_code"),
    "stream": ("stream", "streaming", "is_streaming"),
    "user_id": ("user_id", "user", "userId", "end_user"),
    "session_id": ("session_id", "sessionId", "conversation_id", "thread_id", "chat_id", "session"),
    "tenant": ("tenant", "tenant_id", "customer", "org_id", "organization"),
    "trace_id": ("trace_id", "traceId"),
    "span_id": ("span_id", "spanId"),
    "service": ("service", "service_name", "app", "application"),
    "environment": ("environment", "env"),
    "prompt_name": ("prompt_name", "prompt_id", "prompt_slug"),
    "prompt_version": ("prompt_version",),
    "source_record_id": ("request_id", "requestId", "call_id", "log_id", "uuid"),
    "tags": ("tags",),
    "metadata": ("metadata", "extra"),
}  # fmt: skip
SIDES = frozenset({"request", "response", "messages", "answer", "input_tokens", "error"})
STRUCTURED = frozenset({dict, list})
STATUSES = {"ok": "ok", "success": "ok", "succeeded": "ok", "completed": "ok", "error": "error", "failed": "error",
            "failure": "error", "cancelled": "cancelled", "canceled": "cancelled"}  # fmt: skip
TEXTS = frozenset({
    "user_id", "session_id", "tenant", "service", "environment", "prompt_name", "trace_id", "span_id", "provider",
    "request_model", "response_model", "source_record_id", "prompt_version",
})  # fmt: skip


TOLD = Named(GUESSES)
ASKED = Named({"asked": GUESSES["request"] + GUESSES["messages"]})
ANSWERED = Named({"answered": GUESSES["response"] + GUESSES["answer"] + GUESSES["error"]})
BESIDE = Named({name: GUESSES[name] for name in ("started_at", "request_model", "latency_s", "latency_ms")})


def detect(record: Record) -> bool:
    """An asking and an answering side, or one of them with a model or a time beside it."""
    asked, answered = ASKED(record), ANSWERED(record)
    if asked:
        return bool(answered or BESIDE(record))
    return bool(answered) and "request_model" in BESIDE(record)


def parse(record: Record, place: Place) -> Iterator[Item]:
    found = TOLD(record)
    for name in TEXTS & found.keys():
        if type(found[name]) in STRUCTURED:
            del found[name]
    if SIDES.isdisjoint(found):
        raise FormatError("neither a request nor a response")
    _set_sides(found)
    if "status" in found:
        found["status"] = STATUSES.get(str(found["status"]).lower())
    told = fields(found)
    if "operation" not in told:
        told["operation"] = folding.operation(record.get("type") or record.get("endpoint")) or Operation.CHAT
    yield complete(told, source="pairs", place=place)


def _set_sides(found: Record) -> None:
    """A side that is plain text is the message itself; one that is an object tells its messages too."""
    for side, said in (("request", "messages"), ("response", "answer")):
        told = found[side] = assembled(parsed(found.get(side)))
        if isinstance(told, str | list):
            found[side], found[said] = None, told
        elif isinstance(told, dict):
            found[said] = None


FORMAT = Format(
    name="pairs",
    help="Request and response side by side, as in-house loggers write them; a mapping helps where names are unusual",
    detect=detect,
    reader=each(parse),
    real=True,
    order=95,
    sure=False,
)
