"""The whole demo: the product finds each planted incident, where and when it was planted, and nothing else."""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import polars as pl
import pytest

from alerts.rules.rulefile import rules_from_file
from leeway.config import load
from leeway.demo import MANIFEST, SEED, prepare, sample_folder
from leeway.demo_traffic.story import Incident, Story, Trouble, as_json
from leeway.demo_traffic.traffic import traffic
from leeway.runtime import Runtime
from store.connection import StoreSettings
from store.errors import ConfigError

pytestmark = [pytest.mark.slow, pytest.mark.ml, pytest.mark.timeout(1200)]

# A rule looks at an hour, every quarter; drift looks at two hours, and at more where calls are few.
SEEN_WITHIN = timedelta(hours=1, minutes=30)
DRIFT_SEEN_WITHIN = timedelta(hours=4)
METRICS = {rule.id: rule.metric for rule in rules_from_file(sample_folder() / "demo_alerts.toml")}


@pytest.fixture(scope="module")
def runtime(demo_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runtime]:
    copy = tmp_path_factory.mktemp("demo") / "demo.duckdb"
    shutil.copy(demo_database, copy)
    shutil.copytree(StoreSettings(path=demo_database).spool, StoreSettings(path=copy).spool)
    opened = Runtime(load(environ={}, store__path=copy))
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def manifest(runtime: Runtime) -> dict:
    told: dict = orjson.loads((runtime.store.settings.spool / MANIFEST).read_bytes())
    return told


@pytest.fixture(scope="module")
def story(manifest: dict) -> Story:
    """What was planted, made again: the same seed and moment give the same story."""
    return traffic(sample_folder(), now=datetime.fromisoformat(manifest["made_at"]), seed=SEED).story


@pytest.fixture(scope="module")
def found(runtime: Runtime) -> list[dict]:
    rows = runtime.store.read("SELECT rule_id, slice, opened_at, fired_at, resolved_at FROM incidents").to_dicts()
    return [{**row, "slice": orjson.loads(row["slice"]), "metric": METRICS[row["rule_id"]]} for row in rows]


def tells_of(row: dict, incident: Incident) -> bool:
    """Whether the found incident is the planted one: its metric, its time, and a slice that does not contradict it."""
    patience = DRIFT_SEEN_WITHIN if row["metric"] == "input_drift" else SEEN_WITHIN
    in_time: bool = incident.window.start < row["fired_at"] <= incident.window.end + patience
    agrees = all(incident.slice.get(name, value) == value for name, value in row["slice"].items())
    return row["metric"] in incident.metrics and in_time and agrees


@pytest.mark.parametrize("kind", list(Trouble))
def test_each_planted_incident_is_found(story: Story, found: list[dict], kind: Trouble):
    assert any(tells_of(row, story[kind]) for row in found), found


@pytest.mark.parametrize("kind", [kind for kind in Trouble if kind is not Trouble.NEW_TOPIC])
def test_each_is_pinned_on_those_who_cause_it(story: Story, found: list[dict], kind: Trouble):
    blamed = [set(row["slice"].items()) for row in found if tells_of(row, story[kind])]
    assert any(slice_ <= set(story[kind].slice.items()) and slice_ for slice_ in blamed), blamed


def test_nothing_else_is_found(story: Story, found: list[dict]):
    odd = [row for row in found if not any(tells_of(row, incident) for incident in story.incidents)]
    assert not odd


def test_what_is_over_is_resolved_and_what_goes_on_fires(story: Story, found: list[dict]):
    for incident in story.incidents:
        rows = [row for row in found if tells_of(row, incident)]
        assert any((row["resolved_at"] is None) == incident.ongoing for row in rows), incident.kind


def test_nobody_is_told_of_a_demo(runtime: Runtime):
    statuses = runtime.store.read("SELECT DISTINCT status FROM data.outbox")["status"].to_list()
    assert statuses == ["suppressed"]


def test_every_call_is_priced_and_almost_every_answer_scored(runtime: Runtime):
    statuses = runtime.store.read(
        "SELECT cost_status, count(*) AS n FROM calls WHERE output_tokens IS NOT NULL GROUP BY ALL"
    )
    assert set(statuses["cost_status"]) == {"priced"}
    scored = runtime.store.read("SELECT name, count(*) AS n FROM evaluations GROUP BY ALL")
    assert scored.filter(pl.col("name") == "toxicity")["n"].item() > 7_000


def test_lines_that_cannot_be_read_are_shown_with_their_place(runtime: Runtime):
    rejects = runtime.store.read("SELECT place, line FROM rejects ORDER BY line")
    assert set(rejects["place"]) == {"some_bad_lines.jsonl"}
    assert rejects["line"].to_list() == [2, 4, 6, 8, 10]


def test_traces_have_search_tool_and_model_spans(runtime: Runtime):
    kinds = runtime.store.read("SELECT DISTINCT kind FROM spans")["kind"].to_list()
    assert {"llm", "retrieval", "tool", "agent"} <= set(kinds)


def test_the_manifest_states_what_was_planted(manifest: dict, story: Story):
    assert manifest["incidents"] == orjson.loads(orjson.dumps(as_json(story)))


def test_a_young_demo_is_kept(runtime: Runtime):
    said: list[str] = []
    assert prepare(runtime.settings, say=said.append) is None
    assert "--fresh" in said[0]


def test_a_database_that_is_no_demo_is_left_alone(tmp_path: Path):
    path = tmp_path / "precious.duckdb"
    path.write_bytes(b"data of somebody")
    with pytest.raises(ConfigError, match="left alone"):
        prepare(load(environ={}, store__path=path), fresh=True)
    assert path.read_bytes() == b"data of somebody"
