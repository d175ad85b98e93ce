"""Rules as they stand in a file: read with what is wrong said aloud, and written so that they read back the same."""

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from alerts.condition import kinds
from alerts.rule import Rule
from alerts.rules.checked import checked, did_you_mean
from store.alerting import Severity
from store.errors import ConfigError

TABLES = ("rule", "inhibit")  # of a rules file; alerts/delivery/inhibition.py reads the second


def rule_from(table: Mapping[str, Any], *, where: str, metrics: Iterable[str] = ()) -> Rule:
    """Return `table` as a rule. Raises ConfigError; with `metrics` also for a metric that does not exist."""
    place = f"{where}: rule {table['id']!r}" if isinstance(table.get("id"), str) else where
    rule = checked(Rule, {**_usual(table), **table}, place)
    for problem in kinds()[rule.kind].problems(rule):
        raise ConfigError(f"{place}: {problem}")
    known = list(metrics)
    if known and rule.metric not in known:
        raise ConfigError(f"{place}: no metric is named {rule.metric!r}{did_you_mean(rule.metric, known)}")
    return rule


def doubts(rule: Rule) -> Iterator[str]:
    """What may be said against a rule that is valid."""
    if rule.severity is Severity.CRITICAL and rule.runbook is None:
        yield "whoever is woken by a critical alert wants to know what to do: add a 'runbook'"


def _usual(table: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a rule of this kind leaves unsaid."""
    kind = kinds().get(str(table.get("kind", "threshold")))
    return kind.usual(table) if kind else {}


def rules_from_file(path: Path, metrics: Iterable[str] = ()) -> list[Rule]:
    """Read the `[[rule]]` tables of a TOML file. Raises ConfigError at the first thing that is wrong."""
    try:
        return rules_from_text(path.read_text(encoding="utf-8"), where=path.name, metrics=metrics)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from None


def rules_from_text(text: str, *, where: str, metrics: Iterable[str] = ()) -> list[Rule]:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: not TOML ({error})") from None
    for key in document:
        if key not in TABLES:
            raise ConfigError(f"{where}: no table is named {key!r}{did_you_mean(key, TABLES)}")
    known = list(metrics)
    rules = [rule_from(table, where=where, metrics=known) for table in document.get("rule", [])]
    twice = {rule.id for rule in rules if sum(other.id == rule.id for other in rules) > 1}
    if twice:
        raise ConfigError(f"{where}: two rules have the id {min(twice)!r}: rename one")
    return rules


def as_table(rule: Rule) -> dict[str, Any]:
    """The rule as it stands in a file: what differs from the defaults, and what its kind would say otherwise."""
    whole = rule.model_dump(mode="json", by_alias=True)
    said = {name: whole[name] for name in _usual(whole) if whole[name] is not None}
    return {"id": rule.id, **said, **rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)}


def as_toml(rules: Iterable[Rule]) -> str:
    """Rules as the text of an `alerts.toml`; `rules_from_text` reads back the same rules."""
    return "\n".join("[[rule]]\n" + "".join(_line(*pair) for pair in as_table(rule).items()) for rule in rules)


def _line(key: str, value: Any) -> str:
    return f"{key} = {_toml(value)}\n"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_quoted(key)} = {_toml(part)}" for key, part in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(part) for part in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return _quoted(value) if isinstance(value, str) else str(value)


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are a subset of TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
