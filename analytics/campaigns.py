"""Campaigns: attempts to take over the model that are nearly the same, whoever made them."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from zlib import crc32

import numpy as np
import numpy.typing as npt

from store.attempted import attempted
from store.connection import Store
from store.model import Filters, Window

NEWEST, PROMPT_CHARS = 2_000, 600
SHINGLE = 5  # characters
HASHES = 64
ALIKE = 0.5  # share of shingles that two attempts of a campaign have in common
LEAST = 3  # attempts
NOBODY = "not known"

_NOT_SPOKEN = re.compile(r"[\W_]+")
_PRIME = 2**31 - 1
_SIGNS = np.random.default_rng(0).integers(1, _PRIME, size=(2, HASHES), dtype=np.int64)

Signature = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """`declined`: whether the answer did; None where nothing was said of it."""

    call_id: str
    at: datetime
    user: str | None
    prompt: str
    declined: bool | None


@dataclass(frozen=True)
class Campaign:
    """Attempts, newest first."""

    attempts: tuple[Attempt, ...]

    @cached_property
    def users(self) -> Counter[str]:
        return Counter(one.user or NOBODY for one in self.attempts)

    @cached_property
    def hours(self) -> Counter[datetime]:
        return Counter(one.at.replace(minute=0, second=0, microsecond=0) for one in self.attempts)

    @property
    def declined(self) -> int:
        return sum(one.declined is True for one in self.attempts)

    @property
    def complied(self) -> int:
        """How many answers did not begin by declining."""
        return sum(one.declined is False for one in self.attempts)


def campaigns(store: Store, window: Window, filters: Filters) -> list[Campaign]:
    """Campaigns among the newest flagged prompts, the largest first."""
    rows = attempted(
        store, window, filters, evaluator="injection", answers="refusal", newest=NEWEST, chars=PROMPT_CHARS
    )
    return grouped([
        Attempt(call_id=call_id, at=at, user=user, prompt=prompt, declined=declined)
        for call_id, at, user, prompt, declined in rows.iter_rows()
    ])  # fmt: skip


def grouped(attempts: Sequence[Attempt]) -> list[Campaign]:
    """An attempt joins the first group whose first one it is like; what stays alone is no campaign."""
    groups: list[list[Attempt]] = []
    leaders = np.empty((len(attempts), HASHES), np.int64)
    for attempt, signature in zip(attempts, _signatures(attempts), strict=True):
        alike = (leaders[: len(groups)] == signature).mean(axis=1)
        if groups and alike.max() >= ALIKE:
            groups[int(alike.argmax())].append(attempt)
        else:
            leaders[len(groups)] = signature
            groups.append([attempt])
    found = [Campaign(tuple(group)) for group in groups if len(group) >= LEAST]
    return sorted(found, key=lambda campaign: -len(campaign.attempts))


def _signatures(attempts: Sequence[Attempt]) -> Iterator[Signature]:
    """MinHash (Broder 1997): two signatures agree in as many places as their texts share of their shingles."""
    known: dict[str, Signature] = {}
    for attempt in attempts:
        text = _NOT_SPOKEN.sub(" ", attempt.prompt.lower()).strip()
        if text not in known:
            known[text] = _signature(text)
        yield known[text]


def _signature(text: str) -> Signature:
    shingles = {text[i : i + SHINGLE] for i in range(max(1, len(text) - SHINGLE + 1))}
    hashes = np.array([crc32(shingle.encode()) % _PRIME for shingle in shingles], np.int64)
    made: Signature = ((hashes[:, None] * _SIGNS[0] + _SIGNS[1]) % _PRIME).min(axis=0)
    return made
