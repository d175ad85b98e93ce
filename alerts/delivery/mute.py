"""When nobody is to be told, and why. Muting never changes a state; each suppression is kept with its reason."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from store.duration import words
from store.silences import Silence

FLAP_WITHIN = timedelta(hours=6)
FLAP_CHANGES = 4  # the change that says "flapping": with it at most four messages in the time above
QUIET = timedelta(hours=2)
REMEMBERED = timedelta(hours=24)  # changes older than this play no part

Flap = Literal["no", "begins", "holds"]


def flap(changes: Sequence[datetime]) -> Flap:
    """What the last of `changes` (oldest first) is: ordinary, the one that begins flapping, or one of a flapping."""
    holding, recent, said = False, list[datetime](), "no"
    for moment in changes:
        if holding and moment - recent[-1] >= QUIET:
            holding, recent = False, []
        recent = [earlier for earlier in recent if moment - earlier < FLAP_WITHIN] + [moment]
        begins = not holding and len(recent) >= FLAP_CHANGES
        said = "begins" if begins else "holds" if holding else "no"
        holding = holding or begins
    return said  # type: ignore[return-value]


def flapping(changes: Sequence[datetime], at: datetime) -> bool:
    """Whether the alert still counts as flapping at a moment at which nothing changed."""
    return bool(changes) and flap(changes) != "no" and at - changes[-1] < QUIET


def silenced(silences: Sequence[Silence], rule_id: str, key: str, at: datetime) -> str | None:
    for one in silences:
        if one.covers(rule_id, key, at):
            return f"silence {one.silence_id} by {one.created_by}" + (f": {one.comment}" if one.comment else "")
    return None


def named(silences: Sequence[Silence], rule_id: str, at: datetime) -> bool:
    """Whether a silence names this very rule: one for every rule does not reach what must be heard."""
    return any(one.rule_id == rule_id and one.starts_at <= at < one.ends_at for one in silences)


def too_old(at: datetime, now: datetime, most: timedelta) -> str | None:
    return f"older than {words(most)}" if now - at > most else None
