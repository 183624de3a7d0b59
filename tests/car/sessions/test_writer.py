from __future__ import annotations

import errno
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from car.errors import RecordingError, SessionError
from car.files import WholeWrites
from car.sessions import EncodedFrame, Session, SessionEvent, SessionWriter
from car.sessions.format import CHUNK_NS, MAX_FRAME_NUMBER
from car.sessions.overview import overview
from car.sessions.repair import RepairResult, repair
from hardware.clock import NS_PER_S, VirtualClock
from tests.car.sessions.recordings import INFO, PERIOD_NS, START_NS, contents, frame_of, record_of, session_bytes

FRAMES_PER_S = NS_PER_S // PERIOD_NS
MB = 1_000_000


def drive(session: SessionWriter, clock: VirtualClock, frames: int, first: int = 0) -> None:
    for number in range(first, first + frames):
        clock.sleep_until_ns(START_NS + number * PERIOD_NS)
        session.add_frame(frame_of(number))
        session.add_record(record_of(number))


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.mcap", VirtualClock(START_NS)
    with SessionWriter(path, INFO, clock) as session:
        session.add_event(SessionEvent(START_NS, "start", "hello"))
        drive(session, clock, 45)
    with Session.open(path) as read:
        assert read.info == INFO
        assert not read.damage
        assert read.frame_count == 45
        assert read.duration_s == pytest.approx(44 * 0.05)
    expected = [frame_of(number) for number in range(45)], [record_of(number) for number in range(45)]
    assert contents(path) == (*expected, [SessionEvent(START_NS, "start", "hello")])


