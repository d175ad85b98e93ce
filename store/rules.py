"""Rules as they are kept: current text, every earlier version, who changed them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import polars as pl

from store.audit import audit
from store.connection import Store, Transaction

RULES_SQL = "SELECT * FROM data.alert_rules ORDER BY rule_id"
RULE_SQL = "SELECT * FROM data.alert_rules WHERE rule_id = $rule_id"
PUT_SQL = """
    INSERT OR REPLACE INTO data.alert_rules
    VALUES ($rule_id, $origin, $definition, $version, $paused, $updated_by, $updated_at)
"""
PUT_VERSION_SQL = (
    "INSERT INTO data.alert_rule_versions VALUES ($rule_id, $version, $definition, $updated_by, $updated_at)"
)
LAST_VERSION_SQL = "SELECT coalesce(max(version), 0) FROM data.alert_rule_versions WHERE rule_id = $rule_id"
DELETE_SQL = "DELETE FROM data.alert_rules WHERE rule_id = $rule_id"
VERSION_SQL = "SELECT definition FROM data.alert_rule_versions WHERE rule_id = $rule_id AND version = $version"
EVER_SQL = "SELECT count(*) > 0 FROM data.alert_rule_versions"
VERSIONS_SQL = "SELECT * FROM data.alert_rule_versions WHERE rule_id = $rule_id ORDER BY version DESC"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRule:
    """`origin`: file, ui or demo. `definition` is the rule's table as JSON; `version` counts its edits."""

    rule_id: str
    origin: str
    definition: Mapping[str, Any]
    version: int
    paused: bool
    updated_by: str
    updated_at: datetime


def stored_rules(reader: Store | Transaction) -> list[StoredRule]:
    return [_stored(row) for row in reader.read(RULES_SQL).iter_rows(named=True)]


def stored_rule(reader: Store | Transaction, rule_id: str) -> StoredRule | None:
    rows = reader.read(RULE_SQL, {"rule_id": rule_id}).iter_rows(named=True)
    return next((_stored(row) for row in rows), None)


def _stored(row: dict[str, Any]) -> StoredRule:
    return StoredRule(**{**row, "definition": orjson.loads(row["definition"])})


def put_rule(
    tx: Transaction, definition: Mapping[str, Any], *, origin: str, by: str, now: datetime, paused: bool | None = None
) -> int:
    """Keep a rule and return its version; a text that did not change keeps its version. `paused` None: as it was."""
    rule_id = str(definition["id"])
    text = orjson.dumps(dict(definition), option=orjson.OPT_SORT_KEYS).decode()
    before = stored_rule(tx, rule_id)
    stays = before is not None and before.definition == orjson.loads(text)
    was_paused = before is not None and before.paused
    now_paused = was_paused if paused is None else paused
    if before and stays and was_paused == now_paused and before.origin == origin:
        return before.version
    version = before.version if before and stays else tx.one(LAST_VERSION_SQL, {"rule_id": rule_id}) + 1
    row = {"rule_id": rule_id, "definition": text, "version": version, "updated_by": by, "updated_at": now}
    tx.execute(PUT_SQL, {**row, "origin": origin, "paused": now_paused})
    if not stays:
        tx.execute(PUT_VERSION_SQL, row)
    action = "rule.pause" if now_paused and not was_paused else "rule.save"
    audit(tx, actor=by, action=action, subject=rule_id, details=text, now=now)
    return int(version)


def delete_rule(tx: Transaction, rule_id: str, *, by: str, now: datetime) -> None:
    """Forget a rule; its versions and what it once found stay."""
    tx.execute(DELETE_SQL, {"rule_id": rule_id})
    audit(tx, actor=by, action="rule.delete", subject=rule_id, details=None, now=now)


def rule_version(reader: Store | Transaction, rule_id: str, version: int) -> dict[str, Any] | None:
    """What a rule once was; None when there is no such version."""
    found = reader.one(VERSION_SQL, {"rule_id": rule_id, "version": version})
    definition: dict[str, Any] | None = orjson.loads(found) if found else None
    return definition


def ever_ruled(store: Store) -> bool:
    """Whether there ever was a rule."""
    return bool(store.one(EVER_SQL))


def rule_versions(store: Store, rule_id: str) -> pl.DataFrame:
    """Every edit of a rule, the newest first: version, definition (JSON), updated_by, updated_at."""
    return store.read(VERSIONS_SQL, {"rule_id": rule_id})
