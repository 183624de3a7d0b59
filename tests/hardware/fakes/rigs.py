"""A servo and an ESC, or two motors, on each kind of pins, with the hardware under them modelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from gpiozero import Factory

from hardware.clock import VirtualClock
from hardware.drivetrain import Drivetrain
from hardware.drivetrains.differential import Differential, MotorPins
from hardware.drivetrains.direction import Reverse
from hardware.drivetrains.pulses import EscPulses, ServoPulses
from hardware.drivetrains.servo_esc import ServoEsc
from hardware.pins.opening import open_pins
from hardware.pins.resolution import pulse_step_us
from tests.hardware.fakes import i2c, lgpio, sysfs_pwm

SERVO = ServoPulses(left_us=1120.0, centre_us=1480.0, right_us=1910.0)
ESC = EscPulses(
    neutral_us=1500.0, forward_start_us=1560.0, forward_max_us=1900.0, reverse_start_us=1430.0, reverse_max_us=1150.0
)
STEERING_PIN, THROTTLE_PIN = 12, 13
FREQUENCY_HZ = 50.0
ALL_PINS = ("pca9685", "hardware_pwm", "pwm_pio", "fine_lgpio", "lgpio")
FINE_PINS = ALL_PINS[:4]

Pulses = Callable[[], Sequence[tuple[float, float]]]


@dataclass(frozen=True, slots=True)
class Rig:
    """Pins and what reached them: ``pulses_us`` has steering and throttle after each change, 0 where there is none."""

    pins: str
    clock: VirtualClock
    open_factory: Callable[[], Factory]
    pulses_us: Pulses

    @property
    def step_us(self) -> float:
        """The smallest change of a pulse."""
        return pulse_step_us(self.pins, FREQUENCY_HZ)

    def open(self, *, servo: ServoPulses = SERVO, esc: EscPulses = ESC, reverse: Reverse = "double_tap") -> ServoEsc:
        """Open a servo and an ESC on these pins."""
        return ServoEsc(
            self.open_factory(),
            STEERING_PIN,
            THROTTLE_PIN,
            servo,
            esc,
            self.clock,
            frequency_hz=FREQUENCY_HZ,
            reverse=reverse,
            steering_step_us=self.step_us,
        )

    def outputs(self) -> list[tuple[float, float]]:
        """Return the pulses while both were there, as ``check_drivetrain`` wants them."""
        return [pulses for pulses in self.pulses_us() if all(pulses)]


def make_rig(pins: str, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Rig:
    """Return a rig on ``pins``, one of ALL_PINS; ``folder`` is empty."""
    if pins == "pca9685":
        clock, pulses_us = _on_pca9685(monkeypatch)
    elif pins == "hardware_pwm":
        clock, pulses_us = _on_hardware_pwm(monkeypatch, folder)
    elif pins == "pwm_pio":
        clock, pulses_us = _on_pio(monkeypatch, folder)
    else:
        clock, pulses_us = _on_lgpio(monkeypatch)
    return Rig(pins, clock, lambda: open_pins(pins, FREQUENCY_HZ, clock), pulses_us)


def _on_pca9685(monkeypatch: pytest.MonkeyPatch) -> tuple[VirtualClock, Pulses]:
    chip = i2c.Pca9685()
    i2c.install(monkeypatch, {0x40: chip})
    return VirtualClock(), lambda: [(pulses[STEERING_PIN], pulses[THROTTLE_PIN]) for pulses in chip.history]


def _on_hardware_pwm(monkeypatch: pytest.MonkeyPatch, folder: Path) -> tuple[VirtualClock, Pulses]:
    kernel = sysfs_pwm.install(monkeypatch, folder, sysfs_pwm.PI_4)
    return kernel, lambda: _side_by_side([(channel, duty_ns / 1000) for (_, channel), duty_ns in kernel.sent])


def _on_pio(monkeypatch: pytest.MonkeyPatch, folder: Path) -> tuple[VirtualClock, Pulses]:
    kernel = sysfs_pwm.install(monkeypatch, folder, sysfs_pwm.PI_5_PIO)
    outputs = {str(kernel.channel(f"pwm_pio@{gpio:x}", 0).parent): gpio - STEERING_PIN for gpio in (12, 13)}
    return kernel, lambda: _side_by_side([(outputs[chip], duty_ns / 1000) for (chip, _), duty_ns in kernel.sent])


def _on_lgpio(monkeypatch: pytest.MonkeyPatch) -> tuple[VirtualClock, Pulses]:
    library = lgpio.install(monkeypatch)
    return VirtualClock(), lambda: _side_by_side(
        [(sent.gpio - STEERING_PIN, float(sent.high_us)) for sent in library.sent]
    )


def _side_by_side(changes: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    """Return what two outputs were after each change of one of them; both start with nothing."""
    now = [0.0, 0.0]
    both = []
    for index, value in changes:
        now[index] = value
        both.append((now[0], now[1]))
    return both


LEFT, RIGHT = MotorPins(17, 27), MotorPins(23, 24)
MOTOR_PINS = (17, 27, 23, 24)


@dataclass(frozen=True, slots=True)
class MotorRig:
    """Two motors on lgpio; ``powers`` has left and right after each change, −1 … +1."""

    clock: VirtualClock
    library: lgpio.FakeLgpio

    def open(self, left: MotorPins = LEFT, right: MotorPins = RIGHT, *, start: float = 0.0) -> Drivetrain:
        """Open two motors."""
        return Differential(open_pins("fine_lgpio", 100.0, self.clock), left, right, self.clock, start=start)

    def inputs(self) -> list[tuple[float, ...]]:
        """Return the duty of the four inputs after each change, 0 … 1, in the order of MOTOR_PINS."""
        now = dict.fromkeys(MOTOR_PINS, 0.0)
        states = []
        for sent in self.library.sent:
            if sent.gpio in now:
                now[sent.gpio] = sent.high_us / sent.period_us if sent.period_us else 0.0
                states.append(tuple(now.values()))
        return states

    def powers(self) -> list[tuple[float, float]]:
        """Return left and right."""
        return [(state[0] - state[1], state[2] - state[3]) for state in self.inputs()]

    def outputs(self) -> list[tuple[float, float]]:
        """Return how much faster the left motor is, and the faster one, as ``check_drivetrain`` wants them."""
        return [(left - right, max(left, right, key=abs)) for left, right in self.powers()]


def make_motor_rig(monkeypatch: pytest.MonkeyPatch) -> MotorRig:
    """Return two motors on a fake lgpio."""
    return MotorRig(VirtualClock(), lgpio.install(monkeypatch))
