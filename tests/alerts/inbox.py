"""A receiver inside the process."""

from dataclasses import dataclass, field
from typing import Any

from alerts.channel import Channel, ChannelSettings, Configured, Letter, Receipt
from alerts.notification import Notification


@dataclass
class Inbox:
    """A receiver whose answers are scripted: None takes the message, an error refuses it."""

    answers: list[BaseException | None] = field(default_factory=list)
    got: list[Notification] = field(default_factory=list)
    tried: int = 0

    def send(self, _settings: Any, letter: Letter) -> Receipt:
        self.tried += 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        self.got.append(letter.told)
        return Receipt(status_code=200)

    def channel(self, name: str = "ops", *, gathers: bool = True, answers: bool = False, **settings: Any) -> Configured:
        kind = Channel(name="inbox", settings=ChannelSettings, send=self.send, gathers=gathers, answers=answers)
        return Configured(name=name, channel=kind, settings=ChannelSettings(min_interval_s=0, **settings))
