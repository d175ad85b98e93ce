"""Numbers as people read them: the unit stands in the value, and a change is called a change only when it matters."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

UNKNOWN = "–"
FEW_CALLS = 30  # below this a rate says more about chance than about the service
ROUNDS_UP = 0.9995  # 999,500 is 1.00M, not 1,000k
MATERIAL_SHARE = 0.10
MATERIAL_POINTS = 0.0025

Tone = Literal["worse", "better", "neutral"]


@dataclass(frozen=True, slots=True)
class Change:
    """How a number moved, in words, and whether that is good."""

    text: str
    tone: Tone


def shown(value: float | None, unit: str) -> str:
    """`value` with its unit, a metric's (`analytics.metric.Unit`)."""
    if value is None or math.isnan(value):
        return UNKNOWN
    say = _SHOWN.get(unit)
    return say(value) if say else f"{count(value)} {unit}"


def count(value: float) -> str:
    """Three figures and a letter: 812, 9,120, 33.3k, 1.2M."""
    for limit, divisor, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= limit * ROUNDS_UP:
            return f"{_three(value / divisor)}{letter}"
    return f"{value:,.0f}" if float(value).is_integer() else _three(value)


def _three(value: float) -> str:
    """Three significant figures without an exponent."""
    size = abs(value)
    return f"{value:,.0f}" if size >= 99.95 else f"{value:.1f}" if size >= 9.995 else f"{value:.2f}"  # noqa: PLR2004


def duration(ms: float) -> str:
    if abs(ms) < 1000:  # noqa: PLR2004
        return f"{ms:.0f} ms" if abs(ms) >= 10 else f"{ms:.1f} ms"  # noqa: PLR2004
    seconds = ms / 1000
    return f"{seconds:.2f} s" if seconds < 100 else span(timedelta(seconds=seconds))  # noqa: PLR2004


def money(usd: float) -> str:
    size = abs(usd)
    if size >= 10_000:  # noqa: PLR2004
        return f"${count(usd)}"
    if size >= 0.1 or size == 0:  # noqa: PLR2004
        return f"${usd:,.2f}"
    return f"${usd:.2g}" if size >= 1e-4 else "<$0.0001"  # noqa: PLR2004


def percent(share: float) -> str:
    points = share * 100
    return f"{points:.0f} %" if points in {0.0, 100.0} else f"{points:.2f} %" if abs(points) < 10 else f"{points:.1f} %"  # noqa: PLR2004


def between(ends: tuple[float, float]) -> str:
    """An interval of shares: `0.94–1.55 %`."""
    low, high = (percent(end).removesuffix(" %") for end in ends)
    return f"{low}–{high} %"


def size(n_bytes: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if abs(n_bytes) < 1000 or unit == "GB":  # noqa: PLR2004
            return f"{n_bytes:.0f} {unit}" if unit == "B" else f"{n_bytes:.3g} {unit}"
        n_bytes /= 1000
    raise AssertionError


def moment(at: datetime | None, *, year: bool = False) -> str:
    """`24 Nov 05:12`, in UTC: say so once, nearby."""
    if at is None:
        return UNKNOWN
    return at.astimezone(UTC).strftime("%d %b %Y %H:%M" if year else "%d %b %H:%M").lstrip("0")


def span(length: timedelta) -> str:
    """`45 s`, `32 min`, `3 h 20 min`, `5 d`."""
    seconds = int(length.total_seconds())
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds} s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} min"
    if days < 2:  # noqa: PLR2004
        rest = minutes - hours * 60
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{days} d"


def ago(at: datetime | None, now: datetime) -> str:
    return f"{span(max(now - at, timedelta()))} ago" if at else "never"


def change(now: float | None, before: float | None, unit: str, worse: str | None) -> Change | None:
    """How a number moved against the period before; None when there is nothing to compare with."""
    if now is None or before is None:
        return None
    moved = now - before
    if unit == "share":
        material, text = abs(moved) > MATERIAL_POINTS, f"{moved * 100:+.2f} points"
    elif before:
        share = moved / before
        material, text = abs(share) > MATERIAL_SHARE, _factor(share)
    else:
        material, text = bool(moved), f"{'+' if moved > 0 else ''}{shown(moved, unit)}"
    if not text.strip("+-0. %points"):
        text = "unchanged"
    return Change(text.replace("-", "−"), _tone(moved, worse) if material else "neutral")


def _factor(share: float) -> str:
    """Percent up to a doubling, then a factor: nobody reads +1,340 %."""
    return f"{share * 100:+.0f} %" if share < 1 else f"×{share + 1:.1f}"


def _tone(moved: float, worse: str | None) -> Tone:
    if worse is None:
        return "neutral"
    return "worse" if (moved > 0) == (worse == "up") else "better"


_SHOWN: Mapping[str, Callable[[float], str]] = {
    "ms": duration,
    "USD": money,
    "share": percent,
    "ratio": lambda value: f"{value:.2f}",
    "calls": count,
    "tokens": count,
    "people": count,
}
