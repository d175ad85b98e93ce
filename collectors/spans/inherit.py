"""Who a call belongs to: session, user, tenant, agent, prompt, said on the span, above it, or once in its trace."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from collectors.dialect import MANY, Reading
from collectors.spans.candidate import Candidate, Key, Trees
from store.model import Span

# Where a value may stand, in this order: attribute names, bare or behind one of the prefixes that hold what users
# chose themselves.
PREFIXES = (
    "", "traceloop.association.properties.", "ai.telemetry.metadata.", "langfuse.trace.metadata.",
    "langsmith.metadata.", "langfuse.observation.metadata.", "lmnr.association.properties.", "metadata.", "app.",
    "attributes.",
)  # fmt: skip
LOOKUPS: dict[str, tuple[str, ...]] = {
    "session_id": (
        "session.id", "gen_ai.conversation.id", "session_id", "sessionId", "conversation_id", "conversationId",
        "thread_id", "threadId", "chat_id", "chatId",
    ),
    "user_id": ("user.id", "enduser.id", "user_id", "userId", "gen_ai.user", "llm.user", "gen_ai.request.user"),
    "tenant": (
        "tenant", "tenant.id", "tenant_id", "tenantId", "customer_id", "customerId", "organization", "org_id",
        "organization_id", "team_id", "user_api_key_team_id",
    ),
    "agent_name": ("gen_ai.agent.name", "agent.name", "agent_name"),
    "workflow": ("gen_ai.workflow.name", "traceloop.workflow.name", "workflow"),
    "prompt_name": ("prompt.name", "prompt_name", "gen_ai.prompt.name", "traceloop.prompt.key"),
    "prompt_version": ("prompt.version", "prompt_version", "gen_ai.prompt.version", "traceloop.prompt.version"),
}  # fmt: skip
NAMES: dict[str, tuple[str, ...]] = {
    field: tuple(prefix + name for name in names for prefix in PREFIXES) for field, names in LOOKUPS.items()
}
FIELD_OF: dict[str, tuple[str, int]] = {
    name: (field, rank) for field, names in NAMES.items() for rank, name in enumerate(names)
}
ONCE_PER_TRACE = ("session_id", "user_id", "tenant")  # what may be said on any span of a trace and holds for all
FROM_RESOURCE = ("tenant",)
PLACEHOLDERS = ("", "None", "null")


def text(value: Any) -> str | None:
    """An identity is text or a number; empty ones and placeholders are none."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value in PLACEHOLDERS:
        return None
    return str(value)


def identity(attributes: Mapping[str, Any], reading: Reading) -> Reading:
    """Return what one span says of session, user, tenant, agent, workflow and prompt."""
    ranked: dict[str, tuple[int, str]] = {}
    _collect(attributes, ranked)
    metadata = reading.get("metadata")
    if isinstance(metadata, dict):
        _collect(metadata, ranked)
    found: Reading = {field: said for field, (_, said) in ranked.items()}
    for field in LOOKUPS:
        if field in reading and (said := text(reading[field])):
            found[field] = said
    if "prompt_name" in found and found["prompt_name"] == found.get("session_id"):
        del found["prompt_name"]  # a conversation's id names no prompt
    return found


def _collect(source: Mapping[str, Any], ranked: dict[str, tuple[int, str]]) -> None:
    names = tuple(source)
    for name in _telling(names) if len(names) <= MANY else _telling.__wrapped__(names):
        field, rank = FIELD_OF[name]
        said = text(source[name])
        if said and (field not in ranked or rank < ranked[field][0]):
            ranked[field] = rank, said


@lru_cache(maxsize=4096)
def _telling(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the names say who somebody is: worked out once per shape of span."""
    return tuple(name for name in names if name in FIELD_OF)


class Identities:
    """What each span of an assembly says, worked out once; and what is said once in a whole trace."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._of: dict[Key, Reading] = {}
        self._resources: dict[int, Reading] = {}
        self._traces: dict[str, list[Span]] = defaultdict(list)
        self._of_trace: dict[str, Reading] = {}
        for span in trees.spans.values():
            self._traces[span.trace_id].append(span)

    def of(self, span: Span) -> Reading:
        key = (span.trace_id, span.span_id)
        found = self._of.get(key)
        if found is None:
            found = self._of[key] = identity(span.attributes, self._trees.readings.get(key, {}))
        return found

    def of_resource(self, resource: Mapping[str, Any]) -> Reading:
        found = self._resources.get(id(resource))
        if found is None:
            said = identity(resource, {})
            found = self._resources[id(resource)] = {f: said[f] for f in FROM_RESOURCE if f in said}
        return found

    def of_trace(self, trace_id: str) -> Reading:
        """Return what all spans of a trace that speak of it agree on."""
        found = self._of_trace.get(trace_id)
        if found is None:
            spans = self._traces.get(trace_id, [])
            found = self._of_trace[trace_id] = _agreed(map(self.of, spans)) if len(spans) > 1 else {}
        return found


def _agreed(said: Iterable[Reading]) -> Reading:
    values: dict[str, set[str]] = defaultdict(set)
    for reading in said:
        for field in ONCE_PER_TRACE:
            if field in reading:
                values[field].add(reading[field])
    return {field: next(iter(known)) for field, known in values.items() if len(known) == 1}


def inherited(candidate: Candidate, trees: Trees, identities: Identities) -> Reading:
    """Return session, user, tenant, agent, workflow and prompt: the call's own, else the nearest ancestor's."""
    found: Reading = dict(identities.of(candidate.span))
    for field in LOOKUPS:
        if field in candidate.reading and (said := text(candidate.reading[field])):
            found[field] = said
    for source in _sources(candidate, trees, identities):
        for field, value in source.items():
            found.setdefault(field, value)
    return found


def _sources(candidate: Candidate, trees: Trees, identities: Identities) -> Iterator[Reading]:
    members = [candidate.span, *candidate.folded]
    for span in members:
        yield identities.of(span)
        for parent in trees.ancestors(span):
            yield identities.of(parent)
    for span in members:
        yield identities.of_trace(span.trace_id)
        yield identities.of_resource(span.resource)
