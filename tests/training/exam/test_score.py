"""Points follow from how a drive went: better driving is never worth less, and the expert's is worth everything."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.exam.drive import Drive
from training.exam.score import Score, exam_score, level_score, points_of

EXPERT = Drive(
    way_m=20.0,
    time_s=20.0,
    laps=1,
    departures=0,
    collisions=0,
    cross_track_m=0.02,
    cross_track_95_m=0.05,
    jerk_per_s=0.5,
    recovery_s=1.0,
    trip="",
)
drives = st.builds(
    Drive,
    way_m=st.floats(0.0, 20.1),
    time_s=st.floats(1.0, 40.0),
    laps=st.just(0),
    departures=st.integers(0, 10),
    collisions=st.just(0),
    cross_track_m=st.floats(0.0, 0.5),
    cross_track_95_m=st.just(0.5),
    jerk_per_s=st.floats(0.0, 10.0),
    recovery_s=st.floats(0.0, 9.0) | st.just(math.inf),
    trip=st.just(""),
)


def test_the_experts_own_drive_is_worth_everything() -> None:
    assert points_of(EXPERT, EXPERT) == 100.0


@given(drives, st.integers(0, 5), st.floats(0.0, 0.3), st.floats(0.0, 5.0), st.floats(0.0, 5.0), st.floats(0.0, 20.0))
def test_worse_driving_is_never_worth_more(
    drive: Drive, departures: int, offset_m: float, jerk_per_s: float, later_s: float, slower_s: float
) -> None:
    points = points_of(drive, EXPERT)
    assert 0.0 <= points <= 100.0
    recovery_s = 0.0 if drive.recovery_s is None else drive.recovery_s
    for worse in (
        replace(drive, departures=drive.departures + departures),
        replace(drive, cross_track_m=drive.cross_track_m + offset_m),
        replace(drive, jerk_per_s=drive.jerk_per_s + jerk_per_s),
        replace(drive, recovery_s=recovery_s + later_s),
        replace(drive, time_s=drive.time_s + slower_s),
        replace(drive, way_m=0.5 * drive.way_m, time_s=drive.time_s),
    ):
        assert points_of(worse, EXPERT) <= points + 1e-9


def test_each_part_of_driving_counts() -> None:
    worse = {
        "departures": 1,
        "cross_track_m": 0.15,
        "jerk_per_s": 3.0,
        "recovery_s": math.inf,
        "time_s": 35.0,
        "way_m": 10.0,
    }
    for part, value in worse.items():
        assert points_of(replace(EXPERT, **{part: value}), EXPERT) < 95.0, part  # type: ignore[arg-type]


def test_a_departure_a_lap_costs_half() -> None:
    assert points_of(replace(EXPERT, departures=1), EXPERT) == pytest.approx(50.0)
    assert points_of(replace(EXPERT, departures=2), EXPERT) == pytest.approx(25.0)


def test_a_car_that_got_nowhere_has_no_points() -> None:
    assert points_of(replace(EXPERT, way_m=0.0, departures=0), EXPERT) == 0.0


def test_an_expert_that_hardly_steers_or_does_not_recover_is_no_trap() -> None:
    straight = replace(EXPERT, jerk_per_s=0.0, recovery_s=math.inf)
    assert points_of(replace(straight, jerk_per_s=0.2), straight) == 100.0


def test_the_interval_holds_the_score_and_is_the_same_each_time() -> None:
    points = [100.0, 90.0, 0.0, 80.0, 97.0]
    score = level_score(points)
    assert score == level_score(points)
    assert score.points == pytest.approx(73.4)
    assert 0.0 <= score.low < score.points < score.high <= 100.0
    assert level_score([50.0] * 4) == Score(50.0, 50.0, 50.0)


def test_every_level_counts_the_same_however_many_drives_it_has() -> None:
    assert exam_score({"home": [100.0, 100.0, 100.0], "race": [0.0]}).points == 50.0
