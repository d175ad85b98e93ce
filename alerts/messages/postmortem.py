"""An incident as one HTML file that can be read anywhere, without us and without a network.

Nothing in it is loaded from elsewhere, and a browser is told not to. What strangers wrote stands as text; texts of
calls are left out unless they are handed over.
"""

import html
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from alerts.engine.course import Course, course
from alerts.messages import chart
from alerts.messages.neutral import cut, html_escaped
from alerts.messages.wording import amount
from alerts.notification import Notification, loads, moment, scope
from store import incidents, outbox, rules
from store.alerts import slice_of
from store.connection import Store
from store.duration import words
from store.errors import ConfigError

LONGEST_TEXT = 400
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">
<title>{title}</title><style>
body{{font:15px/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;color:#17202b;background:#fff;max-width:52rem;\
margin:0 auto;padding:1.5rem}}
h1{{font-size:1.5rem;line-height:1.25;margin:0 0 .3rem}}h2{{font-size:1.1rem;margin:2rem 0 .5rem}}
.sub{{color:#55606e;margin:0 0 1rem}}table{{border-collapse:collapse;width:100%}}
th,td{{text-align:left;vertical-align:top;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #e6eaee}}
th{{color:#55606e;font-weight:600}}img{{max-width:100%;height:auto}}pre{{background:#f3f5f7;padding:.8rem;\
white-space:pre-wrap;overflow-wrap:anywhere}}td{{overflow-wrap:anywhere;min-width:6rem}}.n{{white-space:nowrap}}
@media print{{body{{padding:0}}}}</style></head><body><main>
<h1>{title}</h1><p class="sub">{sub}</p>{body}</main></body></html>
"""
IMAGE = '<p><img alt="{alt}" width="{width}" height="{height}" src="data:image/png;base64,{data}"></p>'
NO_TEXT = "Texts of calls are not in this file."


def postmortem(store: Store, incident_id: int, *, now: datetime, texts: Mapping[str, str] | None = None) -> str:
    """Return the page. `texts` by call id are shown, cut. Raises ConfigError when there is no such incident."""
    found = incidents.incident(store, incident_id, now=now).to_dicts()
    if not found:
        raise ConfigError(f"there is no incident {incident_id}")
    row = found[0]
    told = loads(row["evidence"]) if row["evidence"] else None
    where = scope(dict(slice_of(row["slice"]))) or "all calls"
    over = f"over since {moment(row['resolved_at'])}" if row["resolved_at"] else "still firing"
    sections = [
        _table(("", ""), _facts(row)), _picture(_course(store, row, now)), _evidence(told, texts or {}),
        _section("Timeline", _timeline(store, incident_id)), _section("Messages", _messages(store, incident_id)),
        _section("The rule now", _rule(store, row["rule_id"])),
    ]  # fmt: skip
    return PAGE.format(
        policy=POLICY, title=html_escaped(f"Incident {incident_id}: {row['title']}"), body="".join(sections),
        sub=html_escaped(f"{where} · {row['severity']} · {over} · written {moment(now)}"),
    )  # fmt: skip


def _facts(row: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    unit = row["unit"]
    yield "Began", moment(row["opened_at"])
    yield "Fired", moment(row["fired_at"])
    if row["resolved_at"]:
        yield "Ended", f"{moment(row['resolved_at'])} ({(row['resolved_reason'] or 'resolved').replace('_', ' ')})"
    yield "Lasted", words(timedelta(seconds=row["duration_s"]))
    yield "Peak", amount(row["peak_value"], unit)
    yield "Last value", amount(row["last_value"], unit)
    yield "Limit", amount(row["threshold"], unit)
    if row["baseline"] is not None:
        yield "Normal", amount(row["baseline"], unit)
    if row["acknowledged_at"]:
        yield "Acknowledged", f"{row['acknowledged_by']}, {moment(row['acknowledged_at'])}"
    if row["reason"]:
        yield "Why it fired", row["reason"]


def _course(store: Store, row: Mapping[str, Any], now: datetime) -> Course:
    return course(
        store, row["rule_id"], row["slice"], title=row["title"], unit=row["unit"], begun=row["opened_at"],
        ended=row["resolved_at"] or now,
    )  # fmt: skip


def _picture(drawn: Course) -> str:
    if not drawn.drawable:
        return ""
    return IMAGE.format(
        alt=html_escaped(chart.words(drawn)), width=chart.WIDTH, height=chart.HEIGHT,
        data=b64encode(chart.png(drawn)).decode(),
    )  # fmt: skip


def _evidence(told: Notification | None, texts: Mapping[str, str]) -> str:
    """Who is behind it, and calls to look at."""
    if told is None:
        return ""
    who = [(one.name, f"{one.share:.0%}" if one.share is not None else "unknown", one.text) for one in told.who]
    calls = [(one.call_id, one.note, cut(texts.get(one.call_id, ""), LONGEST_TEXT)) for one in told.examples]
    found = _section("Who is behind it", _table(("Slice", "Share of the change", "Before → now"), who)) if who else ""
    if calls:
        note = "" if texts else f'<p class="sub">{NO_TEXT}</p>'
        head = ("Call", "", "Text") if texts else ("Call", "")
        found += _section("Example calls", _table(head, [row[: len(head)] for row in calls]) + note)
    owner = f"Owner: {told.owner}. " if told.owner else ""
    runbook = f"Runbook: {told.runbook}" if told.runbook else ""
    return found + (
        _section("Whom and what to ask", f"<p>{html_escaped(owner + runbook)}</p>") if owner or runbook else ""
    )


def _timeline(store: Store, incident_id: int) -> str:
    rows = incidents.timeline(store, incident_id).iter_rows(named=True)
    return _table(
        ("UTC", "What", "Details"),
        ((row["happened_at"].strftime("%Y-%m-%d %H:%M:%S"), row["what"], row["details"] or "") for row in rows),
    )


def _messages(store: Store, incident_id: int) -> str:
    rows = outbox.messages(store, incident_id).iter_rows(named=True)
    told = [
        (row["channel"], row["reason"].replace("_", " "), row["status"], moment(row["sent_at"] or row["created_at"]),
         row["error"] or "") for row in rows
    ]  # fmt: skip
    return _table(("Channel", "Message", "State", "When", ""), told) if told else "<p>Nobody was told.</p>"


def _rule(store: Store, rule_id: str) -> str:
    stored = rules.stored_rule(store, rule_id)
    if stored is None:
        return "<p>It is gone.</p>"
    text = html.escape(orjson.dumps(dict(stored.definition), option=orjson.OPT_INDENT_2).decode())
    by = f"Version {stored.version}, by {html_escaped(stored.updated_by)}, {moment(stored.updated_at)}."
    return f"<p>{by}</p><pre>{text}</pre>"


def _section(heading: str, body: str) -> str:
    return f"<section><h2>{heading}</h2>{body}</section>"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts; without a heading when none has a name."""
    names = "".join(f'<th scope="col">{html_escaped(name)}</th>' for name in head)
    top = f"<thead><tr>{names}</tr></thead>" if any(head) else ""
    body = "".join("<tr>" + "".join(_cell(text, first=not n) for n, text in enumerate(row)) + "</tr>" for row in rows)
    return f"<table>{top}<tbody>{body}</tbody></table>"


def _cell(text: str, *, first: bool) -> str:
    return f'<td class="n">{html_escaped(text)}</td>' if first else f"<td>{html_escaped(text)}</td>"
