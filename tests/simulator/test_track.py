from __future__ import annotations

import math
from functools import cache
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.drivetrain import Pose
from hardware.errors import TrackError
from simulator import curves
from simulator.curves import centre_line, clearance_m, nearest_parts, rounded
from simulator.track import Style, Track, make_track, track_names

RANDOM_NAMES = tuple(f"random-{seed}" for seed in range(12))
BEAN = make_track("bean")

cached = cache(make_track)


@pytest.fixture(params=[*track_names(), *RANDOM_NAMES])
def track(request: pytest.FixtureRequest) -> Track:
    return cached(request.param)


SIXTEENTH_TURNS_ON_M = 0.36
OF_OTHER_SIZES = ("warehouse", "home")


def test_tracks_can_be_driven_and_most_fit_a_room(track: Track) -> None:
    tightest_m = 1.0 / float(np.abs(track.curvature_per_m).max())
    assert tightest_m > max(1.4 * SIXTEENTH_TURNS_ON_M, track.half_width_m + 0.04)
    if track.name not in OF_OTHER_SIZES:
        assert 12.0 <= track.length_m <= 25.0
        assert tightest_m >= 0.8
    steps_m = np.hypot(*(np.roll(track.points_m, -1, axis=0) - track.points_m).T)
    assert steps_m == pytest.approx(np.full(len(steps_m), track.step_m), rel=0.01)


def test_lanes_overlap_nowhere_but_at_the_crossing_of_the_eight(track: Track) -> None:
    reach_m = 2.0 * track.half_width_m + 0.08
    apart_m, _ = nearest_parts(track.points_m, math.pi * track.half_width_m, track.crossings, reach_m)
    assert apart_m > 2.0 * track.half_width_m + 0.076
    assert len(track.crossings) == (1 if track.name == "figure-eight" else 0)


@pytest.mark.parametrize(
    ("name", "long_m", "wide_m"),
    [("home", 3.5, 2.5), ("deepracer", 7.9, 5.2), ("warehouse", 15.05, 10.05), ("arena", 6.65, 4.65)],
)
def test_a_layout_keeps_to_the_size_that_is_told_of_it(name: str, long_m: float, wide_m: float) -> None:
    track = cached(name)
    size_m = np.ptp(track.points_m, axis=0) + 2.0 * track.half_width_m
    assert size_m[0] <= long_m
    assert size_m[1] <= wide_m
    assert name != "deepracer" or track.length_m == pytest.approx(17.6, abs=0.05)


def test_a_curve_that_crosses_itself_has_no_clearance() -> None:
    angle = np.linspace(0.0, 2.0 * np.pi, 2000, endpoint=False)
    eight = np.column_stack([2.0 * np.sin(angle), 2.0 * np.sin(2.0 * angle)])
    assert clearance_m(eight) < 0.1


WAIST = [(0, 0), (2, 0), (3, 1.2), (5, 1.2), (6, 0), (8, 0), (8, 3), (6, 3), (5, 1.8), (3, 1.8), (2, 3), (0, 3)]
EIGHT = [(0, 0), (2, 0), (5, 3), (7, 3), (7, 0), (5, 0), (2, 3), (0, 3)]
TOO_SMALL = [(0, 0), (3, 0), (3, 2), (0, 2)]
TOO_LONG = [(0, 0), (10, 0), (10, 6), (0, 6)]


@pytest.mark.parametrize("corners_m", [WAIST, EIGHT, TOO_SMALL, TOO_LONG])
def test_a_shape_that_cannot_be_driven_is_refused(corners_m: list[tuple[float, float]]) -> None:
    with pytest.raises(TrackError, match=r"12 to 25 m long.*corners"):
        centre_line(np.array(corners_m, dtype=np.float64))


def test_tracks_start_on_a_straight(track: Track) -> None:
    around_start = track.curvature_per_m.take(range(-15, 16), mode="wrap")
    assert np.abs(around_start).max() < 0.5


@pytest.mark.parametrize("name", RANDOM_NAMES)
def test_random_tracks_turn_both_ways(name: str) -> None:
    curvature_per_m = cached(name).curvature_per_m
    assert curvature_per_m.min() < -0.1
    assert curvature_per_m.max() > 0.1


def test_random_tracks_are_the_same_each_time_and_differ_by_seed() -> None:
    assert np.array_equal(make_track("random-3").points_m, cached("random-3").points_m)
    assert not np.array_equal(cached("random-3").points_m[:500], cached("random-4").points_m[:500])


@given(seed=st.integers(0, 999_999_999))
@settings(max_examples=12, deadline=None)
def test_any_seed_is_a_lane_that_keeps_the_limits(seed: int) -> None:
    track = make_track(f"random-{seed}")
    assert curves.MIN_LENGTH_M <= track.length_m <= curves.MAX_LENGTH_M
    assert np.abs(track.curvature_per_m).max() * curves.MIN_RADIUS_M <= 1.0
    assert clearance_m(track.points_m) >= curves.MIN_CLEARANCE_M
    assert track.crossings == ()
    assert np.ptp(track.points_m, axis=0).max() < 12.0


