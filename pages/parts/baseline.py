"""What a subject is compared with: said in a line, and changed in a dialog that notes who did it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import polars as pl
import streamlit as st

from analytics.basis import PINNED, RELEASE, ROLLING, SAME_WEEKDAY
from analytics.reference import Maker, encoder_of
from pages.parts import asked, tables, units
from pages.parts.text import safe_label
from store import references
from store.errors import LeewayError
from store.model import Window

KINDS = {
    PINNED: "Pinned: one that stands still",
    ROLLING: "Rolling: the day before",
    SAME_WEEKDAY: "Same weekday: a week before",
    RELEASE: "Since a release",
}
ACTIONS = {references.MADE: "made a reference", references.CHOSE: "chose the kind"}

Row = Mapping[str, Any]


def line(subject: str, last: Row | None, chosen: Window) -> None:
    """One line on the reference in force, and a button to change it. `chosen`: the range of the page."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(_said(subject), width="stretch")
        if st.button("Reference …", key=f"reference-{subject}", icon=":material/push_pin:", type="tertiary"):
            _dialog(subject, last, chosen)


def _said(subject: str) -> str:
    maker = _maker(subject)
    found = references.outline(maker.store, subject, encoder_of(subject))
    if found is None:
        return f"Compared with: {_kind(maker.basis)}, not made yet."
    stretch = f"{units.moment(found['window_start'])} – {units.moment(found['window_end'])} UTC"
    texts = f"{found['texts']:,} texts, " if found["texts"] else ""
    waits = "" if found["basis"] == maker.basis else f" From the next run on: {_kind(maker.basis)}."
    by = safe_label(found["created_by"], 40)
    return f"Compared with {stretch} ({_kind(found['basis'])}; {texts}made by {by}).{waits}"


def _kind(basis: str) -> str:
    kind, _, release = basis.partition(" ")
    return f"since {safe_label(release, 60)}" if release else kind.replace("_", " ")


@st.dialog("What it is compared with", width="large")
def _dialog(subject: str, last: Row | None, chosen: Window) -> None:
    st.markdown(_said(subject))
    if last is not None:
        stretch = f"{units.moment(last['current_start'])} – {units.moment(last['current_end'])} UTC"
        st.markdown(f"**Accept the change**: from now on compare with the newest window, {stretch}.")
        newest = Window(start=last["current_start"], end=last["current_end"])
        if st.button("Make it the reference", key=f"accept-{subject}", icon=":material/check:"):
            _done(lambda: _maker(subject).pin(newest, by=asked.ACTOR, accept=True))
    st.markdown(f"**Pin the range of this page**: {units.moment(chosen.start)} – {units.moment(chosen.end)} UTC.")
    if st.button("Pin it", key=f"pin-{subject}", icon=":material/push_pin:"):
        _done(lambda: _maker(subject).pin(chosen, by=asked.ACTOR))
    _choose(subject)
    _history(subject)


def _choose(subject: str) -> None:
    maker = _maker(subject)
    st.markdown("**Or compare with**")
    kinds = list(KINDS)
    now = kinds.index(maker.basis.partition(" ")[0])
    kind = st.radio(
        "Kind", kinds, index=now, format_func=KINDS.get, key=f"kind-{subject}", label_visibility="collapsed"
    )
    basis = kind or PINNED
    if kind == RELEASE:
        field = st.selectbox("Field", references.RELEASES, key=f"field-{subject}")
        values = references.releases(maker.store, field)["value"].to_list()
        value = st.selectbox("First seen last comes first", values, key=f"release-{subject}")
        basis = f"{RELEASE} {field}={value}" if value else ""
    if st.button("Compare with this", key=f"choose-{subject}", disabled=not basis or basis == maker.basis):
        _done(lambda: references.choose(maker.store, subject, basis, by=asked.ACTOR, now=maker.now))


def _done(work: Callable[[], object]) -> None:
    """Do it and draw the page anew; say what is wrong where it is refused."""
    try:
        with st.spinner("Making the reference …"):
            work()
    except LeewayError as error:
        st.error(safe_label(str(error), 400))
        return
    st.rerun()


def _history(subject: str) -> None:
    rows = references.history(asked.store(), subject)
    st.markdown("**History**")
    if rows.is_empty():
        st.caption("Nobody has changed it.")
        return
    details = [json.loads(told or "{}") for told in rows["details"]]
    shown = pl.DataFrame(
        {
            "When (UTC)": rows["happened_at"].dt.strftime("%d %b %H:%M"),
            "Who": rows["actor"],
            "What": [ACTIONS.get(action, action) for action in rows["action"]],
            "Reference": [_stretch(told) for told in details],
            "Accepted a change": ["yes" if told.get("accepted") else "" for told in details],
        }
    )
    tables.table(shown, alt="Who changed the reference")


def _stretch(told: Mapping[str, Any]) -> str:
    span = " – ".join(str(told[side])[:16].replace("T", " ") for side in ("start", "end") if side in told)
    return f"{told.get('basis', '')} {span}".strip()


def _maker(subject: str) -> Maker:
    runtime = asked.runtime()
    return Maker(
        store=runtime.store, executor=runtime.pages_first, settings=runtime.settings.drift.of_reference,
        subject=subject, now=runtime.now(),
    )  # fmt: skip
