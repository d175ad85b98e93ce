"""Numbers as people read them in a message."""

from collections.abc import Sequence
from datetime import timedelta

from store.duration import words

BARS = "▁▂▃▄▅▆▇█"
MS_IN_S, HUNDRED, TEN = 1000, 100, 10
LONG_MS = 120_000
SHARE = "share"


def amount(value: float | None, unit: str) -> str:
    """A value with its unit: `12.3 %`, `$41.80`, `2.40 s`, `9 120 tokens`. Shares are given from 0 to 1."""
    if value is None:
        return "unknown"
    if unit == SHARE:
        return f"{100 * value:.3g} %"
    if unit.lower().startswith("usd"):
        return _dollars(value) + unit[3:]
    if unit == "ratio":
        return f"{number(value)}×"
    if unit == "ms":
        return _lasting(value)
    return f"{number(value)} {unit}".rstrip()


def _lasting(ms: float) -> str:
    if abs(ms) >= LONG_MS:
        return words(timedelta(milliseconds=ms))
    return f"{ms:.0f} ms" if abs(ms) < MS_IN_S else f"{ms / MS_IN_S:.2f} s"


def number(value: float) -> str:
    """Three meaningful digits, thousands set apart."""
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= HUNDRED else f"{value:.3g}"


def _dollars(value: float) -> str:
    return f"${value:,.2f}" if abs(value) >= 1 or value == 0 else f"${value:.3g}"


def times(value: float, of: float) -> str:
    """`3.2× ` as a part of a sentence; empty where nothing can be a multiple of it."""
    if of == 0:
        return ""
    many = value / of
    return f"{many:,.0f}× ".replace(",", " ") if many >= TEN else f"{many:.2g}× "


def calls(n: int) -> str:
    return "1 call" if n == 1 else f"{number(n)} calls"


def sparkline(values: Sequence[float | None]) -> str:
    """The values as a row of bars from their least to their greatest; unknown ones are a gap."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, spread = min(known), max(known) - min(known)
    return "".join(" " if value is None else BARS[_height(value - low, spread)] for value in values)


def _height(above: float, spread: float) -> int:
    return min(int(above / spread * len(BARS)), len(BARS) - 1) if spread > 0 else 0
