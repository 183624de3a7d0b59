"""A camera that stops is noticed and opened again; until then it only ever times out."""

from __future__ import annotations

import itertools
import threading

import pytest

from car.drive_loop import DriveLoop, EventSource, LockStepFrames
from car.gate import Arm, ArmRefusal, Checks, DriverCommand, Event, Gate, GateState, Limits, Mode, TripReason
from hardware.camera import MAX_AGE_MS, Camera, Frame, check_camera
from hardware.cameras.restarting import RETRY_MS, STALL_MS, START_MS, RestartingCamera
from hardware.clock import NS_PER_MS, VirtualClock
from hardware.drivetrain import Command
from hardware.drivetrains.timeline import TimelineDrivetrain
from hardware.errors import CameraError, CameraTimeout, EndOfFrames
from tests.frames import SMALL, make_frame

PERIOD_MS = 50
FOR_EVER_MS = 1e9


class Plug:
    """What the test does to the cameras: they stop at ``stops_ms``, by stalling or by an error, and come back later."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.stalls_ms = self.fails_ms = FOR_EVER_MS
        self.back_ms = 0.0
        self.opened_ms: list[float] = []
        self.closed_ms: list[float] = []

    @property
    def now_ms(self) -> float:
        return self.clock.now_ns() / NS_PER_MS

    def open_camera(self) -> Camera:
        if self.now_ms < self.back_ms:
            raise CameraError("not there")
        self.opened_ms.append(self.now_ms)
        return FragileCamera(self)


class FragileCamera(Camera):
    """Twenty frames a second, numbered from 0 since it was opened; only the first one opened ever stops."""

    geometry = SMALL
    rate_hz = 1000 / PERIOD_MS

    def __init__(self, plug: Plug) -> None:
        self.plug = plug
        self.closed = False
        self.first_ms = plug.now_ms
        self.number = -1
        self.ends_ms = (plug.stalls_ms, plug.fails_ms) if len(plug.opened_ms) == 1 else (FOR_EVER_MS, FOR_EVER_MS)

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        if self.closed:
            raise CameraError("closed")
        now_ms = self.plug.now_ms
        stalls_ms, fails_ms = self.ends_ms
        number = max(self.number + 1, -int(-(now_ms - max_age_ms - self.first_ms) // PERIOD_MS))
        due_ms = self.first_ms + number * PERIOD_MS
        if fails_ms <= max(now_ms, due_ms) and fails_ms <= now_ms + timeout_ms:
            self._sleep_until(fails_ms)
            raise CameraError("unplugged")
        if due_ms > now_ms + timeout_ms or due_ms > stalls_ms:
            self._sleep_until(now_ms + timeout_ms)
            raise CameraTimeout("none yet")
        self._sleep_until(due_ms)
        self.number = number
        return Frame(make_frame(number).image, round(due_ms * NS_PER_MS), number)

    def _sleep_until(self, time_ms: float) -> None:
        self.plug.clock.sleep_until_ns(round(time_ms * NS_PER_MS))

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self.plug.closed_ms.append(self.plug.now_ms)


@pytest.fixture
def plug() -> Plug:
    return Plug(VirtualClock())


def take(camera: Camera, frames: int, timeout_ms: float = 25.0) -> list[Frame]:
    """Take so many frames, asking again and again as the drive loop does."""
    taken: list[Frame] = []
    while len(taken) < frames:
        try:
            taken.append(camera.next_frame(timeout_ms))
        except CameraTimeout:
            continue
    return taken


def test_a_restarting_camera_passes_the_check_of_every_camera(plug: Plug) -> None:
    check_camera(RestartingCamera(plug.open_camera, plug.clock), plug.clock)


@pytest.mark.parametrize("timeout_ms", [25.0, 1000.0])
def test_a_stall_is_noticed_within_150_ms_and_the_camera_opened_again(plug: Plug, timeout_ms: float) -> None:
    plug.stalls_ms = 200
    camera = RestartingCamera(plug.open_camera, plug.clock)
    frames = take(camera, 10, timeout_ms)
    (noticed_ms,) = plug.closed_ms
    assert noticed_ms == 200 + STALL_MS < 200 + 150
    assert plug.opened_ms == [0, noticed_ms]
    assert camera.restarts == 1
    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4, *range(7, 12)]
    assert all(later.captured_ns > earlier.captured_ns for earlier, later in itertools.pairwise(frames))


def test_an_unplugged_camera_is_tried_until_it_is_back(plug: Plug) -> None:
    plug.fails_ms, plug.back_ms = 220, 0
    camera = RestartingCamera(plug.open_camera, plug.clock)
    take(camera, 5)
    plug.back_ms = 3000
    (frame,) = take(camera, 1)
    assert frame.captured_ns >= 3000 * NS_PER_MS
    assert plug.opened_ms[1] <= 3000 + RETRY_MS
    assert plug.closed_ms == [220]
    assert camera.restarts == 1


def test_what_a_camera_still_had_from_before_the_restart_is_left_out(plug: Plug) -> None:
    class Late(FragileCamera):
        def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
            frame = super().next_frame(timeout_ms, max_age_ms)
            return Frame(frame.image, frame.captured_ns - 300 * NS_PER_MS, frame.number)

    def open_camera() -> Camera:
        camera = plug.open_camera()
        return camera if len(plug.opened_ms) == 1 else Late(plug)

    plug.fails_ms = 420
    camera = RestartingCamera(open_camera, plug.clock)
    frames = take(camera, 12)
    assert camera.restarts == 1
    assert all(later.captured_ns > earlier.captured_ns for earlier, later in itertools.pairwise(frames))
    assert all(later.number > earlier.number for earlier, later in itertools.pairwise(frames))


def test_while_the_camera_is_away_a_timeout_comes_in_time(plug: Plug) -> None:
    plug.fails_ms = 220
    camera = RestartingCamera(plug.open_camera, plug.clock)
    take(camera, 5)
    plug.back_ms = FOR_EVER_MS
    asked_ms = plug.now_ms
    with pytest.raises(CameraTimeout):
        camera.next_frame(timeout_ms=100)
    assert plug.now_ms == asked_ms + 100


def test_a_camera_that_is_slow_to_start_is_given_time(plug: Plug) -> None:
    plug.stalls_ms = -1
    camera = RestartingCamera(plug.open_camera, plug.clock)
    take(camera, 1)
    assert plug.closed_ms == [START_MS]


def test_nobody_asking_is_no_stall(plug: Plug) -> None:
    camera = RestartingCamera(plug.open_camera, plug.clock)
    take(camera, 3)
    plug.clock.advance_ns(5000 * NS_PER_MS)
    take(camera, 1)
    assert camera.restarts == 0


def test_a_camera_that_is_not_there_at_the_start_is_the_caller_s_to_hear_of(plug: Plug) -> None:
    plug.back_ms = 1
    with pytest.raises(CameraError, match="not there"):
        RestartingCamera(plug.open_camera, plug.clock)


def test_the_end_of_a_recording_is_no_failure() -> None:
    class Ended(FragileCamera):
        def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
            raise EndOfFrames("played")

    plug = Plug(VirtualClock())
    camera = RestartingCamera(lambda: Ended(plug), plug.clock)
    with pytest.raises(EndOfFrames):
        camera.next_frame(timeout_ms=100)


def test_closing_while_it_is_being_opened_again_leaves_nothing_open(plug: Plug) -> None:
    plug.fails_ms = 0
    opening, may_open = threading.Event(), threading.Event()
    cameras: list[Camera] = []

    def open_camera() -> Camera:
        if cameras:
            opening.set()
            may_open.wait()
        cameras.append(plug.open_camera())
        return cameras[-1]

    camera = RestartingCamera(open_camera, plug.clock)
    errors: list[CameraError] = []

    def use() -> None:
        try:
            camera.next_frame(timeout_ms=1000)
        except CameraError as error:
            errors.append(error)

    user = threading.Thread(target=use)
    user.start()
    opening.wait()
    camera.close()
    may_open.set()
    user.join()
    assert len(plug.closed_ms) == len(cameras) == 2
    assert not isinstance(errors[0], CameraTimeout)


class Person(EventSource):
    """Holds a little throttle, arms when told to, and lets go first, as the gate wants it."""

    def __init__(self) -> None:
        self.wants_to_arm = True
        self.throttle = 0.0

    def events(self, now_ns: int) -> list[Event]:
        events: list[Event] = [Checks(), DriverCommand(Command(0.0, self.throttle), now_ns)]
        if self.wants_to_arm:
            events.append(Arm(Mode.MANUAL))
            self.wants_to_arm = False
        return events


def test_frames_stop_the_gate_trips_the_camera_comes_back_and_a_person_arms_again(plug: Plug) -> None:
    plug.stalls_ms = 400
    camera = RestartingCamera(plug.open_camera, plug.clock)
    gate, drivetrain, person = Gate(), TimelineDrivetrain(plug.clock), Person()
    loop = DriveLoop(LockStepFrames(camera), None, gate, drivetrain, plug.clock, sources=[person])

    def run_until(time_ms: float) -> GateState:
        while plug.now_ms < time_ms:
            record = loop.step()
        return record.gate_state

    run_until(50)
    person.wants_to_arm = True
    run_until(100)
    person.throttle = 0.2
    assert run_until(400) is GateState.ARMED
    assert drivetrain.timeline[-1].command.throttle == 0.2
    plug.back_ms = 1500
    assert run_until(600) is GateState.TRIPPED
    assert gate.trip is TripReason.STALE_FRAME
    still = [entry.time_ns for entry in drivetrain.timeline if entry.command.throttle > 0]
    assert still[-1] <= 400 * NS_PER_MS + Limits().frame_fresh_ns
    person.throttle, person.wants_to_arm = 0.0, True
    run_until(700)
    assert gate.refusal is ArmRefusal.NO_FRAME
    assert run_until(2000) is GateState.TRIPPED  # a camera that is back moves nothing
    assert camera.restarts == 1
    person.wants_to_arm = True
    run_until(2100)
    person.throttle = 0.2
    assert run_until(2300) is GateState.ARMED
    assert drivetrain.timeline[-1].command.throttle == 0.2


def test_what_is_fresh_means_the_same_to_the_camera_and_to_the_gate() -> None:
    assert Limits().frame_fresh_ns == MAX_AGE_MS * NS_PER_MS
