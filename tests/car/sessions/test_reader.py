from __future__ import annotations

import hashlib
import os
import struct
import tracemalloc
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mcap.writer import CompressionType, Writer

from car.errors import SessionBusy, SessionError
from car.gate import TripReason
from car.sessions import Edits, FrameRange, Session, SessionWriter
from car.sessions.overview import overview
from car.sessions.scan import CHUNK, MAGIC, WINDOW_BYTES
from hardware.clock import VirtualClock
from tests.car.sessions.recordings import (
    FRAMES_PER_CHUNK,
    GEOMETRY,
    INFO,
    START_NS,
    chunk_extents,
    contents,
    frame_of,
    record_of,
    session_bytes,
    write_session,
)

FRAMES = 100
MB = 1_000_000


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a path to write to, again for each of hypothesis's examples."""
    return tmp_path_factory.mktemp("reader") / "session.mcap"


def read_everything(path: Path) -> None:
    with Session.open(path) as session:
        for _ in (*session.frames(), *session.records(), *session.events(), *session.driven_frames()):
            pass
        assert session.duration_s >= 0
        session.sha256()
    overview(path)


def without_times(chunk: bytes) -> bytes:
    return chunk[:9] + chunk[25:]


def frames_of_chunks(whole: bytes, damaged: bytes) -> Iterator[int]:
    """Yield the numbers of the frames whose chunk is as it was, but for its own two times, which nobody reads."""
    for place, (start, end) in enumerate(chunk_extents(whole)):
        if without_times(damaged[start:end]) == without_times(whole[start:end]):
            yield from range(place * FRAMES_PER_CHUNK, (place + 1) * FRAMES_PER_CHUNK)


@settings(deadline=None)
@given(data=st.data(), zeros=st.booleans())
def test_a_hole_takes_the_chunks_it_touches_and_nothing_else(scratch: Path, data: st.DataObject, zeros: bool) -> None:
    whole = session_bytes(FRAMES)
    start = data.draw(st.integers(0, len(whole) - 1), label="start")
    length = data.draw(st.integers(1, 20_000), label="length")
    hole = bytes(length) if zeros else data.draw(st.randoms(use_true_random=False)).randbytes(length)
    damaged = (whole[:start] + hole + whole[start + length :])[: len(whole)]
    scratch.write_bytes(damaged)
    frames, records, _ = contents(scratch)
    left = list(frames_of_chunks(whole, damaged))
    assert frames == [frame_of(number) for number in left]
    assert records == [record_of(number) for number in left]
    with Session.open(scratch) as session:
        # A hole after which nothing more can be made out is a file that was cut off there.
        is_seen = session.damage.holes > 0 or session.damage.unclosed
        assert is_seen >= (len(left) < FRAMES)
        assert session.info == INFO or session.damage.info_lost


@settings(deadline=None)
@given(data=st.data())
def test_bytes_changed_anywhere_never_change_what_is_read(scratch: Path, data: st.DataObject) -> None:
    whole = bytearray(session_bytes(FRAMES))
    changes = data.draw(st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=8))
    for place, value in changes:
        whole[place] = value
    scratch.write_bytes(whole)
    try:
        frames, records, _ = contents(scratch)
    except SessionError:
        return
    assert frames == [frame_of(frame.number) for frame in frames]
    assert records == [record_of(record.frame_number) for record in records]


@settings(deadline=None)
@given(st.binary(max_size=400), st.sampled_from([b"", MAGIC, session_bytes(3)[:3000]]))
@example(b"", session_bytes(3))
def test_any_bytes_raise_nothing_but_a_session_error(scratch: Path, content: bytes, start: bytes) -> None:
    scratch.write_bytes(start + content)
    with suppress(SessionError):
        read_everything(scratch)


