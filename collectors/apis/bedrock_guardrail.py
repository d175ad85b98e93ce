"""What a guardrail of Bedrock did to a call: told in the trace of a Converse answer, or beside an InvokeModel body."""

from collections.abc import Iterator, Mapping
from typing import Any

from collectors.apis.counts import as_object, either

TRACES = ("trace", "amazon-bedrock-trace")
ACTION = "amazon-bedrock-guardrailAction"
INTERVENED = ("guardrail_intervened", "INTERVENED")
SIDES = ("inputAssessment", "outputAssessments", "input", "outputs")
LET_PASS = ("NONE", "", None)


def outcome(response: Any) -> dict[str, Any] | None:
    """Return name, value, label and explanation of an outcome; None where no guardrail was asked.

    `response`: a body, or the chunks of a stream, of which the last ones tell. What matched is not repeated: it may be
    personal.
    """
    told: dict[str, Any] = {}
    for chunk in response if isinstance(response, list) else [response]:
        told |= {**as_object(as_object(chunk).get("metadata")), **as_object(chunk)}
    guardrail = as_object(as_object(either(told, *TRACES)).get("guardrail"))
    if not guardrail and ACTION not in told and told.get("stopReason") not in INTERVENED:
        return None
    assessments = [one for side in SIDES for one in _by_guardrail(guardrail.get(side))]
    acted = dict.fromkeys(what for _, one in assessments for what in _acted(one))
    triggered = told.get("stopReason") in INTERVENED or told.get(ACTION) in INTERVENED or bool(acted)
    return {
        "name": next((name for name, _ in assessments), "guardrail"),
        "value": float(triggered),
        "label": "triggered" if triggered else "passed",
        "explanation": "; ".join(acted) or None,
    }


def _by_guardrail(side: Any) -> Iterator[tuple[str, Any]]:
    """Yield what stands under each guardrail's id; outputs come as a list of such, or hold lists."""
    for one in side if isinstance(side, list) else [side]:
        yield from as_object(one).items()


def _acted(told: Any, policy: str = "") -> Iterator[str]:
    """Yield each policy that acted, by its kind and what it looks for."""
    if isinstance(told, list):
        for one in told:
            yield from _acted(one, policy)
    elif isinstance(told, Mapping):
        if told.get("action") not in LET_PASS:
            yield f"{policy.removesuffix('Policy')}: {told.get('name') or told.get('type') or told['action']}"
        for name, inner in told.items():
            if isinstance(inner, list | Mapping):
                yield from _acted(inner, name if name.endswith("Policy") else policy)
