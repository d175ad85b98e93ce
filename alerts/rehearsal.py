"""Rules tried on series written by hand: which slices fire at which moment.

rules = "alerts.toml"

[[test]]
name = "slow answers of one provider"
rule = "slow-answers"
interval = "5m"
series = [{ slice = { provider = "openai" }, values = "800x5 9000x8", n = 40 }]
expect = [{ at = "25m", firing = [] }, { at = "50m", firing = [{ provider = "openai" }] }]
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from alerts.engine.due import MONDAY
from alerts.engine.numbers import Numbers, one_by_one
from alerts.engine.run import Bench, Run
from alerts.engine.series import expanded
from alerts.rule import NEVER, MetricInfo, Rule
from alerts.rules.checked import checked, did_you_mean
from alerts.rules.rulefile import rules_from_file
from alerts.settings import AlertSettings
from store.alerts import slice_key, slice_of
from store.duration import Duration, short
from store.errors import ConfigError
from store.model import Filters, Sample, Window

Labels = dict[str, str]
Values = Annotated[list[float | None], BeforeValidator(lambda text: expanded(text) if isinstance(text, str) else text)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Series(_Part):
    """A value an interval, and how many calls stand behind each."""

    labels: Labels = Field(default_factory=dict, alias="slice")
    values: Values
    n: int = Field(default=100, ge=0)


class Expectation(_Part):
    """The slices that fire at a moment after the start; `{}` is the one of a rule without group-by."""

    at: Duration
    firing: list[Labels]


class Test(_Part):
    __test__ = False  # not one of pytest's

    name: str
    rule: str
    interval: Duration
    series: list[Series]
    expect: list[Expectation]


class _Sheet(_Part):
    rules: str
    test: list[Test]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """A test and what was otherwise than expected, in words."""

    name: str
    failures: Sequence[str]


def rehearse(path: Path, metrics: Mapping[str, MetricInfo]) -> list[Outcome]:
    """Run the tests of a file against the rules that it names. Raises ConfigError when either cannot be read."""
    sheet = _sheet(path)
    rules = {rule.id: rule for rule in rules_from_file(path.parent / sheet.rules, metrics)}
    for test in sheet.test:
        if test.rule not in rules:
            hint = did_you_mean(test.rule, rules)
            raise ConfigError(f"{path.name}: test {test.name!r}: no rule is named {test.rule!r}{hint}")
    return [outcome(test, rules[test.rule], metrics[rules[test.rule].metric]) for test in sheet.test]


def _sheet(path: Path) -> _Sheet:
    try:
        document: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path.name}: not TOML ({error})") from None
    return checked(_Sheet, document, path.name)


def outcome(test: Test, rule: Rule, metric: MetricInfo) -> Outcome:
    """Run one test: the rule's own engine over the written series."""
    bench = _bench(test, rule, metric)
    last = max((expected.at for expected in test.expect), default=NEVER)
    bench.numbers.pasts(rule, metric, Window(start=MONDAY, end=MONDAY + last))  # in one reading
    run = Run(bench, {})
    failures, end = [], MONDAY
    for expected in sorted(test.expect, key=lambda one: one.at):
        while end <= MONDAY + expected.at:
            run.window(end)
            end += rule.every
        failures += _compared(run, expected)
    return Outcome(name=test.name, failures=failures)


def _compared(run: Run, expected: Expectation) -> list[str]:
    fires = {key for key, held in run.held.items() if held.alert.live}
    wanted = {slice_key(tuple(labels.items())) for labels in expected.firing}
    at = short(expected.at)
    return [
        *(f"at {at}: {key} should fire and does not" for key in sorted(wanted - fires)),
        *(f"at {at}: {key} fires and should not" for key in sorted(fires - wanted)),
    ]


def _bench(test: Test, rule: Rule, metric: MetricInfo) -> Bench:
    ids = count(1)

    def measure(_name: str, window: Window, _filters: Filters, by: tuple[str, ...]) -> list[Sample]:
        found = (_sample(one, test, window, by, total=metric.kind == "total") for one in test.series)
        return [sample for sample in found if sample.n]

    numbers = Numbers(measure=measure, sliding=one_by_one(measure))
    return Bench(
        rule=rule, metric=metric, settings=AlertSettings(), channels=(), numbers=numbers, now=MONDAY,
        new_id=lambda: next(ids),
    )  # fmt: skip


def _sample(one: Series, test: Test, window: Window, by: tuple[str, ...], *, total: bool) -> Sample:
    """The window's points as one number: added up for a total, else their mean."""
    known = [value for at, value in _points(one, test) if window.start < at <= window.end and value is not None]
    value = None if not known else sum(known) if total else sum(known) / len(known)
    labels = tuple((name, one.labels.get(name)) for name in by)
    return Sample(slice=slice_of(slice_key(labels)), value=value, n=one.n * len(known))


def _points(one: Series, test: Test) -> list[tuple[datetime, float | None]]:
    return [(MONDAY + index * test.interval, value) for index, value in enumerate(one.values)]
