"""Which pulse a command means: calibrated, clamped, and the same way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.drivetrains.pulses import EscPulses, ServoPulses

SERVO = ServoPulses(left_us=1120.0, centre_us=1480.0, right_us=1910.0)
ESC = EscPulses(
    neutral_us=1500.0, forward_start_us=1560.0, forward_max_us=1900.0, reverse_start_us=1430.0, reverse_max_us=1150.0
)
AXIS = st.floats(-1.0, 1.0)


@pytest.mark.parametrize(("steering", "pulse_us"), [(-1, 1120), (-0.5, 1300), (0, 1480), (0.5, 1695), (1, 1910)])
def test_the_servo_goes_straight_from_the_centre_to_each_end(steering: float, pulse_us: float) -> None:
    assert SERVO.pulse_us(steering) == pytest.approx(pulse_us)


@pytest.mark.parametrize(
    ("throttle", "pulse_us"), [(-1, 1150), (-0.5, 1290), (0, 1500), (1e-6, 1560), (0.5, 1730), (1, 1900), (-1e-6, 1430)]
)
def test_the_esc_skips_the_pulses_by_which_nothing_turns(throttle: float, pulse_us: float) -> None:
    assert ESC.pulse_us(throttle) == pytest.approx(pulse_us, abs=0.01)


def test_a_device_the_other_way_round_has_its_pulses_the_other_way_round() -> None:
    assert ServoPulses(1910.0, 1480.0, 1120.0).pulse_us(-1.0) == 1910.0
    assert EscPulses(1500.0, 1450.0, 1100.0, 1550.0, 1900.0).pulse_us(1.0) == 1100.0


@given(AXIS, AXIS)
def test_the_pulse_says_which_command_it_was(steering: float, throttle: float) -> None:
    for servo in (SERVO, ServoPulses(1910.0, 1480.0, 1120.0)):
        assert servo.steering(servo.pulse_us(steering)) == pytest.approx(steering, abs=1e-9)
    for esc in (ESC, EscPulses(1500.0, 1450.0, 1100.0, 1550.0, 1900.0), EscPulses()):
        assert esc.throttle(esc.pulse_us(throttle)) == pytest.approx(throttle, abs=1e-9)


@given(AXIS)
def test_no_command_leaves_the_calibrated_range(value: float) -> None:
    assert 1120.0 <= SERVO.pulse_us(value) <= 1910.0
    assert 1150.0 <= ESC.pulse_us(value) <= 1900.0


@pytest.mark.parametrize("pulses", [(400.0, 1500.0, 2000.0), (1000.0, 1500.0, 2600.0), (1000.0, float("nan"), 2000.0)])
def test_what_may_harm_a_servo_is_refused(pulses: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="500 to 2500"):
        ServoPulses(*pulses)


@pytest.mark.parametrize("pulses", [(1500.0, 1500.0, 2000.0), (1600.0, 1500.0, 2000.0), (1000.0, 2000.0, 2000.0)])
def test_a_centre_outside_the_ends_is_refused(pulses: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="between"):
        ServoPulses(*pulses)


@pytest.mark.parametrize(
    "pulses",
    [
        (1500.0, 1450.0, 1900.0, 1430.0, 1150.0),
        (1500.0, 1560.0, 1900.0, 1600.0, 1150.0),
        (1500.0, 1560.0, 1560.0, 1430.0, 1150.0),
        (1500.0, 1560.0, 1900.0, 1150.0, 1150.0),
        (1500.0, 1560.0, 1500.0, 1430.0, 1150.0),
    ],
)
def test_throttle_pulses_out_of_order_are_refused(pulses: tuple[float, float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="rise, or fall"):
        EscPulses(*pulses)
