"""What charts make of what they are given."""

from datetime import UTC, datetime, timedelta

from pages.parts.charts import united
from store.model import Window

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def hours(start: float, end: float) -> Window:
    return Window(start=NOON + timedelta(hours=start), end=NOON + timedelta(hours=end))


def test_stretches_that_overlap_or_touch_are_shaded_once():
    assert united([hours(4, 5), hours(0, 2), hours(1, 3), hours(3, 3.5)]) == [hours(0, 3.5), hours(4, 5)]


def test_a_stretch_inside_another_does_not_shorten_it():
    assert united([hours(0, 5), hours(1, 2)]) == [hours(0, 5)]
