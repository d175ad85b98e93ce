"""Outcomes: what a guardrail, an evaluator or an annotator said, under one set of names.

An outcome is `{name, value, label, explanation}`. Of a guardrail the value is 1 where it stepped in and 0 where it let
pass, and the label says so in a word.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from collectors.apis.messages import parsed
from collectors.spans.semconv import first, number, truth

Outcome = dict[str, Any]

TRIGGERED, PASSED = "triggered", "passed"
# What says that a guardrail stepped in, or that it did not, under whatever name.
STEPPED_IN = ("triggered", "tripwire_triggered", "guardrail.triggered", "rail.stop", "blocked", "flagged")
LET_PASS = ("passed", "valid", "validation_passed", "safe", "allowed")
WORDS = {
    "guardrail_intervened": TRIGGERED, "intervened": TRIGGERED, "blocked": TRIGGERED, "block": TRIGGERED,
    "fail": TRIGGERED, "failed": TRIGGERED, "deny": TRIGGERED, "triggered": TRIGGERED, "unsafe": TRIGGERED,
    "pass": PASSED, "passed": PASSED, "success": PASSED, "none": PASSED, "allow": PASSED, "safe": PASSED,
}  # fmt: skip
SAID = ("guardrail_status", "guardrail_action", "guardrail.status", "status", "action", "outcome", "result")
NAMES = ("guardrail_name", "guardrail.name", "validator_name", "rail.name")
WHY = ("guardrail_violation_categories", "explanation", "reason", "error_message")
SCORES = ("score", "value")
TRIPPED = re.compile(r"Guardrail tripwire triggered.{0,40}['\"]guardrail['\"]: ['\"]([^'\"]{1,200})['\"]")


def guarded(name: str, attributes: Mapping[str, Any], output: Any, *, failed: bool) -> list[Outcome] | None:
    """Return what a guardrail decided; None where it says nothing of it.

    `output`: what it returned, as written; `failed`: whether it raised, as those do that stop a call by it.
    """
    told = parsed(output)
    places = [attributes, told] if isinstance(told, dict) else [attributes]
    decided = next((label for place in places if (label := _decided(place))), None)
    decided = decided or _in_words(told) or (TRIGGERED if failed else None)
    if decided is None:
        return None
    why = next((str(said) for place in places if (said := first(place, WHY))), None)
    called = str(first(attributes, NAMES) or name)
    return [{"name": called, "value": float(decided == TRIGGERED), "label": decided, "explanation": why}]


def tripped(message: str | None) -> list[Outcome] | None:
    """Return the guardrail that ended an agent of the OpenAI Agents SDK: its own span does not say so."""
    found = TRIPPED.search(message or "")
    return [{"name": found[1], "value": 1.0, "label": TRIGGERED, "explanation": None}] if found else None


def _decided(place: Mapping[str, Any]) -> str | None:
    for names, of_true, of_false in ((STEPPED_IN, TRIGGERED, PASSED), (LET_PASS, PASSED, TRIGGERED)):
        if (said := truth(first(place, names))) is not None:
            return of_true if said else of_false
    return next((label for name in SAID if (label := _in_words(place.get(name)))), None)


def _in_words(said: Any) -> str | None:
    return WORDS.get(said.strip().lower()) if isinstance(said, str) else None


def scored(name: str, output: Any) -> list[Outcome] | None:
    """Return the scores an evaluator's span gives back: one `{score, label, explanation}`, or a list of them."""
    told = parsed(output)
    found = [_score(name, one) for one in (told if isinstance(told, list) else [told]) if isinstance(one, dict)]
    return [one for one in found if one["value"] is not None or one["label"] is not None] or None


def _score(name: str, told: Mapping[str, Any]) -> Outcome:
    value, label = first(told, SCORES), told.get("label")
    said = truth(value)
    return {
        "name": str(told.get("name") or name),
        "value": float(said) if said is not None else number(value),
        "label": str(label) if label is not None else None,
        "explanation": _text(first(told, ("explanation", "reason", "comment"))),
    }


def named(told: Mapping[str, Any]) -> Iterator[Outcome]:
    """Yield outcomes kept as name → value, or name → `{value, reason}`."""
    for name, said in told.items():
        one = said if isinstance(said, dict) else {"value": said}
        label = one.get("value") if isinstance(one.get("value"), str) else None
        yield {**_score(name, {"label": label, **one}), "name": name}


def _text(value: Any) -> str | None:
    return str(value) if value is not None else None
