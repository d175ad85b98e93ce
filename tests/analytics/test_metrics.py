"""Every metric, whatever file it comes from, keeps the same promises."""

from datetime import timedelta

import polars as pl
import pytest

from analytics import rollup
from analytics import window as w
from analytics.affected import affected
from analytics.examples import examples
from analytics.metric import LONGEST_RAW, Metric, by_each, measure, metric, metrics, series, summary, tally
from analytics.sliding import sliding
from store.errors import ConfigError
from store.evaluations import add_feedback
from store.model import DIMENSIONS, Sample, Status, Window
from store.points import Question, points
from store.reviews import add_label

ALL = tuple(metrics())
SHORT, LONG = timedelta(days=1), timedelta(days=12)
PROMISED = (
    "calls", "errors", "error_rate", "rate_limited_rate", "cost_usd", "cost_per_call", "unpriced_calls", "input_tokens",
    "output_tokens", "output_tokens_per_call", "cache_hit_rate", "latency_p50", "latency_p95", "latency_p99",
    "ttft_p50", "ttft_p95", "tokens_per_second", "toxic_rate", "ungrounded_rate", "irrelevant_rate", "refusal_rate",
    "empty_rate", "cut_rate", "drift", "scored_share",
)  # fmt: skip
every_metric = pytest.mark.parametrize("one", metrics().values(), ids=ALL)


def test_the_promised_metrics_exist():
    assert set(PROMISED) <= set(ALL)


@every_metric
def test_a_metric_says_what_it_is(one: Metric):
    assert one.unit
    assert one.title[0].isupper()
    assert one.help.endswith(".")
    assert one.kind != "rate" or one.unit == "share"


@pytest.mark.parametrize("span", [SHORT, LONG])
def test_nothing_is_known_of_no_calls(store, now, span):
    found = summary(store, ALL, w.last(span, now)).row(0, named=True)
    counted = {name: value for name, value in found.items() if value is not None}
    assert counted == {"n": 0, "calls": 0, "errors": 0, "unpriced_calls": 0}
    assert series(store, ALL, w.last(span, now), bucket=w.HOUR).is_empty()
    assert measure(store, "error_rate", w.last(span, now))[0].value is None
    assert measure(store, "error_rate", w.last(span, now), by=("model",)) == []


@pytest.mark.parametrize("span", [SHORT, LONG])
def test_what_calls_do_not_say_is_unknown_not_zero(store, now, add, span):
    add({"event_time": now - timedelta(minutes=5)})
    found = summary(store, ALL, w.last(span, now)).row(0, named=True)
    told = {name for name, value in found.items() if value is not None}
    assert told == {"n", "calls", "errors", "rate_limited_rate", "unpriced_calls", "ingest_delay_p95"}
    assert found["calls"] == 1


def test_feedback_is_a_rate_and_labels_of_reviewers_are_none(store, now, add):
    hour = w.last(timedelta(hours=1), now)
    said = {"up": ("thumb", "thumbs_up"), "down": ("thumb", "thumbs_down"), "mixed": ("note", "perhaps")}
    add(*({"call_id": call, "event_time": hour.start, "user_id": call} for call in (*said, "reviewed")))
    for call, (name, label) in said.items():
        add_feedback(store, name=name, label=label, user="u", call_id=call, now=now)
    add_feedback(store, name="thumb", label="thumbs_up", user="u", call_id="down", now=now - timedelta(minutes=5))
    add_label(store, call_id="reviewed", event_time=hour.start, name="toxicity", said=False, label="toxic", how="",
              reviewer="ann", now=now)  # fmt: skip
    assert measure(store, "negative_feedback_rate", hour) == [Sample(slice=(), value=0.5, n=2)]
    assert [call for call, _ in examples(store, "negative_feedback_rate", hour, {})] == ["down"]
    assert affected(store, "negative_feedback_rate", hour, {}) == "1 of 4 users"
    around = Window(start=hour.start, end=hour.end + timedelta(hours=1))
    samples = sliding(store, "negative_feedback_rate", around, length=w.HOUR, every=w.HOUR)
    assert [one for found in samples.values() for one in found] == [Sample(slice=(), value=0.5, n=2)]


