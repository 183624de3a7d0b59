"""Recorded drives whose frames show what to do: a bright bar stands where the driver steers to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from car.drive_record import DriveRecord
from car.gate import GateState, Mode
from car.sessions.format import SessionInfo, encode
from car.sessions.writer import SessionWriter
from hardware.camera import CameraGeometry, Frame, Image
from hardware.clock import NS_PER_S, VirtualClock
from hardware.drivetrain import Command

GEOMETRY = CameraGeometry(width=48, height=36)
RATE_HZ = 20.0


def draw(steering: float, geometry: CameraGeometry = GEOMETRY, floor: int = 60) -> Image:
    """Return a frame with its bar at ``steering``."""
    image = np.full((geometry.height, geometry.width, 3), floor, np.uint8)
    middle = round((1 + steering) / 2 * (geometry.width - 1))
    image[geometry.height // 3 :, max(0, middle - 4) : middle + 5] = (230, 220, 90)
    image.flags.writeable = False
    return image


def steer(frames: int, seed: int) -> list[float]:
    """Return a driver's steering: now left, now right, a different drive for each seed."""
    phases = np.random.default_rng(seed).uniform(0, 6.28, 3)
    times_s = np.arange(frames) / RATE_HZ
    waves = [np.sin(times_s * pace + phase) for pace, phase in zip((0.9, 1.7, 2.9), phases, strict=True)]
    return [float(value) for value in np.clip(np.sum(waves, axis=0) / 2, -1, 1)]


def record(frame: Frame, command: Command, mode: Mode = Mode.MANUAL, state: GateState = GateState.ARMED) -> DriveRecord:
    """Return the record of a cycle in which the driver asked for ``command`` and got it."""
    return DriveRecord(frame.number, frame.captured_ns, mode, state, None, command, None, command)


def write_drive(
    path: Path, frames: int = 200, seed: int = 0, geometry: CameraGeometry = GEOMETRY, throttle: float = 0.4
) -> Path:
    """Record a drive in which throttle follows steering: slower in turns."""
    rows = []
    for number, steering in enumerate(steer(frames, seed)):
        frame = Frame(draw(steering, geometry), round(number * NS_PER_S / RATE_HZ), number)
        rows.append((frame, record(frame, Command(steering, throttle * (1 - 0.5 * abs(steering))))))
    return write_rows(path, rows, geometry)


def write_rows(path: Path, rows: list[tuple[Frame, DriveRecord]], geometry: CameraGeometry = GEOMETRY) -> Path:
    """Record ``rows`` as the session ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    clock = VirtualClock(rows[0][0].captured_ns)
    info = SessionInfo(name=path.stem, camera=geometry, rate_hz=RATE_HZ)
    with SessionWriter(path, info, clock, sync=lambda _: None) as session:
        for frame, row in rows:
            clock.sleep_until_ns(frame.captured_ns)
            session.add_frame(encode(frame, quality=95))
            session.add_record(row)
    return path
