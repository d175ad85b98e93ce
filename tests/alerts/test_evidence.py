"""What a message adds to the bare number: who, which calls, where to look; and what a preview promises."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from alerts.backtest import backtest, ends
from alerts.delivery.mute import flap, flapping
from alerts.engine.propose import propose
from alerts.evaluate import evaluate
from alerts.messages.links import Seen, links, narrowed
from alerts.messages.neutral import cut, neutral
from alerts.messages.wording import amount, sparkline
from alerts.notification import Notification, facts, loads
from store.connection import Store
from store.errors import QueryTimeout
from store.model import Sample, Slice, Window

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Part:
    slice: Slice
    share: float
    excess: float = 0.5
    value: float | None = 30.0
    reference: float | None = 10.0


PARTS = [
    Part((("prompt_name", "chat"), ("prompt_version", "7")), 0.82),
    Part((("prompt_name", "chat"),), 0.9),
    Part((("model", None),), 0.7),
    Part((("model", "gpt-x"),), 0.6),
    Part((("tenant", "acme"),), 0.1),
    Part((("provider", "openai"),), 1.0, excess=0.0),
    Part((("service", "api"),), 0.6),
    Part((("user_id", "new"),), 0.9, value=2.0, reference=None),
]


def first_message(store: Store) -> Notification:
    return loads(store.one("SELECT payload FROM data.outbox ORDER BY notification_id LIMIT 1"))


def test_a_message_names_the_slices_that_carry_the_change(engine: Any, store: Store) -> None:
    asked: list[Any] = []
    engine.extra = {"contributors": lambda *question: asked.append(question) or PARTS}
    engine.world.drawn[()] = "..!!!"
    engine.rules(engine.rule(**{"for": "1m"}, filters={"environment": "prod"}))

    engine.through(5)

    assert [(one.name, one.share, one.text) for one in first_message(store).who] == [
        ("prompt chat 7", 0.82, "10 ms → 30 ms"),
        ("model gpt-x", 0.6, "10 ms → 30 ms"),
    ]
    [(metric, window, reference, filters, by)] = asked
    assert (metric, filters, by) == ("latency_p95", {"environment": ("prod",)}, ())
    assert window == Window(start=START + 2 * MINUTE, end=START + 3 * MINUTE)
    assert reference == Window(start=START, end=START + MINUTE)


def test_a_message_names_example_calls(engine: Any, store: Store) -> None:
    engine.extra = {"examples": lambda *_: [("call/1", "9.1 k tokens")]}
    engine.world.drawn[()] = "!"
    engine.rules(engine.rule())

    engine.at(0)

    [example] = first_message(store).examples
    assert (example.call_id, example.note) == ("call/1", "9.1 k tokens")
    assert example.link == "http://127.0.0.1:8501/trace?call=call%2F1"


def test_a_message_shows_what_was_said_only_where_that_is_wanted(engine: Any, store: Store) -> None:
    engine.extra = {"examples": lambda *_: [("c1", "")], "wording": lambda _: "mail me at [email] " * 30}
    engine.world.drawn[()] = "!"
    engine.rules(engine.rule())

    engine.at(0)

    told = first_message(store)
    assert len(told.examples[0].text) == 200
    assert dict(facts(told))["Text 1"].startswith("mail me at [email] mail")


def test_a_message_names_nobody_where_nobody_stands_out(engine: Any, store: Store) -> None:
    engine.extra = {"contributors": lambda *_: []}
    engine.world.drawn[()] = "!"
    engine.rules(engine.rule())

    engine.at(0)

    assert first_message(store).who == ()


@pytest.mark.parametrize("what", ["contributors", "examples", "affected"])
def test_a_message_goes_out_also_when_nobody_can_be_asked(engine: Any, store: Store, what: str) -> None:
    def fails(*_: Any) -> Any:
        raise QueryTimeout("stopped after 10 s")

    engine.extra = {what: fails}
    engine.world.drawn[()] = "!"
    engine.rules(engine.rule())

    engine.at(0)

    assert engine.told() == ["fired"]
    assert first_message(store).who == ()


def test_a_message_says_value_limit_since_and_trend(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "..!!"
    engine.rules(engine.rule(**{"for": "1m"}, title="Slow", runbook="https://wiki.example/slow", owner="ana"))

    engine.through(4)

    told = first_message(store)
    assert (told.now_text, told.why) == ("10 ms over 1 min (100 calls)", "above the limit of 5 ms")
    assert (told.since, told.at, told.fired_at) == (START + 2 * MINUTE, START + 3 * MINUTE, START + 3 * MINUTE)
    assert told.sparkline == "▁▁██"
    assert told.links["runbook"] == "https://wiki.example/slow"
    assert told.links["incident"] == "http://127.0.0.1:8501/alerts?incident=1"


@pytest.mark.parametrize(
    ("picture", "said"),
    [
        ("....!", "10 ms over 1 min (100 calls), 10× the 1 ms in the 4 min before"),
        ("!!!!!", "10 ms over 1 min (100 calls)"),
        ("..!", "10 ms over 1 min (100 calls)"),
    ],
)
def test_a_message_says_how_far_it_is_from_what_it_was(engine: Any, store: Store, picture: str, said: str) -> None:
    engine.world.drawn[()] = picture
    engine.rules(engine.rule())

    engine.through(len(picture))

    assert first_message(store).now_text == said


def test_a_new_version_of_a_prompt_is_compared_with_the_earlier_ones(engine: Any, store: Store) -> None:
    version = (("prompt_name", "chat"), ("prompt_version", "8"))
    engine.world.drawn[version] = "!"
    asked: list[Any] = []

    def measure(*question: Any) -> Any:
        asked.append(question)
        return engine.world.measure(*question) if question[3] else [Sample(slice=(), value=4.0, n=300)]

    engine.extra = {"affected": lambda *_: "61 users"}
    engine.rules(engine.rule(group_by=["prompt_name", "prompt_version"]))
    evaluate(store, measure=measure, metrics=engine.metrics, settings=engine.settings, channels=("ops",), now=START,
             **engine.extra)  # fmt: skip

    told = first_message(store)
    assert told.now_text == "10 ms over 1 min (100 calls), 2.5× the 4 ms in earlier versions"
    assert told.affected == "61 users"
    assert asked[-1][2:] == ({"prompt_name": ("chat",)}, ())


def test_the_end_says_again_who_it_was(engine: Any, store: Store) -> None:
    engine.extra = {"contributors": lambda *_: PARTS, "affected": lambda *_: "3 tenants"}
    engine.world.drawn[()] = ".!."
    engine.rules(engine.rule())

    engine.through(3)

    fired, resolved = (loads(text) for text in store.read("SELECT payload FROM data.outbox ORDER BY ALL")["payload"])
    assert {fired.reason, resolved.reason} == {"fired", "resolved"}
    assert resolved.who == fired.who != ()
    assert resolved.affected == fired.affected == "3 tenants"


def test_links_carry_every_filter_and_absolute_times() -> None:
    window = Window(start=START, end=START + timedelta(hours=1))
    narrow = narrowed({"environment": ("prod",), "prompt_name": ("chat",)}, (("prompt_version", "7"), ("model", "a&b"), ("tenant", None)))  # noqa: E501 # fmt: skip

    found = links("http://leeway.local/", Seen(rule_id="r", metric="toxic_rate", window=window, narrowed=narrow, incident_id=None))  # noqa: E501 # fmt: skip

    assert sorted(found) == ["calls", "chart", "home"]
    calls = urlsplit(found["calls"])
    assert (calls.netloc, calls.path) == ("leeway.local", "/calls")
    assert {key: value for key, [value] in parse_qs(calls.query).items()} == {
        "from": "2026-03-02T12:00:00Z", "to": "2026-03-02T13:00:00Z", "environment": "prod", "prompt": "chat@7",
        "model": "a&b", "quick": "toxic",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "unknown"), (0.123, "share", "12.3 %"), (41.8, "USD", "$41.80"), (0.00123, "USD", "$0.00123"),
        (0.0, "USD", "$0.00"), (980.0, "ms", "980 ms"), (2400.0, "ms", "2.40 s"), (9120.0, "tokens", "9 120 tokens"),
        (12.34, "tokens/s", "12.3 tokens/s"), (1234.5, "USD", "$1,234.50"), (1.25, "ratio", "1.25×"),
        (119_000, "ms", "119.00 s"), (5_400_000, "ms", "1 h 30 min"),
    ],
)  # fmt: skip
def test_numbers_read_as_people_write_them(value: float | None, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_a_sparkline_leaves_gaps_for_what_is_unknown() -> None:
    assert sparkline([1, None, 2, 3]) == "▁ ▅█"
    assert sparkline([5, 5]) == "▁▁"
    assert sparkline([None]) == ""


def test_neutral_text_is_one_quiet_line() -> None:
    assert neutral("a\nb\t c\x00 \u202ed") == "a b c d"
    assert "://" not in neutral("HTTPS://x WWW.y")
    assert cut("abcdef", 4) == "abc…"


def at(*minutes: int) -> list[datetime]:
    return [START + minute * MINUTE for minute in minutes]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (at(), "no"),
        (at(0, 1, 2), "no"),
        (at(0, 1, 2, 3), "begins"),
        (at(0, 1, 2, 3, 4), "holds"),
        (at(0, 1, 2, 3, 123), "no"),
        (at(0, 1, 2, 3, 123, 124, 125, 126), "begins"),
        (at(0, 100, 200, 300), "begins"),
        (at(0, 100, 200, 361), "no"),
    ],
)
def test_what_changes_too_often_flaps(changes: list[datetime], said: str) -> None:
    assert flap(changes) == said


def test_it_flaps_until_nothing_changes_for_two_hours() -> None:
    assert flapping(at(0, 1, 2, 3), START + 122 * MINUTE)
    assert not flapping(at(0, 1, 2, 3), START + 124 * MINUTE)
    assert not flapping([], START)


def test_a_backtest_equals_what_the_live_engine_wrote(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = "..!!!!..?!!x!....!!!!!!..!"
    rule = engine.rule(**{"for": "2m", "keep_firing_for": "1m"})
    engine.rules(rule)
    engine.through(26)

    window = Window(start=START - MINUTE, end=START + 25 * MINUTE)
    replay = backtest(rule, window, numbers=engine.numbers, metrics=engine.metrics, settings=engine.settings)

    live = store.read("SELECT opened_at, fired_at, resolved_at, peak_value FROM data.incidents ORDER BY fired_at")
    assert [(one.opened_at, one.fired_at, one.resolved_at, one.peak_value) for one in replay.episodes] == live.rows()
    assert "".join(one.state[0] for one in replay.evaluations) == engine.states()
    assert [message.reason for message in replay.messages if not message.muted] == engine.told()
    assert replay.headlines()[0] == "[FIRING · warning] Latency"
    assert replay.firing_time == timedelta(minutes=sum(letter in "fr" for letter in engine.states()))


def test_a_message_says_what_else_changed_and_at_the_end_what_it_cost(engine: Any, store: Store) -> None:
    asked: list[Any] = []
    engine.extra = {
        "changes": lambda *question: asked.append(question) or ["new model b", "new prompt chat 7"],
        "extra_cost": lambda *question: asked.append(question) or 12.5,
    }
    engine.world.drawn[()] = "..!!."
    engine.rules(engine.rule(metric="cost_usd", filters={"environment": "prod"}))

    engine.through(5)

    told = [loads(text).lines for text in store.read("SELECT payload FROM data.outbox ORDER BY 1")["payload"]]
    assert sorted(told) == [(("Changed", "new model b; new prompt chat 7"),), (("Extra cost", "$12.50"),)]
    narrow = {"environment": ("prod",)}
    assert ("cost_usd", Window(start=START, end=START + 2 * MINUTE), narrow) in asked
    assert (Window(start=START + MINUTE, end=START + 4 * MINUTE), narrow) in asked


def test_what_cannot_be_told_is_left_out_and_the_message_goes(engine: Any, store: Store) -> None:
    def fails(*_: Any) -> Any:
        raise QueryTimeout("stopped after 10 s")

    engine.extra = {"changes": fails, "extra_cost": fails}
    engine.world.drawn[()] = ".!."
    engine.rules(engine.rule(metric="cost_usd"))

    engine.through(3)

    assert engine.told() == ["fired", "resolved"]
    assert first_message(store).lines == ()


def test_a_preview_tries_another_threshold_without_reading_again(engine: Any) -> None:
    engine.world.drawn[()] = "..!!..!!..!!.."
    window = Window(start=START, end=START + 13 * MINUTE)
    numbers = engine.numbers
    first = backtest(engine.rule(), window, numbers=numbers, metrics=engine.metrics, settings=engine.settings)
    read = engine.world.asked

    again = backtest(engine.rule(threshold=20, keep_firing_for="5m"), window, numbers=numbers, metrics=engine.metrics,
                     settings=engine.settings)  # fmt: skip

    assert (len(first.episodes), len(again.episodes)) == (3, 0)
    assert engine.world.asked == read


@pytest.mark.parametrize(
    ("picture", "threshold"),
    [("." * 60, 1.22), ("?" * 60, None)],
)
def test_the_nearest_threshold_that_would_have_been_quiet_is_proposed(
    engine: Any, picture: str, threshold: float | None
) -> None:
    engine.world.drawn[()] = picture
    window = Window(start=START, end=START + 59 * MINUTE)

    found = propose(engine.rule(threshold=3), window, numbers=engine.numbers, metrics=engine.metrics,
                    settings=engine.settings)  # fmt: skip

    assert (found and found.rule.threshold) == threshold
    assert found is None or found.a_week <= 0.1


def test_a_longer_wait_is_proposed_where_it_finds_more(engine: Any) -> None:
    """What lasts two minutes is noise here; what lasts fifteen is found at once, and nearer to normal."""
    engine.world.drawn[()] = "..!!.." * 30
    found = propose(engine.rule(threshold=3), Window(start=START, end=START + 179 * MINUTE), numbers=engine.numbers,
                    metrics=engine.metrics, settings=engine.settings)  # fmt: skip

    assert found is not None
    assert (found.rule.threshold, found.rule.hold) == (1.22, 15 * MINUTE)


def test_there_is_nothing_to_propose_for_silence(engine: Any) -> None:
    rule = engine.rule(kind="no_data", threshold=None)
    assert propose(rule, Window(start=START, end=START + MINUTE), numbers=engine.numbers, metrics=engine.metrics,
                   settings=engine.settings) is None  # fmt: skip


def test_a_backtest_writes_nothing(engine: Any, store: Store) -> None:
    engine.world.drawn[()] = ".!"
    window = Window(start=START, end=START + MINUTE)
    backtest(engine.rule(), window, numbers=engine.numbers, metrics=engine.metrics, settings=engine.settings)

    for table in ("incidents", "outbox", "alert_evaluations"):
        assert store.one(f"SELECT count(*) FROM data.{table}") == 0  # noqa: S608 - our names


def test_a_long_backtest_takes_larger_steps(engine: Any) -> None:
    window = Window(start=START - timedelta(days=1), end=START)
    replay = backtest(engine.rule(), window, numbers=engine.numbers, metrics=engine.metrics,
                      settings=engine.settings, most=100)  # fmt: skip

    assert replay.every == 15 * MINUTE
    assert len(replay.evaluations) == 96


def test_window_ends_stand_on_the_clock() -> None:
    window = Window(start=START + timedelta(seconds=30), end=START + timedelta(minutes=16))

    assert ends(window, 5 * MINUTE) == [START + minutes * MINUTE for minutes in (5, 10, 15)]
