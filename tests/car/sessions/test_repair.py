from __future__ import annotations

from io import FileIO
from pathlib import Path
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from car import files
from car.errors import SessionError
from car.sessions import Session, SessionWriter
from car.sessions.repair import RepairReport, RepairResult, repair, repair_unclosed
from car.sessions.writer import is_recorded
from hardware.clock import VirtualClock
from tests.car.sessions.recordings import (
    FRAMES_PER_CHUNK,
    INFO,
    START_NS,
    chunk_extents,
    contents,
    frame_of,
    session_bytes,
    write_session,
)
from tests.car.sessions.test_writer import drive, largest_file

CUT = 40_000


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a path to write to, again for each of hypothesis's examples."""
    return tmp_path_factory.mktemp("repair") / "session.mcap"


@given(data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_repaired_session_holds_what_could_be_read_before(scratch: Path, data: st.DataObject) -> None:
    whole = session_bytes()
    cut = data.draw(st.integers(1, len(whole)), label="cut")
    start = data.draw(st.integers(0, cut - 1), label="hole")
    length = data.draw(st.integers(0, 9000), label="length")
    scratch.write_bytes((whole[:start] + bytes(length) + whole[start + length :])[:cut])
    try:
        before = contents(scratch)
    except SessionError:
        assert repair(scratch).result is RepairResult.UNREADABLE
        return
    report = repair(scratch)
    assert contents(scratch) == before
    assert report.frames == len(before[0])
    with Session.open(scratch) as session:
        assert not session.damage
    assert repair(scratch).result is RepairResult.HEALTHY
    for kept in scratch.parent.glob("*.damaged*"):
        kept.unlink()


def test_a_session_that_was_cut_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    path.write_bytes(session_bytes()[:CUT])
    report = repair(path)
    assert (report.result, report.kept) == (RepairResult.REPAIRED, None)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mcap"]
    with Session.open(path) as session:
        assert session.info == INFO
    extents = chunk_extents(path.read_bytes())
    assert len(extents) == report.frames // FRAMES_PER_CHUNK
    assert str(report) == f"a.mcap: repaired, {report.frames} frames."


def test_where_something_was_passed_over_the_original_is_kept(tmp_path: Path) -> None:
    path, whole = tmp_path / "a.mcap", session_bytes()
    damaged = whole[:30_000] + bytes(5000) + whole[35_000:]
    path.write_bytes(damaged)
    report = repair(path)
    assert report.kept == tmp_path / "a.mcap.damaged"
    assert report.kept.read_bytes() == damaged
    assert report.damage.holes == 1
    path.write_bytes(damaged)
    assert repair(path).kept == tmp_path / "a.mcap.damaged-2"


def test_a_healthy_session_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    write_session(path)
    before = path.stat()
    assert repair(path).result is RepairResult.HEALTHY
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_a_session_that_is_being_recorded_is_left_alone(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="Windows itself keeps an open file from being replaced")
    path, clock = tmp_path / "a.mcap", VirtualClock(START_NS)
    with SessionWriter(path, INFO, clock) as session:
        drive(session, clock, 30)
        assert repair(path).result is RepairResult.LIVE
        assert str(repair_unclosed(tmp_path)[0]) == "a.mcap: still being recorded."
        drive(session, clock, 30, first=30)
    assert contents(path)[0] == [frame_of(number) for number in range(60)]


def test_a_session_that_has_just_been_created_is_being_recorded_and_not_to_be_deleted(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="Windows knows no such locks")
    path = tmp_path / "a.mcap"
    with files.create_locked(path):
        for report in (repair(path), *repair_unclosed(tmp_path)):
            assert str(report) == "a.mcap: still being recorded."
        assert is_recorded(path)
    assert "Delete it." in str(repair(path))


def test_a_session_that_is_just_being_created_is_not_looked_at_before_it_is_locked(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="Windows knows no such locks")
    path, reports = tmp_path / "a.mcap", list[RepairReport]()
    repairing = Thread(target=lambda: reports.append(repair(path)))
    with FileIO(path, "x") as file:
        with files.taking_turns(tmp_path):
            repairing.start()
            repairing.join(timeout=0.3)
            assert repairing.is_alive()
            files.lock(file.fileno())
        repairing.join()
    assert [report.result for report in reports] == [RepairResult.LIVE]


def test_starting_the_car_repairs_what_was_not_closed_and_nothing_else(tmp_path: Path) -> None:
    write_session(tmp_path / "healthy.mcap")
    (tmp_path / "cut.mcap").write_bytes(session_bytes()[:CUT])
    (tmp_path / "begun.mcap").write_bytes(session_bytes()[:2000])
    (tmp_path / "empty.mcap").write_bytes(b"")
    results = {report.path.stem: report.result for report in repair_unclosed(tmp_path)}
    assert results == {"cut": RepairResult.REPAIRED, "begun": RepairResult.UNREADABLE, "empty": RepairResult.UNREADABLE}
    assert repair_unclosed(tmp_path / "no such folder") == []


def test_a_repair_that_the_disk_refuses_changes_nothing(tmp_path: Path) -> None:
    path, cut = tmp_path / "a.mcap", session_bytes()[:CUT]
    path.write_bytes(cut)
    with largest_file(9000):
        report = repair(path)
    assert report.result is RepairResult.FAILED
    assert path.read_bytes() == cut
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.mcap"]


def test_what_is_not_there_is_reported_and_not_raised(tmp_path: Path) -> None:
    report = repair(tmp_path / "no.mcap")
    assert report.result is RepairResult.UNREADABLE
    assert "Check the name." in str(report)
