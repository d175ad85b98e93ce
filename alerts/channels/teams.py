"""Microsoft Teams by a Workflows webhook: an Adaptive Card.

What may come from logs stands in text runs, which Teams shows as they are; its text blocks would read Markdown.
"""

from pathlib import Path
from typing import Any

import orjson

from alerts.channel import Channel, ChannelSettings, Letter, Receipt
from alerts.delivery.post import post
from alerts.delivery.secrets import secret
from alerts.messages.neutral import cut, neutral
from alerts.notification import Notification, facts, headline, named_links

HEAD, FACT = 300, 2000  # characters; a card has at most 28 KB
MOST_ACTIONS = 6
COLOURS = {"critical": "attention", "warning": "warning"}


class Settings(ChannelSettings):
    """`webhook_url_*` tells where the URL of the workflow "When a Teams webhook request is received" stands."""

    webhook_url_env: str | None = None
    webhook_url_file: Path | None = None
    allow: tuple[str, ...] = ()


def payload(notification: Notification) -> dict[str, Any]:
    """A message with one card."""
    head = cut(headline(notification), HEAD)
    colour = "good" if notification.over else COLOURS.get(notification.severity, "default")
    body = [
        _text({"text": head, "weight": "bolder", "size": "medium", "color": colour}),
        *(_fact(label, text) for label, text in facts(notification)),
    ]
    links = [
        *named_links(notification),
        *(
            (f"Call: {cut(neutral(one.note or one.call_id), 30)}", one.link)
            for one in notification.examples
            if one.link
        ),
    ]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
        "fallbackText": head, "msteams": {"width": "Full"}, "body": body,
        "actions": [{"type": "Action.OpenUrl", "title": name, "url": url} for name, url in links[:MOST_ACTIONS]],
    }  # fmt: skip
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "contentUrl": None, "content": card}]}


def _text(*runs: dict[str, Any]) -> dict[str, Any]:
    return {"type": "RichTextBlock", "inlines": [{"type": "TextRun", **run} for run in runs]}


def _fact(label: str, text: str) -> dict[str, Any]:
    return _text({"text": f"{label}: ", "weight": "bolder"}, {"text": cut(neutral(text), FACT)})


def send(settings: Settings, letter: Letter) -> Receipt:
    """Teams takes a card with 200 or 202; it says nothing more."""
    url = secret(f"channel {letter.channel!r}", env=settings.webhook_url_env, file=settings.webhook_url_file)
    return Receipt(status_code=post(url, orjson.dumps(payload(letter.told)), headers={}, allow=settings.allow).status)


TEAMS = Channel(name="teams", settings=Settings, send=send)
