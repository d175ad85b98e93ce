"""The door to the database."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pyarrow as pa
import pytest

from store.connection import Store, StoreSettings
from store.errors import QueryTimeout, StoreBusy, StoreError
from store.migrations import known

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def hours(store: Store) -> list[datetime]:
    return store.read("SELECT hour FROM data.dirty_hours ORDER BY hour")["hour"].to_list()


def test_times_go_in_and_come_out_aware_whatever_their_zone(store: Store):
    with store.transaction() as tx:
        tx.execute("INSERT INTO data.dirty_hours VALUES ($at)", {"at": NOON.astimezone(timezone(timedelta(hours=5)))})
    assert hours(store) == [NOON]
    assert store.one("SELECT count(*) FROM data.dirty_hours WHERE hour = ?", [NOON]) == 1


def test_a_transaction_is_all_or_nothing(store: Store):
    with pytest.raises(ZeroDivisionError), store.transaction() as tx:
        tx.execute("INSERT INTO data.dirty_hours VALUES (?)", [NOON])
        raise ZeroDivisionError
    assert hours(store) == []


def test_rows_are_appended_by_column_name(store: Store):
    with store.transaction() as tx:
        tx.insert("data.dirty_hours", pa.table({"hour": [NOON.replace(tzinfo=None)]}))
        tx.insert("data.dirty_hours", pa.table({"hour": pa.array([], pa.timestamp("us"))}))
    assert hours(store) == [NOON]


def test_no_row_gives_none(store: Store):
    assert store.one("SELECT hour FROM data.dirty_hours") is None


def test_writers_wait_for_one_another(store: Store):
    def write() -> None:
        for _ in range(10):
            with store.transaction() as tx:
                n = tx.one("SELECT count(*) FROM data.dirty_hours")
                tx.execute("INSERT INTO data.dirty_hours VALUES (?)", [NOON + timedelta(hours=n)])

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hours(store) == [NOON + timedelta(hours=n) for n in range(40)]


def test_a_query_that_runs_too_long_is_stopped_and_the_next_one_works(store: Store):
    with pytest.raises(QueryTimeout, match=r"stopped after 0.2 s"):
        store.read("SELECT count(*) FROM range(10000000000) a, range(1000) b", timeout_s=0.2)
    assert store.one("SELECT 1") == 1


def test_a_wrong_query_is_an_error_of_ours(store: Store):
    with pytest.raises(StoreError, match="no_such_table"):
        store.read("SELECT * FROM no_such_table")


@pytest.mark.parametrize(
    "escape",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/hostname')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM '/etc/passwd'",
        "COPY (SELECT 1) TO '/tmp/leeway-escape.csv'",
        "ATTACH '/tmp/leeway-escape.duckdb'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET memory_limit = '1TB'",
        "EXPORT DATABASE '/tmp/leeway-escape'",
    ],
)
def test_no_query_reaches_outside(store: Store, escape: str):
    with pytest.raises(StoreError), store.transaction() as tx:
        tx.execute(escape)


def test_a_file_held_by_another_process_names_the_holder(tmp_path: Path):
    settings = StoreSettings(path=tmp_path / "held.duckdb")
    code = f"import duckdb, time; c = duckdb.connect({str(settings.path)!r}); print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreBusy, match=f"PID {holder.pid}"):
            Store(settings)
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()  # type: ignore[union-attr]


def test_a_file_that_is_no_database_says_so(tmp_path: Path):
    path = tmp_path / "text.duckdb"
    path.write_bytes(b"not a database at all" * 1000)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(StoreSettings(path=path))


def test_the_schema_is_applied_once_and_kept(tmp_path: Path):
    settings = StoreSettings(path=tmp_path / "kept.duckdb")
    for _ in range(2):
        with Store(settings) as store:
            assert store.schema_version == max(number for number, _, _ in known())
            assert store.one("SELECT count(*) FROM schema_versions") == store.schema_version


def test_a_database_whose_schema_was_made_otherwise_is_refused_and_left_alone(tmp_path: Path):
    settings = StoreSettings(path=tmp_path / "odd.duckdb")
    with Store(settings) as store, store.transaction() as tx:
        tx.execute("INSERT INTO data.dirty_hours VALUES (?)", [NOON])
        tx.execute("UPDATE schema_versions SET digest = 'another' WHERE version = 2")
    with pytest.raises(StoreError, match=r"unreleased Leeway .*0002_numbers.*export the calls"):
        Store(settings)


def test_a_database_of_a_newer_leeway_is_refused(tmp_path: Path):
    settings = StoreSettings(path=tmp_path / "newer.duckdb")
    with Store(settings) as store, store.transaction() as tx:
        tx.execute("INSERT INTO schema_versions VALUES (9999, 'future', 'x', now()::TIMESTAMP)")
    with pytest.raises(StoreError, match="schema 9999"):
        Store(settings)


def test_a_checkpoint_leaves_the_data_as_it_was(store: Store):
    with store.transaction() as tx:
        tx.execute("INSERT INTO data.dirty_hours VALUES (?)", [NOON])
    store.checkpoint()
    assert hours(store) == [NOON]
