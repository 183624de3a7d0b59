"""From car.toml to wheels that turn, and to what puts them to neutral from outside."""

import contextlib
import sys
from datetime import date
from pathlib import Path

import pytest

from car.assembly.devices import neutral_outputs, open_devices, open_wheels
from car.assembly.drivetrains import open_drivetrain
from car.calibration import full_scale_calibration
from car.config.sections import CarConfig, check_config
from car.kinds.ours import CalibrationSection
from car.kinds.servo_esc import steering_command, throttle_command
from car.neutral import main, outputs_of
from hardware.clock import VirtualClock
from hardware.drivetrain import Command
from hardware.drivetrains.timeline import read_timeline
from hardware.errors import DrivetrainError
from tests.hardware.fakes import gpiochip, i2c, lgpio, sysfs_pwm

CALIBRATION = {"calibrated": date(2025, 11, 25), "steering_centre_us": 1480.0, "steering_right_us": 1910.0}


def config_of(drivetrain: dict[str, object], calibration: dict[str, object] | None = None) -> CarConfig:
    return check_config({"drivetrain": drivetrain, "calibration": calibration or CALIBRATION}, Path("car.toml"))


CHIPS = {**sysfs_pwm.PI_4, 3: "pwm_pio@17", 4: "pwm_pio@18"}
"""A Pi 4's, and those of a Pi 5's PIO for GPIO23 and 24."""


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[i2c.Pca9685, sysfs_pwm.SysfsPwm, lgpio.FakeLgpio]:
    """A Raspberry Pi 4 with everything there is."""
    chip = i2c.Pca9685()
    i2c.install(monkeypatch, {0x40: chip})
    return chip, sysfs_pwm.install(monkeypatch, tmp_path, CHIPS), lgpio.install(monkeypatch)


Machine = tuple[i2c.Pca9685, sysfs_pwm.SysfsPwm, lgpio.FakeLgpio]


def test_the_simulated_car_has_none() -> None:
    assert open_drivetrain(CarConfig(), VirtualClock()) is None


def test_a_servo_and_an_esc_on_a_pca9685_with_its_output_enable(machine: Machine) -> None:
    chip, kernel, library = machine
    drivetrain = open_drivetrain(config_of({"kind": "servo_esc", "oe_pin": 4}), kernel)
    assert drivetrain
    assert drivetrain.steering_step_us == pytest.approx(4.88)
    assert library.gpio_read(0, 4) == 0
    drivetrain.apply(Command(1.0, 0.5))
    assert chip.pulses_us[:2] == pytest.approx((1750.0, 1910.0), abs=2.5)
    drivetrain.close()
    assert chip.pulses_us == (0.0,) * 16
    assert not library.opened


@pytest.mark.parametrize(("pins", "step_us"), [("fine_lgpio", 1.0), ("lgpio", 200.0)])
def test_a_servo_and_an_esc_on_gpios(machine: Machine, pins: str, step_us: float) -> None:
    _, kernel, library = machine
    drivetrain = open_drivetrain(config_of({"kind": "servo_esc", "pins": pins}), kernel)
    assert drivetrain
    assert drivetrain.steering_step_us == step_us
    drivetrain.apply(Command(1.0, 0.0))
    assert library.pulses_us(12)[-1] == pytest.approx(1910, abs=step_us)
    drivetrain.close()
    assert not library.opened


def test_a_servo_and_an_esc_on_hardware_pwm(machine: Machine) -> None:
    _, kernel, _ = machine
    drivetrain = open_drivetrain(config_of({"kind": "servo_esc", "pins": "hardware_pwm"}), kernel)
    assert drivetrain
    drivetrain.apply(Command(1.0, 0.5))
    assert kernel.pulses_ns("fe20c000.pwm", 0)[-1] == 1_910_000
    assert kernel.pulses_ns("fe20c000.pwm", 1)[-1] == 1_750_000
    drivetrain.close()


def test_two_motors_with_their_calibration(machine: Machine) -> None:
    _, kernel, library = machine
    config = config_of(
        {"kind": "differential", "left_enable_pin": 22, "standby_pin": 25}, {"right_inverted": True, "motor_start": 0.2}
    )
    drivetrain = open_drivetrain(config, kernel)
    assert drivetrain
    assert drivetrain.steering_step_us is None
    drivetrain.apply(Command(0.0, 0.5))
    assert (library.pulses_us(17)[-1], library.pulses_us(24)[-1]) == (6000, 6000)
    assert (library.gpio_read(0, 22), library.gpio_read(0, 25)) == (1, 1)
    drivetrain.close()
    assert not library.outputs


