"""Text from logs is written by strangers: what they wrote must not call people, link away or mark up."""

import html
import re

GAP = "\u200b"  # breaks a link or a mention without being seen
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_MARK = re.compile(r"([*~`|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))")  # within a word `_` marks nothing up
_LINK = re.compile(r"://|www\.|@", re.IGNORECASE)


def neutral(text: str) -> str:
    """One line in which no mail or chat program finds a link, an address or a mention."""
    flat = " ".join(_UNSEEN.sub("", text).split())
    return _LINK.sub(lambda match: match[0][0] + GAP + match[0][1:] if len(match[0]) > 1 else match[0] + GAP, flat)


def slack_escaped(text: str) -> str:
    """For Slack's mrkdwn: its three control characters as entities, and nothing left to format with."""
    plain = neutral(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARK.sub(rf"\1{GAP}", plain)


def html_escaped(text: str) -> str:
    return html.escape(neutral(text), quote=True)


def cut(text: str, most: int) -> str:
    """At most `most` characters, with an ellipsis where something is left out."""
    return text if len(text) <= most else text[: most - 1] + "…"
