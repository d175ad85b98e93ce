"""Slack's Block Kit. What may come from logs stands where Slack neither links nor formats: plain and rich text."""

from typing import Any

from alerts.messages.neutral import cut, neutral, slack_escaped
from alerts.notification import Example, Notification, facts, headline, named_links, preview

HEADER, FACT = 150, 1000  # characters; Slack allows 150, and a dozen thousand in all
SIGNS = {"critical": "🔴", "warning": "🟠"}
NOTE = 60
OVER, CLOSED, CALM = "🟢", "⚪", "🔵"
LONGEST_ID = 28


def payload(notification: Notification) -> dict[str, Any]:
    """The message as both the webhook and the Web API take it."""
    sign = _sign(notification)
    head, told = headline(notification), neutral(preview(notification))
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(f"{sign} {head}", HEADER), "emoji": False}},
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": _body(notification)}]},
        *_linked(notification),
    ]
    seen = f"{sign} {slack_escaped(head)}" + (f": {slack_escaped(told)}" if told else "")
    return {"text": seen, "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _sign(notification: Notification) -> str:
    if notification.over:
        return CLOSED if notification.reason == "closed" else OVER
    return SIGNS.get(notification.severity, CALM)


def _body(notification: Notification) -> list[dict[str, Any]]:
    """A line for each fact, its label bold."""
    told = facts(notification) or [("", "Nothing more is known.")]
    found = []
    for place, (label, text) in enumerate(told):
        end = "\n" if place < len(told) - 1 else ""
        found += [{"type": "text", "text": f"{label}: ", "style": {"bold": True}}] if label else []
        found.append({"type": "text", "text": cut(neutral(text), FACT) + end})
    return found


def _linked(notification: Notification) -> list[dict[str, Any]]:
    examples = [_example(one) for one in notification.examples if one.link]
    places = [_link(url, name) for name, url in named_links(notification)]
    rows = [*(["Examples: " + ", ".join(examples)] if examples else []), *([" · ".join(places)] if places else [])]
    return [{"type": "context", "elements": [{"type": "mrkdwn", "text": row}]} for row in rows]


def _example(one: Example) -> str:
    note = f" ({slack_escaped(cut(one.note, NOTE))})" if one.note else ""
    return _link(one.link, cut(one.call_id, LONGEST_ID)) + note


def _link(url: str, text: str) -> str:
    safe = url.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("|", "%7C")
    return f"<{safe}|{slack_escaped(cut(text, 60))}>"
