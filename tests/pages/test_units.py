"""Numbers as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from pages.parts import units


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (None, "ms", "–"), (float("nan"), "ms", "–"), (0.4, "ms", "0.4 ms"), (812.3, "ms", "812 ms"),
        (1860, "ms", "1.86 s"),
        (180_000, "ms", "3 min"), (17.137, "USD", "$17.14"), (0.00421, "USD", "$0.0042"), (0.0, "USD", "$0.00"),
        (0.00002, "USD", "<$0.0001"), (12_345.0, "USD", "$12.3k"),
        (0.0094, "share", "0.94 %"), (0.123, "share", "12.3 %"),
        (1.0, "share", "100 %"), (0.0, "share", "0 %"), (812, "calls", "812"), (9120, "calls", "9,120"),
        (33_300, "tokens", "33.3k"), (999_900, "tokens", "1.00M"),
        (1_200_000, "tokens", "1.20M"), (3e9, "tokens", "3.00G"),
        (1.3, "ratio", "1.30"), (41.26, "tokens/s", "41.3 tokens/s"), (3, "people", "3"),
    ],
)  # fmt: skip
def test_a_value_is_shown_with_its_unit(value, unit, said):
    assert units.shown(value, unit) == said


@pytest.mark.parametrize(
    ("now", "before", "unit", "worse", "text", "tone"),
    [
        (110, 100, "calls", None, "+10 %", "neutral"),
        (112, 100, "USD", "up", "+12 %", "worse"),
        (103, 100, "USD", "up", "+3 %", "neutral"),
        (80, 100, "USD", "up", "−20 %", "better"),
        (340, 100, "ms", "up", "×3.4", "worse"),
        (0.02, 0.01, "share", "up", "+1.00 points", "worse"),
        (0.011, 0.010, "share", "up", "+0.10 points", "neutral"),
        (0.5, 0.9, "share", "down", "−40.00 points", "worse"),
        (100, 100, "ms", "up", "unchanged", "neutral"),
        (5, 0, "calls", "up", "+5", "worse"),
    ],
)
def test_a_change_is_coloured_only_when_it_matters(now, before, unit, worse, text, tone):
    assert units.change(now, before, unit, worse) == units.Change(text, tone)


def test_there_is_no_change_without_a_period_before():
    assert units.change(1.0, None, "ms", "up") is None
    assert units.change(None, 1.0, "ms", "up") is None


def test_times_are_utc_and_short():
    at = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    assert units.moment(at) == "4 Mar 05:06"
    assert units.moment(at, year=True) == "4 Mar 2026 05:06"
    assert units.moment(None) == "–"
    assert units.ago(at, at + timedelta(minutes=3)) == "3 min ago"
    assert units.ago(None, at) == "never"


@pytest.mark.parametrize(
    ("seconds", "said"), [(5, "5 s"), (240, "4 min"), (3600, "1 h"), (12_000, "3 h 20 min"), (500_000, "5 d")]
)
def test_spans_are_said_in_their_two_largest_parts(seconds, said):
    assert units.span(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("size", "said"), [(12, "12 B"), (6_830_000, "6.83 MB"), (2_500, "2.5 kB"), (4e12, "4e+03 GB")]
)
def test_sizes_are_said_in_decimal_units(size, said):
    assert units.size(size) == said
