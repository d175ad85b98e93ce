"""E-mail by SMTP: HTML and text, one thread an incident."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from alerts.channel import Channel, ChannelSettings, Receipt, secret
from alerts.neutral import cut, html_escaped, neutral
from alerts.notification import Notification, facts, headline, subject
from store.errors import DeliveryError

TIMEOUT_S = 10.0
PERMANENT = 500  # SMTP: 4xx passes, 5xx stays
LINK_NAMES = {
    "chart": "See the chart", "calls": "See the calls", "incident": "The incident",
    "runbook": "Runbook", "silence": "Silence",
}  # fmt: skip
PAGE = """<!doctype html><html><body style="font:14px/1.5 sans-serif;color:#1a1a1a;background:#fff">
<h2 style="font-size:16px">{head}</h2><table>{rows}</table><p>{links}</p></body></html>"""
ROW = '<tr><td style="color:#555;padding-right:12px;vertical-align:top">{label}</td><td>{text}</td></tr>'
LINK = '<a href="{url}">{text}</a>'

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


def payload(notification: Notification, settings: Settings, name: str) -> EmailMessage:
    """The message. Its subject stays the same over an incident, so that it stays one thread everywhere."""
    domain = settings.sender.rpartition("@")[2]
    message = EmailMessage()
    message["From"] = settings.sender
    message["To"] = ", ".join(settings.to)
    message["Subject"] = cut(f"[{notification.severity}] {subject(notification)}", 200)
    message["Date"] = format_datetime((notification.sent_at or notification.at).astimezone(UTC))
    message["Message-ID"] = f"<{notification.key(name)}@{domain}>"
    root = f"<leeway-{notification.thread}@{domain}>"
    message["In-Reply-To"] = root
    message["References"] = root
    message["Auto-Submitted"] = "auto-generated"
    message["X-Leeway-Id"] = notification.key(name)
    message.set_content(_text(notification))
    message.add_alternative(_html(notification), subtype="html")
    return message


def _links(notification: Notification) -> Iterator[tuple[str, str]]:
    for name, url in notification.links.items():
        if name in LINK_NAMES:
            yield LINK_NAMES[name], url
    for one in notification.examples:
        if one.link:
            yield f"Call {cut(one.call_id, 40)}", one.link


def _text(notification: Notification) -> str:
    told = [f"{label + ':':<9}{neutral(text)}" for label, text in facts(notification)]
    links = [f"{neutral(text)}: {url}" for text, url in _links(notification)]
    return "\n".join([headline(notification), "", *told, "", *links]) + "\n"


def _html(notification: Notification) -> str:
    rows = "".join(ROW.format(label=label, text=html_escaped(text)) for label, text in facts(notification))
    links = " · ".join(LINK.format(url=_quoted(url), text=html_escaped(text)) for text, url in _links(notification))
    return PAGE.format(head=html_escaped(headline(notification)), rows=rows, links=links)


def _quoted(url: str) -> str:
    return url.replace("&", "&amp;").replace('"', "%22").replace("<", "%3C").replace(">", "%3E")


def send(settings: Settings, notification: Notification, name: str) -> Receipt:
    """Some recipients refused: sent, with a note. All refused with 5xx: permanent."""
    message = payload(notification, settings, name)
    try:
        with _connected(settings, name) as server:
            refused = server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        stays = all(code >= PERMANENT for code, _ in error.recipients.values())
        raise DeliveryError(f"{settings.host} refused every recipient", permanent=stays) from None
    except smtplib.SMTPResponseException as error:
        what = f"{settings.host} answered {error.smtp_code}"
        raise DeliveryError(what, permanent=error.smtp_code >= PERMANENT) from None
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(f"{settings.host}: {type(error).__name__}", permanent=False) from None
    return Receipt(status_code=250, note=f"refused: {', '.join(sorted(refused))}" if refused else None)


@contextmanager
def _connected(settings: Settings, name: str) -> Iterator[smtplib.SMTP]:
    context = ssl.create_default_context()
    with _opened(settings, context) as server:
        server.ehlo()
        if not settings.tls and settings.starttls != "never":
            _secured(server, settings, context)
        if settings.username is not None:
            password = secret(f"channel {name!r}", env=settings.password_env, file=settings.password_file)
            server.login(settings.username, password)
        yield server


def _opened(settings: Settings, context: ssl.SSLContext) -> smtplib.SMTP:
    if settings.tls:
        return smtplib.SMTP_SSL(settings.host, settings.port, timeout=TIMEOUT_S, context=context)
    return smtplib.SMTP(settings.host, settings.port, timeout=TIMEOUT_S)


def _secured(server: smtplib.SMTP, settings: Settings, context: ssl.SSLContext) -> None:
    if server.has_extn("starttls"):
        server.starttls(context=context)
        server.ehlo()
    elif settings.starttls == "required":
        raise DeliveryError(f"{settings.host} offers no STARTTLS, and the channel requires it", permanent=True)


EMAIL = Channel(name="email", settings=Settings, send=send)
