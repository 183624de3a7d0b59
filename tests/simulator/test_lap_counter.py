from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest

from hardware.drivetrain import LapCount, Pose
from simulator.lap_counter import LapCounter
from simulator.track import Track, make_track

OVAL = make_track("oval")
CAR_WIDTH_M = 0.18
EDGE_M = OVAL.half_width_m - 0.5 * CAR_WIDTH_M


def driven(places: Iterable[tuple[float, float]], track: Track = OVAL) -> LapCount:
    """What the counter says after a drive through these pairs of progress and lateral distance."""
    poses = [track.pose_at(progress_m, lateral_m) for progress_m, lateral_m in places]
    counter = LapCounter(track, CAR_WIDTH_M, poses[0])
    for pose in poses[1:]:
        counter.follow(pose)
    return counter.count()


def along(*stops_m: float) -> list[tuple[float, float]]:
    """Drive down the middle from one progress to the next."""
    ways = [np.arange(start, end, np.sign(end - start) * 0.02) for start, end in pairwise(stops_m)]
    return [(progress_m, 0.0) for progress_m in np.concatenate([*ways, [stops_m[-1]]])]


@pytest.mark.parametrize("start_m", [0.0, 4.0])
def test_a_lap_is_a_whole_track_length_from_where_the_car_started(start_m: float) -> None:
    assert driven(along(start_m, start_m + OVAL.length_m - 0.05)).laps == 0
    assert driven(along(start_m, start_m + OVAL.length_m + 0.05)).laps == 1
    assert driven(along(start_m, start_m + 2.0 * OVAL.length_m + 0.05)).laps == 2


def test_crossing_the_line_back_and_forth_is_no_lap() -> None:
    seen = driven(along(0.3, -0.4, 0.4, -0.4, 0.4, -0.4, 0.2))
    assert seen.laps == 0
    assert seen.progress_m == pytest.approx(-0.1, abs=0.01)


def test_a_lap_driven_backwards_does_not_count_and_has_to_be_made_up_for() -> None:
    backwards = along(0.0, -OVAL.length_m - 0.1)
    assert driven(backwards).laps == 0
    assert driven([*backwards, *along(-OVAL.length_m - 0.1, OVAL.length_m - 0.1)]).laps == 0
    assert driven([*backwards, *along(-OVAL.length_m - 0.1, OVAL.length_m + 0.1)]).laps == 1


def test_a_lap_once_driven_is_kept_when_the_car_rolls_back_over_the_line() -> None:
    assert driven(along(0.0, OVAL.length_m + 0.1, OVAL.length_m - 0.5)).laps == 1


def test_cutting_across_the_infield_is_no_way_along_the_track() -> None:
    start, goal = OVAL.pose_at(1.0), OVAL.pose_at(1.0 + 0.5 * OVAL.length_m)
    counter = LapCounter(OVAL, CAR_WIDTH_M, start)
    for share in np.linspace(0.0, 1.0, 600):
        x_m, y_m = start.x_m + share * (goal.x_m - start.x_m), start.y_m + share * (goal.y_m - start.y_m)
        counter.follow(Pose(x_m, y_m, 0.0))
    seen = counter.count()
    assert abs(seen.progress_m) < 3.0
    assert abs(seen.lateral_m) < 0.01
    assert seen.departures == 1


@pytest.mark.parametrize("side", [1.0, -1.0])
def test_a_departure_begins_when_a_wheel_crosses_the_line(side: float) -> None:
    assert driven((1.0, side * lateral_m) for lateral_m in (0.0, EDGE_M - 0.005)).departures == 0
    assert driven((1.0, side * lateral_m) for lateral_m in (0.0, EDGE_M + 0.005)).departures == 1


def test_one_excursion_counts_once_and_the_next_one_again() -> None:
    wobble = [0.0, EDGE_M + 0.01, EDGE_M - 0.01, EDGE_M + 0.01, EDGE_M + 0.2, EDGE_M + 0.01]
    assert driven((1.0, lateral_m) for lateral_m in wobble).departures == 1
    assert driven((1.0, lateral_m) for lateral_m in [*wobble, 0.0, -EDGE_M - 0.01]).departures == 2


def test_a_car_that_is_carried_keeps_its_counts_and_gains_nothing() -> None:
    counter = LapCounter(OVAL, CAR_WIDTH_M, OVAL.pose_at(0.0))
    for progress_m, lateral_m in [*along(0.0, 1.0), (1.0, EDGE_M + 0.01)]:
        counter.follow(OVAL.pose_at(progress_m, lateral_m))
    counter.move(OVAL.pose_at(9.0))
    seen = counter.count()
    assert seen.progress_m == pytest.approx(1.0, abs=0.01)
    assert seen.lateral_m == pytest.approx(0.0, abs=0.001)
    assert seen.departures == 1
    counter.restart(OVAL.pose_at(9.0))
    assert counter.count().departures == 0


def test_being_put_down_outside_is_no_departure_but_leaving_again_is() -> None:
    assert driven([(1.0, 0.6), (1.0, 0.59)]).departures == 0
    assert driven([(1.0, 0.6), (1.0, 0.0), (1.0, 0.6)]).departures == 1


def test_laps_of_a_figure_of_eight_are_counted_over_its_crossing() -> None:
    eight = make_track("figure-eight")
    assert driven(along(0.0, 2.0 * eight.length_m + 0.05), eight).laps == 2
    [crossing] = eight.crossings
    halfway = driven([(0.0, 0.0), *((way_m, 0.35) for way_m, _ in along(0.0, crossing.ways_m[0] + 0.3))], eight)
    assert halfway.progress_m == pytest.approx(crossing.ways_m[0] + 0.3, abs=0.05)
    assert halfway.departures == 1


def test_turning_off_at_a_crossing_is_a_departure_and_no_short_cut() -> None:
    eight = make_track("figure-eight")
    [crossing] = eight.crossings
    counter = LapCounter(eight, CAR_WIDTH_M, eight.pose_at(0.0))
    first_m, second_m = crossing.ways_m
    for way_m, _ in [*along(0.0, first_m), *along(second_m, second_m + 2.0)]:
        counter.follow(eight.pose_at(way_m))
    seen = counter.count()
    assert seen.departures == 1
    assert seen.progress_m < first_m + 2.0
    assert seen.laps == 0
