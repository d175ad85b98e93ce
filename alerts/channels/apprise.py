"""Whatever else Apprise reaches (`pip install leeway[apprise]`): Discord, Telegram, ntfy, Pushover, Matrix and more.

Apprise tells neither status nor Retry-After, so every failure is tried again with our own backoff. Only plain text is
sent: it would pass mentions and links through in any other form.
"""

from pathlib import Path
from urllib.parse import urlsplit

import httpx

from alerts.channel import Channel, ChannelSettings, Letter, Receipt
from alerts.delivery.address import target
from alerts.delivery.secrets import secret
from alerts.messages.neutral import neutral
from alerts.notification import facts, headline, named_links
from store.errors import DeliveryError

# Services whose host Apprise knows, and those whose host stands in the URL and is checked. None runs a program,
# writes a file or talks to this machine.
HOSTED = (
    "discord", "tgram", "pover", "pbul", "gchat", "opsgenie", "victorops", "wxteams", "zulip", "line",
    "twilio", "sns", "signl4", "simplepush", "guilded", "lark", "feishu", "dingtalk", "wecombot", "spugpush",
)  # fmt: skip
SELF_HOSTED = ("mmosts", "rockets", "matrixs", "gotifys", "ntfys", "jsons", "xmls", "forms", "nctalks")


class Settings(ChannelSettings):
    """`url_*` tells where one Apprise URL stands; it is a secret."""

    url_env: str | None = None
    url_file: Path | None = None
    allow: tuple[str, ...] = ()


def send(settings: Settings, letter: Letter) -> Receipt:
    url = secret(f"channel {letter.channel!r}", env=settings.url_env, file=settings.url_file)
    told = letter.told
    body = [f"{label}: {neutral(text)}" for label, text in facts(told)]
    body += [f"{name}: {link}" for name, link in named_links(told)]
    _notified(_checked(url, settings.allow), headline(told), "\n".join(body))
    return Receipt()


def _checked(url: str, allow: tuple[str, ...]) -> str:
    """The URL with redirects off. Raises DeliveryError for a service not listed, or a place of our own network."""
    parts = urlsplit(url)
    if parts.scheme not in (*HOSTED, *SELF_HOSTED):
        known = ", ".join(sorted({*HOSTED, *SELF_HOSTED}))
        raise DeliveryError(f"Apprise's {parts.scheme!r} is not used here; there are {known}", permanent=True)
    if parts.scheme in SELF_HOSTED:
        target(str(httpx.URL(scheme="https", host=parts.hostname or "", port=parts.port)), allow=allow)
    joint = "&" if parts.query else "?"
    return f"{url}{joint}redirect=no&format=text"


def _notified(url: str, title: str, body: str) -> None:
    try:
        import apprise  # noqa: PLC0415 - an extra: most never need it
    except ImportError:
        raise DeliveryError("Apprise is not installed: pip install 'leeway[apprise]'", permanent=False) from None
    sender = apprise.Apprise(asset=apprise.AppriseAsset(secure_logging=True))
    if not sender.add(url):
        raise DeliveryError("Apprise cannot read the channel's URL", permanent=True)
    if not sender.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT):
        raise DeliveryError("Apprise could not deliver it; its log says more", permanent=False)


APPRISE = Channel(name="apprise", settings=Settings, send=send)