def test_random_tracks_go_round_in_both_directions_and_come_in_both_styles() -> None:
    tracks = [cached(name) for name in RANDOM_NAMES]
    assert {math.copysign(1.0, float(track.curvature_per_m.sum())) for track in tracks} == {-1.0, 1.0}
    assert {track.style for track in tracks} == {"robocars", "tape"}


def test_the_style_can_be_chosen() -> None:
    assert make_track("oval").style == "robocars"
    assert make_track("oval", style="tape").style == "tape"


@pytest.mark.parametrize("name", ["", "Oval", "random", "random-", "random--1", "random-x", "random-1\n"])
def test_an_unknown_track_is_refused_with_what_is_allowed(name: str) -> None:
    with pytest.raises(TrackError, match=r"oval.*random-<seed>.*Choose"):
        make_track(name)


def test_an_unknown_style_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(TrackError, match="robocars, tape"):
        make_track("oval", style="gravel")  # type: ignore[arg-type]


@pytest.mark.parametrize("style", get_args(Style))
def test_every_style_suits_any_track_but_walls_one_that_crosses_itself(style: Style) -> None:
    assert make_track("random-3", style).style == style
    if style == "walls":
        with pytest.raises(TrackError, match="figure-eight crosses itself"):
            make_track("figure-eight", style)
    else:
        assert make_track("figure-eight", style).style == style


def test_arcs_that_do_not_fit_between_their_corners_are_refused() -> None:
    square = np.array([(0, 0), (2, 0), (2, 2), (0, 2)], dtype=np.float64)
    assert np.abs(rounded(square, np.full(4, 0.8))).max() < 1.01
    with pytest.raises(ValueError, match="smaller radii"):
        rounded(square, np.full(4, 1.1))


EIGHT_TRACK = make_track("figure-eight")
[CROSSING] = EIGHT_TRACK.crossings


@pytest.mark.parametrize("way_m", CROSSING.ways_m)
@given(
    ahead_m=st.floats(-1.0, 1.0),
    lateral_m=st.floats(-0.39, 0.39),
    heading_error_rad=st.floats(-0.7, 0.7),
)
@settings(max_examples=100, deadline=None)
def test_at_a_crossing_a_car_is_on_the_way_that_it_heads_along(
    way_m: float, ahead_m: float, lateral_m: float, heading_error_rad: float
) -> None:
    pose = EIGHT_TRACK.pose_at(way_m + ahead_m, lateral_m, heading_error_rad)
    seen = EIGHT_TRACK.project(pose)
    assert abs(math.remainder(seen.progress_m - way_m - ahead_m, EIGHT_TRACK.length_m)) < 0.01
    assert seen.lateral_m == pytest.approx(lateral_m, abs=0.005)


@given(
    progress_m=st.floats(0.0, BEAN.length_m),
    lateral_m=st.floats(-0.5, 0.5),
    heading_error_rad=st.floats(-3.0, 3.0),
)
@settings(max_examples=300, deadline=None)
def test_a_projection_gives_back_what_the_pose_was_made_of(
    progress_m: float, lateral_m: float, heading_error_rad: float
) -> None:
    seen = BEAN.project(BEAN.pose_at(progress_m, lateral_m, heading_error_rad))
    off_m = math.remainder(seen.progress_m - progress_m, BEAN.length_m)
    assert abs(off_m) < 0.003
    assert seen.lateral_m == pytest.approx(lateral_m, abs=0.001)
    assert seen.heading_error_rad == pytest.approx(heading_error_rad, abs=0.01)
    assert 0.0 <= seen.progress_m <= BEAN.length_m


@given(st.lists(st.floats(-0.1, 0.1), min_size=1, max_size=60), st.floats(-0.4, 0.4))
@settings(max_examples=60, deadline=None)
def test_a_walk_along_the_track_finds_what_a_search_of_all_points_finds(moves_m: list[float], lateral_m: float) -> None:
    progress_m, near = 0.0, 0
    for move_m in moves_m:
        progress_m += move_m
        pose = BEAN.pose_at(progress_m, lateral_m)
        walked = BEAN.project(pose, near)
        assert walked == BEAN.project(pose)
        near = walked.nearest


@pytest.mark.parametrize("heading_rad", [0.0, 0.5, 1.6, 3.0, -2.0])
def test_lateral_and_heading_error_are_positive_to_the_right(heading_rad: float) -> None:
    track = make_track("oval")
    index = int(np.abs(np.angle(np.exp(1j * (track.heading_rad - heading_rad)))).argmin())
    x_m, y_m = track.points_m[index]
    right = Pose(x_m + 0.2 * math.sin(heading_rad), y_m - 0.2 * math.cos(heading_rad), heading_rad - 0.3)
    seen = track.project(right)
    assert seen.lateral_m == pytest.approx(0.2, abs=0.005)
    assert seen.heading_error_rad == pytest.approx(0.3, abs=0.02)


def test_curvature_is_positive_to_the_left() -> None:
    oval = make_track("oval")
    index = int(oval.curvature_per_m.argmax())
    before, after = oval.points_m[index - 20], oval.points_m[(index + 20) % len(oval.points_m)]
    ahead, turned = oval.points_m[index] - before, after - oval.points_m[index]
    assert ahead[0] * turned[1] - ahead[1] * turned[0] > 0.0
    assert oval.curvature_per_m.sum() * oval.step_m == pytest.approx(2.0 * math.pi)
