"""What a Channel is: a way to tell people, with settings that hold names of secrets and never the secrets."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from alerts.engine.course import Course
from alerts.notification import Notification
from alerts.rules.checked import checked, did_you_mean
from store.declared import declared
from store.errors import ConfigError
from store.threads import Thread


class ChannelSettings(BaseModel):
    """What every channel may be told. `fallback` names the channel that is used when this one is dead."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fallback: str | None = None
    min_interval_s: float = Field(default=1.0, ge=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A notification on its way to a channel, which the user named `channel`.

    `thread` is where the incident was told of first, as that receiver names it. `course` is what its rule saw, where
    the channel draws.
    """

    told: Notification
    channel: str
    thread: Thread | None = None
    course: Course | None = None

    @property
    def id(self) -> str:
        """The same for every attempt to send it."""
        return self.told.key(self.channel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the receiver said. `note` tells what went wrong for a part, such as one of two recipients.

    `ref` is its name for the message: what follows can be put below it.
    """

    status_code: int | None = None
    note: str | None = None
    ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way to tell people. `send(settings, letter)` raises DeliveryError.

    `gathers`: alerts that fire together may share a message. `answers`: it is told of acknowledgements.
    `draws`: it shows a chart.
    """

    name: str
    settings: type[ChannelSettings]
    send: Callable[[Any, Letter], Receipt]
    gathers: bool = True
    answers: bool = False
    draws: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A channel with its settings, under the user's own name for it."""

    name: str
    channel: Channel
    settings: ChannelSettings

    def send(self, letter: Letter) -> Receipt:
        return self.channel.send(self.settings, letter)


def channels() -> Mapping[str, Channel]:
    """The kinds of channel there are."""
    return declared(Channel, "alerts.channels")


def configured(tables: Mapping[str, Mapping[str, Any]], where: str = "leeway.toml") -> dict[str, Configured]:
    """Return the channels of `[channels.<name>]` tables, each with its `type`. Raises ConfigError."""
    found = {name: _configured(name, table, f"{where}: channel {name!r}") for name, table in tables.items()}
    for one in found.values():
        other = one.settings.fallback
        if other is not None and (other not in found or other == one.name):
            others = [name for name in found if name != one.name]
            raise ConfigError(
                f"{where}: channel {one.name!r}: no other channel is named {other!r}{did_you_mean(other, others)}"
            )
    return found


def _configured(name: str, table: Mapping[str, Any], where: str) -> Configured:
    rest = dict(table)
    kind = rest.pop("type", None)
    if kind not in channels():
        raise ConfigError(f"{where}: no type of channel is named {kind!r}{did_you_mean(str(kind), channels())}")
    channel = channels()[kind]
    return Configured(name=name, channel=channel, settings=checked(channel.settings, rest, where))
