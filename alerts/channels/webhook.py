"""Any receiver of JSON: our own shape or Alertmanager's, signed."""

import hashlib
import hmac
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import orjson

from alerts.channel import Channel, ChannelSettings, Letter, Receipt
from alerts.delivery.post import post
from alerts.delivery.secrets import secret
from alerts.messages.neutral import neutral
from alerts.notification import Notification, Other, as_other, facts, headline, scope

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
    alerts = [_alert(one, notification) for one in (as_other(notification), *notification.others)]
    return {
        "version": "4", "groupKey": f"{{}}:{{alertname={notification.rule_id!r}}}", "truncatedAlerts": 0,
        "status": alerts[0]["status"], "receiver": channel, "groupLabels": _common(alerts, "labels", ("alertname",)),
        "commonLabels": _common(alerts, "labels"), "commonAnnotations": _common(alerts, "annotations"),
        "externalURL": notification.links.get("home", ""), "alerts": alerts,
    }  # fmt: skip


def _alert(one: Other, told: Notification) -> dict[str, Any]:
    labels = {
        "alertname": one.rule_id, "severity": one.severity,
        **{name: value or "" for name, value in one.slice.items()},
    }  # fmt: skip
    mine = one.incident_id == told.incident_id and one.rule_id == told.rule_id
    notes = {"summary": neutral(one.title), "description": neutral(told.why if mine else one.now_text)}
    if told.runbook and mine:
        notes["runbook_url"] = told.runbook
    return {
        "status": "resolved" if told.over else "firing", "labels": labels, "annotations": notes,
        "startsAt": _zulu(one.since or told.at), "endsAt": _zulu(told.at) if told.over else NEVER_ENDED,
        "generatorURL": (told.links.get("chart") or told.links.get("page", "")) if mine else "",
        "fingerprint": _fingerprint(one),
    }  # fmt: skip


def _common(alerts: list[dict[str, Any]], part: str, names: tuple[str, ...] | None = None) -> dict[str, str]:
    """The pairs that all alerts have alike."""
    first = alerts[0][part]
    return {
        name: value for name, value in first.items()
        if (names is None or name in names) and all(one[part].get(name) == value for one in alerts)
    }  # fmt: skip


def _zulu(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def _fingerprint(one: Other) -> str:
    return hashlib.sha256(f"{one.rule_id}|{scope(one.slice)}".encode()).hexdigest()[:16]


def signature(body: bytes, key: str, at: datetime) -> str:
    """HMAC-SHA256 over `<unix seconds>.<body>`: an old message cannot be played again as a new one."""
    stamp = int(at.timestamp())
    digest = hmac.new(key.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={stamp},v1={digest}"


def send(settings: Settings, letter: Letter) -> Receipt:
    told, name = letter.told, f"channel {letter.channel!r}"
    url = secret(name, env=settings.url_env, file=settings.url_file)
    shaped = alertmanager_payload if settings.format == "alertmanager" else payload
    body = orjson.dumps(shaped(told, letter.channel))
    headers = {"X-Leeway-Id": letter.id}
    if settings.secret_env or settings.secret_file:
        key = secret(name, env=settings.secret_env, file=settings.secret_file)
        headers["X-Leeway-Signature"] = signature(body, key, told.sent_at or told.at)
    return Receipt(status_code=post(url, body, headers=headers, allow=settings.allow).status)


WEBHOOK = Channel(name="webhook", settings=Settings, send=send, answers=True)
