"""What a Channel is: a way to tell people, with settings that hold names of secrets and never the secrets."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from alerts.checked import checked, did_you_mean
from alerts.notification import Notification
from store.declared import declared
from store.errors import ConfigError, DeliveryError


class ChannelSettings(BaseModel):
    """What every channel may be told. `fallback` names the channel that is used when this one is dead."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fallback: str | None = None
    min_interval_s: float = Field(default=1.0, ge=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the receiver said. `note` tells what went wrong for a part, such as one of two recipients."""

    status_code: int | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A way to tell people. `send(settings, notification, name)` raises DeliveryError; `name`: the user's for it."""

    name: str
    settings: type[ChannelSettings]
    send: Callable[[Any, Notification, str], Receipt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """A channel with its settings, under the user's own name for it."""

    name: str
    channel: Channel
    settings: ChannelSettings

    def send(self, notification: Notification) -> Receipt:
        return self.channel.send(self.settings, notification, self.name)


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


def secret(what: str, *, env: str | None, file: Path | None) -> str:
    """Read a secret when it is needed, so that it stands in no setting, repr or log.

    Raises DeliveryError (not permanent: it can be set while we run).
    """
    if env is not None and os.environ.get(env):
        return os.environ[env].strip()
    if file is not None:
        try:
            return file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise DeliveryError(f"{what}: {file} cannot be read ({error.strerror})", permanent=False) from None
    place = f"the environment variable {env} is not set" if env else "neither a variable nor a file is named"
    raise DeliveryError(f"{what}: {place}", permanent=False)
