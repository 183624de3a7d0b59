"""The check that every camera passes, and what it says of one that does not keep its promises."""

from __future__ import annotations

import numpy as np
import pytest

from hardware.camera import MAX_AGE_MS, Camera, Frame, Image, check_camera
from hardware.cameras.recorded import RecordedCamera
from hardware.clock import NS_PER_MS, Clock, SystemClock, VirtualClock
from hardware.errors import CameraError, CameraTimeout, ContractError
from simulator.track import make_track
from simulator.world import World
from tests.frames import SMALL, make_frame

PERIOD_NS = 50 * NS_PER_MS


def test_a_recorded_camera_passes() -> None:
    clock = VirtualClock()
    check_camera(RecordedCamera(map(make_frame, range(100)), SMALL, clock), clock)


def test_the_simulated_camera_passes_on_virtual_time() -> None:
    clock = VirtualClock()
    check_camera(World(make_track("oval"), clock, geometry=SMALL).camera, clock)


def test_the_simulated_camera_passes_on_real_time() -> None:
    check_camera(World(make_track("oval"), SystemClock(), geometry=SMALL).camera, frames=3)


class GoodCamera(Camera):
    """Twenty frames a second on a virtual clock; each subclass breaks one promise."""

    geometry = SMALL
    rate_hz = 20.0

    def __init__(self, clock: VirtualClock) -> None:
        self.clock: Clock = clock
        self.given = 0
        self.closed = 0

    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        if self.closed:
            raise CameraError("closed")
        now_ns = self.clock.now_ns()
        number = self.first_number(now_ns, max_age_ms)
        due_ns = number * PERIOD_NS
        deadline_ns = now_ns + round(timeout_ms * NS_PER_MS)
        self.clock.sleep_until_ns(min(due_ns, deadline_ns))
        if due_ns > deadline_ns:
            return self.time_out()
        self.given = number
        return Frame(self.image(), self.stamp_ns(due_ns), self.number(number))

    def first_number(self, now_ns: int, max_age_ms: float) -> int:
        oldest_ns = now_ns - round(max_age_ms * NS_PER_MS)
        return max(self.given + 1, -(-oldest_ns // PERIOD_NS))

    def time_out(self) -> Frame:
        raise CameraTimeout("none yet")

    def image(self) -> Image:
        image = np.zeros((SMALL.height, SMALL.width, 3), np.uint8)
        image.flags.writeable = False
        return image

    def stamp_ns(self, due_ns: int) -> int:
        return due_ns

    def number(self, number: int) -> int:
        return number

    def close(self) -> None:
        self.closed += 1


class OverwritesItsFrames(GoodCamera):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(clock)
        self.memory: list[Image] = list(np.zeros((2, SMALL.height, SMALL.width, 3), np.uint8))

    def image(self) -> Image:
        self.memory[self.given % 2][:] = self.given
        view = self.memory[self.given % 2].view()
        view.flags.writeable = False
        return view


class SharesOneArray(OverwritesItsFrames):
    def image(self) -> Image:
        return self.memory[0]


class GivesGrey(GoodCamera):
    def image(self) -> Image:
        return np.zeros((SMALL.height, SMALL.width), np.uint8)


class GivesFloats(GoodCamera):
    def image(self) -> Image:
        return super().image().astype(np.float32)


class CanBeWrittenTo(GoodCamera):
    def image(self) -> Image:
        return super().image().copy()


class CountsNothing(GoodCamera):
    def number(self, number: int) -> int:
        return 0


class StandsStill(GoodCamera):
    def stamp_ns(self, due_ns: int) -> int:
        return 1


class IsAhead(GoodCamera):
    def stamp_ns(self, due_ns: int) -> int:
        return due_ns + NS_PER_MS


class QueuesFrames(GoodCamera):
    def first_number(self, now_ns: int, max_age_ms: float) -> int:
        return self.given + 1


class WaitsForEver(GoodCamera):
    def time_out(self) -> Frame:
        self.clock.sleep_until_ns(self.clock.now_ns() + 1000 * NS_PER_MS)
        raise CameraTimeout("late")


class NeverTimesOut(GoodCamera):
    def time_out(self) -> Frame:
        return self.next_frame(1000)


class NeverCloses(GoodCamera):
    def close(self) -> None:
        pass


class TimesOutWhenClosed(GoodCamera):
    def next_frame(self, timeout_ms: float, max_age_ms: float = MAX_AGE_MS) -> Frame:
        return self.time_out() if self.closed else super().next_frame(timeout_ms, max_age_ms)


def test_a_camera_that_keeps_its_promises_passes_and_is_closed_twice() -> None:
    clock = VirtualClock()
    camera = GoodCamera(clock)
    check_camera(camera, clock)
    assert camera.closed == 2


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (OverwritesItsFrames, "writes to a frame"),
        (SharesOneArray, "can be written to|same memory"),
        (GivesGrey, r"\(24, 32\)"),
        (GivesFloats, "float32"),
        (CanBeWrittenTo, "can be written to"),
        (CountsNothing, "numbers do not increase"),
        (StandsStill, "times do not increase|ms old"),
        (IsAhead, "yet to come"),
        (QueuesFrames, "ms old where 0 ms"),
        (WaitsForEver, "waited 1001 ms"),
        (NeverTimesOut, "without a pause"),
        (NeverCloses, "after it was closed"),
        (TimesOutWhenClosed, "raises CameraTimeout when it is closed"),
    ],
)
def test_a_broken_promise_is_named(kind: type[GoodCamera], words: str) -> None:
    clock = VirtualClock()
    with pytest.raises(ContractError, match=words):
        check_camera(kind(clock), clock)


def test_a_camera_that_fails_the_check_is_closed_all_the_same() -> None:
    clock = VirtualClock()
    camera = GivesGrey(clock)
    with pytest.raises(ContractError):
        check_camera(camera, clock)
    assert camera.closed