def test_how_late_calls_arrive_is_known_and_which(store, now, add):
    hour = w.last(timedelta(hours=1), now)
    add({"event_time": hour.start, "latency_ms": 60_000.0, "call_id": "late"}, {"event_time": now, "call_id": "soon"})
    (found,) = measure(store, "ingest_delay_p95", hour)
    assert found.value == pytest.approx((now - hour.start).total_seconds() * 1000 - 60_000, rel=0.06)
    assert examples(store, "ingest_delay_p95", hour, {})[0][0] == "late"


@pytest.mark.parametrize("span", [SHORT, LONG])
def test_every_metric_can_be_cut_by_every_dimension(store, now, scored_traffic, span):
    window = w.last(span, now)
    scored_traffic(1, window, 300)
    for dimension in DIMENSIONS:
        found = summary(store, ALL, window, by=(dimension,))
        assert found.columns == [dimension, "n", *ALL]
        assert summary(store, ["calls"], window, by=(dimension,))["n"].sum() == 300
        for rate in (one.name for one in metrics().values() if one.kind == "rate"):
            assert found[rate].drop_nulls().is_between(0, 1).all()


@pytest.mark.parametrize("span", [SHORT, LONG])
def test_several_group_bys_in_one_scan_say_what_each_alone_says(store, now, scored_traffic, span):
    window = w.last(span, now)
    scored_traffic(1, window, 300)
    groups = (("prompt_name", "prompt_version"), ("model",), ("tenant",))
    for name in ("calls", "latency_p95", "toxic_rate", "scored_share"):
        for group, found in zip(groups, by_each(store, name, window, groups), strict=True):
            assert found.equals(summary(store, [name], window, by=group)), name


def raw_and_rolled(store, window: Window, one: Metric) -> tuple[pl.DataFrame, pl.DataFrame]:
    question = Question(window=window, by=("environment",), names=[one.evaluator] if one.evaluator else [])
    raw = points(store, one.relation, {"value": one.sql, "n": one.n}, question)
    return raw, summary(store, [one.name], window, by=("environment",))


def test_rollups_say_what_raw_rows_say_refreshed_or_not(store, now, scored_traffic):
    window = w.last(LONG, now)
    assert window.length > LONGEST_RAW
    scored_traffic(7, window, 6000)
    for _ in ("all hours dirty", "all hours clean"):
        for one in (one for one in metrics().values() if one.rolled):
            raw, rolled = raw_and_rolled(store, window, one)
            tolerance = 0.02 if "_p" in one.name else 1e-9
            assert rolled["n"].to_list() == raw["n"].to_list(), one.name
            assert rolled[one.name].to_list() == pytest.approx(raw["value"].to_list(), rel=tolerance), one.name
        assert rollup.refresh(store, now=now)["hours"] in {LONG / w.HOUR + 1, 0}


@pytest.mark.parametrize("span", [SHORT, LONG])
def test_a_series_adds_up_to_its_summary(store, now, scored_traffic, span):
    window = w.whole(w.last(span, now), w.HOUR)
    scored_traffic(3, window, 2000)
    bucket = w.bucket_for(window)
    found = series(store, ["calls", "cost_usd", "toxic_rate"], window, bucket=bucket, by=("tenant",))
    assert found.columns == ["bucket", "tenant", "n", "calls", "cost_usd", "toxic_rate"]
    whole = summary(store, ["calls", "cost_usd"], window).row(0, named=True)
    assert found["calls"].sum() == whole["calls"] == 2000
    assert found["cost_usd"].sum() == pytest.approx(whole["cost_usd"])
    assert found["bucket"].is_between(window.start - bucket, window.end, closed="left").all()


