"""Personal data and secrets planted in ordinary sentences: recall by kind, false hits and speed."""

import random
import time
from collections.abc import Callable, Iterator
from string import ascii_letters, ascii_uppercase, digits

from analytics.leaks import IBAN_LENGTHS, kinds_in, luhn
from tests.eval.table import Figure, Scope, absent, share

SEED = 20260303
EACH = 200
AROUND = (
    "You can use {} for that.",
    "It is: {}",
    "Here you go - {}, as you asked",
    "| name | {} |",
    '{{"value": "{}"}}',
)
LETTERS = ascii_letters + digits


def _of(rng: random.Random, alphabet: str, length: int) -> str:
    return "".join(rng.choices(alphabet, k=length))


def _card(rng: random.Random) -> str:
    prefix, length = rng.choice((("4", 16), ("51", 16), ("37", 15), ("6011", 16), ("2221", 16)))
    number = prefix + _of(rng, digits, length - len(prefix) - 1)
    number += next(digit for digit in digits if luhn(number + digit))
    mark = rng.choice(("", " ", "-"))
    return mark.join(number[i : i + 4] for i in range(0, length, 4))


def _iban(rng: random.Random) -> str:
    country = rng.choice(list(IBAN_LENGTHS))
    rest = _of(rng, digits, IBAN_LENGTHS[country] - 4)
    turned = "".join(str(int(letter, 36)) for letter in f"{rest}{country}00")
    number = f"{country}{98 - int(turned) % 97:02}{rest}"
    return rng.choice((number, " ".join(number[i : i + 4] for i in range(0, len(number), 4))))


def _phone(rng: random.Random) -> str:
    area, line, last = rng.randint(201, 989), rng.randint(200, 999), rng.randint(1000, 9999)
    forms = ("({}) {}-{}", "{}-{}-{}", "+1 {} {} {}", "+1-{}-{}-{}", "+49 {} {}{}", "0044 {} {} {}", "+33{}{}{}")
    return rng.choice(forms).format(area, line, last)


def _email(rng: random.Random) -> str:
    names, hosts = ("ana.silva", "j_doe", "kim+news", "o'neil.b", "x92"), ("mail.example.org", "firma.de", "a-b.co.uk")
    return f"{rng.choice(names)}{rng.randint(1, 99)}@{rng.choice(hosts)}"


def _key(rng: random.Random) -> str:
    forms = (
        ("sk-", 48), ("sk-proj-", 64), ("sk-ant-api03-", 80), ("AIza", 35), ("gsk_", 52), ("hf_", 34), ("ghp_", 36),
        ("xoxb-", 40), ("sk_live_", 24), ("glpat-", 20),
    )  # fmt: skip
    prefix, length = rng.choice(forms)
    return prefix + _of(rng, LETTERS, length)


def _aws(rng: random.Random) -> str:
    secret = f"aws_secret_access_key = {_of(rng, LETTERS + '/+', 40)}"
    return rng.choice((f"AKIA{_of(rng, ascii_uppercase, 16)}", secret))


PLANTED: dict[str, Callable[[random.Random], str]] = {
    "e-mail address": _email,
    "phone number": _phone,
    "card number": _card,
    "IBAN": _iban,
    "social security number": lambda rng: f"{rng.randint(100, 665)}-{rng.randint(10, 99)}-{rng.randint(1000, 9999)}",
    "IP address": lambda rng: ".".join(str(rng.randint(1, 223)) for _ in range(4)).replace("127.", "126."),
    "API key": _key,
    "AWS key": _aws,
    "private key": lambda rng: f"-----BEGIN {rng.choice(('RSA ', 'EC ', '', 'OPENSSH '))}PRIVATE KEY-----\nMIIE",
    "JWT": lambda rng: f"eyJ{_of(rng, LETTERS, 20)}.eyJ{_of(rng, LETTERS, 60)}.{_of(rng, LETTERS, 43)}",
    "password in an address": lambda rng: f"postgres://app:{_of(rng, LETTERS, 12)}@db.local/main",
}


def planted(kind: str, rng: random.Random) -> str:
    """A sentence that holds one thing of a kind."""
    return rng.choice(AROUND).format(PLANTED[kind](rng))


def pii(scope: Scope) -> Iterator[Figure]:
    """Our own corpus says how much is found; real answers how much is found for nothing, and how fast."""
    rng = random.Random(SEED)
    for kind in PLANTED:
        found = [float(kind in kinds_in(planted(kind, rng))) for _ in range(EACH)]
        yield share("PII recall", kind, found, target=0.95, seed=SEED)
    answers = [row["response"] for row in scope.records("llm_alpaca_eval") or [] if row.get("response")]
    if not answers:
        yield absent("answers with PII", "llm_alpaca_eval")
        return
    begun = time.process_time()
    hits = [float(bool(kinds_in(answer))) for answer in answers]
    spent = time.process_time() - begun
    what = "answers with PII, true or not"
    yield share(what, "llm_alpaca_eval", hits, target=0.001, at_most=True)
    yield Figure(
        what="PII documents a CPU-second", data="llm_alpaca_eval", value=len(answers) / spent, n=len(answers),
        target=1000,
    )  # fmt: skip
