"""When a headless drive that may not begin ends, and with which sentence."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from car.config.folder import CarFolder
from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.gate import ArmRefusal, GateState
from car.processes.notify import ServiceNotifier
from car.processes.summary import FIRST_RANGE_NS, DriveOptions, DriveWatch
from hardware.clock import NS_PER_S, VirtualClock
from tests.frames import make_frame, make_record

START_NS = 10 * NS_PER_S
REFUSED = replace(make_record(make_frame(0)), gate_state=GateState.DISARMED, driver=None, captured_ns=START_NS)


def watch(*, headless: bool = True) -> DriveWatch:
    """Return the watch over a drive that nobody ends and nothing goes wrong in."""
    around: Any = SimpleNamespace(
        came=None, wants_to_quit=False, is_gone=False, loop_came_round=lambda: None, stop_waits=lambda: False
    )
    folder = CarFolder(Path(), CarConfig())
    options = DriveOptions(folder, cast(Any, None), headless=headless, laps=None, records=False)
    return DriveWatch(options, around, around, around, ServiceNotifier(VirtualClock()), around)


def refused(refusal: ArmRefusal | None, after_ns: int = 0) -> DriveRecord:
    return replace(REFUSED, refusal=refusal, captured_ns=START_NS + after_ns)


@pytest.mark.parametrize("refusal", [ArmRefusal.OBSTACLE, ArmRefusal.TOO_HOT])
def test_what_a_person_has_to_change_ends_a_headless_start_with_a_sentence(refusal: ArmRefusal) -> None:
    drive = watch()
    assert drive.should_end(refused(refusal))
    sentence, exit_code = drive.outcome(0)
    assert exit_code == 1
    assert sentence.startswith(f"The gate would not arm: {refusal}. ")
    assert not watch(headless=False).should_end(refused(refusal))


def test_something_ahead_at_a_headless_start_is_told_with_the_next_step() -> None:
    drive = watch()
    drive.should_end(refused(ArmRefusal.OBSTACLE))
    assert drive.outcome(0)[0].endswith("right ahead; move it away, or the car. Then start the car again.")


def test_a_range_sensor_has_some_seconds_for_its_first_measurement() -> None:
    drive = watch()
    assert not drive.should_end(refused(ArmRefusal.NO_RANGE))
    assert not drive.should_end(refused(ArmRefusal.NO_RANGE, FIRST_RANGE_NS))
    assert drive.should_end(refused(ArmRefusal.NO_RANGE, FIRST_RANGE_NS + 1))
    sentence, exit_code = drive.outcome(0)
    assert (sentence.split(". ")[0], exit_code) == (
        "The gate would not arm: no fresh measurement from the range sensor",
        1,
    )


def test_the_seconds_for_the_first_measurement_begin_anew_when_something_else_was_in_the_way() -> None:
    drive = watch()
    assert not drive.should_end(refused(ArmRefusal.NO_RANGE))
    assert not drive.should_end(refused(ArmRefusal.NO_FRAME, FIRST_RANGE_NS))
    assert not drive.should_end(refused(ArmRefusal.NO_RANGE, FIRST_RANGE_NS + 1))


def test_a_car_that_was_armed_is_not_ended_for_a_refusal() -> None:
    drive = watch()
    assert not drive.should_end(replace(refused(None), gate_state=GateState.ARMED))
    assert not drive.should_end(refused(ArmRefusal.OBSTACLE))
