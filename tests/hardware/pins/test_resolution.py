"""How finely each factory steers, measured from what reaches lgpio, the kernel's file or the chip's registers."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from gpiozero import Factory, PWMOutputDevice, Servo

from hardware.clock import VirtualClock
from hardware.pins.opening import open_pins
from hardware.pins.resolution import pulse_step_us
from tests.hardware.fakes import i2c, lgpio, sysfs_pwm

COMMANDS = [step / 600 for step in range(-600, 601)]
Sent = Callable[[], list[float]]
Rig = tuple[Factory, int, Sent]


@pytest.fixture
def rig(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Rig]:
    """A factory, the pin to use, and the pulses in µs that reached the hardware."""
    pins: str = request.param
    clock = VirtualClock()
    if pins == "pca9685":
        chip = i2c.Pca9685()
        i2c.install(monkeypatch, {0x40: chip})
        pin, sent = 3, lambda: [pulses[3] for pulses in chip.history if pulses[3]]
    elif pins == "hardware_pwm":
        clock = kernel = sysfs_pwm.install(monkeypatch, tmp_path, sysfs_pwm.PI_4)
        pin, sent = 12, lambda: [duty_ns / 1000 for duty_ns in kernel.pulses_ns("fe20c000.pwm", 0)]
    else:
        library = lgpio.install(monkeypatch)
        pin, sent = 12, lambda: [float(pulse_us) for pulse_us in library.pulses_us(12)]
    with open_pins(pins, 50.0, clock) as factory:
        yield factory, pin, sent


def positions(rig: Rig) -> set[float]:
    """Sweep gpiozero's own servo over its range of 1 to 2 ms; return the different pulses that came out."""
    factory, pin, sent = rig
    with Servo(pin, pin_factory=factory) as servo:
        for command in COMMANDS:
            servo.value = command
        return {round(pulse_us, 4) for pulse_us in sent()}


@pytest.mark.parametrize("rig", ["lgpio"], indirect=True)
def test_gpiozeros_own_lgpio_factory_has_six_positions(rig: Rig) -> None:
    assert positions(rig) == {1000.0, 1200.0, 1400.0, 1600.0, 1800.0, 2000.0}


@pytest.mark.parametrize("rig", ["fine_lgpio"], indirect=True)
def test_fine_lgpio_has_every_microsecond(rig: Rig) -> None:
    assert len(positions(rig)) >= 1000


@pytest.mark.parametrize("rig", ["hardware_pwm"], indirect=True)
def test_hardware_pwm_has_every_step_that_is_asked_for(rig: Rig) -> None:
    found = sorted(positions(rig))
    assert len(found) >= len(COMMANDS)
    assert max(two - one for one, two in itertools.pairwise(found)) < 1.0


@pytest.mark.parametrize("rig", ["pca9685"], indirect=True)
def test_a_pca9685_has_steps_of_4_9_us(rig: Rig) -> None:
    found = sorted(positions(rig))
    assert len(found) == 206
    steps_us = [two - one for one, two in itertools.pairwise(found)]
    assert steps_us == pytest.approx([4.88] * len(steps_us), abs=0.001)


@pytest.mark.parametrize(
    ("rig", "pins"),
    [(pins, pins) for pins in ("lgpio", "fine_lgpio", "hardware_pwm", "pca9685")],
    indirect=["rig"],
)
def test_the_step_that_is_told_is_the_step_there_is(rig: Rig, pins: str) -> None:
    factory, pin, sent = rig
    step_us = pulse_step_us(pins, 50.0)
    with PWMOutputDevice(pin, frequency=50, initial_value=0.07, pin_factory=factory) as device:
        for step in range(1, 11):
            # A hundredth of a step more than a whole one, so that no rounding of ours is taken for the device's.
            device.value = (1400.0 + step_us * (step + 0.01)) * 50e-6
    found = sorted(set(sent()))
    assert found[1:][-1] - found[1:][0] == pytest.approx(9 * step_us, abs=max(1.01 * step_us, 0.1) * 0.5)


def test_unknown_pins_are_named() -> None:
    with pytest.raises(ValueError, match="pigpio"):
        pulse_step_us("pigpio", 50.0)