@pytest.mark.parametrize("span", [SHORT, LONG])
def test_filters_keep_what_matches_any_value_and_unknown_is_a_value(store, now, add, span):
    at = now - timedelta(hours=2)
    add(*({"event_time": at, "model": model} for model in ("a", "a", "b", "c", None)))

    def calls(**filters: tuple[str | None, ...]) -> float | None:
        return measure(store, "calls", w.last(span, now), filters=filters)[0].value

    assert calls(model=("a",)) == 2
    assert calls(model=("a", "b")) == 3
    assert calls(model=(None,)) == 1
    assert calls(model=(None, "c")) == 2
    assert calls(model=()) == 5
    assert calls(model=("a' OR true --",)) == 0
    assert calls(model=("a",), session_id=("x",)) == 0


def test_long_ranges_that_rollups_do_not_know_are_read_from_raw_rows(store, now, add):
    add({"event_time": now - timedelta(days=9), "session_id": "s", "latency_ms": 123.0})
    rollup.refresh(store, now=now)
    window = w.last(LONG, now)
    assert measure(store, "latency_p50", window, by=("session_id",))[0].value == 123.0
    half_hours = series(store, ["latency_p50"], window, bucket=timedelta(minutes=30))
    assert half_hours["latency_p50"].to_list() == [123.0]


def test_a_rate_counts_only_what_it_can_judge(store, now, add):
    add(
        *({"status": Status.OK},) * 3,
        {"status": Status.ERROR, "http_status": 429, "error_type": "x"},
        *({"status": Status.UNKNOWN},) * 4,
    )
    window = Window(start=now, end=now + timedelta(hours=1))
    errors = measure(store, "error_rate", window)[0]
    limited = measure(store, "rate_limited_rate", window)[0]
    assert (errors.value, errors.n) == (0.25, 4)
    assert (limited.value, limited.n) == (0.125, 8)


@pytest.mark.parametrize("said", ["RateLimitError", "rate_limit_exceeded", "TooManyRequests", "ThrottlingException"])
def test_providers_say_rate_limited_in_many_words(store, now, add, said):
    add({"status": Status.ERROR, "error_type": said}, {"status": Status.ERROR, "error_type": "timeout"})
    assert measure(store, "rate_limited_rate", Window(start=now, end=now + w.HOUR))[0].value == 0.5


def test_the_newest_score_of_a_call_wins_and_unmeasurable_ones_do_not_count(store, now, add):
    add({"call_id": "a"}, {"call_id": "b"}, {"call_id": "c"})
    with store.transaction() as tx:
        for call, name, label, after in (
            ("a", "toxicity", "toxic", 0), ("a", "toxicity", "fine", 1), ("b", "toxicity", "toxic", 0),
            ("a", "ungrounded", "not_measurable", 0), ("b", "ungrounded", "grounded", 0),
            ("gone", "toxicity", "toxic", 0),
        ):  # fmt: skip
            row = {"call": call, "at": now, "name": name, "label": label, "later": now + timedelta(hours=after)}
            tx.execute(
                "INSERT INTO data.evaluations "
                "VALUES ($call, $at, $name, 'e/1', 1, $label, $label = 'toxic', NULL, $later)",
                row,
            )
    window = Window(start=now, end=now + w.HOUR)
    toxic = measure(store, "toxic_rate", window)[0]
    ungrounded = measure(store, "ungrounded_rate", window)[0]
    assert (toxic.value, toxic.n) == (0.5, 2)
    assert (ungrounded.value, ungrounded.n) == (0.0, 1)


def test_failed_calls_without_tokens_are_not_missing_from_the_cost(store, now, add):
    add({"status": Status.ERROR}, {"status": Status.OK}, {"status": Status.ERROR, "input_tokens": 5})
    with store.transaction() as tx:
        tx.execute("UPDATE data.calls SET cost_status = 'unpriced'")
    assert measure(store, "unpriced_calls", Window(start=now, end=now + w.HOUR))[0].value == 2


