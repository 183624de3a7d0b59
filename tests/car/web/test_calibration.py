"""Calibration through the page: fields, saving, and trying a value out, which goes through the gate or nowhere."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from car.calibration import calibration_fields
from car.config.folder import CarFolder
from car.config.sections import CarConfig, load_config
from car.drive_record import DriveRecord
from car.gate import DriverCommand, GateState, Mode
from car.kinds.ours import CalibrationSection
from car.web.tried_output import HELD_NS, TriedOutput
from hardware.drivetrain import NEUTRAL, Command
from tests.car.web.serving import Served, serving
from tests.frames import make_frame, make_record
from tests.system.browser import Browser
from tests.system.car_process import wait_for

SERVO_ESC = '[drivetrain]\nkind = "servo_esc"   # from the shop\n'


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    config = CarConfig.model_validate({"drivetrain": {"kind": "servo_esc"}, "web": {"port": 8950, "announce": False}})
    with serving(tmp_path / "mycar", config) as served:
        (served.folder.path / "car.toml").write_text(SERVO_ESC)
        yield served


def test_fields_come_with_their_ranges_and_values(served: Served) -> None:
    answer = served.client.get("calibration").json()
    assert answer["calibrated"] is None
    assert [field["name"] for field in answer["fields"]] == [
        field.name for field in calibration_fields(served.folder.config)
    ]
    centre = answer["fields"][0]
    assert (centre["output"], centre["unit"], centre["step"]) == ("steering", "µs", 1.0)
    assert centre["min"] < centre["value"] < centre["max"]


def test_a_simulated_car_has_nothing_to_calibrate(served: Served) -> None:
    (served.folder.path / "car.toml").write_text("")
    assert served.client.get("calibration").json() == {"calibrated": None, "fields": []}


def test_changes_are_saved_with_the_date_and_nothing_else_is_touched(served: Served) -> None:
    answer = served.client.post("calibration", json={"steering_centre_us": 1520, "steering_left_us": 1100.5})
    assert answer.json()["calibrated"] == datetime.now().astimezone().date().isoformat()
    text = (served.folder.path / "car.toml").read_text()
    assert text.startswith(SERVO_ESC)
    calibration = load_config(served.folder.path / "car.toml").calibration
    assert isinstance(calibration, CalibrationSection)
    assert (calibration.steering_centre_us, calibration.steering_left_us) == (1520, 1100.5)


@pytest.mark.parametrize(
    ("status", "options"),
    [
        (409, {"json": {"steering_centre_us": 9000}}),
        (409, {"json": {"steering_centre_us": True}}),
        (409, {"json": {"left_inverted": True}}),
        (409, {"json": {"calibrated": 7}}),
        (422, {"json": {"steering_centre_us": "1500"}}),
        (422, {"json": {"steering_centre_us": None}}),
        (422, {"content": b'{"steering_centre_us": NaN}'}),
        (422, {"content": b'{"steering_centre_us": 1e999}'}),
        (422, {"json": {}}),
        (422, {"json": []}),
        (422, {"json": {str(number): number for number in range(100)}}),
        (422, {}),
    ],
)
def test_what_may_not_be_is_refused_and_nothing_is_written(
    served: Served, status: int, options: dict[str, object]
) -> None:
    served.refused("POST", "calibration", status, **options)
    assert (served.folder.path / "car.toml").read_text() == SERVO_ESC


def test_a_car_toml_with_a_mistake_is_said(served: Served) -> None:
    (served.folder.path / "car.toml").write_text("[camera")
    served.refused("GET", "calibration", 409, "not valid TOML")
    served.refused("POST", "calibration", 409, "not valid TOML", json={"steering_centre_us": 1500})


@pytest.fixture
def tried(tmp_path: Path) -> TriedOutput:
    (tmp_path / "car.toml").write_text(SERVO_ESC)
    return TriedOutput(CarFolder(tmp_path, load_config(tmp_path / "car.toml")))


def test_a_value_is_held_for_a_moment_only(tried: TriedOutput) -> None:
    assert tried.command(0) == NEUTRAL
    tried.try_value("steering_left_us", 1000, 50)
    assert tried.command(50).steering < -0.3
    assert tried.command(50 + HELD_NS) == tried.command(50)
    assert tried.command(51 + HELD_NS) == NEUTRAL


@pytest.mark.parametrize(
    ("name", "value"),
    [("none", 1500), ("steering_left_us", 90_000), ("steering_left_us", True), ("steering_left_us", math.nan)],
)
def test_what_the_car_does_not_have_lets_go_of_what_was_tried(
    tried: TriedOutput, name: str, value: float | bool
) -> None:
    tried.try_value("steering_left_us", 1000, 0)
    tried.try_value(name, value, 0)
    assert tried.command(0) == NEUTRAL


def test_what_is_tried_is_what_the_driver_holds_in_calibration_and_in_no_other_mode(served: Served) -> None:
    held: list[Command] = []

    def publish(record: DriveRecord) -> None:
        served.context.ring.publish(record, None)

    def hear() -> Command:
        held.extend(event.command for event in served.slot.events(0) if isinstance(event, DriverCommand))
        return held[-1] if held else NEUTRAL

    frame = make_frame(0)
    manual = replace(make_record(frame), gate_state=GateState.ARMED, mode=Mode.MANUAL)
    with Browser(served.port) as browser:
        publish(manual)
        wait_for(lambda: browser.state.get("mode") == "manual", "manual mode")
        browser.stick = (0.5, 0.0)
        wait_for(lambda: hear().steering == 0.5, "the stick")
        for _ in range(20):
            browser.say(type="try_output", name="steering_left_us", value=1000)
            browser.sample_now()
            assert hear().steering == 0.5
        publish(replace(manual, mode=Mode.CALIBRATION))
        wait_for(lambda: browser.state.get("mode") == "calibration", "calibration")

        def is_tried() -> bool:
            browser.say(type="try_output", name="steering_left_us", value=1000)
            return hear().steering < -0.3

        wait_for(is_tried, "the value at the wheels")
        wait_for(lambda: hear() == NEUTRAL, "letting go")
        browser.held = False
        for _ in range(20):
            browser.say(type="try_output", name="steering_left_us", value=1000)
            browser.sample_now()
        wait_for(lambda: hear() == NEUTRAL, "letting go")
