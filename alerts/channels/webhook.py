"""Any receiver of JSON: our own shape or Alertmanager's, signed."""

import hashlib
import hmac
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from alerts.channel import Channel, ChannelSettings, Receipt, secret
from alerts.neutral import neutral
from alerts.notification import Notification, facts, headline, scope, subject
from alerts.post import post

NEVER_ENDED = "0001-01-01T00:00:00Z"  # Alertmanager's word for "still firing"


class Settings(ChannelSettings):
    """The URL is a secret too. With a `secret_*` each body is signed: `X-Leeway-Signature: t=…,v1=…`."""

    url_env: str | None = None
    url_file: Path | None = None
    secret_env: str | None = None
    secret_file: Path | None = None
    format: Literal["leeway", "alertmanager"] = "leeway"
    allow: tuple[str, ...] = ()


def payload(notification: Notification, channel: str) -> dict[str, Any]:
    """Leeway's own shape: every fact of the notification, and `headline` and `text` for receivers that only show."""
    told: dict[str, Any] = orjson.loads(orjson.dumps(notification))
    return {
        "version": 1,
        "id": notification.key(channel),
        "headline": headline(notification),
        "text": "\n".join(f"{label}: {neutral(text)}" for label, text in facts(notification)),
        **told,
    }


def alertmanager_payload(notification: Notification, channel: str) -> dict[str, Any]:
    """The shape of Alertmanager's webhook (version 4), which half the world's receivers read."""
    status = "resolved" if notification.over else "firing"
    labels = {
        "alertname": notification.rule_id, "severity": notification.severity,
        **{name: value or "" for name, value in notification.slice.items()},
    }  # fmt: skip
    notes = {"summary": subject(notification), "description": neutral(notification.why)}
    if notification.runbook:
        notes["runbook_url"] = notification.runbook
    alert = {
        "status": status, "labels": labels, "annotations": notes,
        "startsAt": _zulu(notification.since or notification.at),
        "endsAt": _zulu(notification.at) if notification.over else NEVER_ENDED,
        "generatorURL": notification.links.get("chart", ""), "fingerprint": _fingerprint(notification),
    }  # fmt: skip
    return {
        "version": "4", "groupKey": f"{{}}:{{alertname={notification.rule_id!r}}}", "truncatedAlerts": 0,
        "status": status, "receiver": channel, "groupLabels": {"alertname": notification.rule_id},
        "commonLabels": labels, "commonAnnotations": notes,
        "externalURL": notification.links.get("home", ""), "alerts": [alert],
    }  # fmt: skip


def _zulu(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _fingerprint(notification: Notification) -> str:
    return hashlib.sha256(f"{notification.rule_id}|{scope(notification.slice)}".encode()).hexdigest()[:16]


def signature(body: bytes, key: str, at: datetime) -> str:
    """HMAC-SHA256 over `<unix seconds>.<body>`: an old message cannot be played again as a new one."""
    stamp = int(at.timestamp())
    digest = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def send(settings: Settings, notification: Notification, name: str) -> Receipt:
    url = secret(f"channel {name!r}", env=settings.url_env, file=settings.url_file)
    shaped = alertmanager_payload if settings.format == "alertmanager" else payload
    body = orjson.dumps(shaped(notification, name))
    headers = {"X-Leeway-Id": notification.key(name)}
    if settings.secret_env or settings.secret_file:
        key = secret(f"channel {name!r}", env=settings.secret_env, file=settings.secret_file)
        headers["X-Leeway-Signature"] = signature(body, key, notification.sent_at or notification.at)
    return Receipt(status_code=post(url, body, headers=headers, allow=settings.allow).status)


WEBHOOK = Channel(name="webhook", settings=Settings, send=send)
