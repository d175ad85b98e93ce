"""Calls within calls: a span that only stands around model calls is no call, retries under one roof are one."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from collectors.dialect import Reading, merge
from collectors.spans.candidate import Candidate, Key, Trees
from store.model import Span, Status

CONTENT = ("asked", "answered", "system")
PARTS = ("cache_read", "cache_write", "reasoning")


def innermost(candidates: Sequence[Candidate], trees: Trees) -> list[Candidate]:
    """Return the calls proper: those without a call beneath them, retries folded, single wrappers merged in.

    A candidate with one call beneath is that call, seen from further out. One with several carries their totals, or
    the last one's: it is dropped. One that went well over failed ones stands: those are the attempts before.
    """
    by_key = {c.key: c for c in candidates}
    roofs: dict[Key, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if (roof := _roof(candidate.span, trees, by_key)) is not None:
            roofs[roof].append(candidate)
    gone: set[Key] = set()
    for roof in sorted(roofs, key=lambda key: -_depth(trees, key)):
        beneath = fold_retries([_standing(c, by_key) for c in roofs[roof]], gone)
        outer = by_key.get(roof)
        if outer is not None and _went_well(outer, beneath):
            _fold_attempts(outer, beneath, gone)
        elif outer is not None:
            gone.add(roof)
            if len(beneath) == 1 and _same(outer, beneath[0]):
                absorb(beneath[0], outer)
                by_key[roof] = beneath[0]  # a roof above sees the call that stands here now
    return [c for c in candidates if c.key not in gone]


def _standing(candidate: Candidate, by_key: dict[Key, Candidate]) -> Candidate:
    return by_key[candidate.key]


def _roof(span: Span, trees: Trees, by_key: dict[Key, Candidate]) -> Key | None:
    """Return the nearest ancestor that is a candidate itself or wraps model calls."""
    for parent in trees.ancestors(span):
        key = (parent.trace_id, parent.span_id)
        if key in by_key or trees.readings[key].get("roof"):
            return key
    return None


def _depth(trees: Trees, key: Key) -> int:
    return sum(1 for _ in trees.ancestors(trees.spans[key]))


def _same(outer: Candidate, inner: Candidate) -> bool:
    """Whether they may be one call: not when both name a response and it is not the same."""
    return outer.response_id is None or inner.response_id is None or outer.response_id == inner.response_id


def _went_well(outer: Candidate, beneath: Iterable[Candidate]) -> bool:
    """Whether a call has an answer, whole and counted, that none beneath has: all those failed before it."""
    ended = outer.reading.get("finish_reasons") and (outer.reading.get("usage") or {}).get("output")
    return bool(ended) and not _failed(outer) and all(_failed(c) and not c.reading.get("answered") for c in beneath)


def _failed(candidate: Candidate) -> bool:
    return candidate.span.failed or candidate.reading.get("status") == Status.ERROR


def _fold_attempts(outer: Candidate, beneath: Iterable[Candidate], gone: set[Key]) -> None:
    """Make failed attempts part of the call; one at another model (a fallback's) was a call of its own."""
    for attempt in beneath:
        if attempt.reading.get("request_model") == outer.reading.get("request_model"):
            outer.attempts += attempt.attempts
            outer.fold(attempt)
            gone.add(attempt.key)


def fold_retries(candidates: Iterable[Candidate], gone: set[Key]) -> list[Candidate]:
    """Fold failed attempts into the attempt that followed, under one roof; the folded keys are added to `gone`."""
    ordered = sorted({c.key: c for c in candidates}.values(), key=lambda c: (c.span.start_ns, c.key))
    for earlier, later in pairwise(ordered):
        if _retried(earlier, later):
            later.attempts += earlier.attempts
            later.fold(earlier)
            gone.add(earlier.key)
    return [c for c in ordered if c.key not in gone]


def _retried(earlier: Candidate, later: Candidate) -> bool:
    return (
        earlier.span.failed
        and earlier.span.end_ns <= later.span.start_ns
        and earlier.scope == later.scope
        and earlier.reading.get("request_model") == later.reading.get("request_model")
        and earlier.reading.get("asked") == later.reading.get("asked")
    )


def absorb(kept: Candidate, other: Candidate) -> None:
    """Make `other` part of `kept`: what `kept` does not know comes from `other`, the fuller content wins."""
    best = fullest(kept, other)
    usage = _usage(best) if best else {}
    for name in CONTENT:
        if size(other.reading.get(name)) > size(kept.reading.get(name)):
            kept.reading[name] = other.reading[name]
    streamed = kept.reading.get("stream") or other.reading.get("stream")
    merge(kept.reading, other.reading)
    kept.reading.update(usage)
    if streamed:  # who saw pieces come is right, whatever a framework's settings say
        kept.reading["stream"] = True
    kept.attempts = max(kept.attempts, other.attempts)
    kept.fold(other)


def _usage(candidate: Candidate) -> Reading:
    """Counts, and whose they are: how to read them depends on it."""
    reading = candidate.reading
    return {
        "usage": reading["usage"],
        "usage_scope": reading.get("usage_scope", candidate.scope),
        "usage_provider": reading.get("usage_provider", reading.get("provider")),
    }


def size(content: object) -> int:
    return len(str(content)) if content else 0


def fullest(a: Candidate, b: Candidate) -> Candidate | None:
    """Return the one whose counts to take: measured before estimated, the SDK's own first, then the richer."""
    rated = [c for c in (a, b) if c.reading.get("usage")]
    return max(rated, key=_rating, default=None)


def _rating(candidate: Candidate) -> tuple[bool, bool, bool, int, int, str]:
    usage = candidate.reading["usage"]
    counted = bool(usage.get("input") or usage.get("output"))
    scope = candidate.reading.get("usage_scope", candidate.scope)
    parts = sum(usage.get(name) is not None for name in PARTS)
    return counted, not usage.get("estimated"), scope.startswith("com.anthropic"), parts, len(usage), scope
