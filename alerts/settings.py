"""The settings of alerting, as they stand in `[alerts]`."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from store.alerting import Severity
from store.duration import Duration


class AlertSettings(BaseModel):
    """When and to whom.

    `late_offset`: how long a window is left to fill before it is judged. `max_alert_age`: what happened longer ago
    is history and tells nobody. `catch_up`: most windows a rule takes up after a pause. `reeval`: how far back late
    data rewrites history. `channels`: who is told by rules that name nobody (None: every channel there is).
    `base_url`: where people reach the pages, for links.
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
    channels: Annotated[tuple[str, ...] | None, BeforeValidator(lambda v: (v,) if isinstance(v, str) else v)] = None

    def repeat(self, severity: Severity) -> timedelta:
        return self.repeat_critical if severity is Severity.CRITICAL else self.repeat_warning
