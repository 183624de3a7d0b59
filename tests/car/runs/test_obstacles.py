"""A box in the lane, at the autopilot's cap: a car that looks ahead never touches it, and one that does not does."""

from __future__ import annotations

import pytest

from car.drive_record import DriveRecord
from car.gate import GateState, TripReason
from car.runs.simulation import Goal, run_simulation
from simulator.scenario import Scenario
from tests.benchmarks.obstacles import CONFIG, drive_at_a_box

WITHOUT = CONFIG.model_copy(update={"obstacle": None})
IN_A_TIGHT_BEND = 38


@pytest.mark.parametrize("number", [0, 1, 2, 3, IN_A_TIGHT_BEND])
def test_a_box_in_the_lane_stops_the_car_before_it_is_touched(number: int) -> None:
    trial = drive_at_a_box(number)
    assert not trial.touched
    assert trial.trip is TripReason.OBSTACLE
    assert trial.left_m > 0.1


def test_without_its_sensors_the_same_car_runs_into_the_same_box() -> None:
    assert drive_at_a_box(0, WITHOUT).touched


def test_pilots_are_compared_without_range_sensors_unless_somebody_asks_for_them() -> None:
    for looks_ahead in (False, True):
        records: list[DriveRecord] = []
        run_simulation(
            CONFIG,
            Scenario("oval"),
            Goal(seconds=0.5),
            observer=lambda record, _, records=records: records.append(record),  # type: ignore[misc]
            looks_ahead=looks_ahead,
        )
        assert (records[-1].ahead is not None) is looks_ahead
        assert records[-1].gate_state is GateState.ARMED
