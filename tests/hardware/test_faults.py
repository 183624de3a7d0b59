"""Devices that fail on purpose: they work until then, and fail as they say."""

import threading
from collections.abc import Iterator

import pytest

from hardware.camera import Camera, Frame
from hardware.cameras.recorded import RecordedCamera
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import Command, Motion
from hardware.drivetrains.timeline import TimelineDrivetrain
from hardware.errors import CameraError, CameraTimeout, DrivetrainError, SensorError
from hardware.faults import (
    BrokenCamera,
    BrokenDrivetrain,
    BrokenSensor,
    FrozenCamera,
    FrozenSensor,
    HangingDrivetrain,
    LateCamera,
    Onset,
    SilentCamera,
    StallingMotion,
)
from hardware.sensor import Reading, Sensor
from tests.frames import SMALL, make_frame

PERIOD_NS = 50 * NS_PER_MS


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NS_PER_S)


@pytest.fixture
def onset(clock: VirtualClock) -> Onset:
    return Onset(clock)


@pytest.fixture
def camera(clock: VirtualClock) -> Camera:
    return RecordedCamera((make_frame(number) for number in range(1000)), SMALL, clock)


def frames(camera: Camera, count: int) -> Iterator[Frame]:
    for _ in range(count):
        yield camera.next_frame(timeout_ms=1000)


@pytest.mark.parametrize("kind", [FrozenCamera, SilentCamera, BrokenCamera])
def test_until_then_a_faulty_camera_is_the_camera(
    kind: type[FrozenCamera | SilentCamera | BrokenCamera], camera: Camera, onset: Onset
) -> None:
    with kind(camera, onset) as faulty:
        assert [frame.number for frame in frames(faulty, 3)] == [0, 1, 2]
        assert (faulty.geometry, faulty.rate_hz) == (camera.geometry, camera.rate_hz)
    with pytest.raises(CameraError, match="closed"):
        camera.next_frame(timeout_ms=1000)


def test_a_frozen_camera_repeats_its_last_frame_at_its_rate(camera: Camera, onset: Onset, clock: VirtualClock) -> None:
    frozen = FrozenCamera(camera, onset)
    (first,) = frames(frozen, 1)
    onset.time_ns = clock.now_ns()
    assert all(frame is first for frame in frames(frozen, 4))
    assert clock.now_ns() - first.captured_ns == 4 * PERIOD_NS


def test_a_silent_camera_keeps_whoever_asks_waiting(camera: Camera, onset: Onset, clock: VirtualClock) -> None:
    onset.time_ns = clock.now_ns()
    with pytest.raises(CameraTimeout):
        SilentCamera(camera, onset).next_frame(timeout_ms=30)
    assert clock.now_ns() == NS_PER_S + 30 * NS_PER_MS


def test_a_broken_camera_says_so(camera: Camera, onset: Onset, clock: VirtualClock) -> None:
    onset.time_ns = clock.now_ns()
    with pytest.raises(CameraError, match="cable"):
        BrokenCamera(camera, onset).next_frame(timeout_ms=30)


def test_a_late_camera_loses_nothing_and_keeps_its_rate(camera: Camera, onset: Onset, clock: VirtualClock) -> None:
    onset.time_ns = NS_PER_S + 2 * PERIOD_NS
    late = LateCamera(camera, onset, delay_ms=400)
    ages_ms = []
    for number, frame in enumerate(frames(late, 20)):
        assert frame.number == number
        ages_ms.append((clock.now_ns() - frame.captured_ns) / NS_PER_MS)
    assert ages_ms == [0, 0, *[400] * 18]
    with pytest.raises(CameraTimeout):
        late.next_frame(timeout_ms=10)


def test_a_bus_that_hangs_holds_up_whoever_writes_to_it(onset: Onset, clock: VirtualClock) -> None:
    wheels = TimelineDrivetrain(clock)
    hanging = HangingDrivetrain(wheels, onset)
    hanging.apply(Command(0.0, 0.5))
    hanging.neutral()
    assert len(wheels.timeline) == 2
    onset.time_ns = clock.now_ns()
    writers = [
        threading.Thread(target=lambda: hanging.apply(Command(0.0, 0.5)), daemon=True),
        threading.Thread(target=hanging.neutral, daemon=True),
    ]
    for writer in writers:
        writer.start()
        writer.join(0.05)
        assert writer.is_alive()
    assert len(wheels.timeline) == 2


def test_a_bus_that_is_broken_says_so_at_every_write(onset: Onset, clock: VirtualClock) -> None:
    wheels = TimelineDrivetrain(clock)
    broken = BrokenDrivetrain(wheels, onset)
    broken.apply(Command(0.0, 0.5))
    onset.time_ns = clock.now_ns()
    for write in (lambda: broken.apply(Command(0.0, 0.5)), broken.neutral, broken.close):
        with pytest.raises(DrivetrainError, match="cable"):
            write()
    assert len(wheels.timeline) == 1


def test_a_part_that_stalls_does_so_once(onset: Onset, clock: VirtualClock) -> None:
    known = Motion(0.0, 0.0)
    ask = StallingMotion(lambda: known, onset, duration_s=2)
    onset.time_ns = clock.now_ns()
    assert ask() is known
    assert clock.now_ns() == 3 * NS_PER_S
    ask()
    assert clock.now_ns() == 3 * NS_PER_S


class Ruler(Sensor):
    """Measures whenever it is asked."""

    def __init__(self, clock: VirtualClock) -> None:
        self.name = "front"
        self.closed = False
        self._clock = clock

    def read(self) -> Reading:
        return Reading({"distance_m": 1.0}, self._clock.now_ns())

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("kind", [FrozenSensor, BrokenSensor])
def test_until_then_a_faulty_sensor_is_the_sensor_and_then_it_measures_nothing(
    kind: type[FrozenSensor | BrokenSensor], onset: Onset, clock: VirtualClock
) -> None:
    ruler = Ruler(clock)
    with kind(ruler, onset) as faulty:
        assert faulty.name == "front"
        last = faulty.read()
        assert last == Reading({"distance_m": 1.0}, NS_PER_S)
        onset.time_ns = clock.now_ns()
        clock.advance_ns(NS_PER_S)
        if kind is FrozenSensor:
            assert faulty.read() is last
        else:
            with pytest.raises(SensorError, match="does not answer"):
                faulty.read()
    assert ruler.closed
