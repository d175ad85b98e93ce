"""What was acknowledged is read back, whatever happened in between."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.errors import BacklogFull
from store.journal import GZIP, JSON, Frame, Journal, JournalSettings, Position, Signal, frames

START = Position(0, 0)


def frame(body: bytes = b"body", number: int = 0) -> Frame:
    return Frame(signal=Signal.TRACES, encoding=GZIP | JSON, received_at_ns=number, source="exporter/1.0", body=body)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "journal"


@pytest.fixture
def journal(folder: Path) -> Iterator[Journal]:
    opened = Journal(JournalSettings(folder=folder, segment_bytes=1000, max_backlog_bytes=100_000), START)
    yield opened
    opened.close()


def written(journal: Journal, count: int, size: int = 100) -> list[Frame]:
    sent = [frame(bytes([n % 256]) * size, n) for n in range(count)]
    for one in sent:
        journal.append(one).result(10)
    return sent


def test_frames_come_back_as_they_were_sent_and_in_order(journal: Journal):
    sent = written(journal, 50)
    assert journal.read(START, 10**9)[0] == sent


def test_reading_goes_on_where_it_stopped(journal: Journal):
    sent = written(journal, 50)
    got, position = [], START
    while True:
        some, position = journal.read(position, 250)
        if not some:
            break
        got += some
    assert got == sent
    assert position == journal.durable


def test_the_backlog_is_what_was_not_committed_yet(journal: Journal):
    written(journal, 30)
    everything = journal.backlog_bytes()
    _, middle = journal.read(START, 1500)
    journal.committed = middle
    assert 0 < journal.backlog_bytes() < everything
    journal.committed = journal.durable
    assert journal.backlog_bytes() == 0


def test_a_full_backlog_sends_clients_away(journal: Journal):
    with pytest.raises(BacklogFull, match="try again later"):
        written(journal, 2000)
    journal.committed = journal.durable
    written(journal, 1)


def test_a_journal_opened_again_holds_what_it_held(folder: Path):
    settings_ = JournalSettings(folder=folder, segment_bytes=1000)
    first = Journal(settings_, START)
    sent = written(first, 25)
    first.close()
    second = Journal(settings_, START)
    sent += written(second, 5)
    assert second.read(START, 10**9)[0] == sent
    second.close()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(min_value=1, max_value=700))
def test_a_torn_tail_is_cut_and_everything_before_it_kept(tmp_path_factory: pytest.TempPathFactory, cut: int):
    settings_ = JournalSettings(folder=tmp_path_factory.mktemp("torn"))
    first = Journal(settings_, START)
    sent = written(first, 10, size=60)
    first.close()
    (segment,) = settings_.folder.glob("*.seg")
    os.truncate(segment, segment.stat().st_size - cut)
    second = Journal(settings_, START)
    kept = second.read(START, 10**9)[0]
    assert kept == sent[: len(kept)]
    late = written(second, 1)
    assert second.read(START, 10**9)[0] == kept + late
    second.close()


@given(at=st.integers(min_value=0, max_value=1300), bit=st.integers(min_value=0, max_value=7))
def test_a_flipped_bit_is_never_read_as_data(tmp_path_factory: pytest.TempPathFactory, at: int, bit: int):
    path = tmp_path_factory.mktemp("flipped") / "1.seg"
    sent = [frame(bytes([n]) * 100, n) for n in range(10)]
    data = bytearray(b"".join(one.packed() for one in sent))
    data[at % len(data)] ^= 1 << bit
    path.write_bytes(data)
    got = [one for _, one in frames(path)]
    assert got == sent[: len(got)]
    assert len(got) < len(sent)


def test_loaded_segments_go_after_their_retention_and_others_stay(folder: Path):
    journal = Journal(JournalSettings(folder=folder, segment_bytes=1000, retention_s=60), START)
    written(journal, 40)
    now = max(p.stat().st_mtime for p in folder.glob("*.seg"))
    assert journal.prune(now=now + 3600) == 0
    journal.committed = journal.durable
    assert journal.prune(now=now + 30) == 0
    assert journal.prune(now=now + 3600) > 0
    assert [p.stem for p in folder.glob("*.seg")] == [f"{journal.durable.segment:012d}"]
    journal.close()


def test_a_disk_that_cannot_be_written_acknowledges_nothing(journal: Journal, monkeypatch: pytest.MonkeyPatch):
    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", refuse)
    with pytest.raises(BacklogFull, match="cannot be written"):
        journal.append(frame()).result(10)
    monkeypatch.undo()
    with pytest.raises(BacklogFull, match="free the disk"):
        journal.append(frame())
