"""What windows are compared with can be chosen, must be large and clean, and every change of it is noted."""

import json
from datetime import timedelta

import numpy as np
import pytest
from pydantic import ValidationError

from analytics.basis import DAY, checked, stretches
from analytics.drift import DriftSettings, compare
from analytics.encoder import ENCODER
from leeway.workers import Inline
from store import comparisons, references
from store.connection import Store
from store.embeddings import append_vectors, texts, unembedded
from store.errors import ConfigError, StoreError
from store.model import Window
from tests.analytics.test_drift import HOUR, SETTINGS, START, TOPICS, add_hour, maker, run

NEW = ["battery recall overheating"]
ROLLING = SETTINGS.model_copy(update={"against": "rolling", "history": 14})


def test_a_rolling_reference_is_the_stretch_before_and_gets_used_to_nothing_by_itself(store: Store):
    for hour in range(9):
        add_hour(store, hour, TOPICS if hour < 6 else NEW)
    run(store, 9, ROLLING)
    rows = store.read("SELECT * FROM comparisons WHERE detector = 'drift' ORDER BY current_end")
    assert rows["basis"].unique().to_list() == ["rolling"]
    assert rows["reference_start"].to_list() == [START] * 3 + [START + 3 * HOUR] * 3
    assert rows["drifted"].to_list() == [False] * 3 + [True] * 3
    for hour in (9, 10):
        add_hour(store, hour, NEW)
    run(store, 11, ROLLING)
    last = comparisons.latest(store, "input_text")
    assert last["drifted"].any()
    assert last["reference_start"][0] == START + 3 * HOUR  # hours that drifted are no ground to compare with


def test_windows_before_any_reference_wait_for_none(store: Store):
    for hour in range(2):
        add_hour(store, hour, TOPICS)
    counts = run(store, 2, ROLLING)
    assert counts["input_text"] == 0
    assert counts["input_text_waits_for_reference"] == 2


def test_the_same_weekday_is_looked_for_week_by_week(store: Store):
    found = list(stretches(store, "same_weekday", START + 15 * HOUR, 3 * HOUR))
    assert [stretch.start for stretch in found] == [START - n * 7 * DAY for n in (1, 2, 3, 4)]
    assert all(stretch.length == DAY for stretch in found)


def test_a_release_is_compared_with_its_own_first_calls(store: Store):
    for hour in range(6):
        add_hour(store, hour, TOPICS)
    with store.transaction() as tx:
        tx.execute("UPDATE data.calls SET prompt_version = 'v2' WHERE event_time >= $at", {"at": START + 2 * HOUR})
    settings = SETTINGS.model_copy(update={"against": "release prompt_version=v2"})
    run(store, 6, settings)
    made = references.newest(store, "input_text", ENCODER, "release prompt_version=v2")
    assert made is not None
    assert made.window == Window(start=START + 2 * HOUR, end=START + 5 * HOUR)
    assert references.releases(store, "prompt_version").rows() == [("v2", START + 2 * HOUR)]
    with pytest.raises(ConfigError, match="no call has model 'm-9'"):
        run(store, 6, SETTINGS.model_copy(update={"against": "release model=m-9"}))
    with pytest.raises(StoreError, match="names no release"):
        references.releases(store, "tenant")


@pytest.mark.parametrize("basis", ["yesterday", "rolling 2d", "release", "release tenant=blue", "release model="])
def test_a_reference_of_no_known_kind_is_refused(basis: str):
    with pytest.raises(ValueError, match="is no reference: use pinned, rolling, same_weekday or"):
        checked(basis)
    with pytest.raises(ValidationError):
        DriftSettings(against=basis)


def test_what_people_choose_goes_over_the_settings_and_is_noted(store: Store):
    for hour in range(6):
        add_hour(store, hour, TOPICS)
    references.choose(store, "input_text", "rolling", by="ana", now=START)
    run(store, 6)
    assert set(comparisons.latest(store, "input_text")["basis"]) == {"rolling"}
    told = references.history(store, "input_text")
    assert ("ana", "drift_reference.choose") in told.select("actor", "action").rows()
    maker(store, START + 7 * HOUR).pin(Window(start=START, end=START + HOUR), by="ben")
    assert references.choice(store, "input_text") == "pinned"


def test_a_window_that_drifted_is_a_reference_only_when_the_change_is_accepted(store: Store):
    for hour in range(6):
        add_hour(store, hour, TOPICS if hour < 4 else NEW)
    run(store, 6)
    moved = Window(start=START + 5 * HOUR, end=START + 6 * HOUR)
    by = maker(store, START + 7 * HOUR)
    with pytest.raises(ConfigError, match=r"must be clean, but input_text drifted from 2026-03-01 05:00 UTC.* 200 "):
        by.pin(moved, by="ana")
    by.pin(moved, by="ana", accept=True)
    newest = references.history(store, "input_text").row(0, named=True)
    assert json.loads(newest["details"])["accepted"] is True
    assert not references.unclean(store, "input_text", moved).height
    add_hour(store, 6, NEW)
    assert run(store, 7)["drifted"] == 0


