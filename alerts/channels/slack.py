"""Slack by incoming webhook."""

from pathlib import Path
from typing import Any

import orjson
from pydantic import Field

from alerts.channel import Channel, ChannelSettings, Receipt, secret
from alerts.neutral import cut, neutral, slack_escaped
from alerts.notification import Notification, facts, headline
from alerts.post import post
from store.errors import DeliveryError

HEADER, SECTION = 150, 3000  # Slack's own limits, in characters
LINK_NAMES = {"chart": "Chart", "calls": "Calls", "incident": "Incident", "runbook": "Runbook", "silence": "Silence"}


class Settings(ChannelSettings):
    """`webhook_url_env` or `webhook_url_file` tells where the webhook's URL stands; it is a secret."""

    webhook_url_env: str | None = Field(default=None)
    webhook_url_file: Path | None = None
    allow: tuple[str, ...] = ()


def payload(notification: Notification) -> dict[str, Any]:
    """Block Kit. What may come from logs stands in plain_text, which Slack neither links nor formats."""
    head = headline(notification)
    blocks = [
        {"type": "header", "text": _plain(head, HEADER)},
        {"type": "section", "text": _plain(_body(notification), SECTION)},
        *_linked(notification),
    ]
    return {"text": slack_escaped(head), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _plain(text: str, most: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": cut(text, most), "emoji": False}


def _body(notification: Notification) -> str:
    return "\n".join(f"{label}: {neutral(text)}" for label, text in facts(notification)) or "Nothing more is known."


def _linked(notification: Notification) -> list[dict[str, Any]]:
    examples = [_link(one.link, one.call_id) for one in notification.examples if one.link]
    places = [_link(url, LINK_NAMES[name]) for name, url in notification.links.items() if name in LINK_NAMES]
    rows = [*(["Examples: " + ", ".join(examples)] if examples else []), *([" · ".join(places)] if places else [])]
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": row}]} for row in rows]


def _link(url: str, text: str) -> str:
    safe = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return f"<{safe}|{slack_escaped(cut(text, 60))}>"


def send(settings: Settings, notification: Notification, name: str) -> Receipt:
    """Slack's success is the body `ok`; it answers 200 to some messages that it drops."""
    url = secret(f"channel {name!r}", env=settings.webhook_url_env, file=settings.webhook_url_file)
    answer = post(url, orjson.dumps(payload(notification)), headers={}, allow=settings.allow)
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
