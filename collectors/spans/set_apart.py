"""Log records that tell of a call by themselves, as coding agents write them, are read as spans.

Such a client sends no span of its calls, or sends both: a record then stands beneath the span in which it was written.
So the records are kept, found again and shown like everything else that tells of a call.
"""

from collectors.dialect import recorders
from collectors.identity import digest
from collectors.spans.candidate import fingerprint
from collectors.spans.decoded import Decoded
from collectors.spans.semconv import first, number
from store.model import LogRecord, Span

SET_APART = "/logs"  # ends the scope of such a span: two channels of one client tell a call twice
FAILED = ("error", "error.message", "error_message")
TOLD_AGAIN = frozenset({"request_text", "response_text"})  # what an event of the conventions beside it says too
MS = 1_000_000
MINUTE_NS = 60_000_000_000


def set_apart(found: Decoded) -> Decoded:
    """Read the records that a dialect knows as its own as spans; all others stay log records."""
    kept = []
    for log in found.logs:
        turn = next((turn for record in recorders() if (turn := record(log)) is not None), None)
        if turn is None:
            kept.append(log)
        else:
            found.spans.append(_span(log, turn))
    found.logs = kept
    return found


def record_name(log: LogRecord) -> str:
    """Return what a record is called: some put a line of their source where the name should be."""
    return str(log.attributes.get("event.name") or log.event_name)


def minute(log: LogRecord) -> int:
    """Return what stands for a turn that has no name: a prompt comes right before its request."""
    return log.time_ns // MINUTE_NS


def _span(log: LogRecord, turn: str) -> Span:
    place = digest(turn.encode("utf-8", "replace"))
    lasted = int(max(0.0, number(log.attributes.get("duration_ms")) or 0.0) * MS)
    return Span(
        trace_id=log.trace_id or f"log:{place}",
        span_id=fingerprint(log)[:16],
        parent_span_id=log.span_id or None,
        name=record_name(log),
        start_ns=max(0, log.time_ns - lasted),
        end_ns=log.time_ns,
        status_code=2 if first(log.attributes, FAILED) else 0,
        attributes={name: value for name, value in log.attributes.items() if name not in TOLD_AGAIN},
        scope_name=log.scope_name + SET_APART,
        scope_version=log.scope_version,
        resource=log.resource,
    )
