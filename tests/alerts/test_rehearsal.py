"""Rules tried on hand-written series."""

from pathlib import Path
from typing import Any

import pytest

from alerts.engine.series import expanded
from alerts.rehearsal import rehearse
from store.errors import ConfigError

RULES = """
[[rule]]
id = "slow"
metric = "latency_p95"
threshold = 2000
window = "10m"
for = "10m"
group_by = "provider"

[[rule]]
id = "spend"
metric = "cost_usd"
threshold = 50
window = "1h"

[[rule]]
id = "failing"
metric = "error_rate"
kind = "rate"
threshold = 0.05
window = "1h"
"""
TESTS = """
rules = "alerts.toml"

[[test]]
name = "one slow provider"
rule = "slow"
interval = "5m"
series = [
    { slice = { provider = "openai" }, values = "800x5 9000x8" },
    { slice = { provider = "anthropic" }, values = "900x13" },
]
expect = [{ at = "25m", firing = [] }, { at = "35m", firing = [] }, { at = "50m", firing = [{ provider = "openai" }] }]

[[test]]
name = "spend adds up"
rule = "spend"
interval = "5m"
series = [{ values = "1+1x20" }]
expect = [{ at = "40m", firing = [] }, { at = "60m", firing = [{}] }]

[[test]]
name = "errors of many calls, then silence"
rule = "failing"
interval = "5m"
series = [{ values = "0.01x11 0.3x11 _x12" }]
expect = [{ at = "55m", firing = [] }, { at = "110m", firing = [{}] }, { at = "170m", firing = [{}] }]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "alerts.toml").write_text(RULES)
    (tmp_path / "rules_test.toml").write_text(TESTS)
    return tmp_path


def test_rules_do_what_the_tests_say(folder: Path, engine: Any) -> None:
    outcomes = rehearse(folder / "rules_test.toml", engine.metrics)

    assert [(one.name, one.failures) for one in outcomes] == [
        ("one slow provider", []),
        ("spend adds up", []),
        ("errors of many calls, then silence", []),
    ]


EVERY_KIND = """
[[rule]]
id = "seasonal"
kind = "seasonal"
metric = "latency_p95"
window = "6h"

[[rule]]
id = "cusum"
kind = "cusum"
metric = "latency_p95"
window = "6h"
threshold = 10

[[rule]]
id = "burn"
kind = "burn_rate"
metric = "error_rate"
every = "15m"

[[rule]]
id = "budget"
kind = "budget"
metric = "cost_usd"
threshold = 100
period = "day"
every = "1h"

[[rule]]
id = "drift"
kind = "drift"
metric = "latency_p95"
window = "1h"
every = "1h"

[[rule]]
id = "change"
kind = "change"
metric = "latency_p95"
threshold = 2
window = "1h"
every = "1h"

[[rule]]
id = "gone"
kind = "no_data"
window = "1h"
every = "1h"
"""


@pytest.mark.parametrize(
    ("rule", "interval", "values", "quiet", "firing"),
    [
        ("seasonal", "6h", "100x159 200x3", "39d", "40d12h"),
        ("cusum", "6h", "100x159 120x15", "39d", "42d12h"),
        ("burn", "5m", "0.01x12 0.5x12", "1h", "2h"),
        ("budget", "1h", "4x11 5x11", "11h", "13h"),
        ("drift", "1h", "0.8x3 1.4x3", "3h", "5h"),
        ("change", "1h", "100x5 300", "5h", "6h"),
        ("gone", "1h", "7x5 _x4", "5h", "7h"),
    ],
)
def test_every_kind_of_rule_can_be_tried(
    tmp_path: Path, engine: Any, rule: str, interval: str, values: str, quiet: str, firing: str
) -> None:
    (tmp_path / "alerts.toml").write_text(EVERY_KIND)
    (tmp_path / "rules_test.toml").write_text(f"""
rules = "alerts.toml"
[[test]]
name = "{rule}"
rule = "{rule}"
interval = "{interval}"
series = [{{ values = "{values}" }}]
expect = [{{ at = "{quiet}", firing = [] }}, {{ at = "{firing}", firing = [{{}}] }}]
""")

    assert [one.failures for one in rehearse(tmp_path / "rules_test.toml", engine.metrics)] == [[]]


def test_what_is_otherwise_is_said(folder: Path, engine: Any) -> None:
    file = folder / "rules_test.toml"
    file.write_text(
        TESTS.replace('at = "50m", firing = [{ provider = "openai" }]', 'at = "50m", firing = [{ provider = "x" }]')
    )

    [first, *_] = rehearse(file, engine.metrics)

    assert first.failures == [
        'at 50m: {"provider":"x"} should fire and does not',
        'at 50m: {"provider":"openai"} fires and should not',
    ]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0+1x5", [0, 1, 2, 3, 4, 5]), ("200x3", [200] * 4), ("10-2x2", [10, 8, 6]), ("_", [None]),
        ("_x2 5", [None, None, 5]), ("1.5 -2", [1.5, -2]), ("", []),
    ],
)  # fmt: skip
def test_series_read_as_promtool_reads_them(text: str, values: list[float | None]) -> None:
    assert expanded(text) == values


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('rule = "slow"', 'rule = "slo"', "test 'one slow provider': no rule is named 'slo'; did you mean 'slow'?"),
        ("800x5", "800y5", "'800y5' is no series"),
        ("interval", "intervall", "no setting is named 'test.0.intervall'; did you mean 'interval'?"),
        ('"alerts.toml"', '"nowhere.toml"', "cannot be read"),
        ("[[test]]", "[[test", "not TOML"),
    ],
)
def test_a_file_of_tests_that_is_wrong_says_where(folder: Path, engine: Any, old: str, new: str, said: str) -> None:
    file = folder / "rules_test.toml"
    file.write_text(TESTS.replace(old, new, 1))

    with pytest.raises(ConfigError) as refused:
        rehearse(file, engine.metrics)
    assert said in str(refused.value)


def test_a_file_of_tests_that_is_not_there_says_so(folder: Path, engine: Any) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        rehearse(folder / "none.toml", engine.metrics)
