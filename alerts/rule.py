"""What to watch: a rule over one metric, typed and without free SQL."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Any, Literal, Protocol, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from alerts.rules.checked import did_you_mean
from alerts.rules.mute_timing import MuteTiming, TimeZone
from store.alerting import Severity
from store.duration import Duration
from store.model import DIMENSIONS

KINDS = ("threshold", "rate", "change", "seasonal", "cusum", "burn_rate", "budget", "drift", "no_data")
JUDGE_FEW = {"rate", "burn_rate", "drift"}  # their own arithmetic knows how little a few calls say
WORDS = {"title", "owner", "runbook", "severity", "channels", "mute", "notify_no_data"}
NEVER = timedelta(0)


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
    `threshold` is what the kind compares with: the metric's unit (a share from 0 to 1 for rates), a multiple, or
    deviations. `min_samples`: with fewer calls nothing is said. `no_data`: what silence means after `no_data_after`
    (default: three windows); `notify_no_data`: say so once. `time_zone`: whose hours and days count, for what is
    normal at this hour, for budgets and for `mute`. `against`: of kind `change`. `objective`: of kind `burn_rate`, the
    share of calls that is to be good. `period`, `steps` and `projected`: of kind `budget`, at which parts of it
    to tell, and whether also when it will not last.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")
    title: str | None = Field(default=None, max_length=120)
    metric: str = "calls"
    kind: Annotated[str, Field(json_schema_extra={"enum": list(KINDS)})] = "threshold"
    comparison: Literal[">", ">=", "<", "<="] = ">"
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    recover_threshold: float | None = Field(default=None, allow_inf_nan=False)
    window: Duration = timedelta(hours=1)
    every: Duration = timedelta(minutes=5)
    against: Literal["previous", "last_week"] = "previous"
    objective: float | None = Field(default=None, gt=0, lt=1)
    period: Literal["day", "week", "month"] = "month"
    steps: tuple[Annotated[float, Field(gt=0)], ...] = Field(default=(0.5, 0.8, 1.0), min_length=1, max_length=20)
    projected: bool = True
    filters: dict[Dimension, Names] = Field(default_factory=dict)
    group_by: Annotated[tuple[Dimension, ...], BeforeValidator(_tuple)] = ()
    hold: Duration = Field(default=NEVER, alias="for")
    keep_firing_for: Duration | None = None
    min_samples: int | None = Field(default=None, ge=0)
    severity: Severity = Severity.WARNING
    no_data: Literal["keep", "alert", "ok"] = "keep"
    no_data_after: Duration | None = None
    notify_no_data: bool = False
    time_zone: TimeZone = "UTC"
    mute: tuple[MuteTiming, ...] = ()
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
        return 1 if self.kind in JUDGE_FEW else 20

    def name(self, metric: MetricInfo) -> str:
        return self.title or metric.title

    def asks_the_same(self, other: "Rule") -> bool:
        """Whether the two differ at most in whom they tell, when, and in which words: what fires goes on firing."""
        return self.model_dump(exclude=WORDS) == other.model_dump(exclude=WORDS)


def _problems(rule: Rule) -> Iterable[str]:
    if rule.kind not in KINDS:
        yield f"no kind of rule is named {rule.kind!r}{did_you_mean(rule.kind, KINDS)}"
    if rule.window <= NEVER or rule.every <= NEVER:
        yield "'window' and 'every' must be longer than nothing"
    for name in (*rule.filters, *rule.group_by):
        if name not in DIMENSIONS:
            yield f"no dimension is named {name!r}{did_you_mean(name, DIMENSIONS)}"
    yield from _hysteresis_problems(rule)


def _hysteresis_problems(rule: Rule) -> Iterable[str]:
    if rule.recover_threshold is None or rule.threshold is None:
        return
    if rule.rising and rule.recover_threshold > rule.threshold:
        yield "'recover_threshold' must not lie above 'threshold'"
    if not rule.rising and rule.recover_threshold < rule.threshold:
        yield "'recover_threshold' must not lie below 'threshold'"
