"""Two motors on an H-bridge: mixed, calibrated, and never both inputs at once; measured at the bridge's inputs."""

import pytest
from gpiozero import DigitalOutputDevice, GPIOZeroError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.clock import NS_PER_MS, VirtualClock
from hardware.drivetrain import Command, check_drivetrain
from hardware.drivetrains.differential import Differential, MotorPins
from hardware.drivetrains.direction import PAUSE_NS
from hardware.errors import DrivetrainError
from hardware.pins.opening import open_gpios, open_pins
from hardware.pins.pca9685 import Pca9685Factory
from tests.hardware.fakes.i2c import FakeBus, Pca9685
from tests.hardware.fakes.rigs import LEFT, MOTOR_PINS, RIGHT, MotorRig, make_motor_rig

AXIS = st.floats(-1.0, 1.0)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> MotorRig:
    return make_motor_rig(monkeypatch)


def test_two_motors_keep_every_promise_of_a_drivetrain(rig: MotorRig) -> None:
    check_drivetrain(rig.open, rig.clock, rig.outputs)


@pytest.mark.parametrize(
    ("steering", "throttle", "powers"),
    [
        (0.0, 0.5, (0.5, 0.5)),
        (1.0, 0.5, (0.5, 0.0)),
        (-1.0, 0.5, (0.0, 0.5)),
        (0.5, 0.5, (0.5, 0.25)),
        (-0.5, 1.0, (0.5, 1.0)),
        (1.0, 0.0, (0.0, 0.0)),
    ],
)
def test_the_inner_wheel_turns_more_slowly(
    rig: MotorRig, steering: float, throttle: float, powers: tuple[float, float]
) -> None:
    with rig.open() as drivetrain:
        applied = drivetrain.apply(Command(steering, throttle))
        assert rig.powers()[-1] == pytest.approx(powers, abs=1e-4)
        assert (applied.steering, applied.throttle) == pytest.approx((steering, throttle), abs=1e-4)


def test_backwards_steers_as_a_car_does(rig: MotorRig) -> None:
    with rig.open() as drivetrain:
        assert drivetrain.apply(Command(-0.5, -0.5)).throttle == -0.5
        assert rig.powers()[-1] == pytest.approx((-0.25, -0.5), abs=1e-4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(AXIS, AXIS), min_size=1, max_size=10))
def test_no_wheel_ever_gets_more_than_the_throttle_or_both_inputs_at_once(
    rig: MotorRig, commands: list[tuple[float, float]]
) -> None:
    rig.library.sent.clear()
    with rig.open() as drivetrain:
        for steering, throttle in commands:
            drivetrain.apply(Command(steering, throttle))
            assert max(abs(power) for power in rig.powers()[-1]) <= abs(throttle) + 1e-4
            rig.clock.advance_ns(50 * NS_PER_MS)
    for left_forward, left_backward, right_forward, right_backward in rig.inputs():
        assert not left_forward * left_backward
        assert not right_forward * right_backward


def test_reverse_from_forward_passes_through_neutral(rig: MotorRig) -> None:
    with rig.open() as drivetrain:
        drivetrain.apply(Command(0.0, 0.5))
        assert drivetrain.apply(Command(0.0, -0.5)).throttle == 0.0
        assert rig.powers()[-1] == (0.0, 0.0)
        rig.clock.advance_ns(PAUSE_NS)
        assert drivetrain.apply(Command(0.0, -0.5)).throttle == pytest.approx(-0.5)


def test_a_motor_starts_where_it_begins_to_turn(rig: MotorRig) -> None:
    with rig.open(start=0.3) as drivetrain:
        for throttle, power in ((0.0, 0.0), (0.01, 0.307), (0.5, 0.65), (1.0, 1.0)):
            applied = drivetrain.apply(Command(0.0, throttle))
            assert rig.powers()[-1] == pytest.approx((power, power), abs=1e-4)
            assert applied.throttle == pytest.approx(throttle, abs=2e-4)


def test_a_motor_that_runs_backwards_is_turned_round(rig: MotorRig) -> None:
    with rig.open(right=MotorPins(23, 24, inverted=True)) as drivetrain:
        drivetrain.apply(Command(0.0, 0.5))
        assert rig.inputs()[-1] == pytest.approx((0.5, 0.0, 0.0, 0.5))


def test_the_first_output_and_the_last_are_off(rig: MotorRig) -> None:
    drivetrain = rig.open()
    assert set(rig.powers()) <= {(0.0, 0.0)}
    drivetrain.apply(Command(0.0, 1.0))
    drivetrain.close()
    assert rig.powers()[-1] == (0.0, 0.0)
    assert not rig.library.outputs & set(MOTOR_PINS)


def test_enable_and_standby_pins_are_on_while_it_is_open(rig: MotorRig) -> None:
    factory = open_gpios(fine=True)
    standby = DigitalOutputDevice(25, pin_factory=factory)
    left, right = MotorPins(17, 27, enable=22), MotorPins(23, 24, enable=16)
    with Differential(factory, left, right, VirtualClock(), standby=standby):
        assert [rig.library.gpio_read(0, gpio) for gpio in (22, 16, 25)] == [1, 1, 1]
    assert not rig.library.outputs
    assert not rig.library.opened


@pytest.mark.parametrize("bad", [MotorPins(23, 17), MotorPins(23, 99)])
def test_a_constructor_that_fails_leaves_all_off(rig: MotorRig, bad: MotorPins) -> None:
    with pytest.raises((GPIOZeroError, DrivetrainError)):
        rig.open(right=bad)
    assert set(rig.powers()) <= {(0.0, 0.0)}
    assert not rig.library.outputs
    assert not rig.library.opened


def test_two_motors_drive_through_a_pca9685_as_well() -> None:
    chip, clock = Pca9685(), VirtualClock()
    factory = Pca9685Factory(100, FakeBus({0x40: chip}), clock=clock)
    with Differential(factory, MotorPins(0, 1, enable=2), MotorPins(3, 4, enable=5), clock) as drivetrain:
        drivetrain.apply(Command(1.0, 0.5))
        period_us = 1e6 / chip.frequency_hz
        assert [pulse_us / period_us for pulse_us in chip.pulses_us[:6]] == pytest.approx(
            [0.5, 0, 1, 0, 0, 1], abs=1e-3
        )
    assert chip.pulses_us == (0.0,) * 16


def test_another_calibration_is_followed_from_neutral_on(rig: MotorRig) -> None:
    with Differential(open_pins("fine_lgpio", 100.0, rig.clock), LEFT, RIGHT, rig.clock) as drivetrain:
        drivetrain.apply(Command(0.0, 0.5))
        assert rig.powers()[-1] == pytest.approx((0.5, 0.5))
        drivetrain.calibrate(left_inverted=True, right_inverted=False, start=0.2)
        assert rig.powers()[-1] == (0.0, 0.0)
        drivetrain.apply(Command(0.0, 0.5))
        assert rig.powers()[-1] == pytest.approx((-0.6, 0.6))
        drivetrain.calibrate(left_inverted=True, right_inverted=True, start=0.0)
        drivetrain.apply(Command(0.0, 0.5))
        assert rig.powers()[-1] == pytest.approx((-0.5, -0.5))
