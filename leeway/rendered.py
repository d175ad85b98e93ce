"""The demo's messages as each channel shows them: `python -m leeway.rendered data/demo.duckdb docs/messages`."""

import argparse
import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from alerts.channel import Letter
from alerts.channels import email, pagerduty, teams
from alerts.engine.course import course
from alerts.messages import blocks, chart
from alerts.notification import Notification, headline, loads
from leeway import config, runtime, telling
from leeway.runtime import Runtime
from store.alerts import slice_key

MESSAGES_SQL = """
    SELECT payload FROM data.outbox
    WHERE channel = (SELECT min(channel) FROM data.outbox) AND incident_id IS NOT NULL ORDER BY notification_id
"""
FULL = "rate-limited"  # the incident that is shown in every form
HEAD = """# Messages

Every message of the demo's incidents, as `python -m leeway.rendered` wrote them from the demo's database. Slack in
full; one incident in the form of every channel. Words in brackets under a message are its links.
"""
WIDE = 100
MAIL = email.Settings(host="mail.example.org", sender="leeway@example.org", to=("ops@example.org",))


def page(opened: Runtime, folder: Path) -> str:
    """The page; its pictures are written to `folder`."""
    told = [loads(payload) for payload in opened.store.read(MESSAGES_SQL)["payload"]]
    parts = [HEAD, "\n## In Slack\n", *(_slack(one) for one in told)]
    parts += ["\n## The pictures in e-mails\n", *_pictures(opened, told, folder)]
    parts += [f"\n## One incident everywhere: {FULL}\n", *_everywhere([one for one in told if one.rule_id == FULL])]
    report = telling.told_now(opened, "daily", send=False)
    return "".join([*parts, "\n## The daily report\n", _fenced(telling.as_text(report))])


def _slack(told: Notification) -> str:
    return _fenced("\n".join(_lines(blocks.payload(told))))


def _lines(message: dict[str, Any]) -> Iterator[str]:
    for block in message["blocks"]:
        if block["type"] == "rich_text":
            yield "".join(part["text"] for part in block["elements"][0]["elements"])
        else:
            yield from (_without_urls(part["text"]) for part in [block.get("text"), *block.get("elements", [])] if part)


def _without_urls(text: str) -> str:
    """`<url|Chart> · <url|Calls>` as it is seen: `[Chart] · [Calls]`."""
    pieces = text.split("<")
    return pieces[0] + "".join("[" + piece.partition("|")[2].replace(">", "]", 1) for piece in pieces[1:])


def _pictures(opened: Runtime, told: Sequence[Notification], folder: Path) -> Iterator[str]:
    for one in told:
        letter = _letter(opened, one)
        if one.over and letter.course is not None and letter.course.drawable:
            name = f"{one.rule_id}-{one.incident_id}.png"
            (folder / name).write_bytes(chart.png(letter.course))
            yield f"\n![{chart.words(letter.course)}](messages/{name})\n"


def _letter(opened: Runtime, told: Notification) -> Letter:
    assert told.since is not None  # noqa: S101 - an incident's message says since when
    key = slice_key(tuple(told.slice.items()))
    seen = course(
        opened.store, told.rule_id, key, title=told.title, unit=told.unit, begun=told.since, ended=told.at
    )  # fmt: skip
    return Letter(told=replace(told, sent_at=told.at), channel="email", course=seen)


def _everywhere(told: Sequence[Notification]) -> Iterator[str]:
    for one in told[:1]:
        message = email.payload(Letter(told=one, channel="email"), MAIL)
        body = message.get_body(("plain",))
        heads = [f"{name}: {message[name]}" for name in ("From", "To", "Subject", "Message-ID", "In-Reply-To")]
        text = body.get_content() if body is not None else ""
        yield f"\n### {headline(one)}\n\nE-mail, as text (its HTML says the same, above the picture):\n"
        yield _fenced("\n".join([*heads, "", text]))
        yield "\nMicrosoft Teams, a card:\n" + _fenced("\n".join(_card(one)))
    for one in told:
        action = "resolve" if one.over else "trigger"
        event = pagerduty.event(one, action, "leeway")
        yield f"\nPagerDuty, `{action}`:\n" + _fenced(json.dumps(event, indent=1, ensure_ascii=False), "json")


def _card(told: Notification) -> Iterator[str]:
    card = teams.payload(told)["attachments"][0]["content"]
    for block in card["body"]:
        yield "".join(run["text"] for run in block["inlines"])
    yield " ".join(f"[{action['title']}]" for action in card["actions"])


def _fenced(text: str, language: str = "text") -> str:
    wrapped = (
        textwrap.wrap(line, WIDE, subsequent_indent="    ", break_long_words=False) if len(line) > WIDE else [line]
        for line in text.strip().splitlines()
    )  # fmt: skip
    return f"\n```{language}\n" + "\n".join(line for lines in wrapped for line in lines) + "\n```\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m leeway.rendered", description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument("folder", type=Path, help="for the pictures; the page goes beside it, with its name")
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    with runtime.opened(config.load(environ={}, store__path=given.database)) as opened:
        text = page(opened, given.folder)
        given.folder.with_suffix(".md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
