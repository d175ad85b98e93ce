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
from alerts.messages import chart, mail
from alerts.messages.neutral import cut, neutral
from alerts.notification import Notification, facts, headline, named_links, subject
from store.errors import DeliveryError

TIMEOUT_S, TOTAL_S = 10.0, 40.0
PERMANENT = range(500, 600)  # SMTP: 4xx passes, 5xx stays, and what is neither is no answer
PICTURE = "chart"

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
    message.add_alternative(mail.page(letter, f"{PICTURE}-{letter.id}@{domain}" if drawn else None), subtype="html")
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


def _text(told: Notification) -> str:
    width = max((len(label) for label, _ in facts(told)), default=0) + 2
    lines = [f"{label + ':':<{width}}{neutral(text)}" for label, text in facts(told)]
    places = [f"{name}: {url}" for name, url in named_links(told)]
    return "\n".join([headline(told), "", *lines, "", *places, *_calls(told)]) + "\n"


def _calls(told: Notification) -> Iterator[str]:
    for one in told.examples:
        note = f" ({neutral(one.note)})" if one.note else ""
        yield f"Call {neutral(cut(one.call_id, 40))}{note}" + (f": {one.link}" if one.link else "")


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
