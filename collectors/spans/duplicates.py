"""One call seen by two instrumentations: beside each other, often in different traces."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from collectors.identity import UNIQUE_RESPONSE
from collectors.spans.candidate import Candidate
from collectors.spans.nesting import absorb, size
from collectors.spans.streams import NEAR_NS
from store.model import Span

OVERLAP = 0.8  # of the longer of two spans
# A sum, and the parts of it that some leave out.
PARTS = (("input", "cache_read", "cache_write"), ("output", "reasoning"))
WITHIN = 0.5  # … where one lies within the other, and both ask the same or count the same


def once(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Merge what is one call: first by response id, then by overlap."""
    return _by_overlap(_by_response_id(candidates))


def _by_response_id(candidates: Sequence[Candidate]) -> list[Candidate]:
    groups: dict[str, list[Candidate]] = defaultdict(list)
    rest: list[Candidate] = []
    for candidate in candidates:
        response_id = candidate.response_id
        if response_id and UNIQUE_RESPONSE.fullmatch(response_id) and not candidate.reading.get("cached"):
            groups[response_id].append(candidate)
        else:
            rest.append(candidate)
    return rest + [_united(group) if len(group) > 1 else group[0] for group in groups.values()]


def _united(group: list[Candidate]) -> Candidate:
    """Keep the best telling of a call, with all that the others know beyond it."""
    best, *others = sorted(group, key=_rank)
    for other in others:
        absorb(best, other)
    return best


def _rank(candidate: Candidate) -> tuple[bool, int, int, int, tuple[str, str]]:
    """Rank a real span before an event, content before none, then the outermost: the call as the application saw it."""
    reading, span = candidate.reading, candidate.span
    content = size(reading.get("answered")) > 0
    return (
        candidate.log_only,
        -int(content),
        -len(reading.get("usage") or ()),
        span.start_ns - span.end_ns,
        candidate.key,
    )


def _by_overlap(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Merge calls of different instrumentations of one service that ran at the same time and agree in all they tell."""
    ordered = sorted(candidates, key=lambda c: (c.span.start_ns, c.key))
    if len({c.scope for c in ordered}) < 2:  # noqa: PLR2004 - one instrumentation sees nothing twice
        return ordered
    pairs = sorted(_pairs(ordered), key=lambda pair: (-pair[0], pair[1].key, pair[2].key))
    group_of = {id(c): [c] for c in ordered}
    for _, a, b in pairs:
        mine, theirs = group_of[id(a)], group_of[id(b)]
        if mine is not theirs and not {c.scope for c in mine} & {c.scope for c in theirs}:
            mine += theirs
            for c in theirs:
                group_of[id(c)] = mine
    groups = {id(group): group for group in group_of.values()}
    return [_united(group) if len(group) > 1 else group[0] for group in groups.values()]


def _pairs(ordered: Sequence[Candidate]) -> Iterable[tuple[float, Candidate, Candidate]]:
    running: list[Candidate] = []
    for candidate in ordered:
        running = [c for c in running if c.span.end_ns + NEAR_NS > candidate.span.start_ns]
        for other in running:
            share = overlap(other.span, candidate.span)
            if _together(share, other, candidate) and agree(other, candidate):
                yield share, other, candidate
        running.append(candidate)


def _together(share: float, a: Candidate, b: Candidate) -> bool:
    """Whether two ran at the same time; a framework may take longer to fail, or to begin, than the SDK beneath it."""
    if share >= OVERLAP:
        return True
    early, late = sorted((a, b), key=lambda c: (c.span.start_ns, -c.span.end_ns))
    if early.reading.get("stream") and _question(a) == _question(b) is not None and _said(a) == _said(b) != "":
        return True  # a framework's span may end as its stream begins
    if share < WITHIN or early.span.end_ns < late.span.end_ns:
        return False
    return any(of(a) == of(b) is not None for of in (_question, _counted))


def _question(candidate: Candidate) -> str | None:
    """Return what was asked last."""
    asked = candidate.reading.get("asked") or []
    return "".join(p.get("content") or "" for p in asked[-1]["parts"] if p["type"] == "text") or None if asked else None


def _counted(candidate: Candidate) -> tuple[Any, Any] | None:
    usage = candidate.reading.get("usage") or {}
    return (usage["input"], usage["output"]) if usage.get("input") and usage.get("output") else None


def overlap(a: Span, b: Span) -> float:
    """Return the time both ran, as a share of the longer."""
    longer = max(a.end_ns - a.start_ns, b.end_ns - b.start_ns)
    shared = min(a.end_ns, b.end_ns) - max(a.start_ns, b.start_ns)
    return shared / longer if longer > 0 and shared > 0 else 0.0


def agree(a: Candidate, b: Candidate) -> bool:
    """Whether two tellings may be of one call: nothing that both say differs."""
    if a.scope == b.scope or a.span.resource.get("service.name") != b.span.resource.get("service.name"):
        return False
    if a.response_id and b.response_id:
        return a.response_id == b.response_id
    return a.reading.get("operation") == b.reading.get("operation") and _same_model(a, b) and _same_facts(a, b)


def _same_model(a: Candidate, b: Candidate) -> bool:
    mine, theirs = _models(a), _models(b)
    return bool(mine & theirs)


def _models(candidate: Candidate) -> set[str]:
    names = (candidate.reading.get("request_model"), candidate.reading.get("response_model"))
    return {str(name).rsplit("/", 1)[-1] for name in names if name}


def _same_facts(a: Candidate, b: Candidate) -> bool:
    mine, theirs = a.reading.get("usage") or {}, b.reading.get("usage") or {}
    if any(_apart(mine, theirs, *of) for of in PARTS):
        return False
    said = [_said(c) for c in (a, b)]
    return not all(said) or said[0] == said[1]


def _apart(mine: Mapping[str, Any], theirs: Mapping[str, Any], whole: str, *parts: str) -> bool:
    """Whether two counts differ, by more than what one of them may leave out."""
    if not mine.get(whole) or not theirs.get(whole) or mine[whole] == theirs[whole]:
        return False
    told = [counts.get(name) for counts in (mine, theirs) for name in (whole, *parts)]
    if not all(isinstance(count, int) for count in told if count is not None):
        return True
    left_out = [sum(counts.get(name) or 0 for name in parts) for counts in (mine, theirs)]
    return abs(mine[whole] - theirs[whole]) not in left_out


def _said(candidate: Candidate) -> str:
    answered = candidate.reading.get("answered") or []
    return "".join(p.get("content") or "" for m in answered for p in m["parts"] if p["type"] == "text")
