"""A steering servo and an ESC: what nearly every RC car has."""

from __future__ import annotations

import contextlib

from gpiozero import Factory, OutputDevice, PWMOutputDevice

from hardware.clock import Clock
from hardware.drivetrain import NEUTRAL, Command
from hardware.drivetrains.direction import DirectionChange, Reverse
from hardware.drivetrains.locked import LockedDrivetrain
from hardware.drivetrains.pulses import EscPulses, ServoPulses

US_PER_S = 1e6


class ServoEsc(LockedDrivetrain):
    """Steers by a servo and drives by an ESC, through any gpiozero pin factory that has PWM.

    >>> with ServoEsc(factory, 12, 13, ServoPulses(), EscPulses(), clock) as drivetrain:
    ...     applied = drivetrain.apply(Command(steering=0.5, throttle=0.1))
    >>> round(applied.steering, 3), round(applied.throttle, 3)
    (0.5, 0.1)

    ``steering_pin`` and ``throttle_pin`` are the factory's numbers, ``frequency_hz`` how many pulses there are per
    second, ``steering_step_us`` how finely the factory sets them. ``output_enable`` is switched on when both pulses are
    at neutral, and off when they have ended. The drivetrain owns the factories and closes them.
    """

    def __init__(
        self,
        factory: Factory,
        steering_pin: int,
        throttle_pin: int,
        servo: ServoPulses,
        esc: EscPulses,
        clock: Clock,
        *,
        frequency_hz: float = 50.0,
        reverse: Reverse = "double_tap",
        steering_step_us: float | None = None,
        output_enable: OutputDevice | None = None,
    ) -> None:
        super().__init__(clock, 1 / frequency_hz)
        self.steering_step_us = steering_step_us
        self._servo = servo
        self._esc = esc
        self._direction = DirectionChange(reverse)
        with contextlib.ExitStack() as opened:
            opened.callback(factory.close)
            if output_enable is not None:
                opened.callback(output_enable.pin_factory.close)
                opened.callback(output_enable.close)
            self._steering = opened.enter_context(_pulses(factory, steering_pin, frequency_hz, servo.centre_us))
            self._throttle = opened.enter_context(_pulses(factory, throttle_pin, frequency_hz, esc.neutral_us))
            # A chip's frequency is near the one asked for; the pulse must be right by the one it has.
            self._frequency_hz: float = self._throttle.frequency
            self._stop()
            if output_enable is not None:
                output_enable.on()
            self._opened = opened.pop_all()

    def calibrate(self, servo: ServoPulses, esc: EscPulses) -> None:
        """Go to neutral, and from there on follow these pulses."""
        with self._standing():
            self._servo, self._esc = servo, esc

    def _drive(self, command: Command) -> Command:
        throttle = self._direction.throttle(command.throttle, self._clock.now_ns())
        steering_us = self._send(self._steering, self._servo.pulse_us(command.steering))
        throttle_us = self._send(self._throttle, self._esc.pulse_us(throttle))
        return Command(
            _same_way(command.steering, self._servo.steering(steering_us)),
            _same_way(throttle, self._esc.throttle(throttle_us)),
        )

    def _stop(self) -> Command:
        self._direction.let_go()
        self._send(self._throttle, self._esc.neutral_us)
        self._send(self._steering, self._servo.centre_us)
        return NEUTRAL

    def _release(self) -> None:
        self._opened.close()

    def _send(self, device: PWMOutputDevice, pulse_us: float) -> float:
        """Send pulses of ``pulse_us`` from now on; return how long they really are."""
        device.value = pulse_us * self._frequency_hz / US_PER_S
        duty: float = device.value
        return duty * US_PER_S / self._frequency_hz


def _same_way(asked: float, given: float) -> float:
    """Return what was given, or 0: rounded to the device's steps, neutral is not quite neutral, and yet means it."""
    return given if asked * given > 0 else 0.0


def _pulses(factory: Factory, pin: int, frequency_hz: float, neutral_us: float) -> PWMOutputDevice:
    """Return a device whose first pulse is neutral."""
    return PWMOutputDevice(
        pin, frequency=frequency_hz, initial_value=neutral_us * frequency_hz / US_PER_S, pin_factory=factory
    )