@pytest.mark.parametrize(
    ("drivetrain", "words"),
    [
        ({"kind": "servo_esc", "i2c_bus": 3}, "i2c_arm=on"),
        ({"kind": "servo_esc", "i2c_address": 0x41}, "0x41"),
        ({"kind": "servo_esc", "pins": "fine_lgpio", "steering_pin": 5}, "GPIO busy"),
        ({"kind": "differential", "standby_pin": 20}, "GPIO busy"),
        ({"kind": "servo_esc", "oe_pin": 5}, "GPIO busy"),
    ],
)
def test_what_is_not_there_is_said_in_one_line_and_all_is_let_go(
    monkeypatch: pytest.MonkeyPatch, machine: Machine, drivetrain: dict[str, object], words: str
) -> None:
    chip, kernel, library = machine
    buses = i2c.install(monkeypatch, {0x40: chip})
    library.busy |= {5, 20}
    with pytest.raises(DrivetrainError, match=words) as caught:
        open_drivetrain(config_of(drivetrain), kernel)
    assert "\n" not in str(caught.value)
    assert not library.outputs
    assert not library.opened
    assert all(bus.closed for bus in buses)
    assert chip.pulses_us == (0.0,) * 16


def test_the_car_has_these_wheels_and_a_world_around_its_simulated_camera(machine: Machine, tmp_path: Path) -> None:
    chip, kernel, _ = machine
    config = config_of({"kind": "servo_esc", "timeline": str(tmp_path / "wheels.timeline")})
    with contextlib.closing(open_devices(config, kernel)) as devices:
        devices.drivetrain.apply(Command(0.0, 0.5))
        assert chip.pulses_us[0] == pytest.approx(1750.0, abs=2.5)
        assert (devices.motion, devices.lap_count) == (None, None)
        assert devices.drivetrain.steering_step_us == pytest.approx(4.88)
    assert chip.pulses_us == (0.0,) * 16
    assert [round(applied.command.throttle, 2) for applied in read_timeline(tmp_path / "wheels.timeline")] == [
        0,
        0.5,
        0,
    ]


@pytest.mark.parametrize("module", ["gpiozero", "smbus2"])
def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, machine: Machine, module: str) -> None:
    for name in [name for name in sys.modules if name.startswith(("hardware.pins", "hardware.drivetrains.servo"))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DrivetrainError, match=r"pocketpilot\[pi\]"):
        open_drivetrain(config_of({"kind": "servo_esc"}), VirtualClock())


KINDS: list[dict[str, object]] = [
    {"kind": "simulated"},
    {"kind": "servo_esc"},
    {"kind": "servo_esc", "oe_pin": 4, "i2c_bus": 3, "i2c_address": 0x41, "frequency_hz": 60.0, "oscillator_hz": 26e6},
    {"kind": "servo_esc", "pins": "hardware_pwm"},
    {"kind": "servo_esc", "pins": "pwm_pio", "steering_pin": 23, "throttle_pin": 24},
    {"kind": "servo_esc", "pins": "fine_lgpio", "steering_pin": 18, "frequency_hz": 100.0},
    {"kind": "servo_esc", "pins": "lgpio"},
    {"kind": "differential"},
    {"kind": "differential", "left_enable_pin": 22, "right_enable_pin": 16, "standby_pin": 25},
    {
        "kind": "differential",
        "pins": "pca9685",
        "left_forward_pin": 0,
        "left_backward_pin": 1,
        "right_forward_pin": 2,
        "right_backward_pin": 3,
    },
]


@pytest.mark.parametrize("drivetrain", KINDS, ids=lambda drivetrain: f"{drivetrain['kind']}-{drivetrain.get('pins')}")
@pytest.mark.parametrize("calibration", [{}, {**CALIBRATION, "neutral_us": 1530.0}])
def test_the_file_alone_says_how_to_stop_what_the_checked_configuration_says(
    drivetrain: dict[str, object], calibration: dict[str, object]
) -> None:
    content = {"drivetrain": {**drivetrain, "timeline": "wheels"}, "calibration": calibration}
    assert outputs_of(content) == neutral_outputs(check_config(content, Path("car.toml")))


