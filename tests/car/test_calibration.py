"""What there is to calibrate, how a value is tried, and how it is saved."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pytest

from car.calibration import (
    CalibrationSwitch,
    CurrentCalibration,
    calibration_fields,
    field_command,
    full_scale_calibration,
    save_calibration,
)
from car.config.sections import CarConfig, load_config
from car.errors import ConfigError
from car.gate import Arm, Disarm, DriverCommand, Event, FrameArrived, Gate, Mode
from car.kinds.calibration import Calibration, Value
from car.kinds.ours import DRIVETRAINS, CalibrationSection
from car.kinds.servo_esc import steering_command, throttle_command
from hardware.clock import NS_PER_MS
from hardware.drivetrain import NEUTRAL, Command

SERVO_ESC = '# Mine.\n[drivetrain]\nkind = "servo_esc"   # from the shop\n'


def config(kind: str, **drivetrain: str) -> CarConfig:
    return CarConfig.model_validate({"drivetrain": {"kind": kind, **drivetrain}})


def names(config: CarConfig) -> list[str]:
    return [field.name for field in calibration_fields(config)]


def test_each_drivetrain_has_the_values_that_it_needs() -> None:
    assert names(config("simulated")) == []
    assert names(config("differential")) == ["left_inverted", "right_inverted", "motor_start"]
    servo_esc = names(config("servo_esc"))
    assert servo_esc[:3] == ["steering_centre_us", "steering_left_us", "steering_right_us"]
    assert servo_esc[3:] == ["neutral_us", "forward_start_us", "forward_max_us", "reverse_start_us", "reverse_max_us"]
    assert names(config("servo_esc", reverse="none"))[-1] == "forward_max_us"


def test_every_value_of_the_calibration_can_be_calibrated_on_some_car() -> None:
    known = {*names(config("servo_esc")), *names(config("differential"))}
    assert known == CalibrationSection.model_fields.keys() - {"calibrated"}


def test_every_value_may_have_each_number_of_its_range() -> None:
    for kind in ("servo_esc", "differential"):
        for field in calibration_fields(config(kind)):
            if not isinstance(field.value, bool):
                assert field.minimum <= field.value <= field.maximum


@pytest.mark.parametrize("pulse_us", [500.0, 900.0, 1480.0, 1530.0, 2100.0, 2500.0])
def test_a_steering_pulse_that_is_tried_is_the_pulse_that_is_sent(pulse_us: float) -> None:
    scale = full_scale_calibration(CalibrationSection(steering_centre_us=1530))
    command = steering_command(scale, pulse_us)
    assert command.is_valid()
    assert command.throttle == 0
    assert scale.servo.pulse_us(command.steering) == pytest.approx(pulse_us)


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("pulse_us", [1430.0, 1500.0, 1520.0, 1560.0, 1610.0])
def test_a_throttle_pulse_that_is_tried_is_the_pulse_that_is_sent(pulse_us: float, inverted: bool) -> None:
    pulses = {"forward_start_us": 1520, "forward_max_us": 2000, "reverse_start_us": 1520, "reverse_max_us": 1000}
    calibration = CalibrationSection.model_validate({"neutral_us": 1520, **pulses})
    if inverted:
        values: dict[str, Value] = {"neutral_us": 1520.0, **pulses}
        calibration = CalibrationSection.model_validate(
            {**values, **DRIVETRAINS.find("servo_esc").inverted("throttle", values)}
        )
    scale = full_scale_calibration(calibration)
    command = throttle_command(scale, pulse_us)
    assert command.steering == 0
    assert abs(command.throttle) <= 0.2
    assert scale.esc.pulse_us(command.throttle) == pytest.approx(pulse_us)
    # Reverse is what gets a tap on the brake before it.
    assert (command.throttle < 0) == ((pulse_us < 1520) != inverted and pulse_us != 1520)


def test_the_gate_s_cap_on_the_throttle_is_100_us_on_the_full_scale() -> None:
    scale = full_scale_calibration(CalibrationSection())
    cap = Gate().limits.calibration_throttle_cap
    assert [scale.esc.pulse_us(throttle) for throttle in (-cap, 0.0, cap)] == [1400, 1500, 1600]


def test_motors_are_tried_one_wheel_at_a_time_and_the_other_way_when_inverted() -> None:
    left, right, start = calibration_fields(config("differential"))
    scale = full_scale_calibration(CalibrationSection(motor_start=0.4))
    assert scale.motor_start == 0
    assert field_command(scale, left, value=False) == Command(1.0, 0.2)
    assert field_command(scale, left, value=True) == Command(1.0, -0.2)
    assert field_command(scale, right, value=False) == Command(-1.0, 0.2)
    assert field_command(scale, start, 0.15) == Command(0.0, 0.15)


def test_inverting_twice_changes_nothing() -> None:
    for kind in ("servo_esc", "differential"):
        fields = calibration_fields(config(kind))
        before = {field.name: field.value for field in fields}
        for output in {field.output for field in fields}:
            once = before | DRIVETRAINS.find(kind).inverted(output, before)
            assert once != before
            CalibrationSection.model_validate(once)
            assert once | DRIVETRAINS.find(kind).inverted(output, once) == before


def write(folder: Path, text: str) -> Path:
    path = folder / "car.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_saving_keeps_comments_and_adds_the_date(tmp_path: Path) -> None:
    path = write(tmp_path, SERVO_ESC)
    save_calibration(path, {"steering_centre_us": 1480.0, "steering_left_us": 1850.0, "steering_right_us": 1100.0})
    text = path.read_text(encoding="utf-8")
    assert text.startswith(SERVO_ESC)
    calibration = load_config(path).calibration
    assert isinstance(calibration, CalibrationSection)
    assert calibration.servo.pulse_us(-1) == 1850
    assert calibration.calibrated == tomllib.loads(text)["calibration"]["calibrated"]
    assert calibration.calibrated == datetime.now().astimezone().date()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"steering_left_us": 400.0}, ["steering_left_us", "400", "500"]),
        ({"forward_max_us": 2501.0}, ["forward_max_us", "2501", "2500"]),
        ({"forward_max_us": float("nan")}, ["forward_max_us", "nan"]),
        ({"steering_centre_us": 2100.0}, ["centre", "2100", "between"]),
        ({"left_inverted": True}, ["left_inverted", "not calibrated on this car", "neutral_us"]),
        ({"calibrated": True}, ["calibrated", "not calibrated on this car"]),
    ],
)
def test_what_may_harm_the_car_is_refused_and_nothing_written(
    tmp_path: Path, changes: dict[str, Value], words: list[str]
) -> None:
    path = write(tmp_path, SERVO_ESC)
    with pytest.raises(ConfigError) as caught:
        save_calibration(path, changes)
    assert all(word in str(caught.value) for word in words)
    assert path.read_text(encoding="utf-8") == SERVO_ESC


def test_a_simulated_car_has_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Choose from: nothing"):
        save_calibration(write(tmp_path, ""), {"neutral_us": 1500.0})


def test_the_calibration_is_read_again_when_the_file_has_changed(tmp_path: Path) -> None:
    path = write(tmp_path, SERVO_ESC)
    current = CurrentCalibration(path, load_config(path).calibration)
    assert current.read() == CalibrationSection()
    save_calibration(path, {"neutral_us": 1490.0, "reverse_start_us": 1490.0})
    saved = load_config(path).calibration
    assert isinstance(saved, CalibrationSection)
    assert saved.neutral_us == 1490
    assert current.read() == saved
    path.write_text("[calibration\n", encoding="utf-8")
    assert current.read() == saved
    path.unlink()
    assert current.read() == saved


class Script:
    """A driver whose next events are set by the test, beside a live link and a fresh frame."""

    def __init__(self) -> None:
        self.acts: list[Event] = []

    def events(self, now_ns: int) -> Iterable[Event]:
        yield FrameArrived(now_ns)
        yield DriverCommand(NEUTRAL, now_ns)
        acts, self.acts = self.acts, []
        yield from acts


def test_the_drivetrain_is_on_the_full_scale_while_armed_for_calibration_and_on_what_is_saved_after(
    tmp_path: Path,
) -> None:
    path = write(tmp_path, SERVO_ESC)
    saved = load_config(path).calibration
    told: list[Calibration] = []
    gate, script = Gate(), Script()
    switch = CalibrationSwitch(gate, CurrentCalibration(path, saved), told.append)
    now_ns = 0

    def cycle(*acts: Event) -> list[Calibration]:
        nonlocal now_ns
        now_ns += 20 * NS_PER_MS
        script.acts = list(acts)
        for source in (script, switch):
            for event in source.events(now_ns):
                gate.handle(event, now_ns)
        gate.decide(now_ns)
        new = told.copy()
        told.clear()
        return new

    assert cycle() == []
    assert cycle(Arm(Mode.CALIBRATION, wheels_up=True)) == [full_scale_calibration(saved)]
    assert cycle() == []
    save_calibration(path, {"steering_centre_us": 1450.0})
    changed = load_config(path).calibration
    assert cycle() == [full_scale_calibration(changed)]
    assert cycle(Disarm()) == [changed]
    save_calibration(path, {"steering_centre_us": 1460.0})
    assert cycle() == []
    assert cycle(Arm(Mode.MANUAL)) == [load_config(path).calibration]
    save_calibration(path, {"steering_centre_us": 1470.0})
    assert cycle() == []  # nothing changes under a car that drives
    assert cycle(Disarm(), Arm(Mode.CALIBRATION, wheels_up=True)) == [
        full_scale_calibration(load_config(path).calibration)
    ]
    assert cycle(Disarm(), Arm(Mode.MANUAL)) == [load_config(path).calibration]
