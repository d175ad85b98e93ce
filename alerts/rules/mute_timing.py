"""Hours of the week in which an alert's messages are kept back, by the clock of a time zone."""

from datetime import datetime, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from alerts.rules.checked import did_you_mean

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MIDNIGHT = time(0)


def _known(name: str) -> str:
    """ZoneInfo would read a file of that name."""
    if name not in available_timezones():
        near = did_you_mean(name, available_timezones())
        raise ValueError(
            f"no time zone is named {name!r}" + (near if "mean" in near else "; write it as Europe/Berlin")
        )
    return name


TimeZone = Annotated[str, AfterValidator(_known)]
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
# Midnight at the end of a day is written 24:00, and kept as the midnight at which the next one begins.
Clock = Annotated[
    time,
    BeforeValidator(lambda value: "00:00" if value == "24:00" else value),
    PlainSerializer(lambda value: f"{value:%H:%M}", return_type=str),
]


class MuteTiming(BaseModel):
    """On these `days` (none named: every day) `from` a time of day `to` another; past midnight, of the day before.

    The same time twice is the whole day.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    days: Annotated[tuple[Day, ...], BeforeValidator(lambda value: (value,) if isinstance(value, str) else value)] = ()
    start: Clock = Field(default=MIDNIGHT, alias="from")
    end: Clock = Field(default=MIDNIGHT, alias="to")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.days and self.start == self.end:
            raise ValueError("'days', or 'from' and 'to', must be given: this would mute for ever")
        return self

    def covers(self, local: datetime) -> bool:
        """Whether it mutes at a moment of its own time zone's clock."""
        day, clock = local.weekday(), local.time()
        if self.start < self.end:
            return self._on(day) and self.start <= clock < self.end
        return (self._on(day) and clock >= self.start) or (self._on(day - 1) and clock < self.end)

    def _on(self, day: int) -> bool:
        return not self.days or DAYS[day % 7] in self.days

    def __str__(self) -> str:
        days = ", ".join(self.days) or "every day"
        return days if self.start == self.end else f"{days} {self.start:%H:%M} to {self.end:%H:%M}"


def muted(timings: tuple[MuteTiming, ...], zone: str, at: datetime) -> str | None:
    """Why nobody is to be told at a moment, None when people are."""
    local = at.astimezone(ZoneInfo(zone))
    return next((f"mute timing {timing} {zone}" for timing in timings if timing.covers(local)), None)
