"""The Drift page says what is compared with what, and lets a person change that; every change is noted."""

import json
from datetime import timedelta

from streamlit.testing.v1 import AppTest

from store import references
from store.comparisons import append_comparisons
from store.model import Comparison, Window
from tests.pages.conftest import TIMEOUT_S, make_calls, said, visit


def compared(runtime, now, *, hours: int):
    """A verdict on the columns of the last `hours`."""
    noon = now.replace(minute=0, second=0, microsecond=0)
    current = Window(start=noon - timedelta(hours=hours), end=noon)
    reference = Window(start=noon - timedelta(hours=90), end=noon - timedelta(hours=60))
    told = {"before": 900.0, "now": 1800.0, "p_value": 0.005}
    rows = [
        Comparison(
            detector=detector, subject=subject, statistic=3.0, threshold=1.0, drifted=True, details=details,
            reference=reference, current=current, n_reference=200, n_current=200,
        )
        for detector, subject, details in (
            ("drift", "columns", {"columns": []}), ("drift", "latency_ms", None), ("level", "latency_ms", told),
        )
    ]  # fmt: skip
    with runtime.store.transaction() as tx:
        append_comparisons(tx, rows, now=now)
    return current


def dialog() -> None:
    """The dialog, open: a test runs whole scripts, and a dialog lives only as long as its button is pressed."""
    import polars as pl  # noqa: PLC0415 - the body runs as a script of its own

    from analytics import window as w  # noqa: PLC0415
    from pages.parts import asked, baseline  # noqa: PLC0415
    from store import comparisons  # noqa: PLC0415

    rows = comparisons.latest(asked.store(), "columns").filter(pl.col("detector") == "drift")
    last = rows.row(0, named=True) if rows.height else None
    chosen = w.last(w.DAY, asked.runtime().now())
    baseline._dialog("columns", last, chosen)


def opened() -> AppTest:
    return AppTest.from_function(dialog, default_timeout=TIMEOUT_S).run()


def test_columns_stand_with_what_they_were_and_are(world, now):
    compared(world(make_calls(60, now=now)), now, hours=2)
    test = visit("drift")
    (shown,) = (frame.value for frame in test.dataframe if "Compared" in frame.value)
    assert shown.iloc[0].tolist() == [
        "Latency", "as a whole (median shown)", "900 ms", "1,800 ms", 3.0, "drifted",
    ]  # fmt: skip


def drifting(runtime, now):
    """Four windows of prompts: one as before, one far off with a new topic, one just over its limit, one too small."""
    noon = now.replace(minute=0, second=0, microsecond=0)
    reference = Window(start=noon - timedelta(hours=90), end=noon - timedelta(hours=60))
    topics = [
        {"id": 9, "name": "battery · bike", "before": 0.0, "now": 0.21, "change": 0.21, "new": True,
         "first_seen": "2026-03-01T10:00:00+00:00", "calls": ["c-1"]},
        {"id": 1, "name": "parcel", "before": 0.3, "now": 0.1, "change": -0.2, "new": False, "calls": ["c-2"]},
        {"id": 2, "name": "refund", "before": 0.30, "now": 0.31, "change": 0.01, "new": False, "calls": []},
    ]  # fmt: skip
    details = {
        "topics": topics, "who": [{"dimension": "tenant", "value": "blue", "share_novel": 0.8, "share_all": 0.2}],
        "novel": [{"call_id": one, "novelty": 2.0, "topic": "battery · bike"} for one in ("c-1", "c-1", "c-2")],
        "map": {"reference": [[0.0, 0.1]], "current": [[0.2, 0.3, "c-1", True], [0.1, 0.0, "c-2", False]]},
    }  # fmt: skip
    rows = [
        Comparison(
            detector="drift", subject="input_text", statistic=statistic, threshold=1.0, drifted=drifted,
            details=details, reference=reference, n_reference=500, n_current=500,
            current=Window(start=noon - timedelta(hours=hours), end=noon - timedelta(hours=hours - 2)),
        )
        for hours, statistic, drifted in ((8, 0.7, False), (6, 3.5, True), (4, 1.1, True), (2, None, None))
    ]  # fmt: skip
    with runtime.store.transaction() as tx:
        append_comparisons(tx, rows, now=now)


def test_the_window_that_tells_most_is_looked_at_first_and_another_on_request(world, now):
    drifting(world(make_calls(60, now=now)), now)
    test = visit("drift")
    assert "3.50 ×" in said(test)
    assert "battery · bike" in said(test)
    assert "too few calls since; 2 of 3 windows" in said(test)
    assert "Cannot tell" not in said(test)
    (topics,) = (frame.value for frame in test.dataframe if "Moved" in frame.value)
    assert topics["Moved"].tolist() == ["▲ new", "▼ shrunk", "within chance"]
    box = test.selectbox("window")
    assert [label.rpartition(": ")[2] for label in box.options] == [
        "too few calls", "drifted, 1.10 × its limit", "drifted, 3.50 × its limit", "as before, 0.70 × its limit",
    ]  # fmt: skip
    test = box.set_value(box.options[3]).run()
    assert not test.exception
    assert "Too few to call it drift" in said(test)


def test_a_change_is_accepted_in_one_click_and_noted(world, now):
    runtime = world(make_calls(600, now=now))
    current = compared(runtime, now, hours=40)
    test = opened()
    assert "Nobody has changed it." in said(test)
    test = test.button("accept-columns").click().run()
    assert not test.exception
    made = references.last(runtime.store, "columns", "none")
    assert made is not None
    assert (made.window, made.created_by) == (current, "dashboard")
    newest = references.history(runtime.store, "columns").row(0, named=True)
    assert json.loads(newest["details"])["accepted"] is True
    assert opened().dataframe[0].value["What"].tolist() == ["made a reference"]


def test_a_reference_that_is_too_small_is_refused_where_it_was_asked_for(world, now):
    runtime = world(make_calls(60, now=now))
    compared(runtime, now, hours=2)
    test = opened().button("accept-columns").click().run()
    assert "a reference needs 200 calls" in test.error[0].value
    assert references.last(runtime.store, "columns", "none") is None


def test_a_window_that_drifted_is_not_pinned_without_being_accepted(world, now):
    runtime = world(make_calls(600, now=now))
    compared(runtime, now, hours=2)
    test = opened().button("pin-columns").click().run()
    assert "must be clean" in test.error[0].value


def test_another_kind_of_reference_is_chosen_on_the_page(world, now):
    runtime = world(make_calls(60, now=now))
    test = opened()
    test = test.radio("kind-columns").set_value("release").run()
    test = test.selectbox("field-columns").set_value("prompt_version").run()
    assert set(test.selectbox("release-columns").options) == {"v1", "v2"}
    test = test.radio("kind-columns").set_value("rolling").run().button("choose-columns").click().run()
    assert not test.exception
    assert references.choice(runtime.store, "columns") == "rolling"
    assert "rolling" in said(visit("drift", subject="How calls run"))
