"""PagerDuty by its Events API, version 2: an alert is triggered, acknowledged and resolved under one key."""

import hashlib
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import orjson
from pydantic import Field

from alerts.channel import Channel, ChannelSettings, Letter, Receipt
from alerts.delivery.post import post
from alerts.delivery.secrets import secret
from alerts.messages.neutral import cut, neutral
from alerts.notification import OVER, UP, Notification, facts, named_links, scope, subject
from store.errors import DeliveryError

SUMMARY, KEY, DETAIL = 1024, 32, 4000  # characters; a body has at most 512 KB
SEVERITIES = {"critical": "critical", "warning": "warning"}


class Settings(ChannelSettings):
    """The routing key is the integration's secret. Accounts in Europe: `https://events.eu.pagerduty.com/v2/enqueue`."""

    routing_key_env: str | None = None
    routing_key_file: Path | None = None
    source: str = "leeway"
    api_url: str = Field(default="https://events.pagerduty.com/v2/enqueue", pattern=r"^https?://\S+$")
    allow: tuple[str, ...] = ()


def dedup_key(told: Notification) -> str:
    """The same for one rule and slice over all its incidents: a repeat changes nothing, a later one opens anew."""
    named = f"{told.rule_id}|{scope(dict(sorted(told.slice.items())))}"
    return hashlib.sha256(named.encode()).hexdigest()[:KEY]


def _details(told: Notification) -> dict[str, str]:
    """The facts; what has the same label stands together."""
    found: dict[str, str] = {}
    for label, text in facts(told):
        found[label] = cut(f"{found[label]}; {neutral(text)}" if label in found else neutral(text), DETAIL)
    return found


def event(told: Notification, action: str, source: str) -> dict[str, Any]:
    """An event without its routing key."""
    found: dict[str, Any] = {"event_action": action, "dedup_key": dedup_key(told)}
    if action != "trigger":
        return found
    return {
        **found,
        "payload": {
            "summary": cut(subject(told) + (f": {neutral(told.now_text)}" if told.now_text else ""), SUMMARY),
            "source": source, "severity": SEVERITIES.get(told.severity, "info"),
            "timestamp": told.at.astimezone(UTC).isoformat(), "class": told.metric or told.rule_id,
            "component": cut(neutral(scope(told.slice)), 255) or "all calls",
            "custom_details": _details(told),
        },
        "links": [{"href": url, "text": name} for name, url in named_links(told)],
        "client": "Leeway", "client_url": told.links.get("incident", told.links.get("page", "")),
    }  # fmt: skip


def send(settings: Settings, letter: Letter) -> Receipt:
    """Trigger, acknowledge or resolve. A test does both ends; what is about no alert wakes nobody."""
    told = letter.told
    if told.reason == "test":
        _enqueue(settings, letter, event(told, "trigger", settings.source))
        return _enqueue(settings, letter, event(told, "resolve", settings.source))
    if told.reason in OVER:
        return _enqueue(settings, letter, event(told, "resolve", settings.source))
    if told.reason == "acknowledged":
        return _enqueue(settings, letter, event(told, "acknowledge", settings.source))
    if told.reason in UP:
        return _enqueue(settings, letter, event(told, "trigger", settings.source))
    return Receipt(note=f"a {told.reason} wakes nobody: not sent to PagerDuty")


def _enqueue(settings: Settings, letter: Letter, body: Mapping[str, Any]) -> Receipt:
    key = secret(f"channel {letter.channel!r}", env=settings.routing_key_env, file=settings.routing_key_file)
    answer = post(settings.api_url, orjson.dumps({"routing_key": key, **body}), headers={}, allow=settings.allow)
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict) or said.get("status") != "success":
        raise DeliveryError(f"PagerDuty answered {answer.status} without 'success'", permanent=False)
    return Receipt(status_code=answer.status)


PAGERDUTY = Channel(name="pagerduty", settings=Settings, send=send, gathers=False, answers=True)