def test_drift_is_the_largest_verdict_on_a_text_and_columns_and_evidently_have_no_say_in_it(store, now):
    insert = """
        INSERT INTO data.comparisons BY NAME
        SELECT $detector AS detector, $subject AS subject, $statistic AS statistic, 2.0 AS threshold,
            $drifted AS drifted, $now - INTERVAL 3 DAY AS reference_start, $now - INTERVAL 1 DAY AS reference_end,
            $now - INTERVAL 1 HOUR AS current_start, $now AS current_end, 900 AS n_reference, $n AS n_current,
            'pinned' AS basis, $now AS created_at
    """
    with store.transaction() as tx:
        for detector, subject, statistic, drifted, n in (
            ("drift", "input_text", 3.0, True, 400), ("drift", "output_text", 1.0, False, 500),
            ("drift", "retrieved", 9.0, None, 20), ("evidently_model", "input_text", 90.0, True, 400),
            ("drift", "columns", 8.0, True, 700),
        ):  # fmt: skip
            given = {"detector": detector, "subject": subject, "statistic": statistic, "drifted": drifted}
            tx.execute(insert, {**given, "n": n, "now": now})
    hour = w.last(w.HOUR, now)
    drift = measure(store, "drift", hour)[0]
    assert (drift.value, drift.n) == (1.5, 500)
    assert measure(store, "input_drift", hour)[0].value == 1.5
    assert measure(store, "column_drift", hour)[0].value == 4.0
    assert measure(store, "drifted_share", hour)[0].value == 0.5
    assert measure(store, "drift", hour.before())[0].value is None
    assert measure(store, "drift", hour, filters={"model": ("gpt-4o",)})[0].value is None
    assert series(store, ["drift"], w.last(LONG, now), bucket=w.DAY)["drift"].to_list() == [1.5]


def test_names_that_do_not_exist_are_refused_with_those_that_do(store, now):
    with pytest.raises(ConfigError, match=r"'latencyp95'.*latency_p95"):
        metric("latencyp95")
    with pytest.raises(ConfigError, match="no dimension is called 'modell': use one of model"):
        summary(store, ["calls"], w.last(SHORT, now), by=("modell",))
    with pytest.raises(ConfigError, match="no dimension"):
        summary(store, ["calls"], w.last(SHORT, now), filters={"x; DROP TABLE": ("1",)})


@pytest.mark.parametrize("length", [3 * w.HOUR, LONG], ids=["raw rows", "rollups"])
def test_a_score_of_a_sampled_hour_counts_for_as_many_calls_as_it_stands_for(store, now, add, length):
    """Two of four calls of one hour were scored, one toxic; both of the other hour, none toxic: two of six."""
    hours = {"a": now, "b": now + w.HOUR}
    add(*({"call_id": f"{name}{i}", "event_time": at} for name, at in hours.items() for i in (1, 2)))
    with store.transaction() as tx:
        for name, at in hours.items():
            for i in (1, 2):
                row = {"call": f"{name}{i}", "at": at, "flagged": f"{name}{i}" == "a1", "label": f"{name}{i}"}
                tx.execute(
                    "INSERT INTO data.evaluations BY NAME SELECT $call AS call_id, $at AS event_time, 'toxicity' AS "
                    "name, 'toxicity/x' AS evaluator, 0.5 AS value, $label AS label, $flagged AS flagged, "
                    "$at AS created_at",
                    row,
                )
        tx.execute("INSERT INTO data.scoring_samples VALUES ('toxicity', date_trunc('hour', $at), 4, 2)", {"at": now})
    rollup.refresh(store, now=now)
    window = Window(start=now, end=now + length)
    toxic = measure(store, "toxic_rate", window)[0]
    assert toxic.value == pytest.approx(1 / 3)
    assert toxic.n == 4  # 36 / 10: as sure as four calls that were not sampled
    assert tally(store, ["calls", "toxic_rate"], window) == {
        "calls": Sample(slice=(), value=4, n=4), "toxic_rate": toxic,
    }  # fmt: skip
