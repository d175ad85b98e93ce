"""Beside every proxy: how far it can be believed, on which data that was measured, and what this user's labels say."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from analytics.agreement import ENOUGH, Agreement, Share, agreement, proposal
from analytics.evaluator import Evaluator, Evidence
from analytics.standing import Standing
from pages.parts import asked, charts, frame, states, units
from pages.parts.text import safe_label
from store.scoring import adopt_threshold

WANTED = (0.5, 0.7, 0.8, 0.9, 0.95)
ORIGINS = {
    "settings": "set in the settings",
    "adopted": "adopted here",
    "first week": "your own first week: as few calls as scoring.false_flags says lay above it",
    "default": "its default",
}


def card(evaluator: Evaluator) -> None:
    """All of it, for one evaluator."""
    with frame.card("How far to trust it", evaluator.help), states.guarded("How far to trust it"):
        standing = asked.standings().get(evaluator.name)
        if standing is None or standing.engine is None:
            why = standing.missing if standing else "it is switched off in the settings"
            states.blank(f"Not scored: {why}")
            return
        st.markdown(_sentence(standing))
        _evidence(standing.evidence)
        _labels(evaluator, standing)


def _sentence(standing: Standing) -> str:
    said = standing.trust[:1].upper() + standing.trust[1:]
    by = f" Scored by `{standing.engine}`"
    limit = standing.threshold
    if limit is None:
        return f"{said}.{by}."
    return f"{said}.{by}, threshold **{limit.value:.2f}** ({ORIGINS[limit.origin]})."


def _evidence(found: Sequence[Evidence]) -> None:
    """What it was measured on; that it was measured on nothing is said as well."""
    if not found:
        st.caption("Not measured on labelled data.")
        return
    rows = "".join(
        f'<tr><td>{escape(one.data)}</td><td class="n">{one.n:,}</td><td class="n">{_two(one.auroc)}</td>'
        f'<td class="n">{_two(one.precision)}</td><td class="n">{_two(one.recall)}</td></tr>'
        for one in found
    )
    heads = "".join(f"<th>{head}</th>" for head in ("Measured on", "n", "AUROC", "Precision", "Recall"))
    faint = charts.ink().faint
    st.html(
        f"<style>.lw-trust{{width:100%;font-size:.82rem;border-collapse:collapse;font-variant-numeric:tabular-nums}}"
        f".lw-trust th{{text-align:right;font-weight:400;color:{faint}}}.lw-trust th:first-child{{text-align:left}}"
        f".lw-trust .n{{text-align:right}}.lw-trust .n,.lw-trust th+th{{padding-left:10px}}</style>"
        f'<table class="lw-trust"><tr>{heads}</tr>{rows}</table>'
    )


def _two(value: float | None) -> str:
    return units.UNKNOWN if value is None else f"{value:.2f}"


def _labels(evaluator: Evaluator, standing: Standing) -> None:
    """Agreement with what people of this house said of its calls, and the threshold that follows from it."""
    labels = asked.labels(evaluator)
    found = agreement(labels)
    if not found.both.n:
        st.caption(f"**Your labels.** None yet: label {ENOUGH} under *Review* to know how far it agrees with you.")
    else:
        st.caption("**Your labels.** " + _agreed(found))
    if standing.threshold is not None and found.flagged.n:
        _threshold(evaluator, standing)


def _agreed(found: Agreement) -> str:
    more = f" {ENOUGH - found.both.n} more make it worth saying." if found.both.n < ENOUGH else ""
    odd = f" {found.odd} labels of odd calls are left out." if found.odd else ""
    return (
        f"You agree in {_of(found.both)}. Flagged and rightly so (precision): {_of(found.flagged)}. "
        f"Not flagged and rightly so: {_of(found.passed)}.{more}{odd}"
    )


def _of(share: Share) -> str:
    if share.value is None:
        return "none labelled"
    return f"{share.right} of {share.n} ({units.between(share.interval)})"


def _threshold(evaluator: Evaluator, standing: Standing) -> None:
    """A threshold for a wanted precision: adopted with a click, or refused with the number of labels it takes."""
    wanted = st.segmented_control(
        "Wanted precision", WANTED, default=0.8, required=True, key=f"wanted-{evaluator.name}",
        format_func=lambda share: f"{share:.0%}", help="How many of the flagged calls are to be rightly flagged.",
    )  # fmt: skip
    found = proposal(asked.labels(evaluator), float(wanted or 0.8), low=evaluator.low)
    if found.threshold is None:
        st.caption(
            f"Your labels do not make a threshold for {wanted:.0%} sure (best so far: {_of(found.precision)}). "
            f"Label at least {found.needed} more flagged calls."
        )
        return
    said = f"{found.precision.right} of {found.precision.n} labelled calls rightly flagged, {wanted:.0%} wanted"
    st.caption(f"From {found.threshold:.2f} on, {said}.")
    if standing.threshold and standing.threshold.origin == "settings":
        st.caption(f"`scoring.thresholds.{evaluator.name}` of the settings stays in force until it is taken out.")
    elif st.button(f"Adopt {found.threshold:.2f}", key=f"adopt-{evaluator.name}", icon=":material/done:"):
        _adopt(str(standing.engine), found.threshold, said)


def _adopt(engine: str, threshold: float, why: str) -> None:
    now = asked.runtime().now()
    adopt_threshold(asked.store(), engine, threshold, why=why, actor=asked.ACTOR, now=now)
    asked.scores_changed()
    st.toast(f"{safe_label(engine)} flags by {threshold:.2f} from now on. For old calls, score again.")
    st.rerun()
