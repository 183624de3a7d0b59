"""The gate hears when a pilot comes to a car that had none."""

from __future__ import annotations

from car.gate import PilotChanged
from car.kinds.pilot import Pilot, PilotAnswer
from car.pilots.absent import AbsentPilot
from car.pilots.active import ActivePilot
from car.processes.pilot_watch import PilotWatch
from hardware.camera import Frame
from hardware.drivetrain import NEUTRAL
from tests.frames import make_frame


class Straight(Pilot):
    name = "straight"

    def drive(self, frame: Frame) -> PilotAnswer:
        return PilotAnswer(NEUTRAL)

    def close(self) -> None:
        pass


def test_the_gate_hears_of_a_pilot_that_is_absent_and_of_the_one_that_takes_its_place() -> None:
    pilot = ActivePilot(AbsentPilot("None fits."))
    watch = PilotWatch(pilot)
    assert list(watch.events(0)) == [PilotChanged(is_there=False)]
    assert list(watch.events(1)) == []
    pilot.activate(Straight())
    assert list(watch.events(2)) == [PilotChanged(is_there=True)]


def test_of_a_pilot_that_is_there_from_the_start_nothing_is_said() -> None:
    assert list(PilotWatch(ActivePilot(Straight())).events(0)) == []


def test_an_absent_pilot_asks_for_nothing() -> None:
    assert AbsentPilot("None fits.").drive(make_frame(1)).command == NEUTRAL
