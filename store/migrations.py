"""Apply `schema/NNNN_*.sql` once each, in order."""

import re
from collections.abc import Iterator
from importlib.resources import files

import duckdb

from store.errors import StoreError

LEDGER_SQL = """
    CREATE TABLE IF NOT EXISTS schema_versions (
        version INTEGER NOT NULL, name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL
    )
"""
APPLIED_SQL = "SELECT coalesce(max(version), 0) FROM schema_versions"
RECORD_SQL = "INSERT INTO schema_versions VALUES (?, ?, now()::TIMESTAMP)"


def known() -> Iterator[tuple[int, str, str]]:
    """Yield (version, name, SQL) of every migration we ship, oldest first."""
    scripts = (f for f in files("store").joinpath("schema").iterdir() if f.name.endswith(".sql"))
    for script in sorted(scripts, key=lambda f: f.name):
        numbered = re.fullmatch(r"(\d{4})_(\w+)\.sql", script.name)
        if numbered is None:
            raise StoreError(f"store/schema/{script.name}: name it NNNN_what.sql")
        yield int(numbered[1]), numbered[2], script.read_text(encoding="utf-8")


def migrate(connection: duckdb.DuckDBPyConnection) -> int:
    """Bring the schema up to date and return its version.

    Each step is one transaction, followed at once by a checkpoint: replaying DDL from a write-ahead log is where
    DuckDB has had its troubles. Raises StoreError when the file was written by a newer Leeway.
    """
    connection.execute(LEDGER_SQL)
    row = connection.execute(APPLIED_SQL).fetchone()
    version = row[0] if row else 0
    steps = list(known())
    if version > steps[-1][0]:
        raise StoreError(f"the database has schema {version}, this Leeway knows {steps[-1][0]}: install a newer Leeway")
    for number, name, script in steps:
        if number > version:
            _apply(connection, number, name, script)
            version = number
    return version


def _apply(connection: duckdb.DuckDBPyConnection, number: int, name: str, script: str) -> None:
    connection.execute("BEGIN")
    try:
        connection.execute(script)
        connection.execute(RECORD_SQL, [number, name])
        connection.execute("COMMIT")
    except duckdb.Error:
        connection.execute("ROLLBACK")
        raise
    connection.execute("CHECKPOINT")
