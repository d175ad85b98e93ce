"""The one door to DuckDB: a locked-down connection, a cursor per query, one writer at a time.

Times cross this door as aware UTC on the Python side and as naive UTC `TIMESTAMP` in the file (comparing a TIMESTAMP
column with a TIMESTAMPTZ value would cast the column, and every time range would scan the whole table).
"""

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import duckdb
import polars as pl
import pyarrow as pa

from store.errors import QueryTimeout, StoreBroken, StoreBusy, StoreError
from store.migrations import migrate

log = logging.getLogger(__name__)

# Appended rows go straight into the file, packed and once, where they fill a row group; fewer are written to the
# write-ahead log first and are packed again at each checkpoint until their group is full. With groups of 16 k instead
# of 120 k rows a busy minute's batch fills its own: loading takes a third of the time.
ROW_GROUP = 16384
ATTACH_SQL = "ATTACH '{path}' AS leeway (ROW_GROUP_SIZE {rows}, STORAGE_VERSION 'v1.5.0')"
MAX_IDLE = 16
USE_SQL = "USE leeway"  # each cursor starts in the database that was opened, not in the one attached

Params = list[Any] | Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """`memory_limit` as DuckDB writes sizes; `query_timeout_s` guards every read."""

    path: Path
    memory_limit: str = "2GB"
    threads: int = 2
    query_timeout_s: float = 10.0
    checkpoint_threshold: str = "256MB"
    max_temp_directory_size: str = "10GB"

    @property
    def spool(self) -> Path:
        """The folder beside the file for what is on its way in: journal, uploads, validated copies."""
        return self.path.with_name(self.path.name + ".spool")


def _connect(settings: StoreSettings) -> duckdb.DuckDBPyConnection:
    settings.spool.mkdir(parents=True, exist_ok=True)
    try:
        connection = duckdb.connect(config=_config(settings))
        connection.execute(ATTACH_SQL.format(path=_quoted(settings.path.absolute()), rows=ROW_GROUP))
        connection.execute(USE_SQL)
    except duckdb.IOException as error:
        if "lock" in str(error).lower():
            raise StoreBusy(f"{settings.path} is in use: {_holder(error)}") from error
        raise StoreError(f"{settings.path}: cannot be opened ({error}); see docs/deployment.md, Backup") from error
    except duckdb.Error as error:
        raise StoreError(f"{settings.path}: cannot be opened ({error}); see docs/deployment.md, Backup") from error
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(f"SET allowed_directories = ['{_quoted(settings.spool.absolute())}/']")
    connection.execute("SET enable_external_access = false")
    return connection


def _config(settings: StoreSettings) -> dict[str, Any]:
    return {
        "memory_limit": settings.memory_limit,
        "threads": settings.threads,
        "checkpoint_threshold": settings.checkpoint_threshold,
        "temp_directory": str(settings.spool / "temp"),
        "max_temp_directory_size": settings.max_temp_directory_size,
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "allow_persistent_secrets": False,
    }


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _holder(error: Exception) -> str:
    """DuckDB's words on who holds the lock, without its advice."""
    said = str(error).split("Conflicting lock is held in ")
    who = said[1].split(". See also")[0] if len(said) > 1 else "another process holds its lock"
    return f"{who}; stop it, or let it do the work (`leeway ingest` and `export` go through a running server)"