@pytest.mark.parametrize("kind", range(256))
def test_a_length_beyond_the_file_allocates_nothing(tmp_path: Path, kind: int) -> None:
    path = tmp_path / "a.mcap"
    heads = b"".join(struct.pack("<BQ", kind, length) for length in (2**63, 2**40, 2**31, 2**26))
    path.write_bytes(MAGIC + heads + struct.pack("<I", 2**31) + bytes(200))
    tracemalloc.start()
    with pytest.raises(SessionError):
        Session.open(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * MB


def test_a_wrong_length_that_leads_past_good_chunks_loses_none_of_them(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    whole = bytearray(session_bytes(FRAMES))
    chunks = chunk_extents(bytes(whole))
    end_of_second, middle_of_fifth = chunks[1][1], chunks[4][0] + 500
    struct.pack_into("<Q", whole, end_of_second + 1, middle_of_fifth - end_of_second)
    path.write_bytes(whole)
    assert contents(path)[0] == [frame_of(number) for number in range(FRAMES)]


@pytest.mark.parametrize("offset", [-45, -20, -1, 0, 1])
def test_a_chunk_is_found_wherever_it_starts(tmp_path: Path, offset: int) -> None:
    path, whole = tmp_path / "a.mcap", session_bytes(FRAMES)
    start, end = chunk_extents(whole)[3]
    path.write_bytes(MAGIC + bytes(WINDOW_BYTES + offset) + whole[start:end])
    assert [frame.number for frame in contents(path)[0]] == list(range(30, 40))


def test_a_large_file_is_read_in_small_pieces(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    whole = session_bytes(FRAMES)
    with path.open("wb") as file:
        file.write(whole[:20_000])
        file.write(struct.pack("<BQ", CHUNK, 250 * MB))
        file.seek(300 * MB)
        file.write(whole[20_000:])
    tracemalloc.start()
    with Session.open(path) as session:
        left = session.frame_count
        assert sum(1 for _ in session.driven_frames()) == left
        session.sha256()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert left >= FRAMES - 2 * FRAMES_PER_CHUNK
    assert peak < 8 * MB


def test_a_sample_is_a_frame_with_the_first_cycle_that_acted_on_it(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    with SessionWriter(path, INFO, VirtualClock(START_NS)) as session:
        session.add_record(record_of(1))
        for number in (0, 1, 2, 3):
            session.add_frame(frame_of(number))
        session.add_record(record_of(3))
        session.add_record(replace(record_of(3), trip=TripReason.STOP))
        session.add_record(record_of(-1))
    with Session.open(path) as read:
        samples = [(driven.frame, driven.record) for driven in read.driven_frames()]
        assert samples == [(frame_of(1), record_of(1)), (frame_of(3), record_of(3))]
        assert [record.frame_number for record in read.records()] == [1, 3, 3, -1]


def test_samples_leave_out_what_was_edited_out(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    write_session(path, 30)
    Edits.of([FrameRange(3, 20), FrameRange(25, 25)]).save(path)
    with Session.open(path) as session:
        assert [driven.frame.number for driven in session.driven_frames()] == [0, 1, 2, 21, 22, 23, 24, 26, 27, 28, 29]
        assert session.frame_count == 30
        assert session.frame_at(25) == frame_of(25)


def test_a_session_of_records_alone_has_a_duration(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    with SessionWriter(path, INFO, VirtualClock(START_NS)) as session:
        session.add_record(record_of(0))
        session.add_record(record_of(10))
    with Session.open(path) as read:
        assert (read.frame_count, read.duration_s) == (0, 0.5)


def test_a_session_whose_description_is_lost_is_described_by_its_frames(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    whole = session_bytes(FRAMES)
    path.write_bytes(bytes(4000) + whole[4000:])
    with Session.open(path) as session:
        assert session.damage.info_lost
        assert (session.info.name, session.info.source, session.info.rate_hz) == ("a", "unknown", 20.0)
        assert (session.info.camera.width, session.info.camera.height) == (GEOMETRY.width, GEOMETRY.height)
        assert session.frame_count == FRAMES - FRAMES_PER_CHUNK


def test_a_session_can_be_read_while_it_is_recorded(tmp_path: Path) -> None:
    path, clock = tmp_path / "a.mcap", VirtualClock(START_NS)
    with SessionWriter(path, INFO, clock) as writer:
        for number in range(15):
            clock.sleep_until_ns(frame_of(number).captured_ns)
            writer.add_frame(frame_of(number))
        with Session.open(path) as session:
            assert session.frame_count == FRAMES_PER_CHUNK
            assert session.damage == replace(session.damage, bytes_skipped=0, holes=0, unclosed=True)


def test_a_session_that_has_only_just_begun_is_busy_and_not_to_be_deleted(tmp_path: Path) -> None:
    pytest.importorskip("fcntl", reason="Windows knows no such locks")
    path = tmp_path / "a.mcap"
    with SessionWriter(path, INFO, VirtualClock(START_NS)), pytest.raises(SessionBusy, match="just begun"):
        Session.open(path)


def test_the_hash_is_that_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    write_session(path, 30)
    with Session.open(path) as session:
        assert session.sha256() == hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_that_shrinks_while_it_is_read_is_an_error_and_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    write_session(path, 30)
    with Session.open(path) as session:
        path.write_bytes(session_bytes(30)[:5000])
        with pytest.raises(SessionError, match="cannot read"):
            list(session.frames())


def test_an_overview_says_what_reading_everything_says(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    write_session(path, 30)
    closed = overview(path)
    assert (closed.info, closed.frames, closed.closed) == (INFO, 30, True)
    assert closed.duration_s == pytest.approx(29 * 0.05)
    assert closed.size_bytes == path.stat().st_size
    path.write_bytes(session_bytes(30)[:-1])
    cut = overview(path)
    assert (cut.info, cut.frames, cut.closed, cut.duration_s) == (INFO, 30, False, closed.duration_s)


def foreign(compression: CompressionType, topic: str) -> bytes:
    stream = BytesIO()
    writer = Writer(stream, compression=compression)
    writer.start()
    channel = writer.register_channel(topic, "json", 0)
    writer.add_message(channel, 1, b"{}", 1)
    writer.finish()  # type: ignore[no-untyped-call]
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x89PNG\r\n" + bytes(1000), "is not a Pocketpilot session"),
        (b"x", "is not a Pocketpilot session"),
        (session_bytes(FRAMES)[:2000], "ends before its first half second"),
        (MAGIC, "ends before its first half second"),
        (foreign(CompressionType.NONE, "/lidar"), "is not a Pocketpilot session"),
        (foreign(CompressionType.ZSTD, "/camera"), "is compressed with zstd"),
        (foreign(CompressionType.LZ4, "/camera"), "is compressed with lz4"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence_with_the_next_step(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "a.mcap"
    path.write_bytes(content)
    for open_it in (Session.open, overview):
        with pytest.raises(SessionError, match=message) as caught:
            open_it(path)
        assert str(caught.value).endswith(".")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="only POSIX systems have named pipes")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mcap")
    with pytest.raises(SessionError, match="is a pipe"):
        Session.open(tmp_path / "pipe.mcap")


def test_a_missing_file_and_a_folder_are_no_sessions(tmp_path: Path) -> None:
    with pytest.raises(SessionError, match="There is no session"):
        Session.open(tmp_path / "no.mcap")
    with pytest.raises(SessionError, match="is a folder"):
        Session.open(tmp_path)


def test_a_topic_of_ours_with_other_content_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    path.write_bytes(foreign(CompressionType.NONE, "/drive"))
    with Session.open(path) as session, pytest.raises(SessionError, match="cannot be decoded"):
        list(session.records())


def test_a_session_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    write_session(path, 30, replace(INFO, schema_version=2))
    with pytest.raises(SessionError, match="Update Pocketpilot"):
        Session.open(path)
