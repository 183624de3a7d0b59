"""Small sessions for tests: written by the shipped writer, read by whoever is tested."""

from __future__ import annotations

from functools import cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from mcap.reader import make_reader

from car.drive_record import DriveRecord, StageTimes
from car.gate import GateState, Mode
from car.sessions import EncodedFrame, Session, SessionEvent, SessionInfo, SessionWriter, encode
from hardware.camera import CameraGeometry, Frame
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import Command, LapCount, Motion

GEOMETRY = CameraGeometry(width=64, height=48, fov_deg=120.0, lens="fisheye")
INFO = SessionInfo(
    "evening", "mycar", GEOMETRY, started="2026-01-02T03:04:05+00:00", software={"pocketpilot": "1"}, extra={"k": "v"}
)
START_NS = 7 * NS_PER_S
PERIOD_NS = 50 * NS_PER_MS
FRAMES_PER_CHUNK = 10


def frame_of(number: int, height: int = GEOMETRY.height, width: int = GEOMETRY.width) -> EncodedFrame:
    image = np.zeros((height, width, 3), np.uint8)
    image[:, :, 0] = 200
    image[:, number % width] = (10, 20, number % 256)
    image.flags.writeable = False
    return encode(Frame(image, START_NS + number * PERIOD_NS, number))


def record_of(number: int) -> DriveRecord:
    return DriveRecord(
        frame_number=number,
        captured_ns=START_NS + number * PERIOD_NS,
        mode=Mode.ASSIST,
        gate_state=GateState.ARMED,
        trip=None,
        driver=Command(0.0, 0.0),
        pilot=None if number % 2 else Command(-0.25, 0.5),
        applied=Command(number / 1000, 0.125),
        times=StageTimes(1, 2, 3, 4, 5, 6),
        motion=Motion(1.5, 40.25),
        lap_count=LapCount(2, 33.5, -0.02, 1),
    )


def write_session(path: Path, frames: int = 100, info: SessionInfo = INFO) -> None:
    """Write ``frames`` frames at 20 Hz, each with its record, and two events."""
    clock = VirtualClock(START_NS)
    with SessionWriter(path, info, clock, sync=lambda _: None, min_free_bytes=0) as session:
        session.add_event(SessionEvent(clock.now_ns(), "start", "hello"))
        for number in range(frames):
            clock.sleep_until_ns(START_NS + number * PERIOD_NS)
            session.add_frame(frame_of(number))
            session.add_record(record_of(number))
        session.add_event(SessionEvent(clock.now_ns(), "end", "wörld"))


@cache
def session_bytes(frames: int = 100) -> bytes:
    """Return the bytes of a session of ``frames`` frames, closed as it should be."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "session.mcap"
        write_session(path, frames)
        return path.read_bytes()


def contents(path: Path) -> tuple[list[EncodedFrame], list[DriveRecord], list[SessionEvent]]:
    with Session.open(path) as session:
        return list(session.frames()), list(session.records()), list(session.events())


def chunk_extents(data: bytes) -> list[tuple[int, int]]:
    """Return where each chunk of a closed session starts and ends."""
    summary = make_reader(BytesIO(data)).get_summary()
    assert summary is not None
    starts = [(index.chunk_start_offset, index.chunk_length) for index in summary.chunk_indexes]
    return [(start, start + length) for start, length in starts]