class Transaction:
    """What may be done while writing. Made by `Store.transaction`, valid inside its block."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def execute(self, sql: str, params: Params = None) -> None:
        self._cursor.execute(sql, _bound(params))

    def read(self, sql: str, params: Params = None) -> pl.DataFrame:
        return _frame(self._cursor, sql, params)

    def one(self, sql: str, params: Params = None) -> Any:
        """The first value of the first row, None when there is no row."""
        row = self._cursor.execute(sql, _bound(params)).fetchone()
        return row[0] if row else None

    def insert(self, table: str, rows: pa.Table) -> None:
        """Append `rows` by column name; columns that `rows` lacks get their defaults. `table` is a name of ours.

        A thread takes one batch at a time: a full row group is packed and written at once, while what lies in smaller
        ones would first be copied together.
        """
        if rows.num_rows:
            with self.staged(pa.RecordBatchReader.from_batches(rows.schema, _row_groups(rows))) as name:
                self._cursor.execute(f"INSERT INTO {table} BY NAME SELECT * FROM {name}")  # noqa: S608 - our names

    @contextmanager
    def staged(self, rows: pa.Table | pa.RecordBatchReader, name: str = "staged") -> Iterator[str]:
        """Lend `rows` to SQL under `name`."""
        self._cursor.register(name, rows)
        try:
            yield name
        finally:
            self._cursor.unregister(name)


class Store:
    """The database. Reads run side by side, each on its own cursor; writes one after the other."""

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self.session = uuid4().hex  # tells this process's running jobs from those that a crash left behind
        self.broken_at: datetime | None = None
        self.failed_at: datetime | None = None  # the last fault, also when all is well again
        self._write = threading.Lock()
        self._reopen = threading.Lock()
        self._root = _connect(settings)
        self._idle: list[duckdb.DuckDBPyConnection] = []  # cursors that have read and may read again
        try:
            self.schema_version = migrate(self._root)
        except Exception:
            self._root.close()
            raise
        self._root.execute("SET lock_configuration = true")

    def close(self) -> None:
        with self._write:
            self._close_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, sql: str, params: Params = None, *, timeout_s: float | None = None) -> pl.DataFrame:
        """Run one SELECT and return its rows; TIMESTAMP columns come back aware (UTC).

        Raises QueryTimeout after `timeout_s` (default: the setting), StoreBroken after a fault in the database.
        """
        with self._cursor(timeout_s or self.settings.query_timeout_s, reads=True) as cursor:
            return _frame(cursor, sql, params)

    def one(self, sql: str, params: Params = None) -> Any:
        """The first value of the first row of a SELECT, None when there is no row."""
        frame = self.read(sql, params)
        return frame.row(0)[0] if frame.height else None

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Write: all of the block or nothing of it. One at a time in the whole process."""
        with self._write, self._cursor(None) as cursor:
            cursor.execute("BEGIN")
            try:
                yield Transaction(cursor)
            except BaseException:
                _rolled_back(cursor)
                raise
            cursor.execute("COMMIT")

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the file; put off where a statement that still runs stands in its way."""
        with self._write, self._cursor(None) as cursor, suppress(duckdb.TransactionException):
            cursor.execute("CHECKPOINT")

    @contextmanager
    def _cursor(self, timeout_s: float | None, *, reads: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        """Lend a cursor: one that has read before to a reader, a new one to a writer, who may leave things in it."""
        root = self._root
        cursor = self._idle_cursor() if reads else _cursor_of(root)
        timer = threading.Timer(timeout_s, cursor.interrupt) if timeout_s else None
        if timer:
            timer.daemon = True
            timer.start()
        done = False
        try:
            yield cursor
            done = reads
        except duckdb.InterruptException as error:
            raise QueryTimeout(f"stopped after {timeout_s:g} s: choose a shorter time range") from error
        except duckdb.FatalException as error:
            self._recover(root, error)
            raise StoreBroken(f"the database failed and was reopened: {error}") from error
        except duckdb.Error as error:
            raise StoreError(str(error)) from error
        finally:
            if timer:
                timer.cancel()
            if done and root is self._root and len(self._idle) < MAX_IDLE:
                self._idle.append(cursor)
            else:
                cursor.close()

    def _idle_cursor(self) -> duckdb.DuckDBPyConnection:
        try:
            return self._idle.pop()
        except IndexError:
            return _cursor_of(self._root)

    def _close_all(self) -> None:
        """Close the root and all cursors: the file stays locked as long as one is open."""
        while self._idle:
            self._idle.pop().close()
        self._root.close()

    def _recover(self, failed: duckdb.DuckDBPyConnection, error: Exception) -> None:
        """After a fatal fault every handle is dead: close the root, open the file anew, once per fault."""
        with self._reopen:
            if self._root is not failed:
                return
            self.broken_at = self.failed_at = datetime.now(UTC)
            log.error("database fault, reopening: %s", error)
            self._close_all()
            self._root = _connect(self.settings)
            self._root.execute("SET lock_configuration = true")
            self.broken_at = None


def _cursor_of(root: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    cursor = root.cursor()
    cursor.execute(USE_SQL)
    return cursor


def _row_groups(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    for start in range(0, rows.num_rows, ROW_GROUP):
        yield from rows.slice(start, ROW_GROUP).combine_chunks().to_batches()


def _rolled_back(cursor: duckdb.DuckDBPyConnection) -> None:
    try:
        cursor.execute("ROLLBACK")
    except duckdb.Error as error:  # the fault that brought us here is the one to report
        log.warning("rollback failed: %s", error)


def _bound(params: Params) -> Any:
    if isinstance(params, Mapping):
        return {name: _naive(value) for name, value in params.items()}
    return [_naive(value) for value in params] if params else []


def _naive(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return list(value) if isinstance(value, tuple) else value


def _frame(cursor: duckdb.DuckDBPyConnection, sql: str, params: Params) -> pl.DataFrame:
    frame = cursor.sql(sql, params=_bound(params)).pl()
    return frame.with_columns(pl.col(pl.Datetime).dt.replace_time_zone("UTC"))
