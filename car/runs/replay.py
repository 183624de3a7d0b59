"""Replay: a recorded session through the drive loop, to see what a pilot would have done."""

from __future__ import annotations

import contextlib
import hashlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from car.drive_loop import AutoStart, DriveLoop, LockStepFrames, Observer
from car.drive_record import DriveRecord
from car.errors import SessionError
from car.gate import Gate, GateState, Limits, Mode
from car.kinds.pilot import Pilot
from car.sessions.labels import has_teacher, label_of
from car.sessions.reader import Session
from hardware.camera import Frame
from hardware.cameras.recorded import RecordedCamera
from hardware.clock import VirtualClock
from hardware.drivetrain import Command
from hardware.drivetrains.timeline import TimelineDrivetrain
from hardware.errors import EndOfFrames

_COMMANDS = struct.Struct("<4d")


@dataclass(frozen=True, slots=True)
class Difference:
    """How far the pilot's commands lie from recorded ones: mean and largest absolute difference over ``frames``."""

    steering_mean: float
    steering_max: float
    throttle_mean: float
    throttle_max: float
    frames: int


@dataclass(frozen=True, slots=True)
class Replay:
    """What came of a replay.

    ``digest`` is the SHA-256 of every command that the pilot gave and the gate let through: two replays on one machine
    have the same. ``from_driver`` and ``from_pilot`` compare the pilot with the driver and with the pilot of the
    recording, None where it has none; ``trips`` counts how often a gap in the recording tripped the gate.
    """

    frames: int
    digest: str
    trips: int
    from_driver: Difference | None
    from_pilot: Difference | None


@dataclass(slots=True)
class _Collector:
    """Observes the loop: hashes the commands and pairs them with the recorded ones."""

    recorded: dict[int, DriveRecord]
    is_taught: bool
    observer: Observer | None
    progress: Callable[[float], None]
    total: int
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    pairs_with_driver: list[tuple[Command, Command]] = field(default_factory=list)
    pairs_with_pilot: list[tuple[Command, Command]] = field(default_factory=list)
    frames: int = 0
    trips: int = 0
    state: GateState = GateState.DISARMED

    def __call__(self, record: DriveRecord, frame: Frame | None) -> None:
        self.trips += record.gate_state is GateState.TRIPPED and self.state is not GateState.TRIPPED
        self.state = record.gate_state
        if frame is None or record.pilot is None:
            return
        pilot, applied = record.pilot, record.applied
        self.digest.update(_COMMANDS.pack(pilot.steering, pilot.throttle, applied.steering, applied.throttle))
        self.frames += 1
        before = self.recorded[frame.number]
        if self.observer is not None:
            self.observer(replace(record, driver=label_of(before, is_taught=self.is_taught)), frame)
        if before.driver is not None:
            self.pairs_with_driver.append((pilot, before.driver))
        if before.pilot is not None:
            self.pairs_with_pilot.append((pilot, before.pilot))
        self.progress(self.frames / self.total)


def replay(
    session: Session,
    pilot: Pilot,
    limits: Limits,
    progress: Callable[[float], None] = lambda _: None,
    observer: Observer | None = None,
) -> Replay:
    """Run the drive loop over ``session`` with ``pilot``, on a virtual clock and without wheels.

    >>> with Session.open(path) as session:
    ...     result = replay(session, pilot, Limits())
    >>> result.frames, result.from_driver.throttle_max
    (60, 0.0)

    ``progress`` is told how much is done, 0 … 1. ``observer`` sees every frame with its cycle; as the record's driver
    it has what was driven there, by whomever, None where nobody did. Raises SessionError when the session has no frame
    to play.
    """
    recorded: dict[int, DriveRecord] = {}

    def frames() -> Iterator[Frame]:
        for driven in session.driven_frames():
            recorded[driven.frame.number] = driven.record
            yield driven.frame.decode()

    clock = VirtualClock()
    camera = RecordedCamera(frames(), session.info.camera, clock, session.info.rate_hz)
    gate = Gate(limits, Mode.AUTO, headless=True)
    collector = _Collector(recorded, has_teacher(session.info), observer, progress, session.frame_count)
    drivetrain = TimelineDrivetrain(clock)
    loop = DriveLoop(
        LockStepFrames(camera),
        pilot,
        gate,
        drivetrain,
        clock,
        sources=[AutoStart(gate, again=True)],
        observer=collector,
    )
    with contextlib.suppress(EndOfFrames):
        loop.run(lambda _: False)
    if collector.frames == 0:
        raise SessionError(f"{session.path} has no frame to play. Choose another session.")
    return Replay(
        frames=collector.frames,
        digest=collector.digest.hexdigest(),
        trips=collector.trips,
        from_driver=_difference(collector.pairs_with_driver),
        from_pilot=_difference(collector.pairs_with_pilot),
    )


def _difference(pairs: list[tuple[Command, Command]]) -> Difference | None:
    if not pairs:
        return None
    steering = np.array([abs(ours.steering - theirs.steering) for ours, theirs in pairs])
    throttle = np.array([abs(ours.throttle - theirs.throttle) for ours, theirs in pairs])
    return Difference(
        float(steering.mean()), float(steering.max()), float(throttle.mean()), float(throttle.max()), len(pairs)
    )
