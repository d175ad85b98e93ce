"""The settings of alerting, as they stand in `[alerts]`."""

from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from alerts.rules.checked import did_you_mean
from store.alerting import Severity
from store.duration import Duration
from store.model import DIMENSIONS

GROUPINGS = ("rule", "severity", *DIMENSIONS)
Grouping = Annotated[str, Field(json_schema_extra={"enum": list(GROUPINGS)})]


def _tuple(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class AlertSettings(BaseModel):
    """When and to whom.

    `late_offset`: how long a window is left to fill before it is judged. `max_alert_age`: what happened longer ago
    is history and tells nobody. `catch_up`: most windows a rule takes up after a pause. `reeval`: how far back late
    data rewrites history. `channels`: who is told by rules that name nobody (None: every channel there is).
    `base_url`: where people reach the pages, for links. `group_wait`: how long the first message of a group waits for
    others to share it; `group_interval`: the least time between two messages of a group; `group_by`: what makes a
    group (rule, severity, or a dimension). `burst`: most messages of alerts that a channel gets in one
    `group_interval`; what is more becomes one digest. `link_ttl`: how long the links in a message can be answered.
    `default_rules`: begin a new database with some rules. `evaluations_kept`: how long what each evaluation saw is
    kept, `messages_kept`: how long what was told. `example_texts`: show the beginning of what was asked and answered in
    the example calls, without personal data that has a form; it is kept as long as the messages. `heartbeat_url`:
    called `heartbeat_every` while all is well, by `heartbeat_method`; `heartbeat_allow` lists its host where that is
    private or plain http.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = Field(default="http://127.0.0.1:8501", pattern=r"^https?://\S+$")
    late_offset: Duration = timedelta(seconds=120)
    max_alert_age: Duration = timedelta(hours=6)
    catch_up: int = Field(default=24, gt=0)
    reeval: Duration = timedelta(hours=24)
    reeval_windows: int = Field(default=72, gt=0)
    max_slices: int = Field(default=200, gt=0)
    repeat_critical: Duration = timedelta(hours=4)
    repeat_warning: Duration = timedelta(hours=24)
    group_wait: Duration = timedelta(seconds=30)
    group_interval: Duration = timedelta(minutes=5)
    group_by: Annotated[tuple[Grouping, ...], BeforeValidator(_tuple)] = ("rule",)
    burst: int = Field(default=5, gt=0)
    link_ttl: Duration = timedelta(days=7)
    default_rules: bool = True
    example_texts: bool = False
    evaluations_kept: Duration = timedelta(days=30)
    messages_kept: Duration = timedelta(days=90)
    heartbeat_url: SecretStr | None = None
    heartbeat_every: Duration = timedelta(minutes=5)
    heartbeat_method: Literal["GET", "POST"] = "GET"
    heartbeat_allow: Annotated[tuple[str, ...], BeforeValidator(_tuple)] = ()
    channels: Annotated[tuple[str, ...] | None, BeforeValidator(_tuple)] = None

    @model_validator(mode="after")
    def _groups_by_something(self) -> Self:
        for name in self.group_by:
            if name not in GROUPINGS:
                raise ValueError(f"alerts are not grouped by {name!r}{did_you_mean(name, GROUPINGS)}")
        return self

    def repeat(self, severity: Severity) -> timedelta:
        return self.repeat_critical if severity is Severity.CRITICAL else self.repeat_warning
