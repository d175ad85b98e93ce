"""Hours in which nobody is told, by the clock of a place."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.rules.mute_timing import MuteTiming, muted
from alerts.rules.rulefile import as_toml, rule_from, rules_from_text
from store.errors import ConfigError

NIGHT = {"days": ["fri"], "from": "22:00", "to": "06:00"}
OFFICE = {"days": ["mon", "tue"], "from": "09:00", "to": "17:00"}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("timing", "zone", "moment", "mute"),
    [
        (OFFICE, "UTC", "2026-03-02T08:59", False),
        (OFFICE, "UTC", "2026-03-02T09:00", True),
        (OFFICE, "UTC", "2026-03-02T17:00", False),
        (OFFICE, "UTC", "2026-03-04T12:00", False),  # a Wednesday
        (OFFICE, "Asia/Tokyo", "2026-03-02T00:30", True),  # half past nine there
        (NIGHT, "UTC", "2026-03-06T23:00", True),
        (NIGHT, "UTC", "2026-03-07T05:59", True),  # Saturday, but it began on Friday
        (NIGHT, "UTC", "2026-03-06T05:00", False),
        ({"days": "sun"}, "UTC", "2026-03-01T00:00", True),
        ({"days": "sun"}, "UTC", "2026-03-02T00:00", False),
        ({"from": "18:00", "to": "24:00"}, "UTC", "2026-03-04T23:59", True),
        ({"from": "18:00", "to": "24:00"}, "UTC", "2026-03-05T00:00", False),
        ({"days": "sun", "from": "00:00", "to": "06:00"}, "Europe/Berlin", "2026-03-29T03:30", True),  # summer time
        ({"days": "sun", "from": "00:00", "to": "06:00"}, "Europe/Berlin", "2026-03-29T04:30", False),
    ],
)
def test_it_mutes_by_the_clock_of_its_zone(timing: dict[str, Any], zone: str, moment: str, mute: bool) -> None:
    assert (muted((MuteTiming.model_validate(timing),), zone, at(moment)) is not None) is mute


def test_it_says_why() -> None:
    both = tuple(MuteTiming.model_validate(one) for one in ({"days": "sun"}, NIGHT))

    assert muted(both, "UTC", at("2026-03-01T12:00")) == "mute timing sun UTC"
    assert muted(both, "UTC", at("2026-03-06T23:00")) == "mute timing fri 22:00 to 06:00 UTC"
    assert muted((MuteTiming.model_validate({"from": "18:00", "to": "24:00"}),), "UTC", at("2026-03-04T23:59")) == (
        "mute timing every day 18:00 to 00:00 UTC"
    )


@pytest.mark.parametrize(
    "wrong", [{}, {"days": "sunday"}, {"from": "25:00", "to": "26:00"}, {"days": "sun", "until": "1"}]
)
def test_what_says_nothing_or_is_misspelt_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        MuteTiming.model_validate(wrong)


def test_a_zone_that_does_not_exist_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'Europe/Berlin'"):
        rule_from({"id": "r", "threshold": 1, "time_zone": "Europe/Berlim"}, where="test")


def test_it_comes_back_from_a_file_as_it_was() -> None:
    rule = rule_from({"id": "r", "threshold": 1, "mute": [NIGHT, {"days": "sun"}], "projected": False}, where="test")

    assert rules_from_text(as_toml([rule]), where="test") == [rule]
