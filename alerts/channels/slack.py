"""Slack by incoming webhook."""

from pathlib import Path

import orjson
from pydantic import Field

from alerts.channel import Channel, ChannelSettings, Letter, Receipt
from alerts.delivery.post import post
from alerts.delivery.secrets import secret
from alerts.messages.blocks import payload
from store.errors import DeliveryError


class Settings(ChannelSettings):
    """`webhook_url_env` or `webhook_url_file` tells where the webhook's URL stands; it is a secret."""

    webhook_url_env: str | None = Field(default=None)
    webhook_url_file: Path | None = None
    allow: tuple[str, ...] = ()


def send(settings: Settings, letter: Letter) -> Receipt:
    """Slack's success is the body `ok`; it answers 200 to some messages that it drops."""
    url = secret(f"channel {letter.channel!r}", env=settings.webhook_url_env, file=settings.webhook_url_file)
    answer = post(url, orjson.dumps(payload(letter.told)), headers={}, allow=settings.allow)
    if answer.body.strip() != "ok" and not _says_ok(answer.body):
        raise DeliveryError(f"Slack answered {answer.status} with {answer.body[:80]!r}, not 'ok'", permanent=False)
    return Receipt(status_code=answer.status)


def _says_ok(body: str) -> bool:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(said, dict) and said.get("ok") is True


SLACK = Channel(name="slack", settings=Settings, send=send)
