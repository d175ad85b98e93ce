"""What is normal at an hour: robust, by the clock of a place, and the same whenever one begins to look."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.engine.forecast import forecast
from alerts.engine.past import Past, known
from alerts.engine.season import Season, season

FIRST = datetime(2026, 1, 5, 1, tzinfo=UTC)  # the first window of a Monday ends
HOUR, DAY, WEEK = timedelta(hours=1), 24, 168


def drawn(weeks: int, *, seed: int = 1, zone_shift: int = 0) -> np.ndarray:
    """An hourly series with a day's and a week's course and 5 % of noise."""
    at = np.arange(weeks * WEEK) + zone_shift
    level = 100 * (1.5 + np.sin(2 * np.pi * at / DAY)) * np.where((at // DAY) % 7 >= 5, 0.4, 1.0)
    return np.asarray(level * np.random.default_rng(seed).lognormal(0, 0.05, len(at)))


def of(values: np.ndarray, zone: str = "UTC") -> Season:
    return season(values, FIRST, HOUR, zone)


def test_an_ordinary_week_lies_within_a_few_deviations() -> None:
    z = of(drawn(8)).z[6 * WEEK :]

    assert np.abs(z).max() < 6
    assert 0.6 < np.std(z) < 1.5


def test_what_doubles_stands_out_at_every_hour_of_the_week() -> None:
    values = drawn(8)
    values[7 * WEEK :: 5] *= 2

    assert of(values).z[7 * WEEK :: 5].min() > 5


def test_the_weekend_is_not_taken_for_a_fall() -> None:
    found = of(drawn(8))
    saturday = 7 * WEEK + 5 * DAY + 12

    assert found.usual(saturday) == pytest.approx(drawn(8, seed=2)[saturday], rel=0.2)
    assert abs(found.z[saturday]) < 4


@pytest.mark.parametrize(("days", "tells"), [(2, False), (5, True), (16, True), (40, True)])
def test_it_takes_some_days_to_know_what_is_normal(days: int, tells: bool) -> None:
    found = of(drawn(6)[: days * DAY])

    assert bool(~np.isnan(found.z[-1])) is tells


def test_with_two_weeks_weekdays_and_weekends_are_apart() -> None:
    values = np.where((np.arange(18 * DAY) // DAY) % 7 >= 5, 10.0, 100.0)

    assert of(values).usual(17 * DAY) == pytest.approx(100.0)  # the third Thursday
    assert of(np.where((np.arange(20 * DAY) // DAY) % 7 >= 5, 10.0, 100.0)).usual(20 * DAY - 2) == pytest.approx(10.0)


def test_a_gap_is_unknown_and_hides_nothing_beside_it() -> None:
    values = drawn(8)
    values[7 * WEEK] = np.nan
    found = of(values)

    assert np.isnan(found.z[7 * WEEK])
    assert not np.isnan(found.z[7 * WEEK + 1])
    assert found.ewma[7 * WEEK] == found.ewma[7 * WEEK - 1]


def test_the_clock_of_the_place_counts_when_it_is_put_forward() -> None:
    """Berlin goes to summer time on 29 March 2026: office hours there begin an hour earlier in UTC."""
    middles = [FIRST + place * HOUR - HOUR / 2 for place in range(13 * WEEK)]
    busy = [9 <= middle.astimezone(ZoneInfo("Europe/Berlin")).hour < 17 for middle in middles]
    values = np.where(busy, 1000.0, 1.0)
    after = slice(12 * WEEK + DAY, 13 * WEEK)

    assert np.nanmax(np.abs(of(values, "Europe/Berlin").z[after])) < 1
    assert np.nanmax(np.abs(of(values, "UTC").z[after])) > 100


@given(st.integers(min_value=0, max_value=3 * DAY), st.integers(min_value=0, max_value=WEEK - 1))
@settings(max_examples=15, deadline=None)
def test_it_does_not_matter_how_much_more_was_read(earlier: int, back: int) -> None:
    values = drawn(12, seed=3)
    values[np.random.default_rng(4).integers(0, len(values), 60)] = np.nan
    place = len(values) - 1 - back
    start = place - 46 * DAY - WEEK - earlier
    whole, part = of(values), season(values[start:], FIRST + start * HOUR, HOUR, "UTC")

    for name in ("normal", "spread", "z", "ewma", "cusum_up", "cusum_down"):
        one, other = getattr(whole, name)[place], getattr(part, name)[place - start]
        assert one == pytest.approx(other, rel=1e-9, abs=1e-9, nan_ok=True), name


def test_a_creep_adds_up_before_any_value_stands_out() -> None:
    values = drawn(10)
    values[8 * WEEK :] *= 1.2 ** np.minimum(1, np.arange(2 * WEEK) / WEEK)
    found = of(values)

    assert found.cusum_up[9 * WEEK] > 40 > found.cusum_up[8 * WEEK]
    assert found.cusum_down[9 * WEEK] < 20


def test_the_place_of_a_window_is_found_by_its_end() -> None:
    past = Past(first=FIRST, step=HOUR, values=known([1.0, None, 3.0]))

    assert past.place(FIRST + 2 * HOUR) == 2
    assert np.isnan(past.values[1])
    with pytest.raises(IndexError):
        past.place(FIRST + 3 * HOUR)


def _past(days: list[float]) -> Past:
    return Past(first=FIRST, step=HOUR, values=np.repeat(np.array(days) / DAY, DAY))


def test_a_sum_goes_on_like_the_same_days_of_the_weeks_before() -> None:
    """Weekdays cost 10, weekends 2: from Monday to Wednesday is 20 more, from Friday to Sunday 12."""
    week = [10.0] * 5 + [2.0] * 2
    monday = FIRST - HOUR + timedelta(days=28)
    friday = monday - timedelta(days=3)

    two_days = forecast(_past(week * 4), 5.0, monday, monday + timedelta(days=2))
    weekend = forecast(_past(week * 4), 0.0, friday, friday + timedelta(days=2))
    assert two_days is not None
    assert weekend is not None
    assert two_days.value == pytest.approx(25.0)
    assert weekend.value == pytest.approx(12.0)
    assert (two_days.low, two_days.high) == pytest.approx((25.0, 25.0))


def test_a_sum_that_varies_is_told_with_its_range() -> None:
    days = list(np.random.default_rng(5).normal(100, 20, 21))
    now = FIRST - HOUR + timedelta(days=21)
    will = forecast(_past(days), 50.0, now, now + timedelta(days=10))

    assert will is not None
    assert will.low < will.value < will.high
    assert will.high - will.value == pytest.approx(1.645 * 20 * np.sqrt(10 + 100 / 21), rel=0.5)


def test_of_two_days_nobody_can_say_what_becomes() -> None:
    now = FIRST - HOUR + timedelta(days=2)

    assert forecast(_past([10.0, 10.0]), 0.0, now, now + timedelta(days=5)) is None
