"""The watched folder: each file read once, whole, and found again with a report; what is no file is refused."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from collectors.ingest import ingest
from collectors.report import Report
from collectors.sources.watch import Watch
from leeway.workers import Inline
from store.connection import Store
from store.errors import StoreError
from tests.collectors.test_ingest import NOW, count, own


@pytest.fixture
def watch(store: Store, tmp_path: Path) -> Watch:
    """A folder that is watched by the store, its inbox there already."""
    (tmp_path / "watched/inbox").mkdir(parents=True)

    def read(path: Path, name: str) -> Report:
        return ingest(store, path, name=name, kind="folder", executor=Inline(), now=NOW)

    return Watch(tmp_path / "watched", read, settle_s=2.0)


def put(watch: Watch, name: str, body: bytes, *, age: float = 10) -> Path:
    path = watch.folder / "inbox" / name
    path.write_bytes(body)
    moment = watch.clock() - age
    os.utime(path, (moment, moment))
    return path


def lies(watch: Watch, where: str) -> list[str]:
    return sorted(path.name for path in (watch.folder / where).iterdir())


def report(watch: Watch, where: str, name: str) -> dict[str, object]:
    told: dict[str, object] = json.loads((watch.folder / where / f"{name}.report.json").read_bytes())
    return told


def test_a_file_is_read_and_lies_in_done_beside_its_report(watch: Watch, store: Store):
    put(watch, "a.jsonl", b"\n".join([*own(3), b"bad"]))
    assert watch.round() == {"done": 1, "failed": 0}
    assert lies(watch, "done") == ["a.jsonl", "a.jsonl.rejects.jsonl", "a.jsonl.report.json"]
    assert json.loads((watch.folder / "done/a.jsonl.rejects.jsonl").read_bytes())["raw"] == "bad"
    assert lies(watch, "inbox") == lies(watch, "processing") == []
    told = report(watch, "done", "a.jsonl")
    assert (told["calls"], told["rejects"], told["status"]) == (3, 1, "done")
    assert store.read("SELECT kind, name FROM data.sources").rows() == [("folder", "a.jsonl")]


def test_an_empty_folder_is_made_ready(tmp_path: Path):
    made = Watch(tmp_path / "new", lambda *_: Report(name=""))
    assert made.round() == {"done": 0, "failed": 0}
    assert lies(made, "inbox") == []


def test_a_file_that_is_still_written_waits(watch: Watch):
    path = put(watch, "a.jsonl", own(1)[0], age=0.5)
    assert watch.round()["done"] == 0
    os.utime(path, (watch.clock() - 3,) * 2)
    assert watch.round()["done"] == 1


def test_a_file_from_a_clock_ahead_of_ours_is_read(watch: Watch):
    put(watch, "a.jsonl", own(1)[0], age=-3600)
    assert watch.round()["done"] == 1


def test_a_file_that_grows_while_it_is_read_goes_back_and_is_read_whole(watch: Watch, store: Store):
    put(watch, "a.jsonl", b"\n".join(own(2)) + b"\n")
    read = watch.read

    def while_it_grows(path: Path, name: str) -> Report:
        done = read(path, name)
        with path.open("ab") as file:
            file.write(own(1, 2)[0] + b"\n")
        return done

    watch.read = while_it_grows
    assert watch.round() == {"done": 0, "failed": 0}
    assert lies(watch, "inbox") == ["a.jsonl"]
    watch.read = read
    os.utime(watch.folder / "inbox/a.jsonl", (watch.clock() - 3,) * 2)
    assert watch.round()["done"] == 1
    assert count(store) == 3


def while_read(watch: Watch, what: Callable[[Path], object]) -> None:
    """Have something done to a claimed file in the middle of a round: after it was read, before it is put away."""
    read = watch.read

    def then(path: Path, name: str) -> Report:
        watch.read = read
        done = read(path, name)
        what(path)
        return done

    watch.read = then


def test_a_file_that_is_replaced_while_it_is_read_is_read_again_and_both_are_kept_once(watch: Watch, store: Store):
    put(watch, "a.jsonl", b"\n".join(own(2)))
    new = watch.folder / "new"
    new.write_bytes(b"\n".join(own(3, 1)))
    os.utime(new, (watch.clock() - 10,) * 2)
    while_read(watch, new.replace)
    assert watch.round() == {"done": 0, "failed": 0}
    assert lies(watch, "inbox") == ["a.jsonl"]
    assert watch.round() == {"done": 1, "failed": 0}
    told = report(watch, "done", "a.jsonl")
    assert (told["calls"], told["duplicates"], told["rejects"], count(store)) == (2, 1, 0, 4)


def test_a_file_of_the_same_name_that_comes_meanwhile_is_a_file_of_its_own(watch: Watch, store: Store):
    put(watch, "a.jsonl", b"\n".join(own(2)))
    while_read(watch, lambda _: put(watch, "a.jsonl", b"\n".join(own(2, 2))))
    assert watch.round() == {"done": 1, "failed": 0}
    assert watch.round() == {"done": 1, "failed": 0}
    assert lies(watch, "done") == ["a-2.jsonl", "a-2.jsonl.report.json", "a.jsonl", "a.jsonl.report.json"]
    assert (report(watch, "done", "a-2.jsonl")["calls"], count(store)) == (2, 4)


def test_half_a_line_that_is_finished_while_it_is_read_leaves_no_reject(watch: Watch, store: Store):
    first, second = own(2)
    path = put(watch, "a.jsonl", first + b"\n" + second[:20])

    def finish(claimed: Path) -> None:
        with claimed.open("ab") as file:
            file.write(second[20:] + b"\n")
        os.utime(claimed, (watch.clock() - 10,) * 2)

    while_read(watch, finish)
    assert watch.round() == {"done": 0, "failed": 0}
    assert path.exists()
    assert watch.round() == {"done": 1, "failed": 0}
    told = report(watch, "done", "a.jsonl")
    assert (told["calls"], told["duplicates"], told["rejects"], count(store)) == (1, 1, 0, 2)


@pytest.mark.parametrize("where", ["elsewhere", None])
def test_a_file_that_is_moved_or_deleted_while_it_is_read_stops_no_other(watch: Watch, store: Store, where: str | None):
    put(watch, "a.jsonl", b"\n".join(own(2)))
    put(watch, "b.jsonl", b"\n".join(own(2, 2)))
    while_read(watch, lambda path: path.rename(watch.folder / where) if where else path.unlink())
    watch.round()
    watch.round()
    assert count(store) == 4
    assert lies(watch, "processing") == lies(watch, "inbox") == []
    assert "b.jsonl.report.json" in lies(watch, "done")
    assert lies(watch, "done")[0] == "a.jsonl.report.json"
    assert "was taken away" in str(report(watch, "done", "a.jsonl")["error"])


def test_unfinished_and_hidden_names_are_left_alone(watch: Watch):
    for name in (".a.jsonl", "b.jsonl.part", "c.tmp"):
        put(watch, name, own(1)[0])
    watch.round()
    assert lies(watch, "inbox") == [".a.jsonl", "b.jsonl.part", "c.tmp"]


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("/etc/hostname"),
        lambda path: path.symlink_to("nowhere"),
        os.mkfifo,
        lambda path: path.mkdir(),
    ],
    ids=["a link", "a broken link", "a pipe", "a folder"],
)
def test_what_is_no_file_is_refused_unread(watch: Watch, store: Store, make: Callable[[Path], None]):
    make(watch.folder / "inbox" / "odd.jsonl")
    assert watch.round() == {"done": 0, "failed": 1}
    assert lies(watch, "failed") == ["odd.jsonl", "odd.jsonl.report.json"]
    assert report(watch, "failed", "odd.jsonl")["error"] == "odd.jsonl: not a plain file"
    assert count(store, "data.sources") == 0


def test_a_file_of_which_nothing_can_be_read_lies_in_failed(watch: Watch):
    put(watch, "a.jsonl", b"what is this\n")
    put(watch, "empty.jsonl", b"")
    assert watch.round() == {"done": 1, "failed": 1}
    assert report(watch, "failed", "a.jsonl")["error"] == "no record of it could be read"


def test_a_file_that_may_not_be_read_fails_and_says_why(watch: Watch):
    def forbidden(path: Path, _name: str) -> Report:
        raise PermissionError(13, "Permission denied", str(path))

    put(watch, "a.jsonl", own(1)[0])
    watch.read = forbidden
    assert watch.round()["failed"] == 1
    assert "Permission denied" in str(report(watch, "failed", "a.jsonl")["error"])


def test_when_the_store_is_at_fault_the_file_waits_and_is_read_later(watch: Watch, store: Store):
    def full(_path: Path, _name: str) -> Report:
        raise StoreError("the disk is full")

    put(watch, "a.jsonl", own(1)[0])
    read, watch.read = watch.read, full
    with pytest.raises(StoreError):
        watch.round()
    assert lies(watch, "processing") == ["a.jsonl"]
    watch.read = read
    assert watch.round()["done"] == 1
    assert count(store) == 1


def test_what_lies_in_processing_after_a_crash_is_taken_up(watch: Watch, store: Store):
    (watch.folder / "processing").mkdir()
    put(watch, "a.jsonl", b"\n".join(own(3))).rename(watch.folder / "processing/a.jsonl")
    put(watch, "a.jsonl", b"\n".join(own(4)))
    assert watch.round()["done"] == 2
    assert lies(watch, "done") == ["a-2.jsonl", "a-2.jsonl.report.json", "a.jsonl", "a.jsonl.report.json"]
    assert (report(watch, "done", "a-2.jsonl")["calls"], count(store)) == (1, 4)


@pytest.mark.parametrize("name", [b"x" * 249 + b".jsonl", b"\xff\xfe.jsonl", b"a\nb.jsonl", "…😀".encode() * 30])
def test_any_name_is_read_and_reported(watch: Watch, store: Store, name: bytes):
    put(watch, os.fsdecode(name), own(1)[0])
    assert watch.round()["done"] == 1
    assert len(lies(watch, "done")) == 2
    assert count(store) == 1


def test_a_file_that_is_taken_away_stops_nothing(watch: Watch, store: Store):
    put(watch, "a.jsonl", own(1)[0])
    put(watch, "b.jsonl", own(1)[0])

    def clock() -> float:
        (watch.folder / "inbox/a.jsonl").unlink(missing_ok=True)
        return 1e12

    watch.clock = clock
    put(watch, "b.jsonl", own(1)[0], age=10)
    watch.round()
    assert count(store) == 1


def test_a_file_that_is_deleted_before_it_could_be_opened_stops_nothing(watch: Watch, store: Store):
    put(watch, "a.jsonl", own(1)[0])
    put(watch, "b.jsonl", own(1)[0])
    read = watch.read

    def vanished(path: Path, name: str) -> Report:
        watch.read = read
        path.unlink()
        return read(path, name)

    watch.read = vanished
    assert watch.round() == {"done": 1, "failed": 0}
    assert lies(watch, "done") == ["b.jsonl", "b.jsonl.report.json"]
    assert count(store) == 1
