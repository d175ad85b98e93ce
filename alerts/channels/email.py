"""E-mail by SMTP: HTML with a chart, and text; one thread an incident."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from email.message import EmailMessage
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from alerts.channel import Channel, ChannelSettings, Letter, Receipt
from alerts.delivery.deadline import Deadline
from alerts.delivery.secrets import secret
from alerts.messages import chart
from alerts.messages.neutral import cut, html_escaped, neutral
from alerts.notification import Notification, facts, headline, named_links, subject
from store.errors import DeliveryError

TIMEOUT_S, TOTAL_S = 10.0, 40.0
PERMANENT = range(500, 600)  # SMTP: 4xx passes, 5xx stays, and what is neither is no answer
PICTURE = "chart"
PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="color-scheme" content="light"></head>
<body style="font:15px/1.5 -apple-system,'Segoe UI',Helvetica,Arial,sans-serif;color:#17202b;background:#ffffff">
<div style="max-width:640px;margin:0 auto"><h1 style="font-size:18px;line-height:1.3;border-left:4px solid {colour};\
padding-left:10px">{head}</h1>{picture}
<table role="presentation" style="border-collapse:collapse">{rows}</table><p>{links}</p>
<p style="color:#55606e;font-size:13px">Sent by Leeway{why}</p></div></body></html>"""
IMAGE = '<img src="cid:{cid}" alt="{alt}" width="{width}" height="{height}" style="max-width:100%;height:auto">'
COLOURS = {"critical": "#b94700", "warning": "#8f6200"}
OVER_COLOUR, CALM_COLOUR = "#00734f", "#0067a3"
ROW = '<tr><td style="color:#55606e;padding:2px 14px 2px 0;vertical-align:top">{label}</td><td>{text}</td></tr>'
LINK = '<a href="{url}" style="color:#00609a">{text}</a>'

Address = Annotated[str, Field(pattern=r"^[^\s@<>,]+@[^\s@<>,]+$")]
Addresses = Annotated[
    tuple[Address, ...], BeforeValidator(lambda v: (v,) if isinstance(v, str) else v), Field(min_length=1)
]


class Settings(ChannelSettings):
    """`starttls` auto: used when the server offers it. With a `username` the password comes from `password_*`."""

    host: str
    port: int = Field(default=587, gt=0, lt=65536)
    sender: Address
    to: Addresses
    tls: bool = False
    starttls: Literal["required", "auto", "never"] = "auto"
    username: str | None = None
    password_env: str | None = None
    password_file: Path | None = None


def payload(letter: Letter, settings: Settings) -> EmailMessage:
    """The message. Its subject stays the same over an incident, so that it stays one thread everywhere."""
    told, domain = letter.told, settings.sender.rpartition("@")[2]
    message = EmailMessage()
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Subject"] = cut(f"[{told.severity}] {subject(told)}", 200)
    message["Date"] = format_datetime((told.sent_at or told.at).astimezone(UTC))
    message["Message-ID"] = f"<{letter.id}@{domain}>"
    root = f"<leeway-{letter.thread.ref if letter.thread else told.thread}@{domain}>"
    message["In-Reply-To"] = root
    message["References"] = root
    message["Auto-Submitted"] = "auto-generated"
    message["X-Leeway-Id"] = letter.id
    message.set_content(_text(told))
    drawn = letter.course is not None and letter.course.drawable
    message.add_alternative(_html(letter, f"{PICTURE}-{letter.id}@{domain}" if drawn else None), subtype="html")
    if drawn:
        _attach_chart(message, letter, f"{PICTURE}-{letter.id}@{domain}")
    return message


def _attach_chart(message: EmailMessage, letter: Letter, cid: str) -> None:
    assert letter.course is not None  # noqa: S101 - only what is drawable is attached
    page = message.get_body(("html",))
    assert isinstance(page, EmailMessage)  # noqa: S101 - it was added just now
    page.add_related(
        chart.png(letter.course), "image", "png", cid=f"<{cid}>", filename=f"{PICTURE}.png", disposition="inline"
    )


