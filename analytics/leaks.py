"""Personal data and secrets in a text, by kind. Only the kinds are told, never what was found.

Every quantifier is bounded and no pattern starts again inside what it has looked at, so the time is linear in the text.
Numbers count only when their checksum is right.
"""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

# Lengths of the countries' IBANs (ISO 13616 registry).
IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AT": 20, "BE": 16, "BG": 22, "BR": 29, "CH": 21, "CY": 28, "CZ": 24, "DE": 22, "DK": 18,
    "EE": 20, "ES": 24, "FI": 18, "FR": 27, "GB": 22, "GR": 27, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IS": 26,
    "IT": 27, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "MC": 27, "MT": 31, "NL": 18, "NO": 15, "PL": 28, "PT": 25,
    "RO": 24, "SA": 24, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "TR": 26, "UA": 29,
}  # fmt: skip
# American Express, Diners Club; the others have 16.
CARD_LENGTHS = {"34": 15, "37": 15, "30": 14, "36": 14, "38": 14}
PHONE_DIGITS = range(8, 16)  # E.164 allows 15
LEAST_COLONS = 4  # fewer is a time of day, or a name in C++


@dataclass(frozen=True, slots=True)
class Kind:
    """`hint`: what a text must hold for the pattern to be tried at all; `holds`: the checksum of a match."""

    name: str
    pattern: re.Pattern[str]
    hint: str = ""
    holds: Callable[[str], bool] = bool


def kinds_in(text: str) -> list[str]:
    """The names of the kinds that `text` holds, each once."""
    return [
        kind.name
        for kind in KINDS
        if kind.hint in text and any(kind.holds(match[0]) for match in kind.pattern.finditer(text))
    ]


def hidden(text: str) -> str:
    """`text` with the name of its kind in place of each: `write to [email]`."""
    for kind in KINDS:
        if kind.hint in text:
            text = kind.pattern.sub(partial(_named, kind), text)
    return text


def _named(kind: Kind, match: re.Match[str]) -> str:
    return f"[{kind.name}]" if kind.holds(match[0]) else match[0]


def luhn(text: str) -> bool:
    digits = [int(letter) for letter in text if letter.isdigit()]
    doubled = (digit * 2 - 9 * (digit > 4) for digit in digits[-2::-2])  # noqa: PLR2004 - two digits add up
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def card(text: str) -> bool:
    """Whether the text begins with a card number: as many digits as its brand has, and no more in one piece."""
    length = next((n for prefix, n in CARD_LENGTHS.items() if text.startswith(prefix)), 16)
    places = [place for place, letter in enumerate(text) if letter.isdigit()]
    if len(places) < length:
        return False
    end = places[length - 1] + 1
    return not text[end : end + 1].isdigit() and luhn(text[:end])


def iban(text: str) -> bool:
    """Whether the text begins with an IBAN: the length of its country, and the remainder 1 by 97."""
    packed = text.replace(" ", "")
    length = IBAN_LENGTHS.get(packed[:2])
    if length is None or len(packed) < length:
        return False
    turned = packed[4:length] + packed[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def _address(text: str) -> bool:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    return not (found.is_loopback or found.is_unspecified or found.is_multicast or text.startswith("255."))


def _address_6(text: str) -> bool:
    return text.count(":") >= LEAST_COLONS and _address(text)


def _phone(text: str) -> bool:
    return sum(letter.isdigit() for letter in text) in PHONE_DIGITS


def _kind(name: str, pattern: str, hint: str = "", holds: Callable[[str], bool] = bool) -> Kind:
    return Kind(name, re.compile(pattern, re.ASCII), hint, holds)


KINDS = (
    _kind(
        "e-mail address",
        r"(?<![\w.%+-])[\w.%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){0,4}\.[A-Za-z]{2,24}(?![A-Za-z])",
        "@",
    ),
    _kind("phone number", r"(?<![\w.+])(?<!\d )(?:\+|00)[1-9](?:[ ().\-/]{0,2}\d){7,14}(?!\d)", holds=_phone),
    _kind("phone number", r"(?<![\w.\-+])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}(?![\w-])"),
    _kind("phone number", r"(?<![\w.,\-+])(?<!\d )\(?0[1-9]\d{1,3}\)?[ /-]\d{3,4}[ -]?\d{3,5}(?![\w-])", holds=_phone),
    _kind("card number", r"(?<![\w.-])(?<!\d )(?:2[2-7]|[3-6]\d)\d{2}(?:[ -]?\d){9,15}", holds=card),
    _kind("IBAN", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,30}", holds=iban),
    _kind("social security number", r"(?<![\w-])(?!000|666|9)\d{3}([ -])(?!00)\d\d\1(?!0000)\d{4}(?![\w-])"),
    _kind(
        "IP address",
        r"(?<![\w.])(?<!version )(?<!Version )\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?!\.?\w)",
        ".",
        _address,
    ),
    _kind("IP address", r"(?<![\w:])[0-9a-fA-F:]{6,39}(?![\w:])", "::", _address_6),
    _kind("IP address", r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}(?![\w:])", ":", _address_6),
    _kind("API key", r"(?<![\w-])sk-[\w-]{20,200}", "sk-"),  # OpenAI, Anthropic, OpenRouter, DeepSeek
    _kind("API key", r"(?<!\w)AIza[\w-]{35}", "AIza"),  # Google
    _kind("API key", r"(?<!\w)(?:gsk|hf|npm|xai|pplx)[_-][A-Za-z0-9]{30,100}"),
    _kind("API key", r"(?<!\w)gh[pousr]_[A-Za-z0-9]{36,255}", "gh"),  # GitHub
    _kind("API key", r"(?<!\w)github_pat_\w{22,255}", "github_pat_"),
    _kind("API key", r"(?<!\w)glpat-[\w-]{20,100}", "glpat-"),
    _kind("API key", r"(?<!\w)xox[abeoprs]-[\w-]{10,200}", "xox"),  # Slack
    _kind("API key", r"(?<!\w)[rs]k_(?:live|test)_[A-Za-z0-9]{16,200}", "k_"),  # Stripe
    _kind("API key", r"(?<!\w)SG\.[\w-]{16,32}\.[\w-]{16,64}", "SG."),  # SendGrid
    _kind("AWS key", r"(?<![A-Za-z0-9])A(?:KIA|SIA)[A-Z2-7]{16}(?![A-Za-z0-9])", "A"),
    _kind(
        "AWS key",
        r"(?i)(?<![a-z])(?:aws_?)?secret_?(?:access_?)?key[\"']?\s{0,3}[:=]\s{0,3}[\"']?[a-z0-9/+]{40}(?![a-z0-9/+])",
    ),
    _kind("private key", r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,2}PRIVATE KEY(?: BLOCK)?-----", "-----BEGIN"),
    _kind("JWT", r"(?<![\w-])eyJ[\w-]{8,2000}\.eyJ[\w-]{4,4000}\.[\w-]{10,2000}", "eyJ"),
    _kind("password in an address", r"(?<!\w)[a-z][a-z0-9+]{1,15}://[^\s:/@]{1,64}:[^\s:/@]{3,64}@", "://"),
)  # fmt: skip
