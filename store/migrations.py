"""Apply `schema/NNNN_*.sql` once each, in order; what was applied is known by its digest."""

import hashlib
import re
from collections.abc import Iterator
from importlib.resources import files

import duckdb

from store.errors import StoreError

LEDGER_SQL = """
    CREATE TABLE IF NOT EXISTS schema_versions (
        version INTEGER NOT NULL, name VARCHAR NOT NULL, digest VARCHAR, applied_at TIMESTAMP NOT NULL
    );
    ALTER TABLE schema_versions ADD COLUMN IF NOT EXISTS digest VARCHAR
"""
APPLIED_SQL = "SELECT version, digest FROM schema_versions"
RECORD_SQL = (
    "INSERT INTO schema_versions BY NAME SELECT ? AS version, ? AS name, ? AS digest, now()::TIMESTAMP AS applied_at"
)


def known() -> Iterator[tuple[int, str, str]]:
    """Yield (version, name, SQL) of every migration we ship, oldest first."""
    scripts = (f for f in files("store").joinpath("schema").iterdir() if f.name.endswith(".sql"))
    for script in sorted(scripts, key=lambda f: f.name):
        numbered = re.fullmatch(r"(\d{4})_(\w+)\.sql", script.name)
        if numbered is None:
            raise StoreError(f"store/schema/{script.name}: name it NNNN_what.sql")
        yield int(numbered[1]), numbered[2], script.read_text(encoding="utf-8")


def edition() -> str:
    """What tells this Leeway's schema from that of every other."""
    return digest("".join(script for _, _, script in known()))


def digest(script: str) -> str:
    return hashlib.sha256(script.encode()).hexdigest()


def migrate(connection: duckdb.DuckDBPyConnection) -> int:
    """Bring the schema up to date and return its version.

    Each step is one transaction, followed at once by a checkpoint: replaying DDL from a write-ahead log is where
    DuckDB has had its troubles. Raises StoreError when the file was written by a newer Leeway, or by one whose step of
    the same number was another.
    """
    connection.execute(LEDGER_SQL)
    applied = dict(connection.execute(APPLIED_SQL).fetchall())
    steps = list(known())
    if applied and max(applied) > steps[-1][0]:
        raise StoreError(
            f"the database has schema {max(applied)}, this Leeway knows {steps[-1][0]}: install a newer Leeway"
        )
    for number, name, script in steps:
        if number not in applied:
            _apply(connection, number, name, script)
        elif applied[number] != digest(script):
            raise StoreError(
                f"the database was made by an unreleased Leeway (its schema step {number:04}_{name} is another): "
                "export the calls with the Leeway that made it, and ingest them into a new file"
            )
    return steps[-1][0]


def _apply(connection: duckdb.DuckDBPyConnection, number: int, name: str, script: str) -> None:
    connection.execute("BEGIN")
    try:
        connection.execute(script)
        connection.execute(RECORD_SQL, [number, name, digest(script)])
        connection.execute("COMMIT")
    except duckdb.Error:
        connection.execute("ROLLBACK")
        raise
    connection.execute("CHECKPOINT")
