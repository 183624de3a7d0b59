"""What the page is told of the drive: by its own names, in words, and never what JSON cannot say."""

from __future__ import annotations

import json
import math
import multiprocessing
from dataclasses import replace
from typing import Any

from car.drive_record import DriveRecord
from car.gate import Ahead, ArmRefusal, GateState, Mode, TripReason
from car.link.ring import CycleRing
from car.web.live import LiveDrive
from hardware.clock import NS_PER_S, VirtualClock
from hardware.drivetrain import Command, LapCount, Motion, Pose
from tests.frames import SMALL, make_frame, make_record

RECORD = replace(
    make_record(make_frame(7)),
    mode=Mode.AUTO,
    gate_state=GateState.TRIPPED,
    trip=TripReason.LINK_LOST,
    refusal=ArmRefusal.NO_DRIVER,
    pilot=Command(-0.25, 0.123456),
    applied=Command(0.5, 0.25),
    motion=Motion(1.5, 12.5),
    lap_count=LapCount(2, 33.5, -0.02, 1),
    pose=Pose(1.25, -2.0, 0.5),
    uncertainty=1.25,
    ahead=Ahead(0.81234),
)


def state_after(*records: DriveRecord) -> dict[str, Any]:
    ring = CycleRing(multiprocessing.get_context("spawn"), SMALL, 20.0)
    live = LiveDrive(ring, 20.0, VirtualClock())
    for record in records:
        ring.publish(record, None)
    live.update()
    state: dict[str, Any] = json.loads(json.dumps(live.state(), allow_nan=False))
    return state


def test_the_page_is_told_by_the_names_and_words_it_knows() -> None:
    assert state_after(RECORD) == {
        "frame": 7,
        "mode": "auto",
        "gate": "tripped",
        "trip": "the link to the driver was lost",
        "refusal": "no live link to a driver",
        "pilot": {"steering": -0.25, "throttle": 0.1235},
        "steering": 0.5,
        "throttle": 0.25,
        "motion": {"speed_m_s": 1.5, "distance_m": 12.5},
        "lap_count": {"laps": 2, "progress_m": 33.5, "lateral_m": -0.02, "departures": 1},
        "odometry": {
            "speed_m_s": 1.5,
            "laps": 2,
            "departures": 1,
            "lap_s": None,
            "last_lap_s": None,
            "best_lap_s": None,
            "may_be_two": False,
        },
        "awaits_neutral": False,
        "uncertainty": 1.25,
        "ahead": {"distance_m": 0.8123},
        "pose": {"x_m": 1.25, "y_m": -2.0, "heading_rad": 0.5},
        "frame_rate_hz": 0.0,
        "latency_ms": None,
    }


def test_a_gate_with_nothing_to_say_is_empty_words_before_the_first_cycle_and_after_it() -> None:
    quiet = replace(RECORD, trip=None, refusal=None)
    for state in (state_after(), state_after(quiet)):
        assert (state["trip"], state["refusal"]) == ("", "")


def test_a_car_that_knows_its_motion_alone_has_no_laps_to_show() -> None:
    state = state_after(replace(RECORD, lap_count=None, pose=None))
    assert (state["motion"]["distance_m"], state["lap_count"], state["odometry"]) == (12.5, None, None)
    assert state["pose"] is None


def test_a_pilot_gone_mad_leaves_the_page_readable() -> None:
    assert state_after(replace(RECORD, pilot=Command(math.nan, 0.0)))["pilot"] is None
    assert state_after(replace(RECORD, pilot=Command(0.5, math.nan)))["pilot"] == {"steering": 0.5, "throttle": None}


def test_a_car_whose_laps_are_timed_by_a_marker_has_the_same_fields() -> None:
    posted: dict[str, Any] = {
        "laps": 2,
        "begun_ns": RECORD.captured_ns - NS_PER_S,
        "last_s": 20.0,
        "best_s": 9.5,
        "may_be_two": True,
    }
    ring = CycleRing(multiprocessing.get_context("spawn"), SMALL, 20.0)
    live = LiveDrive(ring, 20.0, VirtualClock(), posted=lambda: posted)
    ring.publish(replace(RECORD, lap_count=None), None)
    live.update()
    assert live.state()["odometry"] == {
        "speed_m_s": 1.5,
        "laps": 2,
        "departures": None,
        "lap_s": 1.0,
        "last_lap_s": 20.0,
        "best_lap_s": 9.5,
        "may_be_two": True,
    }
    posted["begun_ns"] = None
    assert live.state()["odometry"] is None
