"""Who changed what: appended, never edited."""

from datetime import datetime

import polars as pl

from store.connection import Store, Transaction

AUDIT_SQL = "INSERT INTO data.audit_log VALUES ($happened_at, $actor, $action, $subject, $details)"
RECENT_SQL = "SELECT * FROM data.audit_log ORDER BY happened_at DESC LIMIT $limit"


def audit(tx: Transaction, *, actor: str, action: str, subject: str, details: str | None, now: datetime) -> None:
    """Note a change in the transaction that makes it. `action` reads as `rule.save`, `silence.add`."""
    row = {"happened_at": now, "actor": actor, "action": action, "subject": subject, "details": details}
    tx.execute(AUDIT_SQL, row)


def recent_changes(store: Store, limit: int = 100) -> pl.DataFrame:
    return store.read(RECENT_SQL, {"limit": limit})
