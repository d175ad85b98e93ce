"""Who a call belongs to: session, user, tenant, agent, prompt, said on the span, above it, or once in its trace."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from collectors.candidate import Candidate, Key, Trees
from collectors.dialect import Reading
from collectors.messages import parsed
from store.model import Span

# Where a value may stand, in this order: attribute names, bare or behind one of the prefixes that hold what users
# chose themselves.
PREFIXES = (
    "", "traceloop.association.properties.", "ai.telemetry.metadata.", "langfuse.trace.metadata.",
    "langsmith.metadata.", "langfuse.observation.metadata.", "metadata.", "app.", "attributes.",
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


def text(value: Any) -> str | None:
    """An identity is text or a number; empty ones and placeholders are none."""
    if isinstance(value, bool) or not isinstance(value, str | int) or value in ("", "None", "null"):
        return None
    return str(value)


def identity(attributes: Mapping[str, Any], reading: Reading) -> Reading:
    """Return what one span says of session, user, tenant, agent, workflow and prompt."""
    ranked: dict[str, tuple[int, str]] = {}
    metadata = reading.get("metadata")
    for source in (attributes, metadata if isinstance(metadata, dict) else {}):
        for name, value in source.items():
            known = FIELD_OF.get(name)
            said = text(value) if known else None
            if known and said and known[1] < ranked.get(known[0], (1 << 30, ""))[0]:
                ranked[known[0]] = known[1], said
    found: Reading = {field: said for field, (_, said) in ranked.items()}
    found.update({field: text(reading[field]) for field in LOOKUPS if reading.get(field)})
    return found


class Identities:
    """What each span of an assembly says, worked out once; and what is said once in a whole trace."""

    def __init__(self, trees: Trees) -> None:
        self._trees = trees
        self._of: dict[Key, Reading] = {}
        self._trace: dict[str, Reading] | None = None

    def of(self, span: Span) -> Reading:
        key = (span.trace_id, span.span_id)
        found = self._of.get(key)
        if found is None:
            found = self._of[key] = identity(span.attributes, self._trees.readings.get(key, {}))
        return found

    def of_trace(self, trace_id: str) -> Reading:
        """Return what all spans of a trace that speak of it agree on."""
        if self._trace is None:
            self._trace = _agreed((span.trace_id, self.of(span)) for span in self._trees.spans.values())
        return self._trace.get(trace_id, {})


def _agreed(said: Iterable[tuple[str, Reading]]) -> dict[str, Reading]:
    values: dict[tuple[str, str], set[str]] = defaultdict(set)
    for trace_id, reading in said:
        for field in ONCE_PER_TRACE:
            if reading.get(field):
                values[trace_id, field].add(reading[field])
    found: dict[str, Reading] = defaultdict(dict)
    for (trace_id, field), known in values.items():
        if len(known) == 1:
            found[trace_id][field] = next(iter(known))
    return found


def inherited(candidate: Candidate, trees: Trees, identities: Identities) -> Reading:
    """Return session, user, tenant, agent, workflow and prompt: the call's own, else the nearest ancestor's."""
    found: Reading = dict(identity(candidate.span.attributes, candidate.reading))
    for source in _sources(candidate, trees, identities):
        for field, value in source.items():
            if value is not None and not found.get(field):
                found[field] = value
    return found


def _sources(candidate: Candidate, trees: Trees, identities: Identities) -> Iterator[Reading]:
    members = [candidate.span, *candidate.folded]
    for span in members:
        yield identities.of(span)
        for parent in trees.ancestors(span):
            yield identities.of(parent)
    for span in members:
        yield identities.of_trace(span.trace_id)
        yield {f: v for f, v in identity(span.resource, {}).items() if f in FROM_RESOURCE}


def user_chosen(value: Any) -> dict[str, Any]:
    """Metadata a client sent as JSON text or a map; anything else is none."""
    found = parsed(value)
    return found if isinstance(found, dict) else {}
