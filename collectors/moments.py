"""Moments: whatever a log calls a time becomes aware UTC, and how far it may be trusted stands beside it."""

import math
from datetime import UTC, datetime, timedelta

from store.model import TimeQuality

# A number's magnitude tells its unit (for every moment after 1973): seconds below the first, then ms, µs, ns.
SECONDS, MAGNITUDES = 1e11, ((1e14, 10**3), (1e17, 10**6), (math.inf, 10**9))
MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
TICKS_AT_EPOCH = 621_355_968_000_000_000  # .NET: 100 ns since year 1


def moment(value: object) -> datetime | None:
    """A time as any log writes it: epoch s, ms, µs or ns (also as text), ISO 8601; without a zone it is UTC."""
    if isinstance(value, str):
        return _from_text(value)
    if isinstance(value, datetime):
        return _aware(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):  # a union would be built each time
        return _from_number(value)
    return None


def _aware(value: datetime) -> datetime:
    if value.tzinfo is UTC:
        return value
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _from_number(value: float) -> datetime | None:
    if not 0 < value < math.inf:  # NaN neither
        return None
    try:
        if value < SECONDS:
            return datetime.fromtimestamp(value, UTC)
        per_second = next(unit for limit, unit in MAGNITUDES if value < limit)
        if isinstance(value, int):
            return EPOCH + timedelta(microseconds=value * 10**6 // per_second)
        return datetime.fromtimestamp(value / per_second, UTC)
    except (OverflowError, ValueError, OSError):  # beyond what a calendar holds
        return None


def _from_text(text: str) -> datetime | None:
    try:
        return _aware(datetime.fromisoformat(text))
    except ValueError:
        bare = text.strip().strip('"').removesuffix(" UTC")  # as BigQuery writes it
        return _from_text(bare) if bare != text else _from_digits(text)
    except OverflowError:  # the zone pushes year 1 or 9999 over the edge
        return None


def _from_digits(text: str) -> datetime | None:
    try:
        return _from_number(int(text) if text.isdigit() else float(text))
    except ValueError:
        return None


def from_ticks(value: object) -> datetime | None:
    """.NET ticks. Only where a format says so: as a bare number they look like nanoseconds of 1990."""
    try:
        ticks = int(str(value))
        return EPOCH + timedelta(microseconds=(ticks - TICKS_AT_EPOCH) // 10) if ticks > 0 else None
    except (ValueError, OverflowError):
        return None


def quality(value: object) -> TimeQuality:
    """How exact the time in `value` is: a text without a zone is a guess, a whole number of seconds rounded."""
    if isinstance(value, str) and not value.strip('"').isdigit():
        return _quality_of_text(value if value[-1:] == "Z" else value.strip().strip('"'))
    if isinstance(value, (int, str)) and float(value) < SECONDS:
        return TimeQuality.SECOND
    return TimeQuality.EXACT


def _quality_of_text(text: str) -> TimeQuality:
    if ("." in text or "," in text) and text.endswith(("Z", "+00:00", " UTC")):  # how most logs write it
        return TimeQuality.EXACT
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return TimeQuality.EXACT
    if parsed.tzinfo is None:
        return TimeQuality.DERIVED
    return TimeQuality.EXACT if "." in text or "," in text else TimeQuality.SECOND


def milliseconds(start: datetime | None, end: datetime | None) -> float | None:
    """From start to end; None when either is unknown or they stand the wrong way round."""
    if start is None or end is None or end < start:
        return None
    return (end - start) / MILLISECOND
