"""Slack's Block Kit. What may come from logs stands in plain_text, which Slack neither links nor formats."""

from typing import Any

from alerts.messages.neutral import cut, neutral, slack_escaped
from alerts.notification import Notification, facts, headline, named_links

HEADER, SECTION = 150, 3000  # Slack's own limits, in characters


def payload(notification: Notification) -> dict[str, Any]:
    """The message as both the webhook and the Web API take it."""
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
    places = [_link(url, name) for name, url in named_links(notification)]
    rows = [*(["Examples: " + ", ".join(examples)] if examples else []), *([" · ".join(places)] if places else [])]
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": row}]} for row in rows]


def _link(url: str, text: str) -> str:
    safe = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return f"<{safe}|{slack_escaped(cut(text, 60))}>"