def test_neutral_from_outside_is_the_calibrated_one() -> None:
    content = {"drivetrain": {"kind": "servo_esc"}, "calibration": {"steering_centre_us": 1480, "neutral_us": 1530}}
    [output] = outputs_of(content)
    assert output == {"kind": "pca9685", "bus": 1, "address": 0x40, "counts": {"1": 303, "0": 314}}
    assert list(output["counts"]) == ["0", "1"], "the throttle comes first"


@pytest.mark.parametrize(
    "content",
    [
        {"drivetrain": {"kind": "servo_esc", "i2c_bus": "one", "steering_pin": [], "frequency_hz": "fast"}},
        {"drivetrain": {"kind": "servo_esc", "frequency_hz": 0}, "calibration": {"neutral_us": -1}},
        {"drivetrain": {"kind": "servo_esc", "throtle_pin": 3}, "calibration": 7},
    ],
)
def test_what_makes_no_sense_is_taken_for_what_it_is_by_default(content: dict[str, object]) -> None:
    assert outputs_of(content) == outputs_of({"drivetrain": {"kind": "servo_esc"}})


def test_a_kind_that_is_unknown_is_a_problem_and_not_a_car_without_wheels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "car.toml").write_text("[drivetrain]\nkind = 'servo-esc'\n", encoding="utf-8")
    assert main(["--car", str(tmp_path)]) == 1
    assert "servo-esc" in capsys.readouterr().err


@pytest.mark.parametrize("drivetrain", KINDS[1:-1], ids=lambda each: f"{each['kind']}-{each.get('pins')}")
def test_car_neutral_stops_what_a_killed_drive_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, machine: Machine, drivetrain: dict[str, object]
) -> None:
    chip, kernel, _ = machine
    if drivetrain.get("i2c_bus"):
        i2c.install(monkeypatch, {0x41: chip}, number=3)
    lines = gpiochip.install(monkeypatch, tmp_path / "dev", {0: "pinctrl-bcm2711"})
    open_and_be_killed = open_drivetrain(config_of(drivetrain), kernel)
    assert open_and_be_killed
    open_and_be_killed.apply(Command(0.5, 0.5))
    values = "\n".join(f"{key} = {value!r}" for key, value in drivetrain.items())
    (tmp_path / "car.toml").write_text(f"[drivetrain]\n{values}\n", encoding="utf-8")
    assert main(["--car", str(tmp_path)]) == 0
    assert chip.pulses_us == (0.0,) * 16
    assert not any(duty for (_, _), duty in kernel.sent[-1:])
    assert kernel.stuck == []
    assert all(lines.last_level(level.gpio) == (level.gpio == 4) for level in lines.levels)


def test_a_pulse_is_tried_on_the_full_scale_and_the_saved_calibration_comes_back(machine: Machine) -> None:
    chip, kernel, _ = machine
    config = config_of({"kind": "servo_esc"})
    wheels = open_wheels(config, kernel)
    assert wheels is not None
    assert wheels.calibrate is not None
    assert isinstance(config.calibration, CalibrationSection)
    scale = full_scale_calibration(config.calibration)
    wheels.calibrate(scale)
    for pulse_us in (600.0, 1480.0, 2300.0):
        wheels.drivetrain.apply(steering_command(scale, pulse_us))
        assert chip.pulses_us[1] == pytest.approx(pulse_us, abs=2.5)
    wheels.drivetrain.apply(throttle_command(scale, 1560.0))
    assert chip.pulses_us[0] == pytest.approx(1560.0, abs=2.5)
    wheels.calibrate(config.calibration)
    assert chip.pulses_us[:2] == pytest.approx((1500.0, 1480.0), abs=2.5)
    wheels.drivetrain.apply(Command(1.0, 0.0))
    assert chip.pulses_us[1] == pytest.approx(1910.0, abs=2.5)
    wheels.drivetrain.close()


def test_motors_take_their_calibration_while_they_stand(machine: Machine) -> None:
    _, kernel, library = machine
    wheels = open_wheels(config_of({"kind": "differential"}), kernel)
    assert wheels is not None
    assert wheels.calibrate is not None
    changed = CalibrationSection(left_inverted=True, motor_start=0.5)
    wheels.calibrate(changed)
    wheels.drivetrain.apply(Command(0.0, 0.5))
    duties = {sent.gpio: sent.high_us / sent.period_us for sent in library.sent if sent.period_us}
    assert (duties[27], duties[23]) == pytest.approx((0.75, 0.75))
    wheels.drivetrain.close()
