"""Scheduled reports that went out: each due moment once, whatever restarts in between."""

from datetime import datetime

from store.connection import Store, Transaction

SENT_SQL = "SELECT count(*) FROM data.reports WHERE name = $name AND due_at = $due_at"
NOTE_SQL = "INSERT INTO data.reports VALUES ($name, $due_at)"


def was_reported(reader: Store | Transaction, name: str, due_at: datetime) -> bool:
    return bool(reader.one(SENT_SQL, {"name": name, "due_at": due_at}))


def note_report(tx: Transaction, name: str, due_at: datetime) -> None:
    tx.execute(NOTE_SQL, {"name": name, "due_at": due_at})
