"""Calls told in log records of their own: what belongs together is found by the conversation and the order of times.

A reading's `record` says what such a span tells (`collectors/spans/set_apart.py`):

- `whole`: a call with its begin and end
- `request`: that one was sent, and whether it failed; `attempt`: how many were sent before it for the same call
- `answer`: what came back, and when it had
- `prompt`: what was asked next (a span that stands around calls may say so too); `reply`: what was answered last
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from collectors.dialect import Reading, merge
from collectors.spans.candidate import Candidate, Key, Trees
from collectors.spans.nesting import absorb
from store.model import Span, Status

NOTES = ("prompt", "reply")
OF_THE_NOTE = frozenset({"record", "conversation", "call", "kind", "dialect", "operation", "agent_name"})
TIMED = OF_THE_NOTE | {"start_ns"}  # a span knows best when it began
SOON_NS = 5_000_000_000  # a reply is written as its call ends
LATER_NS = 1_000_000_000  # … and a call's span ends a little after its record is written

Note = tuple[Span, Reading]


@dataclass(slots=True)
class Conversation:
    """What one client tells of one conversation; `gone`: candidates that became part of another."""

    calls: list[Candidate] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    gone: set[Key] = field(default_factory=set)

    def told(self, *records: str | None) -> list[Candidate]:
        """Return the calls that are told so and still stand, in the order in which they ended."""
        standing = (c for c in self.calls if c.key not in self.gone and c.reading.get("record") in records)
        return sorted(standing, key=_order)


def united(candidates: Sequence[Candidate], trees: Trees) -> list[Candidate]:
    """Return the candidates, each call of a conversation once, with what was asked and answered."""
    found: dict[tuple[str, str], Conversation] = defaultdict(Conversation)
    for candidate in candidates:
        if conversation := candidate.reading.get("conversation"):
            found[_service(candidate.span), conversation].calls.append(candidate)
    if not found:
        return list(candidates)
    for key, reading in trees.readings.items():
        if reading.get("record") in NOTES and reading.get("conversation"):
            span = trees.spans[key]
            found[_service(span), reading["conversation"]].notes.append((span, reading))
    for conversation in found.values():
        _answered(conversation)
        _seen_twice(conversation)
        _noted(conversation)
    gone = {key for conversation in found.values() for key in conversation.gone}
    return [c for c in candidates if c.key not in gone]


def _service(span: Span) -> str:
    return str(span.resource.get("service.name"))


def _order(candidate: Candidate) -> tuple[int, Key]:
    return candidate.span.end_ns, candidate.key


def _answered(conversation: Conversation) -> None:
    """Put each answer to the request before it, and failed requests to the one that tried again.

    An answer after a request that failed has lost its own: it stands for itself.
    """
    tried: list[Candidate] = []
    for candidate in conversation.told("request", "answer"):
        if candidate.reading["record"] == "answer":
            if tried and not _failed(tried[-1]):
                _close(tried[-1], candidate, conversation)
            tried = []
        elif tried and candidate.reading.get("attempt") and _failed(tried[-1]):
            _again(candidate, tried[-1], conversation)
            tried.append(candidate)
        else:
            tried = [candidate]


def _failed(candidate: Candidate) -> bool:
    return candidate.reading.get("status") == Status.ERROR


def _close(request: Candidate, answer: Candidate, conversation: Conversation) -> None:
    request.reading["end_ns"] = answer.span.end_ns
    answer.reading.pop("start_ns", None)
    if _failed(answer):
        request.reading["status"] = Status.ERROR
    absorb(request, answer)
    conversation.gone.add(answer.key)


def _again(request: Candidate, before: Candidate, conversation: Conversation) -> None:
    """Make a failed request part of the one that followed: the call began with the first."""
    request.attempts += before.attempts
    request.reading["start_ns"] = before.reading.get("start_ns", before.span.start_ns)
    request.fold(before)
    conversation.gone.add(before.key)


def _noted(conversation: Conversation) -> None:
    """Give each prompt to the call that it led to, and each reply to the call that had just ended."""
    calls = conversation.told("whole", "request", "answer", None)
    by_key = {c.key: c for c in calls}
    for span, reading in sorted(conversation.notes, key=lambda note: (note[0].start_ns, note[0].span_id)):
        roof = by_key.get((span.trace_id, span.parent_span_id or ""))
        call = roof or (_next(calls, span) if reading["record"] == "prompt" else _ended(calls, span, reading))
        if call is not None and not (reading["record"] == "prompt" and call.reading.get("asked")):
            kept_out = OF_THE_NOTE if call.log_only else TIMED
            merge(call.reading, {name: said for name, said in reading.items() if name not in kept_out})


def _next(calls: Iterable[Candidate], prompt: Span) -> Candidate | None:
    """Return the call that followed; what a client asks for its own ends (a title) answers no prompt."""
    return next((c for c in calls if c.span.end_ns >= prompt.start_ns and not c.reading.get("aside")), None)


def _ended(calls: Iterable[Candidate], reply: Span, reading: Reading) -> Candidate | None:
    """Return the call of the same response, else the one that ended as the reply was written."""
    when, may_be = reply.start_ns, [c for c in calls if _same(c.reading, reading, "response_id")]
    near = [c for c in may_be if when - SOON_NS <= c.span.end_ns <= when + LATER_NS]
    named = [c for c in may_be if c.response_id and c.response_id == reading.get("response_id")]
    return min(named or near, key=lambda c: (abs(c.span.end_ns - when), c.key), default=None)


def _same(mine: Reading, theirs: Reading, name: str) -> bool:
    """Whether two may be the same in what both say."""
    return mine.get(name) is None or theirs.get(name) is None or bool(mine[name] == theirs[name])


def _seen_twice(conversation: Conversation) -> None:
    """Merge a record with the span of the same call, within which it was written."""
    spans = conversation.told(None)
    for record in conversation.told("whole", "request"):
        around = [s for s in spans if s.key not in conversation.gone and _holds(s, record)]
        if around:
            nearest = min(around, key=lambda s: (abs(s.span.end_ns - record.span.end_ns), s.key))
            absorb(nearest, record)
            spans.remove(nearest)
            conversation.gone.add(record.key)


def _holds(call: Candidate, record: Candidate) -> bool:
    """Whether a span may be of the call that a record tells: nothing that both say differs."""
    if not call.span.start_ns - LATER_NS <= record.span.start_ns <= record.span.end_ns <= call.span.end_ns + LATER_NS:
        return False
    failed = {bool(c.span.failed or _failed(c)) for c in (call, record)}
    return len(failed) == 1 and all(_same(call.reading, record.reading, n) for n in ("response_id", "request_model"))
