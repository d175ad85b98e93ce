"""The page behind the link in a message: acknowledge, snooze or silence one alert, from a phone and without a login.

The link is signed (`alerts/delivery/answers.py`). Opening it changes nothing: chat programs open links by themselves.
"""

import asyncio
import html
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from alerts.delivery import attention
from alerts.delivery.answers import incident_of
from alerts.messages.neutral import cut, html_escaped
from alerts.messages.wording import amount
from alerts.notification import moment, scope
from leeway.runtime import Runtime, current
from store import alerts, incidents, silences
from store.duration import words

MAX_FORM_BYTES, LONGEST_NAME = 4096, 60
SILENCES = {
    "silence_1h": timedelta(hours=1), "silence_4h": timedelta(hours=4), "silence_1d": timedelta(days=1)
}  # fmt: skip
BUTTONS = {
    "acknowledge": "I look after it", "snooze": "Quiet until it is worse",
    **{name: f"Silence for {words(length)}" for name, length in SILENCES.items()},
}  # fmt: skip
OVER_BUTTONS = tuple(SILENCES)
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Leeway: {title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<style>:root{{color-scheme:light dark}}body{{font:17px/1.5 system-ui,sans-serif;max-width:32rem;margin:0 auto;\
padding:1.2rem}}h1{{font-size:1.25rem}}button,input{{font:inherit;width:100%;box-sizing:border-box;padding:.7em;\
margin:.35em 0;border-radius:.4em;border:1px solid}}button{{cursor:pointer}}p{{margin:.4em 0}}</style></head>
<body><main><h1>{title}</h1>{body}</main></body></html>"""
FORM = """<form method="post" action="/answer"><input type="hidden" name="t" value="{token}">
<label>Your name <input name="by" maxlength="60" autocomplete="name"></label>{buttons}</form>"""
BUTTON = '<button name="do" value="{value}">{label}</button>'


def routes() -> list[BaseRoute]:
    return [Route("/answer", _shown, methods=["GET"]), Route("/answer", _done, methods=["POST"])]


async def _shown(request: Request) -> Response:
    token = request.query_params.get("t", "")
    return await asyncio.to_thread(_asked, current(), token)


async def _done(request: Request) -> Response:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return _page(413, "Too much", "<p>This form is small.</p>")
    sent = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    return await asyncio.to_thread(_answered, current(), sent)


def _asked(runtime: Runtime, token: str) -> Response:
    row = _incident(runtime, token)
    if row is None:
        return _no_such()
    names = OVER_BUTTONS if row["resolved_at"] else tuple(BUTTONS)
    buttons = "".join(BUTTON.format(value=name, label=BUTTONS[name]) for name in names)
    return _page(200, _title(row), _standing(row) + FORM.format(token=html.escape(token), buttons=buttons))


def _answered(runtime: Runtime, sent: Mapping[str, str]) -> Response:
    row = _incident(runtime, sent.get("t", ""))
    if row is None:
        return _no_such()
    said = _do(runtime, row, sent.get("do", ""), cut(" ".join(sent.get("by", "").split()), LONGEST_NAME))
    if said is None:
        return _page(400, _title(row), "<p>Nothing of that name can be done.</p>")
    after = _incident(runtime, sent["t"]) or row
    return _page(200, _title(row), f'<p role="status"><b>{said}</b></p>{_standing(after)}')


def _incident(runtime: Runtime, token: str) -> Mapping[str, Any] | None:
    now = runtime.now()
    number = incident_of(runtime.signing_key, token, now)
    found = incidents.incident(runtime.store, number, now=now).to_dicts() if number is not None else []
    return found[0] if found else None


def _do(runtime: Runtime, row: Mapping[str, Any], what: str, name: str) -> str | None:
    """Do it and say so in a sentence; None when there is no such thing."""
    store, now, by = runtime.store, runtime.now(), name or "somebody with the link"
    if what == "acknowledge":
        done = attention.acknowledge(store, runtime.channels, row["incident_id"], by=by, now=now)
        return "Acknowledged: no more repeats are sent." if done else "Somebody looks after it already."
    if what == "snooze":
        done = attention.snooze(store, row["incident_id"], by=by, now=now)
        return "Snoozed: you hear of it again when it gets worse or ends." if done else "It is over already."
    if what not in SILENCES:
        return None
    until = now + SILENCES[what]
    silences.silence(
        store, rule_id=row["rule_id"], slice_=row["slice"], starts_at=now, ends_at=until, comment="from a message",
        by=by, now=now,
    )  # fmt: skip
    return f"Silenced until {moment(until)}."


def _title(row: Mapping[str, Any]) -> str:
    where = scope(dict(alerts.slice_of(row["slice"])))
    return html_escaped(cut(row["title"] + (f" — {where}" if where else ""), 160))


def _standing(row: Mapping[str, Any]) -> str:
    """Where the incident stands, in a few lines."""
    over = f"over since {moment(row['resolved_at'])}" if row["resolved_at"] else "firing"
    kept = f", {row['acknowledged_by']} looks after it" if row["acknowledged_at"] else ""
    value, limit = amount(row["last_value"], row["unit"]), amount(row["threshold"], row["unit"])
    lines = (
        f"Incident {row['incident_id']}, {row['severity']}, {over}{kept}", f"Began {moment(row['opened_at'])}",
        f"Last value {value}, limit {limit}", row["reason"] or "",
    )  # fmt: skip
    link = f'<p><a href="/alerts?incident={row["incident_id"]}">The incident</a></p>'
    return "".join(f"<p>{html_escaped(line)}</p>" for line in lines if line) + link


def _no_such() -> Response:
    return _page(404, "This link is over", "<p>Links in messages end after a while. Open the Alerts page instead.</p>")


def _page(status: int, title: str, body: str) -> Response:
    text = PAGE.format(title=title, body=body)
    return HTMLResponse(text, status_code=status, headers={"cache-control": "no-store"})
