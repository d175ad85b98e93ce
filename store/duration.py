"""Durations as people write them: `90s`, `15m`, `1h`, `1h30m`, `7d`."""

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_WRITTEN = re.compile(r"(\d+d)?(\d+h)?(\d+m)?(\d+s)?")
_WORDS = {"d": "d", "h": "h", "m": "min", "s": "s"}


def parsed(text: Any) -> Any:
    """Return the duration that `text` means; anything but text is left for pydantic to judge.

    Raises ValueError when it is not written as `1h30m`.
    """
    if not isinstance(text, str):
        return text
    match = _WRITTEN.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ValueError(f"{text!r} is no duration: write it as 90s, 15m, 1h, 1h30m or 7d")
    return timedelta(seconds=sum(int(part[:-1]) * UNITS[part[-1]] for part in match.groups() if part))


def short(length: timedelta) -> str:
    """`1h30m`: what `parsed` reads back."""
    return "".join(f"{count}{unit}" for count, unit in _parts(length)) or "0s"


def words(length: timedelta) -> str:
    """`1 h 30 min`, the two largest parts."""
    return " ".join(f"{count} {_WORDS[unit]}" for count, unit in _parts(length)[:2]) or "0 s"


def _parts(length: timedelta) -> list[tuple[int, str]]:
    rest = int(length.total_seconds())
    parts = []
    for unit, size in UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            parts.append((count, unit))
    return parts


Duration = Annotated[timedelta, BeforeValidator(parsed), PlainSerializer(short, return_type=str)]
