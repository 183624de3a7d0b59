"""The view in the terminal shows whatever the car is called and whatever keeps it from moving."""

from __future__ import annotations

import io
import math
from dataclasses import replace

import pytest
from rich.console import Console

from car.gate import Ahead, GateState, Mode, TripReason
from car.processes.drive_view import DriveView
from tests.frames import make_frame, make_record


def shown(view: DriveView) -> str:
    """Return what a terminal would show of the view."""
    screen = io.StringIO()
    Console(file=screen, width=120, color_system=None).print(view.panel("lane", "off"))
    return screen.getvalue()


@pytest.mark.parametrize("name", ["[/red]", "[bold]", "[", "évening\\["])
def test_a_car_may_have_any_name(name: str) -> None:
    view = DriveView(name, 30)
    assert name in shown(view)
    view.add(make_record(make_frame(1)))
    assert name in shown(view)


def test_a_throttle_that_waits_for_a_stick_at_neutral_says_what_to_do() -> None:
    view = DriveView("mycar", 30)
    view.add(replace(make_record(make_frame(1)), awaits_neutral=True))
    assert "let go of the throttle, then press it again" in shown(view)
    assert "let go of the throttle" in view.line("lane", "off")


@pytest.mark.parametrize(
    ("mode", "uncertainty", "says"),
    [
        (Mode.AUTO, 0.0, False),
        (Mode.AUTO, 1.0, False),
        (Mode.AUTO, math.nan, False),
        (Mode.AUTO, 1.3, True),
        (Mode.ASSIST, 1.3, False),
    ],
)
def test_a_pilot_that_is_slowed_down_is_shown_to_be(mode: Mode, uncertainty: float, says: bool) -> None:
    view = DriveView("mycar", 30)
    view.add(replace(make_record(make_frame(1)), mode=mode, uncertainty=uncertainty))
    assert ("lane · unsure (1.3)" in shown(view)) is says


def test_a_trip_is_shown_with_its_reason() -> None:
    view = DriveView("mycar", 30)
    view.add(replace(make_record(make_frame(1)), gate_state=GateState.TRIPPED, trip=TripReason.CONTROLS_LOST))
    assert "the controls, which carry every stop, did not answer" in view.line("lane", "off")


def test_what_is_ahead_is_shown_where_a_sensor_says_so() -> None:
    view = DriveView("mycar", 30)
    view.add(make_record(make_frame(1)))
    assert "ahead" not in view.line("lane", "off")
    view.add(replace(make_record(make_frame(2)), ahead=Ahead(0.834)))
    assert "ahead 0.83 m" in view.line("lane", "off")