def test_a_chunk_spans_half_a_second_and_is_on_the_disk_when_it_ends(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.mcap", VirtualClock(START_NS)
    syncs: list[tuple[int, int]] = []
    with SessionWriter(
        path, INFO, clock, sync=lambda _: syncs.append((clock.now_ns(), path.stat().st_size)), min_free_bytes=0
    ) as session:
        drive(session, clock, 60)
        during = list(syncs)
    assert [time_ns - START_NS for time_ns, _ in during] == [place * CHUNK_NS for place in range(6)]
    path.write_bytes(path.read_bytes()[: during[3][1]])
    assert [frame.number for frame in contents(path)[0]] == list(range(30))


def test_a_chunk_ends_even_when_nothing_more_comes(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.mcap", VirtualClock(START_NS)
    with SessionWriter(path, INFO, clock) as session:
        drive(session, clock, 3)
        clock.advance_ns(CHUNK_NS)
        session.tick()
        assert len(contents(path)[0]) == 3


@settings(deadline=None)
@given(data=st.data())
def test_a_power_cut_at_any_byte_takes_less_than_a_second(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = session_bytes()
    cut = data.draw(st.integers(0, len(whole)), label="cut")
    path = tmp_path_factory.getbasetemp() / "cut.mcap"
    path.write_bytes(whole[:cut])
    reached = sum(whole.find(frame_of(number).jpeg) < cut for number in range(100))
    try:
        frames, records, _ = contents(path)
    except SessionError:
        frames, records = [], []
    assert frames == [frame_of(number) for number in range(len(frames))]
    assert records == [record_of(number) for number in range(len(records))]
    assert min(len(frames), len(records)) >= reached - FRAMES_PER_S // 2


def test_a_power_cut_at_any_moment_takes_less_than_a_second(tmp_path: Path) -> None:
    path, cut_path, clock = tmp_path / "a.mcap", tmp_path / "cut.mcap", VirtualClock(START_NS)
    with SessionWriter(path, INFO, clock) as session:
        for number in range(50):
            drive(session, clock, 1, first=number)
            if number >= FRAMES_PER_S:
                cut_path.write_bytes(path.read_bytes())
                assert len(contents(cut_path)[0]) > number - FRAMES_PER_S


WRITE_UNTIL_KILLED = """
import sys, itertools
from pathlib import Path
from dataclasses import replace
from car.sessions import SessionWriter
from hardware.clock import NS_PER_MS, SystemClock
from tests.car.sessions.recordings import INFO, frame_of, record_of

clock = SystemClock()
with SessionWriter(Path(sys.argv[1]), INFO, clock, min_free_bytes=0) as session:
    for number in itertools.count():
        session.add_frame(replace(frame_of(number), captured_ns=clock.now_ns()))
        session.add_record(record_of(number))
        print(number, flush=True)
        clock.sleep_until_ns(clock.now_ns() + 10 * NS_PER_MS)
"""


def test_a_writer_that_is_killed_loses_less_than_a_second_and_repair_keeps_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    command = [sys.executable, "-c", WRITE_UNTIL_KILLED, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told: list[tuple[int, float]] = []
        for line in process.stdout:
            told.append((int(line), time.monotonic()))
            if len(told) == 1 and sys.platform != "win32":
                assert repair(path).result is RepairResult.LIVE
            if told[-1][1] - told[0][1] > 1.7:
                process.kill()
                break
    frames = contents(path)[0]
    second_before = [number for number, when in told if when < told[-1][1] - 1.0]
    assert [frame.number for frame in frames] == list(range(len(frames)))
    assert len(frames) > second_before[-1] > 0
    before = contents(path)
    assert repair(path).result is RepairResult.REPAIRED
    assert contents(path) == before


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Make every write beyond ``size`` bytes of a file fail, as on a disk that is full."""
    resource = pytest.importorskip("resource", reason="only POSIX limits the size of files")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def assert_ended(session: SessionWriter) -> None:
    """Assert that a recording that failed goes on failing, and that it closes without a word."""
    calls: list[Callable[[], None]] = [
        lambda: session.add_frame(frame_of(1)),
        lambda: session.add_record(record_of(1)),
        lambda: session.add_event(SessionEvent(1, "a", "b")),
    ]
    for call in calls:
        with pytest.raises(RecordingError):
            call()
    session.close()
    session.close()


def test_a_full_disk_ends_the_recording_and_leaves_it_readable(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.mcap", VirtualClock(START_NS)
    session = SessionWriter(path, INFO, clock, min_free_bytes=0)
    with largest_file(60_000), pytest.raises(RecordingError, match="free some space or replace the card"):
        drive(session, clock, 1000)
    assert_ended(session)
    frames = contents(path)[0]
    assert frames == [frame_of(number) for number in range(len(frames))]
    assert len(frames) >= 2 * FRAMES_PER_S
    assert repair(path).result is RepairResult.REPAIRED
    assert contents(path)[0] == frames


def test_a_disk_that_cannot_sync_ends_the_recording_and_leaves_it_readable(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.mcap", VirtualClock(START_NS)
    results = iter([None, None, OSError(errno.EIO, "Input/output error")])

    def sync(descriptor: int) -> None:
        if (error := next(results)) is not None:
            raise error

    session = SessionWriter(path, INFO, clock, sync=sync)
    with pytest.raises(RecordingError, match="Input/output error"):
        drive(session, clock, 1000)
    assert_ended(session)
    assert len(contents(path)[0]) == FRAMES_PER_S


def test_a_disk_that_runs_low_ends_the_recording_as_if_it_had_been_closed(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.mcap", VirtualClock(START_NS)
    free = iter([900 * MB, 600 * MB, 501 * MB, 499 * MB])
    session = SessionWriter(path, INFO, clock, free_bytes=lambda: next(free))
    with pytest.raises(RecordingError, match="Only 499 MB are free"):
        drive(session, clock, 1000)
    assert_ended(session)
    assert overview(path).closed
    assert len(contents(path)[0]) == 3 * FRAMES_PER_S // 2


def test_a_disk_that_is_low_from_the_start_is_not_written_to(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="Only 4 MB are free"):
        SessionWriter(tmp_path / "a.mcap", INFO, VirtualClock(), free_bytes=lambda: 4 * MB)
    assert not list(tmp_path.iterdir())


def test_a_recording_that_cannot_be_started_leaves_no_file(tmp_path: Path) -> None:
    def sync(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(RecordingError):
        SessionWriter(tmp_path / "a.mcap", INFO, VirtualClock(), sync=sync)
    assert not list(tmp_path.iterdir())


def test_a_write_that_the_system_takes_in_parts_is_finished(tmp_path: Path) -> None:
    class Trickle(FileIO):
        def write(self, data: Any, /) -> int:
            return super().write(data[:3])

    with Trickle(tmp_path / "a", "x") as file:
        assert WholeWrites(file).write(b"0123456789") == 10
    assert (tmp_path / "a").read_bytes() == b"0123456789"


def test_no_file_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    path.write_bytes(b"precious")
    with pytest.raises(RecordingError, match="exists already"):
        SessionWriter(path, INFO, VirtualClock())
    assert path.read_bytes() == b"precious"
    with pytest.raises(RecordingError, match="cannot be created"):
        SessionWriter(tmp_path / "no" / "a.mcap", INFO, VirtualClock())


def test_the_error_that_ended_a_drive_is_not_hidden_by_a_disk_that_fails_as_it_closes(tmp_path: Path) -> None:
    clock = VirtualClock(START_NS)
    free = iter([900 * MB])
    results = iter([None])

    def sync(descriptor: int) -> None:
        if next(results, "failing") == "failing":
            raise OSError(errno.EIO, "Input/output error")

    def drive_and_fail() -> None:
        path = tmp_path / "a.mcap"
        with SessionWriter(path, INFO, clock, sync=sync, free_bytes=lambda: next(free)) as session:
            drive(session, clock, 3)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        drive_and_fail()


def test_close_says_when_the_end_of_a_recording_is_lost(tmp_path: Path) -> None:
    clock = VirtualClock(START_NS)
    session = SessionWriter(tmp_path / "a.mcap", INFO, clock, min_free_bytes=0)
    drive(session, clock, 9)
    with largest_file(8000), pytest.raises(RecordingError):
        session.close()
    assert_ended(session)


def test_a_closed_session_takes_nothing_more(tmp_path: Path) -> None:
    session = SessionWriter(tmp_path / "a.mcap", INFO, VirtualClock())
    session.close()
    assert_ended(session)


@pytest.mark.parametrize(("number", "captured_ns"), [(-1, 0), (MAX_FRAME_NUMBER + 1, 0), (0, -1), (0, 2**63)])
def test_numbers_and_times_that_no_session_can_hold_are_refused(tmp_path: Path, number: int, captured_ns: int) -> None:
    with SessionWriter(tmp_path / "a.mcap", INFO, VirtualClock()) as session, pytest.raises(ValueError, match="range"):
        session.add_frame(EncodedFrame(number, captured_ns, b""))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows deletes and moves no file that is open")
class TestWhenTheFileLosesItsName:
    @pytest.fixture
    def clock(self) -> VirtualClock:
        return VirtualClock(START_NS)

    @pytest.fixture
    def session(self, tmp_path: Path, clock: VirtualClock) -> SessionWriter:
        session = SessionWriter(tmp_path / "a.mcap", INFO, clock)
        drive(session, clock, 30)
        return session

    def test_a_session_that_was_deleted_is_said_within_a_chunk(
        self, session: SessionWriter, clock: VirtualClock
    ) -> None:
        session.path.unlink()
        clock.advance_ns(CHUNK_NS)
        for _ in range(2):
            with pytest.raises(RecordingError, match="was deleted or moved while it was being recorded"):
                session.add_frame(frame_of(30))
        session.close()

    def test_a_session_that_was_moved_is_said_and_whole_where_it_is_now(
        self, session: SessionWriter, clock: VirtualClock, tmp_path: Path
    ) -> None:
        session.path.rename(tmp_path / "b.mcap")
        clock.advance_ns(CHUNK_NS)
        with pytest.raises(RecordingError, match="deleted or moved"):
            session.tick()
        with Session.open(tmp_path / "b.mcap") as moved:
            assert not moved.damage
            assert moved.frame_count == 30

    def test_a_session_that_another_file_has_replaced_is_said(
        self, session: SessionWriter, clock: VirtualClock
    ) -> None:
        session.path.unlink()
        session.path.write_bytes(b"another")
        clock.advance_ns(CHUNK_NS)
        with pytest.raises(RecordingError, match="deleted or moved"):
            session.tick()
        assert session.path.read_bytes() == b"another"

    def test_a_session_that_was_deleted_at_its_end_is_said_when_it_is_closed(self, session: SessionWriter) -> None:
        session.path.unlink()
        with pytest.raises(RecordingError, match="deleted or moved"):
            session.close()
        session.close()
