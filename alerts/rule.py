"""What to watch: a rule over one metric, typed and without free SQL."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from alerts.checked import checked, did_you_mean
from store.alerting import Severity
from store.duration import Duration
from store.errors import ConfigError
from store.model import DIMENSIONS

KINDS = ("threshold", "rate", "change", "no_data")
NEVER = timedelta(0)
TABLES = ("rule", "inhibit")  # of a rules file; alerts/inhibition.py reads the second


class MetricInfo(Protocol):
    """What an alert must know of a metric.

    `kind`: level, rate (a share of `n`, 0 to 1) or total (0 without calls). `evaluator`: whose scores it is made of.
    """

    @property
    def title(self) -> str: ...
    @property
    def unit(self) -> str: ...
    @property
    def worse(self) -> str | None: ...
    @property
    def kind(self) -> str: ...
    @property
    def evaluator(self) -> str | None: ...


def _tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], BeforeValidator(_tuple)]
Dimension = Annotated[str, Field(json_schema_extra={"enum": list(DIMENSIONS)})]


class Rule(BaseModel):
    """A rule. Unset choices (None) take the default of the rule's kind; see the properties below.

    `window` is what one evaluation looks at, `every` how often it looks; window ends are multiples of `every` in UTC.
    `for`: how long a breach must last before it fires. `keep_firing_for`: how long it keeps firing afterwards.
    `threshold` is in the metric's unit (a share from 0 to 1 for rates), for kind `change` the ratio to what it is
    compared `against`. `min_samples`: with fewer calls nothing is said. `no_data`: what silence means after
    `no_data_after` (default: three windows).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    title: str | None = Field(default=None, max_length=120)
    metric: str = "calls"
    kind: Literal["threshold", "rate", "change", "no_data"] = "threshold"
    comparison: Literal[">", ">=", "<", "<="] = ">"
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    recover_threshold: float | None = Field(default=None, allow_inf_nan=False)
    window: Duration = timedelta(hours=1)
    every: Duration = timedelta(minutes=5)
    against: Literal["previous", "last_week"] = "previous"
    filters: dict[Dimension, Names] = Field(default_factory=dict)
    group_by: Annotated[tuple[Dimension, ...], BeforeValidator(_tuple)] = ()
    hold: Duration = Field(default=NEVER, alias="for")
    keep_firing_for: Duration | None = None
    min_samples: int | None = Field(default=None, ge=0)
    severity: Severity = Severity.WARNING
    no_data: Literal["keep", "alert", "ok"] = "keep"
    no_data_after: Duration | None = None
    runbook: str | None = Field(default=None, pattern=r"^https?://\S+$", max_length=500)
    owner: str | None = Field(default=None, max_length=120)
    channels: Names = ()

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        for problem in _problems(self):
            raise ValueError(problem)
        return self

    @property
    def rising(self) -> bool:
        """Whether more is worse."""
        return self.comparison in (">", ">=")

    @property
    def keep(self) -> timedelta:
        """`keep_firing_for`; a rate looks at its last quarter window, so by default it waits as long before it ends."""
        if self.keep_firing_for is not None:
            return self.keep_firing_for
        return self.window / 4 if self.kind == "rate" else NEVER

    @property
    def silence(self) -> timedelta:
        """How long nothing may be known before that is a finding of its own."""
        return self.no_data_after if self.no_data_after is not None else 3 * self.window

    def samples_needed(self, metric: MetricInfo) -> int:
        """`min_samples`; by default 20 for levels (a p95 of three calls says nothing), 1 for rates, 0 for totals."""
        if self.min_samples is not None:
            return self.min_samples
        if metric.kind == "total":
            return 0
        return 1 if self.kind == "rate" else 20

    def name(self, metric: MetricInfo) -> str:
        return self.title or metric.title


def _problems(rule: Rule) -> Iterable[str]:
    if rule.threshold is None and rule.kind != "no_data":
        yield f"'threshold' is missing (a rule of kind {rule.kind!r} compares with one)"
    if rule.window <= NEVER or rule.every <= NEVER:
        yield "'window' and 'every' must be longer than nothing"
    for name in (*rule.filters, *rule.group_by):
        if name not in DIMENSIONS:
            yield f"no dimension is named {name!r}{did_you_mean(name, DIMENSIONS)}"
    if rule.kind == "rate" and not rule.rising:
        yield "a rule of kind 'rate' compares with > or >="
    if rule.kind == "rate" and rule.threshold is not None and not 0 <= rule.threshold <= 1:
        yield "a rate's threshold is a share between 0 and 1 (0.05 is 5 %)"
    yield from _hysteresis_problems(rule)


def _hysteresis_problems(rule: Rule) -> Iterable[str]:
    if rule.recover_threshold is None or rule.threshold is None:
        return
    if rule.rising and rule.recover_threshold > rule.threshold:
        yield "'recover_threshold' must not lie above 'threshold'"
    if not rule.rising and rule.recover_threshold < rule.threshold:
        yield "'recover_threshold' must not lie below 'threshold'"


def rule_from(table: Mapping[str, Any], *, where: str, metrics: Iterable[str] = ()) -> Rule:
    """Return `table` as a rule. Raises ConfigError; with `metrics` also for a metric that does not exist."""
    place = f"{where}: rule {table['id']!r}" if isinstance(table.get("id"), str) else where
    rule = checked(Rule, table, place)
    known = list(metrics)
    if known and rule.metric not in known:
        raise ConfigError(f"{place}: no metric is named {rule.metric!r}{did_you_mean(rule.metric, known)}")
    return rule


def rules_from_file(path: Path, metrics: Iterable[str] = ()) -> list[Rule]:
    """Read the `[[rule]]` tables of a TOML file. Raises ConfigError at the first thing that is wrong."""
    try:
        return rules_from_text(path.read_text(encoding="utf-8"), where=path.name, metrics=metrics)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None


def rules_from_text(text: str, *, where: str, metrics: Iterable[str] = ()) -> list[Rule]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML ({error})") from None
    for key in document:
        if key not in TABLES:
            raise ConfigError(f"{where}: no table is named {key!r}{did_you_mean(key, TABLES)}")
    known = list(metrics)
    rules = [rule_from(table, where=where, metrics=known) for table in document.get("rule", [])]
    twice = {rule.id for rule in rules if sum(other.id == rule.id for other in rules) > 1}
    if twice:
        raise ConfigError(f"{where}: two rules have the id {min(twice)!r}: rename one")
    return rules


def as_table(rule: Rule) -> dict[str, Any]:
    """The rule as it stands in a file: only what differs from the defaults."""
    return {"id": rule.id, **rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)}


def as_toml(rules: Iterable[Rule]) -> str:
    """Rules as the text of an `alerts.toml`; `rules_from_text` reads back the same rules."""
    return "\n".join("[[rule]]\n" + "".join(_line(*pair) for pair in as_table(rule).items()) for rule in rules)


def _line(key: str, value: Any) -> str:
    return f"{key} = {_toml(value)}\n"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_quoted(key)} = {_toml(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are a subset of TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