def test_a_window_with_a_firing_alert_is_refused_with_its_name(store: Store):
    add_hour(store, 0, TOPICS)
    with store.transaction() as tx:
        tx.execute(
            "INSERT INTO data.incidents BY NAME SELECT 1 AS incident_id, 'r' AS rule_id, '[]' AS slice, "
            "'Errors' AS title, 'ratio' AS unit, 'warning' AS severity, $at AS opened_at, $at AS fired_at",
            {"at": START},
        )
    with pytest.raises(ConfigError, match="the alert 'Errors' fired from"):
        maker(store, START + HOUR).pin(Window(start=START, end=START + HOUR), by="ana")


def test_vectors_of_another_encoder_make_no_reference(store: Store):
    add_hour(store, 0, TOPICS)
    rows = unembedded(store, ENCODER, "input_text", since=START, window=HOUR, per_window=2000, limit=1000)
    vectors = np.zeros((rows.height, 384), np.float32)
    append_vectors(store, "other/int8", rows["text_hash"].to_list(), vectors, now=START)
    with pytest.raises(ConfigError, match=r"this window has 0 \(there are vectors of other/int8, which are never"):
        maker(store, START + HOUR).pin(Window(start=START, end=START + HOUR), by="ana")


def test_one_retrieved_document_of_each_call_is_looked_at(store: Store):
    add_hour(store, 0, TOPICS, n=20)
    documents = '[{"content": "terms"}, "bare text", {"page_content": "prices"}]'
    with store.transaction() as tx:
        tx.execute("UPDATE data.calls SET retrieved = $documents", {"documents": documents})
        tx.execute("UPDATE data.calls SET retrieved = 'not json' WHERE call_id = '0-blue-0'")
        tx.execute("UPDATE data.calls SET retrieved = '[]' WHERE call_id = '0-blue-1'")
    rows = unembedded(store, ENCODER, "retrieved", since=START, window=HOUR, per_window=2000, limit=100)
    assert set(rows["text"]) == {"terms", "bare text", "prices"}
    told = texts(store, "retrieved", Window(start=START, end=START + HOUR), ["0-blue-0", "0-blue-2"])
    assert list(told) == ["0-blue-2"]


def test_topics_keep_their_ids_and_names_from_reference_to_reference(store: Store):
    for hour in range(9):
        add_hour(store, hour, TOPICS)
    run(store, 9, ROLLING)
    made = store.read("SELECT clusters FROM data.drift_references ORDER BY reference_id")["clusters"].to_list()
    first, second = (json.loads(one) for one in made[:2])
    names = [dict(zip(one["ids"], one["names"], strict=True)) for one in (first, second)]
    shared = names[0].keys() & names[1].keys()
    assert shared
    assert all(names[0][i] == names[1][i] for i in shared)
    assert not (names[1].keys() - shared) & set(range(len(first["ids"])))


def test_a_new_topic_keeps_its_id_and_the_moment_it_was_first_seen(store: Store):
    for hour in range(6):
        add_hour(store, hour, TOPICS)
    for hour in (6, 7):
        add_hour(store, hour, TOPICS, n=200)
        add_hour(store, hour, NEW, n=60, tenant="kestrel")
    run(store, 8)
    first, second = (
        comparisons.details(store, "drift", "input_text", START + hour * HOUR)["topics"][0] for hour in (7, 8)
    )
    assert first["new"]
    assert (second["id"], second["name"], second["first_seen"]) == (first["id"], first["name"], first["first_seen"])
    assert first["first_seen"].startswith("2026-03-01T06:")


def test_columns_need_no_vectors(store: Store):
    for hour in range(5):
        add_hour(store, hour, TOPICS)
    with store.transaction() as tx:
        tx.execute("UPDATE data.calls SET latency_ms = 300 * exp(hash(call_id) % 1000 / 500)")
        tx.execute(
            "UPDATE data.calls SET latency_ms = latency_ms * 3, model = 'm-2' WHERE event_time >= $at",
            {"at": START + 4 * HOUR},
        )
    settings = SETTINGS.model_copy(update={"subjects": ("columns",)})
    counts = compare(store, Inline(), settings, now=START + 5 * HOUR + timedelta(minutes=30))
    assert (counts["columns"], counts["drifted"]) == (2, 1)
    rows = comparisons.of_window(store, START + 5 * HOUR, ("latency_ms", "model", "status"))
    found = {(row["subject"], row["detector"]): row["drifted"] for row in rows.iter_rows(named=True)}
    assert found == {
        ("latency_ms", "level"): True, ("latency_ms", "tail"): True, ("model", "mix"): True, ("status", "mix"): False,
    }  # fmt: skip
    told = comparisons.details(store, "drift", "columns", START + 5 * HOUR)
    assert {"column": "model", "test": "mix", "before": {"m-2": 0.0}, "now": {"m-2": 1.0}} in told["columns"]


def test_the_newest_verdict_of_each_subject_names_what_moved(store: Store):
    for hour in range(8):
        add_hour(store, hour, TOPICS if hour < 7 else [*TOPICS, *NEW])
    run(store, 8)
    span = Window(start=START, end=START + 8 * HOUR)
    (row,) = comparisons.verdicts(store, span).iter_rows(named=True)
    assert (row["subject"], row["drifted"], row["topic_is_new"]) == ("input_text", True, True)
    assert "battery" in row["topic"]
    assert row["current_end"] == START + 8 * HOUR
    assert row["topic_change"] == pytest.approx(0.2, abs=0.03)
    assert comparisons.verdicts(store, span.before()).is_empty()