def _links(notification: Notification) -> Iterator[tuple[str, str]]:
    yield from named_links(notification)
    for one in notification.examples:
        if one.link:
            yield f"Call {cut(one.call_id, 40)}", one.link


def _text(notification: Notification) -> str:
    width = max((len(label) for label, _ in facts(notification)), default=0) + 2
    told = [f"{label + ':':<{width}}{neutral(text)}" for label, text in facts(notification)]
    links = [f"{neutral(text)}: {url}" for text, url in _links(notification)]
    return "\n".join([headline(notification), "", *told, "", *links]) + "\n"


def _html(letter: Letter, cid: str | None) -> str:
    told, picture = letter.told, ""
    if cid is not None and letter.course is not None:
        alt = html_escaped(chart.words(letter.course))
        picture = IMAGE.format(cid=cid, alt=alt, width=chart.WIDTH, height=chart.HEIGHT)
    rows = "".join(ROW.format(label=label, text=html_escaped(text)) for label, text in facts(told))
    links = " · ".join(LINK.format(url=_quoted(url), text=html_escaped(text)) for text, url in _links(told))
    colour = OVER_COLOUR if told.over else COLOURS.get(told.severity, CALM_COLOUR)
    why = f" because the rule {html_escaped(told.rule_id)} says so" if told.incident_id is not None else ""
    return PAGE.format(
        head=html_escaped(headline(told)), rows=rows, links=links, picture=picture, colour=colour, why=why
    )


def _quoted(url: str) -> str:
    return url.replace("&", "&amp;").replace('"', "%22").replace("<", "%3C").replace(">", "%3E")


def send(settings: Settings, letter: Letter) -> Receipt:
    """Some recipients refused: sent, with a note. All refused with 5xx: permanent."""
    message = payload(letter, settings)
    watch = Deadline(TOTAL_S)
    try:
        with watch, _connected(settings, letter.channel, watch) as server:
            refused = server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        stays = all(code in PERMANENT for code, _ in error.recipients.values())
        raise DeliveryError(f"{settings.host} refused every recipient", permanent=stays) from None
    except smtplib.SMTPResponseException as error:
        what = f"{settings.host} answered {error.smtp_code}"
        raise DeliveryError(what, permanent=error.smtp_code in PERMANENT) from None
    except (smtplib.SMTPException, OSError) as error:
        what = f"no answer within {TOTAL_S:.0f} s" if watch.over else type(error).__name__
        raise DeliveryError(f"{settings.host}: {what}", permanent=False) from None
    note = f"refused: {', '.join(sorted(refused))}" if refused else None
    return Receipt(status_code=250, note=note, ref=letter.thread.ref if letter.thread else letter.told.thread)


@contextmanager
def _connected(settings: Settings, name: str, watch: Deadline) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    with _server(settings, context) as server:
        watch.watch(lambda: server.sock)
        server.connect(settings.host, settings.port)
        server.ehlo()
        if not settings.tls and settings.starttls != "never":
            _secured(server, settings, context)
        if settings.username is not None:
            password = secret(f"channel {name!r}", env=settings.password_env, file=settings.password_file)
            server.login(settings.username, password)
        yield server


def _server(settings: Settings, context: ssl.SSLContext) -> smtplib.SMTP:
    """Not connected yet: told the host here, smtplib would wait for its greeting before anybody could watch."""
    kind = partial(smtplib.SMTP_SSL, context=context) if settings.tls else smtplib.SMTP
    server: smtplib.SMTP = kind(timeout=TIMEOUT_S)
    server._host = settings.host  # type: ignore[attr-defined]  # noqa: SLF001 - the name that TLS checks
    return server


def _secured(server: smtplib.SMTP, settings: Settings, context: ssl.SSLContext) -> None:
    if server.has_extn("starttls"):
        server.starttls(context=context)
        server.ehlo()
    elif settings.starttls == "required":
        raise DeliveryError(f"{settings.host} offers no STARTTLS, and the channel requires it", permanent=True)


EMAIL = Channel(name="email", settings=Settings, send=send, draws=True)
