"""Every call is scored exactly once, whatever a text does to its scorer."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from analytics.evaluator import Evaluator, ScoringSettings, evaluators
from analytics.evaluators.toxicity import PROBE
from analytics.scoring import score
from analytics.standing import standings
from analytics.threshold import Threshold, calibrate, threshold_in_force
from leeway.workers import Inline, Workers
from store import relations
from store.calls import append_calls, call_table
from store.connection import Store
from store.errors import NoSuchCall, StoreError
from store.evaluations import add_feedback, append_evaluations
from store.model import ContentState, Evaluation, LLMCall, Status
from store.scoring import adopt_threshold, begin_attempt, parked, score_again, unpark, unscored, versions, work
from tests.analytics import poison

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LEXICAL = ScoringSettings(off=("toxicity", "relevance", "injection"))


def add(
    store: Store, *answers: str | None, call_id: str = "call", ingested_at: datetime = NOW, **fields: object
) -> None:
    calls = [
        LLMCall(
            call_id=f"{call_id}-{number}",
            source="test",
            event_time=NOW - timedelta(minutes=number),
            input_text="What does the manual say of the valve?",
            output_text=answer,
            **{"status": Status.OK, "content_state": ContentState.FULL, **fields},  # type: ignore[arg-type]
        )
        for number, answer in enumerate(answers)
    ]
    with store.transaction() as tx:
        append_calls(tx, call_table(calls, source_id=None, ingested_at=ingested_at))


def labels(store: Store, name: str) -> list[str]:
    return store.read("SELECT label FROM evaluations WHERE name = ? ORDER BY call_id", [name])["label"].to_list()


@pytest.fixture
def workers() -> Iterator[Workers]:
    made = Workers(1)
    yield made
    made.close()


def only(evaluator: Evaluator) -> dict[str, Evaluator]:
    return {evaluator.name: evaluator}


def test_a_text_that_kills_its_worker_is_parked_and_all_others_are_scored_once(store: Store, workers: Workers):
    add(store, *[f"answer {n}" for n in range(20)], "poison")
    counts = score(store, workers, ScoringSettings(batch=8), now=NOW, found=only(poison.evaluator(poison.kills)))
    assert counts["poison"] == 20
    assert counts["parked"] == 1
    scored = store.read("SELECT call_id, count(*) AS n FROM data.evaluations GROUP BY call_id")
    assert scored["n"].to_list() == [1] * 20
    told = parked(store).row(0, named=True)
    assert (told["call_id"], told["attempts"]) == ("call-20", 3)
    assert "SIGSEGV" in told["error"]
    assert store.one("SELECT count(*) FROM data.scoring_attempts WHERE NOT parked") == 0
    assert score(store, workers, ScoringSettings(), now=NOW, found=only(poison.evaluator(poison.kills))) == {}


def test_workers_that_end_on_everything_are_held_against_no_text(
    store: Store, workers: Workers, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("analytics.attempts.MOST_DEATHS", 2)
    add(store, "one answer")
    found = only(poison.evaluator(poison.kills_always))
    assert score(store, workers, ScoringSettings(), now=NOW, found=found) == {"poison_unavailable": 1}
    assert parked(store).is_empty()
    assert score(store, Inline(), ScoringSettings(), now=NOW, found=only(poison.evaluator(poison.raises))) == {
        "poison": 1
    }


@pytest.mark.parametrize("scorer", [poison.raises, poison.not_a_number, poison.forgets])
def test_a_text_that_cannot_be_scored_is_parked(store: Store, scorer: Callable[..., object]):
    add(store, "fine", "poison", "fine too", "poison again")
    counts = score(store, Inline(), ScoringSettings(), now=NOW, found=only(poison.evaluator(scorer)))
    assert (counts["poison"], counts["parked"]) == (2, 2)
    unpark(store, actor="ana", now=NOW)
    counts = score(store, Inline(), ScoringSettings(), now=NOW, found=only(poison.evaluator(scorer)))
    assert counts["parked"] == 2


def test_a_text_that_ended_the_whole_process_three_times_is_parked_untried(store: Store):
    add(store, "fine", "poison")
    with store.transaction() as tx:
        begin_attempt(tx, "poison/test-1", ["call-1"], 3, now=NOW)
    counts = score(store, Inline(), ScoringSettings(), now=NOW, found=only(poison.evaluator(poison.kills)))
    assert counts == {"poison": 1, "parked": 1}


def test_calls_with_the_same_text_are_scored_together(store: Store):
    add(store, "same", "same", "other")
    counts = score(store, Inline(), ScoringSettings(batch=1), now=NOW, found=only(poison.evaluator(poison.raises)))
    assert counts["poison"] == 3
    assert score(store, Inline(), ScoringSettings(), now=NOW, found=only(poison.evaluator(poison.raises))) == {}


def test_a_run_stops_when_its_time_is_up_and_the_next_goes_on(store: Store):
    add(store, *[f"answer {n}" for n in range(150)])
    ticking = iter(range(1000)).__next__
    settings = ScoringSettings(batch=2, page=20)
    found = only(poison.evaluator(poison.raises))
    first = score(store, Inline(), settings, now=NOW, found=found, seconds=4, clock=lambda: float(ticking()))
    assert 0 < first["poison"] < 150
    hours = store.read("SELECT date_trunc('hour', event_time) AS hour, count(*) AS n FROM evaluations GROUP BY 1")
    assert dict(hours.rows())[NOW] == 1
    assert min(hours["hour"]) >= NOW - timedelta(hours=2)
    rest = score(store, Inline(), settings, now=NOW, found=found)
    assert first["poison"] + rest["poison"] == 150


def test_an_hour_that_is_too_much_is_sampled_evenly_and_each_score_stands_for_its_share(store: Store):
    add(store, *["poison" if n % 6 == 0 else f"answer {n}" for n in range(1, 240)])
    settings = ScoringSettings(calls_per_hour=91)
    found = only(poison.evaluator(poison.flags))
    assert score(store, Inline(), settings, now=NOW, found=found)["poison"] == 91
    assert score(store, Inline(), settings, now=NOW, found=found) == {}
    samples = store.read("SELECT eligible, scored FROM data.scoring_samples")
    assert samples.rows() == [(60, 30)]
    day = store.read(relations.EVALUATIONS_SQL.format(start="$start", end="$end", names="true"),
                     {"start": NOW - timedelta(days=1), "end": NOW + timedelta(hours=1)})  # fmt: skip
    assert sorted(set(day["weight"])) == [1.0, 2.0]
    assert day["weight"].sum() == 121
    minutes = day.filter(pl.col("weight") == 2.0)["event_time"].dt.minute()
    assert minutes.mean() == pytest.approx(29.5, abs=9)  # neither the newest nor the oldest of the hour
    later = NOW + timedelta(hours=2)
    assert score(store, Inline(), settings, now=later, found=found)["poison"] == 91
    assert score(store, Inline(), ScoringSettings(), now=later, found=found)["poison"] == 57
    assert store.one("SELECT count(*) FROM data.scoring_samples") == 0


def test_scores_are_made_again_on_request_and_the_newest_counts(store: Store):
    add(store, "fine", "fine too")
    found = only(poison.evaluator(poison.raises))
    score(store, Inline(), ScoringSettings(), now=NOW, found=found)
    score_again(store, "poison", actor="ana", now=NOW + timedelta(minutes=1))
    later = NOW + timedelta(minutes=2)
    assert score(store, Inline(), ScoringSettings(), now=later, found=found) == {"poison": 2}
    assert score(store, Inline(), ScoringSettings(), now=later, found=found) == {}
    assert store.one("SELECT count(*) FROM data.evaluations") == 4
    assert store.one("SELECT count(*) FROM evaluations") == 2
    assert store.one("SELECT action || ' ' || subject FROM data.audit_log") == "scores.again poison"


def test_what_comes_in_after_everything_was_scored_is_scored_next(store: Store):
    add(store, "fine")
    found = only(poison.evaluator(poison.raises))
    score(store, Inline(), ScoringSettings(), now=NOW, found=found)
    add(store, *["fine"] * 3, call_id="late", ingested_at=NOW - timedelta(minutes=5))
    assert score(store, Inline(), ScoringSettings(), now=NOW, found=found) == {"poison": 3}


def test_failed_calls_and_calls_without_content_are_not_scored(store: Store):
    add(store, "text", status=Status.ERROR)
    assert score(store, Inline(), LEXICAL, now=NOW) == {}


def test_the_lexical_evaluators_say_what_they_see(store: Store):
    add(
        store,
        "The valve opens at nine bar and closes again at seven.",
        "I'm sorry, but I can't help with that request.",
        "",
        retrieved=[{"content": "Chapter 4. The valve opens at nine bar and closes again at seven. Check it monthly."}],
    )
    score(store, Inline(), LEXICAL, now=NOW)
    assert labels(store, "ungrounded") == ["grounded", "ungrounded"]
    assert labels(store, "refusal") == ["answered", "refusal"]
    assert labels(store, "empty") == ["said", "said", "empty"]


def test_the_backlog_tells_what_waits_and_what_is_missing(store: Store, monkeypatch: pytest.MonkeyPatch):
    add(store, "one answer", "two answers")
    monkeypatch.setattr("analytics.evaluator.find_spec", lambda _: None)
    counts = score(store, Inline(), ScoringSettings(), now=NOW)
    assert counts["toxicity_unavailable"] == counts["relevance_unavailable"] == 1
    standing = standings(store, ScoringSettings(), now=NOW)
    assert ("refusal", "refusal/phrases-1", 2) in versions(store, since=NOW - timedelta(days=1)).rows()
    assert (standing["refusal"].waiting, standing["refusal"].last_hour) == (0, 2)
    assert "pip install 'leeway[ml]'" in (standing["toxicity"].missing or "")
    add(store, "a third", call_id="later")
    assert standings(store, ScoringSettings(), now=NOW)["refusal"].waiting == 1


def test_feedback_finds_its_call_and_counts_beside_the_scores(store: Store):
    add(store, "an answer", "another", trace_id="t1")
    said = add_feedback(store, trace_id="t1", name="thumb", label="down", comment="wrong", user="ana", now=NOW)
    assert (said.call_id, said.evaluator) == ("call-0", "human:ana")
    said = add_feedback(store, call_id="call-1", name="toxicity", value=1.0, label="toxic", now=NOW)
    assert said.evaluator == "human:anonymous"
    score(store, Inline(), ScoringSettings(off=("toxicity", "relevance", "injection")), now=NOW)
    assert labels(store, "thumb") == ["down"]


def test_feedback_on_an_unknown_call_says_so(store: Store):
    with pytest.raises(NoSuchCall, match="no call with response_id=r-9"):
        add_feedback(store, response_id="r-9", name="thumb", value=1, now=NOW)


def test_the_threshold_of_a_probe_moves_to_the_users_own_first_week(store: Store):
    """The probe's default stays until a week is over; a threshold set by hand always stays."""
    said = [
        Evaluation(
            call_id=f"c{n}",
            event_time=NOW - timedelta(days=8) + n * timedelta(minutes=10),
            name="toxicity",
            evaluator="toxicity/probe-1",
            value=n % 1000 / 1000,
            label="fine",
            created_at=NOW,
        )
        for n in range(1152)
    ]
    with store.transaction() as tx:
        append_evaluations(tx, said[:900])
    assert threshold_of(store) == Threshold(0.6, "default")
    with store.transaction() as tx:
        append_evaluations(tx, said[900:])
    assert threshold_of(store) == Threshold(0.6, "default")
    calibrate(store, evaluators()["toxicity"], PROBE, ScoringSettings(false_flags=0.1), now=NOW)
    found = threshold_of(store)
    assert (found.value, found.origin) == (pytest.approx(0.898, abs=0.005), "first week")
    later = NOW + timedelta(minutes=1)
    adopt_threshold(store, "toxicity/probe-1", 0.7, why="80 % of 60 labels", actor="ana", now=later)
    calibrate(store, evaluators()["toxicity"], PROBE, ScoringSettings(), now=later)
    assert threshold_of(store) == Threshold(0.7, "adopted")
    assert threshold_of(store, thresholds={"toxicity": 0.3}) == Threshold(0.3, "settings")
    assert store.read("SELECT actor, details FROM data.audit_log ORDER BY happened_at").rows()[1:] == [
        ("ana", "0.7: 80 % of 60 labels")
    ]


def threshold_of(store: Store, **settings: Any) -> Threshold:
    toxicity = evaluators()["toxicity"]
    found = threshold_in_force(store, toxicity, PROBE, ScoringSettings(**settings))
    assert found is not None
    return found


def test_an_evaluator_whose_model_is_broken_costs_no_text_an_attempt(store: Store):
    add(store, "an answer")
    counts = score(store, Inline(), ScoringSettings(), now=NOW, found=only(poison.evaluator(poison.broken)))
    assert counts == {"poison_unavailable": 1}
    assert store.one("SELECT count(*) FROM data.scoring_attempts") == 0


def test_only_columns_of_calls_can_be_asked_for(store: Store):
    with pytest.raises(StoreError, match="no such column of calls: secret"):
        unscored(store, work(store, "x", "x/1", needs=("secret",), lookback=NOW), columns=(), limit=1, now=NOW)
