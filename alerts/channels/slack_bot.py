"""Slack by bot token: an incident is one message that changes with it, and what happens stands in its thread."""

from pathlib import Path
from typing import Any

import orjson
from pydantic import Field

from alerts.channel import Channel, ChannelSettings, Letter, Receipt
from alerts.delivery.post import post
from alerts.delivery.secrets import secret
from alerts.messages.blocks import payload
from store.errors import DeliveryError

# Slack's words for what passes by itself; every other `error` is about the message, the place or the token.
PASSING = {
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
    "accesslimited", "team_added_to_org",
}  # fmt: skip
GONE = {"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"}


class Settings(ChannelSettings):
    """The bot needs the scope `chat:write` and a seat in `channel` (its id, or `#name`)."""

    token_env: str | None = None
    token_file: Path | None = None
    channel: str = Field(min_length=1)
    api_url: str = Field(default="https://slack.com/api", pattern=r"^https?://\S+$")
    allow: tuple[str, ...] = ()


def send(settings: Settings, letter: Letter) -> Receipt:
    """Post; below the incident's first message if there is one. Its end is also written into that first message.

    The change comes before the reply: when the reply fails, doing both again does no harm.
    """
    token = secret(f"channel {letter.channel!r}", env=settings.token_env, file=settings.token_file)
    message = payload(letter.told)
    if letter.thread is None:
        posted = _called(settings, token, "chat.postMessage", {"channel": settings.channel, **message})
        return Receipt(status_code=200, ref=f"{posted['channel']}/{posted['ts']}")
    place, _, stamp = letter.thread.ref.partition("/")
    note = None
    if letter.told.over and not letter.thread.shared:
        note = _changed(settings, token, {"channel": place, "ts": stamp, **message})
    _called(settings, token, "chat.postMessage", {"channel": place, "thread_ts": stamp, **message})
    return Receipt(status_code=200, note=note)


def _changed(settings: Settings, token: str, body: dict[str, Any]) -> str | None:
    try:
        _called(settings, token, "chat.update", body)
    except DeliveryError as error:
        if error.permanent and str(error).split()[-1] in GONE:
            return "the first message cannot be changed any more"
        raise
    return None


def _called(settings: Settings, token: str, method: str, body: dict[str, Any]) -> dict[str, Any]:
    """Call the Web API. It answers 200 also to what it refuses: `ok` and `error` tell."""
    url = f"{settings.api_url.rstrip('/')}/{method}"
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json; charset=utf-8"}
    said = _json(post(url, orjson.dumps(body), headers=headers, allow=settings.allow).body)
    if said.get("ok") is True and (method == "chat.update" or said.get("ts")):
        return said
    error = said.get("error")
    if not isinstance(error, str):
        raise DeliveryError(f"Slack's answer to {method} says neither ok nor why not", permanent=False)
    raise DeliveryError(f"Slack refused {method}: {error[:80]}", permanent=error not in PASSING, status_code=200)


def _json(body: str) -> dict[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}


SLACK_BOT = Channel(name="slack_bot", settings=Settings, send=send, answers=True)
