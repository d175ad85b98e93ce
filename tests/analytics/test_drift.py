"""Drift is called when the traffic moved, not when a day differs from another."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.basis import after, before
from analytics.drift import DriftSettings, compare
from analytics.encoder import ENCODER
from analytics.reference import Maker
from analytics.report import report
from leeway.workers import Inline
from store import comparisons, references
from store.calls import append_calls, call_table
from store.connection import Store
from store.embeddings import append_vectors, call_columns, unembedded
from store.errors import ConfigError, StoreError
from store.model import ContentState, LLMCall, Status, Window

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTINGS = DriftSettings(
    window=HOUR, reference=3 * HOUR, subjects=("input_text",), min_calls=200, history=5, evidently=False
)
TOPICS = ("parcel late delivery", "refund money back", "password login account", "opening hours shop")


def add_hour(store: Store, hour: int, topics: Sequence[str], n: int = 240, tenant: str = "blue") -> None:
    """`n` calls of one hour, their topics in turn, every text its own."""
    calls = [
        LLMCall(
            call_id=f"{hour}-{tenant}-{i}",
            source="test",
            event_time=START + hour * HOUR + i * timedelta(seconds=10),
            status=Status.OK,
            content_state=ContentState.FULL,
            input_text=f"{topics[i % len(topics)]} {hour} {tenant} {i}",
            tenant=tenant,
            model="m-1",
        )
        for i in range(n)
    ]
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=START))


def embed(store: Store) -> None:
    """Stand-in vectors: a direction per topic, and noise; so that no model is needed here."""
    texts = unembedded(store, ENCODER, "input_text", since=START, window=HOUR, per_window=2000, limit=100_000)
    if texts.height:
        vectors = np.stack([_vector(text) for text in texts["text"]])
        append_vectors(store, ENCODER, texts["text_hash"].to_list(), vectors, now=START)


def _vector(text: str) -> np.ndarray:
    words = text.split()
    topic = np.random.default_rng(sum(" ".join(words[:-3]).encode())).normal(size=384)
    noise = np.random.default_rng(list(text.encode())).normal(size=384)
    vector = topic / np.linalg.norm(topic) + 0.4 * noise / np.linalg.norm(noise)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def run(store: Store, hours: int, settings: DriftSettings = SETTINGS) -> dict[str, int]:
    embed(store)
    return compare(store, Inline(), settings, now=START + hours * HOUR + timedelta(minutes=30))


def maker(store: Store, now: datetime, settings: DriftSettings = SETTINGS, subject: str = "input_text") -> Maker:
    return Maker(store=store, executor=Inline(), settings=settings.of_reference, subject=subject, now=now)


def test_a_new_topic_is_found_named_and_laid_at_its_tenants_door(store: Store):
    for hour in range(12):
        add_hour(store, hour, TOPICS)
    add_hour(store, 12, TOPICS, n=200)
    add_hour(store, 12, ["battery recall overheating"], n=50, tenant="kestrel")
    counts = run(store, 13)
    assert counts["input_text"] == 10
    last = comparisons.latest(store, "input_text")
    summary = last.filter(last["detector"] == "drift").row(0, named=True)
    assert summary["drifted"]
    assert not summary["provisional"]
    assert summary["statistic"] > 1
    details = comparisons.details(store, "drift", "input_text", START + 13 * HOUR)
    assert isinstance(details, dict)
    assert details["topics"][0]["new"]
    assert "battery" in details["topics"][0]["name"]
    assert details["who"][0]["value"] == "kestrel"
    kestrels = [novel["call_id"] for novel in details["novel"] if "kestrel" in novel["call_id"]]
    assert len(kestrels) >= 0.8 * len(details["novel"])
    assert len(details["map"]["current"][0]) == 4


def test_unchanged_traffic_does_not_drift(store: Store):
    for hour in range(12):
        add_hour(store, hour, TOPICS)
    assert run(store, 12)["drifted"] == 0
    rows = comparisons.series(store, "input_text", Window(start=START, end=START + 12 * HOUR))
    assert set(rows["detector"]) == {"drift", "mean_distance", "novelty", "rarity"}
    assert rows.filter(rows["detector"] == "drift")["provisional"].to_list() == [True] * 5 + [False] * 4


def test_a_second_run_changes_nothing(store: Store):
    for hour in range(6):
        add_hour(store, hour, TOPICS)
    assert run(store, 6)["input_text"] == 3
    stored = store.read("SELECT * FROM comparisons")
    assert run(store, 6)["input_text"] == 0
    assert store.read("SELECT * FROM comparisons").equals(stored)


def test_windows_with_too_few_calls_are_looked_at_together(store: Store):
    for hour in range(3):
        add_hour(store, hour, TOPICS)
    for hour in range(3, 7):
        add_hour(store, hour, TOPICS, n=80)
    counts = run(store, 7)
    assert (counts["input_text"], counts["too_few"]) == (4, 3)
    rows = store.read("SELECT * FROM comparisons WHERE detector = 'drift' ORDER BY current_end")
    assert rows["note"][0] == "too few: 80 of 200 calls; looked at together with the next window"
    decided = rows.filter(rows["drifted"].is_not_null()).row(0, named=True)
    assert decided["current_start"] == START + 3 * HOUR
    assert decided["current_end"] == START + 6 * HOUR


def test_a_window_waits_for_its_vectors_but_not_for_ever(store: Store):
    for hour in range(4):
        add_hour(store, hour, TOPICS)
    run(store, 4)
    add_hour(store, 4, TOPICS)
    soon = START + 5 * HOUR + timedelta(minutes=30)
    assert compare(store, Inline(), SETTINGS, now=soon)["input_text"] == 0
    assert compare(store, Inline(), SETTINGS, now=soon + 6 * HOUR)["too_few"] == 1


def test_there_is_no_reference_before_there_is_enough_traffic(store: Store):
    add_hour(store, 0, TOPICS)
    assert run(store, 2)["input_text_waits_for_reference"] == 1


def test_hours_with_a_firing_alert_are_no_reference(store: Store):
    for hour in range(5):
        add_hour(store, hour, TOPICS)
    with store.transaction() as tx:
        tx.execute(
            "INSERT INTO data.incidents BY NAME SELECT 1 AS incident_id, 'r' AS rule_id, '[]' AS slice, 't' AS title, "
            "'ratio' AS unit, 'warning' AS severity, $at AS opened_at, $at AS fired_at, "
            "$at + INTERVAL 30 MINUTE AS resolved_at",
            {"at": START},
        )
    run(store, 5)
    made = references.newest(store, "input_text", ENCODER, "pinned")
    assert made
    assert made.window.start == START + HOUR


def test_a_pinned_reference_comes_into_force_and_is_audited(store: Store):
    for hour in range(6):
        add_hour(store, hour, TOPICS if hour < 4 else ["battery recall overheating"])
    run(store, 6)
    window = Window(start=START + 4 * HOUR, end=START + 5 * HOUR)
    maker(store, START + 7 * HOUR).pin(window, by="ana", accept=True)
    assert run(store, 6)["drifted"] == 0
    said = store.read("SELECT actor, action FROM data.audit_log ORDER BY happened_at DESC")
    assert said.row(0) == ("ana", "drift_reference")


def test_a_reference_that_is_too_small_is_refused_with_the_needed_size(store: Store):
    add_hour(store, 0, TOPICS, n=50)
    embed(store)
    window = Window(start=START, end=START + HOUR)
    with pytest.raises(ConfigError, match=r"needs 200 calls .* this window has 50"):
        maker(store, START).pin(window, by="ana")


def test_vectors_are_kept_of_known_subjects_only(store: Store):
    with pytest.raises(StoreError, match="no vectors are kept of 'error_message'"):
        unembedded(store, ENCODER, "error_message", since=START, window=HOUR, per_window=1, limit=1)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Evidently's own; it runs in a worker otherwise
def test_evidentlys_report_is_made_of_any_compared_window(store: Store):
    window = Window(start=START + 3 * HOUR, end=START + 4 * HOUR)
    with pytest.raises(ConfigError, match="no reference yet"):
        report(store, Inline(), SETTINGS, "input_text", window)
    for hour in range(4):
        add_hour(store, hour, TOPICS)
    run(store, 4, SETTINGS.model_copy(update={"evidently": True}))
    last = comparisons.latest(store, "input_text")
    assert {"evidently_model", "evidently_distance"} < set(last["detector"])
    assert "<html" in report(store, Inline(), SETTINGS, "input_text", window)
    with pytest.raises(ConfigError, match="no embedded calls"):
        report(store, Inline(), SETTINGS, "input_text", Window(start=START - HOUR, end=START))
    with pytest.raises(StoreError, match="no such column of calls: secret"):
        call_columns(store, window, ("secret",), limit=1)


@given(st.datetimes(datetime(1999, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - st adds it
def test_every_moment_lies_between_two_lines_of_the_grid(moment: datetime):
    assert before(moment, HOUR) <= moment <= after(moment, HOUR)
    assert after(moment, HOUR) - before(moment, HOUR) in (timedelta(0), HOUR)
