"""What a timeline says of a promise."""

import math
from collections.abc import Sequence

import pytest

from car.faults.outcome import Outcome, Trial, slowest
from hardware.clock import NS_PER_MS
from hardware.drivetrain import NEUTRAL, Command
from hardware.drivetrains.timeline import Applied

ONSET_MS, END_MS = 1000, 2000
DRIVING = Command(0.1, 0.2)


def trial(*entries: tuple[float, Command]) -> Trial:
    timeline = [Applied(round(time_ms * NS_PER_MS), command) for time_ms, command in ((0, NEUTRAL), *entries)]
    return Trial(timeline, ONSET_MS * NS_PER_MS, END_MS * NS_PER_MS)


def steady(start_ms: int, end_ms: int, command: Command) -> Sequence[tuple[float, Command]]:
    return [(time_ms, command) for time_ms in range(start_ms, end_ms, 25)]


def test_the_first_neutral_that_lasts_is_measured() -> None:
    seen = trial(*steady(500, 1100, DRIVING), *steady(1100, 2000, NEUTRAL))
    assert seen.judge(100) == Outcome(True, neutral_ms=100.0)
    assert seen.judge(99) == Outcome(False, neutral_ms=100.0)
    assert str(seen.judge(100)) == "100 ms"


def test_a_car_that_moves_again_was_not_neutral() -> None:
    again = trial(*steady(500, 1025, DRIVING), *steady(1025, 1500, NEUTRAL), (1500, DRIVING), (1525, NEUTRAL))
    assert again.judge(100) == Outcome(False, neutral_ms=525.0)


@pytest.mark.parametrize("last", [(), ((1999, DRIVING),)])
def test_a_car_that_is_never_told_to_stop_does_not(last: Sequence[tuple[float, Command]]) -> None:
    outcome = trial(*steady(500, 1000, DRIVING), *last).judge(10_000)
    assert (outcome.held, outcome.words) == (False, "never neutral for good")


def test_what_comes_after_one_has_stopped_watching_does_not_count() -> None:
    assert not trial(*steady(500, 2000, DRIVING), (2000, NEUTRAL)).judge(10_000).held


def test_the_steering_may_take_its_time() -> None:
    assert trial(*steady(500, 1000, DRIVING), *steady(1000, 2000, Command(0.3, 0.0))).judge(0).held


def test_a_car_that_stood_already_shows_nothing() -> None:
    seen = trial(*steady(500, 800, DRIVING), *steady(800, 2000, NEUTRAL))
    for allowed_ms in (100, None):
        assert (seen.judge(allowed_ms).held, seen.judge(allowed_ms).is_void) == (False, True)


@pytest.mark.parametrize("wild", [Command(0.0, math.nan), Command(1.1, 0.0)])
def test_no_wheel_is_ever_told_what_is_no_command(wild: Command) -> None:
    seen = trial(*steady(500, 1000, DRIVING), (1000, wild), *steady(1025, 2000, NEUTRAL))
    assert not seen.judge(100).held


def test_the_first_command_ever_is_neutral() -> None:
    seen = trial(*steady(500, 1100, DRIVING), *steady(1100, 2000, NEUTRAL))
    assert not Trial(seen.timeline[1:], seen.onset_ns, seen.end_ns).judge(100).held


def test_driving_on_is_to_be_told_so_all_the_time() -> None:
    assert trial(*steady(500, 2000, DRIVING)).judge(None) == Outcome(True, "drove on")
    assert not trial(*steady(500, 2000, DRIVING), (1500, NEUTRAL)).judge(None).held
    assert not trial(*steady(500, 1700, DRIVING)).judge(None).held


def test_the_slowest_of_several_counts_and_one_that_was_not_held_before_all() -> None:
    fast, slow, late = Outcome(True, neutral_ms=1), Outcome(True, neutral_ms=9), Outcome(False, neutral_ms=5)
    assert slowest([fast, slow]) is slow
    assert slowest([fast, late, slow]) is late
    assert slowest([slow, Outcome(False, "stopped")]).words == "stopped"


def test_a_car_that_has_to_wait_neither_moves_before_nor_stands_for_ever() -> None:
    assert trial(*steady(25, 900, NEUTRAL), *steady(900, 2000, DRIVING)).judge_waiting(1.0) == Outcome(
        True, "stood for 0.9 s"
    )
    assert not trial(*steady(25, 400, NEUTRAL), *steady(400, 2000, DRIVING)).judge_waiting(1.0).held
    assert trial(*steady(25, 2000, NEUTRAL)).judge_waiting(1.0) == Outcome(False, "never moved")
