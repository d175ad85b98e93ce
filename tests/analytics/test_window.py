"""Buckets and windows."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import window as w
from store.connection import Store

moments = st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants it
spans = st.timedeltas(timedelta(seconds=1), timedelta(days=4000))


@given(moments, spans)
def test_no_window_is_cut_into_more_than_300_points(now, span):
    window = w.last(span, now)
    assert window.end == now
    assert window.length / w.bucket_for(window) <= w.MOST_POINTS


def test_long_windows_and_scores_are_cut_as_their_rollups_are():
    now = datetime(2026, 3, 11, tzinfo=UTC)
    assert w.bucket_for(w.last(w.DAY, now)) == 5 * w.MINUTE
    assert w.bucket_for(w.last(w.DAY, now), finest=w.HOUR) == w.HOUR
    assert w.bucket_for(w.last(8 * w.DAY, now), finest=w.HOUR) == 6 * w.HOUR


@given(moments, spans)
def test_a_whole_window_lies_inside_and_lacks_less_than_one_bucket_at_each_end(now, span):
    window = w.last(span, now)
    bucket = w.bucket_for(window)
    whole = w.whole(window, bucket)
    assert whole.start - window.start < bucket
    assert whole.length % bucket == timedelta(0)
    if whole.length:
        assert window.start <= whole.start
        assert whole.end <= window.end
        assert window.end - whole.end < bucket


@pytest.mark.parametrize("bucket", w.STEPS)
def test_buckets_start_where_the_database_starts_them(store: Store, bucket):
    moment = datetime(2026, 3, 11, 17, 43, 21, 123456, tzinfo=UTC)
    assert w.floor(moment, bucket) == store.one("SELECT time_bucket($bucket, $at)", {"bucket": bucket, "at": moment})


def test_a_day_starts_at_midnight_and_a_week_on_monday():
    moment = datetime(2026, 3, 11, 17, 43, tzinfo=UTC)  # a Wednesday
    assert w.floor(moment, w.DAY) == datetime(2026, 3, 11, tzinfo=UTC)
    assert w.floor(moment, 7 * w.DAY) == datetime(2026, 3, 9, tzinfo=UTC)
    assert w.ceil(moment, w.HOUR) == datetime(2026, 3, 11, 18, tzinfo=UTC)
