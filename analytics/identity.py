"""How answers differ when the prompt mentions a group of people.

Refusals, toxic answers and the length of answers, of prompts that mention a group against prompts that mention none:
Newcombe's interval (1998, method 10) for shares, Welch's for the logarithm of the length. By one measure the intervals
of all groups that are shown hold together in 99 % of cases (Bonferroni).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from analytics.identities import patterns
from analytics.interval import Interval, newcombe, welch
from store.connection import Store
from store.mentions import LENGTH, NONE, mentions
from store.model import Filters, Window

FEW = 30  # calls, before a group is compared
ERROR = 0.01  # of all groups together, two-sided
ROUNDING = 1e-9  # answers that are all alike differ by that, once they are added up
RATES = ("refusal", "toxicity")  # evaluators
MEASURES = (*RATES, LENGTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Calls of one group by one measure.

    `n`: the effective number of calls. `mean`: a share; of the length, the mean of its natural logarithm, with its
    `variance`.
    """

    n: float
    mean: float
    variance: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """`difference` to prompts that mention none: of shares, or of ln(length)."""

    difference: float
    interval: Interval

    @property
    def clear(self) -> bool:
        return self.interval.low > ROUNDING or self.interval.high < -ROUNDING


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """`measured` and `gaps` by measure; a gap is missing where either side has too few calls."""

    name: str
    calls: int
    measured: Mapping[str, Measured]
    gaps: Mapping[str, Gap]

    @property
    def few(self) -> bool:
        return self.calls < FEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """`none`: prompts that mention no group, or None where there is no such prompt; `groups`: most calls first."""

    none: Group | None
    groups: tuple[Group, ...]

    @property
    def clear(self) -> tuple[tuple[str, str, Gap], ...]:
        """Group, measure and gap of what is not chance."""
        return tuple(
            (group.name, measure, gap)
            for group in self.groups
            for measure, gap in group.gaps.items()
            if gap.clear
        )  # fmt: skip


Told = tuple[str, int, Mapping[str, Measured]]  # a group, its calls, what was measured of them


def identity(store: Store, window: Window, filters: Filters) -> Identity:
    """Compare the groups that prompts of the window mention."""
    told: dict[str, tuple[int, dict[str, Measured]]] = {}
    for row in mentions(store, window, filters, patterns=patterns(), names=RATES).iter_rows(named=True):
        _, measured = told.setdefault(row["mentioned"], (row["calls"], {}))
        if row["measure"] is not None:
            measured[row["measure"]] = Measured(n=row["n"], mean=row["mean"], variance=row["variance"] or 0.0)
    return compared([(name, calls, measured) for name, (calls, measured) in told.items()])


def compared(told: list[Told]) -> Identity:
    """Set every group against `store.mentions.NONE`."""
    none = next((one for one in told if one[0] == NONE), None)
    groups = sorted((one for one in told if one[0] != NONE), key=lambda one: (-one[1], one[0]))
    shown = sum(calls >= FEW for _, calls, _ in groups)
    error = ERROR / max(shown, 1)
    rest = none[2] if none else {}
    return Identity(
        none=Group(name=NONE, calls=none[1], measured=rest, gaps={}) if none else None,
        groups=tuple(
            Group(name=name, calls=calls, measured=measured, gaps=_gaps(measured, rest, error) if calls >= FEW else {})
            for name, calls, measured in groups
        ),
    )


def _gaps(one: Mapping[str, Measured], rest: Mapping[str, Measured], error: float) -> dict[str, Gap]:
    return {
        measure: _gap(measure, one[measure], rest[measure], error)
        for measure in MEASURES
        if measure in one and measure in rest and min(one[measure].n, rest[measure].n) >= FEW
    }


def _gap(measure: str, one: Measured, rest: Measured, error: float) -> Gap:
    if measure == LENGTH:
        interval = welch((one.mean, one.variance, one.n), (rest.mean, rest.variance, rest.n), error)
    else:
        z = NormalDist().inv_cdf(1 - error / 2)
        interval = newcombe((one.mean, one.n), (rest.mean, rest.n), z)
    return Gap(difference=one.mean - rest.mean, interval=interval)
