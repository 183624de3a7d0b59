"""When a marker that is seen has been passed."""

from __future__ import annotations

from collections.abc import Iterable

from car.laps.passes import PassWatch
from hardware.clock import NS_PER_MS

PERIOD_NS = 33 * NS_PER_MS
AWAY: list[float | None] = [None] * 20
COMING: list[float | None] = [12.0, 14.0, 17.0, 22.0, 30.0]
GOING: list[float | None] = COMING[::-1]


class Car:
    """A car that sees a marker, frame by frame."""

    def __init__(self) -> None:
        self.watch = PassWatch()
        self.frame = 0

    def see(self, sides: Iterable[float | None], throttle: float = 0.3) -> list[int]:
        """Return the frames at which the marker was passed."""
        passes = []
        for side_px in sides:
            self.frame += 1
            passed_ns = self.watch.add(self.frame * PERIOD_NS, side_px, throttle)
            passes += [] if passed_ns is None else [passed_ns // PERIOD_NS]
        return passes


def test_a_marker_seen_in_many_frames_is_passed_once_at_the_last_of_them() -> None:
    assert Car().see([*COMING, *AWAY]) == [5]


def test_blurred_frames_between_do_not_make_two_passes_of_one() -> None:
    assert Car().see([12.0, None, 17.0, None, None, None, 30.0, *AWAY]) == [7]


def test_a_car_that_stands_before_the_marker_passes_it_when_it_drives_on() -> None:
    car = Car()
    assert car.see([12.0, 14.0, 17.0]) == []
    # It stands for 10 s, and now and then the marker is not found.
    assert car.see([*([17.0] * 20), *AWAY] * 9, throttle=0.0) == []
    assert car.see([17.0, 22.0, 30.0, *AWAY]) == [car.frame - len(AWAY)]


def test_a_car_that_is_carried_passes_nothing() -> None:
    assert Car().see([*COMING, *AWAY], throttle=0.0) == []


def test_a_car_that_rolls_past_after_its_last_throttle_passes_it() -> None:
    car = Car()
    car.see(AWAY)
    assert car.see([*COMING, *AWAY], throttle=0.0) == [len(AWAY) + 5]


def test_backwards_is_no_pass_and_neither_is_the_one_that_makes_up_for_it() -> None:
    car = Car()
    assert len(car.see([*COMING, *AWAY])) == 1
    assert car.see([*GOING, *AWAY], throttle=-0.3) == []
    assert car.see([*COMING, *AWAY]) == []
    assert len(car.see([*COMING, *AWAY])) == 1


def test_a_car_that_comes_near_and_backs_away_has_not_passed_and_was_not_behind() -> None:
    car = Car()
    assert car.see(COMING) == []
    assert car.see([*GOING, *AWAY], throttle=-0.3) == []
    assert len(car.see([*COMING, *AWAY])) == 1


def test_one_frame_is_enough_forwards() -> None:
    assert Car().see([20.0, *AWAY]) == [1]
    assert Car().see([20.0, *AWAY], throttle=-0.3) == []
