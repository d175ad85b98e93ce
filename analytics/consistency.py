"""Answers that contradict one another: prompts that ask the same, answers that differ in a number, a date or a yes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from analytics.encoder import ENCODER
from store.answered import answered
from store.connection import Store
from store.model import Filters, Window

ALIKE = 0.95  # cosine of two prompts that ask the same
NEWEST, ANSWER_CHARS = 2_000, 2_000
LATEST = 20  # earlier calls that one is held against
MOST = 50  # pairs

_NUMBER = r"\d+(?:[.,]\d+)*"
_DIGITS = re.compile(_NUMBER)
_DATE = re.compile(
    r"\b(?:\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d{1,2} (?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"[a-z]*(?: \d{4})?|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d{1,2}(?:, \d{4})?)\b"
)
# A number with what it counts: only numbers of the same thing can contradict one another.
_MONEY = re.compile(rf"([$€£]) ?({_NUMBER})")
_COUNTED = re.compile(rf"(?<![\w$€£.,-])({_NUMBER})[ -]?(%|[a-z]{{3,}})")
_LEANS = re.compile(
    r"(?P<no>no\b(?! problem| worries| doubt)|you (?:cannot|can['’]t|can not|may not)\b)"
    r"|(?P<yes>yes\b|you (?:can|may)\b)"
)
_DENIED = re.compile(r"\b(?:not|cannot|no|never|without)\b|n't\b")
_WORD = re.compile(r"[\w']+")
_NAME = re.compile(r"(?<=[\w,;:] )[A-Z]\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    call_id: str
    event_time: datetime
    model: str | None
    prompt: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """`about`: number, date or yes or no. `first` came before `second`."""

    about: str
    said: tuple[str, str]
    first: Answer
    second: Answer

    @property
    def model_changed(self) -> bool:
        return self.first.model != self.second.model


def contradictions(store: Store, window: Window, filters: Filters) -> list[Contradiction]:
    """Up to `MOST` contradictions among the newest calls, each against the answer before it that it contradicts."""
    rows, vectors = answered(store, window, filters, encoder=ENCODER, newest=NEWEST, chars=ANSWER_CHARS)
    answers = [
        Answer(call_id=call_id, event_time=at, model=model, prompt=prompt, text=text)
        for call_id, at, model, prompt, text in rows.rows()
    ]
    return contradicting(answers, vectors)


def contradicting(answers: Sequence[Answer], vectors: npt.NDArray[np.float32]) -> list[Contradiction]:
    """The newest first. `answers`: oldest first; `vectors`: of their prompts, unit or zero."""
    numbers: dict[tuple[str, ...], int] = {}
    texts = np.array([numbers.setdefault(_words(one.prompt), len(numbers)) for one in answers])
    found: list[Contradiction] = []
    for second in range(len(answers) - 1, 0, -1):
        alike = (vectors[:second] @ vectors[second] >= ALIKE) | (texts[:second] == texts[second])
        earlier = np.flatnonzero(alike)[: -LATEST - 1 : -1]
        conflicts = (contradiction(answers[first], answers[second]) for first in earlier)
        if conflict := next(filter(None, conflicts), None):
            found.append(conflict)
        if len(found) == MOST:
            break
    return found


def contradiction(first: Answer, second: Answer) -> Contradiction | None:
    """What two answers to like prompts contradict one another in, if anything."""
    if first.text == second.text or not _ask_the_same(first.prompt, second.prompt):
        return None
    one, other = first.text.lower(), second.text.lower()
    for about, said in (
        ("yes or no", _polarity(one, other)),
        ("date", _dates(one, other)),
        ("number", _numbers(one, other)),
    ):
        if said:
            return Contradiction(about=about, said=said, first=first, second=second)
    return None


def _words(text: str) -> tuple[str, ...]:
    """Texts of the same words are the same text."""
    return tuple(_WORD.findall(text.lower()))


def _ask_the_same(one: str, other: str) -> bool:
    """Prompts about other numbers, other names, or the contrary ask something else, however like they sound."""
    return _asked_of(one) == _asked_of(other)


@lru_cache(NEWEST)
def _asked_of(prompt: str) -> tuple[set[str], set[str], bool]:
    return set(_DIGITS.findall(prompt)), set(_NAME.findall(prompt)), bool(_DENIED.search(prompt.lower()))


def _polarity(one: str, other: str) -> tuple[str, str] | None:
    """How answers begin; further on, a "no" may be about anything."""
    a, b = _LEANS.match(one), _LEANS.match(other)
    return (a[0], b[0]) if a and b and a.lastgroup != b.lastgroup else None


def _dates(one: str, other: str) -> tuple[str, str] | None:
    """Both name one date, and not the same."""
    a, b = _days(one), _days(other)
    return (min(a), min(b)) if len(a) == len(b) == 1 and a != b else None


@lru_cache(NEWEST)
def _days(text: str) -> set[str]:
    return set(_DATE.findall(text))


def _numbers(one: str, other: str) -> tuple[str, str] | None:
    """Both give one number of the same thing, and not the same."""
    a, b = _counts(one), _counts(other)
    for thing in a.keys() & b.keys():
        if len(a[thing]) == len(b[thing]) == 1 and a[thing] != b[thing]:
            return f"{min(a[thing])} {thing}", f"{min(b[thing])} {thing}"
    return None


@lru_cache(NEWEST)  # every answer is held against many others
def _counts(text: str) -> dict[str, set[str]]:
    bare = _DATE.sub(" ", text)
    found: dict[str, set[str]] = {}
    for thing, number in [*_MONEY.findall(bare), *((unit, n) for n, unit in _COUNTED.findall(bare))]:
        found.setdefault(thing.rstrip("s"), set()).add(number.replace(",", ""))
    return found
