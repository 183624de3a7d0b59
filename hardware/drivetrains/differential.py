"""Two motors on an H-bridge, one for each side: steering is that the inner one turns more slowly."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from gpiozero import DigitalOutputDevice, Factory, OutputDevice, PWMOutputDevice

from hardware.clock import Clock
from hardware.closing import Closing
from hardware.drivetrain import NEUTRAL, Command
from hardware.drivetrains.direction import DirectionChange
from hardware.drivetrains.locked import LockedDrivetrain


@dataclass(frozen=True, slots=True)
class MotorPins:
    """Where a motor is on the bridge: the two inputs, and the enable pin of those bridges that have one.

    >>> left = MotorPins(forward=17, backward=27)
    >>> right = MotorPins(forward=23, backward=24, enable=25, inverted=True)

    L298N: IN1, IN2 and ENA. TB6612: AIN1, AIN2 and PWMA. DRV8833: IN1, IN2. The speed is PWM on the inputs with all of
    them: between pulses the motor brakes, which makes its speed nearly linear. ``inverted`` swaps the two.
    """

    forward: int
    backward: int
    enable: int | None = None
    inverted: bool = False


class Differential(LockedDrivetrain):
    """Drives by two motors, through any gpiozero pin factory.

    >>> with Differential(factory, MotorPins(17, 27), MotorPins(23, 24), clock) as drivetrain:
    ...     drivetrain.apply(Command(steering=-1.0, throttle=0.2))   # around the left wheel
    Command(steering=-1.0, throttle=0.2)

    The outer wheel gets the throttle, the inner one less of it, down to nothing at full lock; at throttle 0 the car
    stands whatever the steering is, and no wheel ever gets more than the throttle. Below ``start`` of full power a
    motor does not turn, so that is where its speed begins. ``standby`` is the pin that wakes a TB6612 or DRV8833: on
    when all is at neutral. The drivetrain owns the factory and closes it.
    """

    def __init__(
        self,
        factory: Factory,
        left: MotorPins,
        right: MotorPins,
        clock: Clock,
        *,
        frequency_hz: float = 100.0,
        start: float = 0.0,
        standby: OutputDevice | None = None,
    ) -> None:
        super().__init__(clock, 1 / frequency_hz)
        self._start = start
        self._direction = DirectionChange("direct")
        with contextlib.ExitStack() as opened:
            opened.callback(factory.close)
            if standby is not None:
                opened.callback(standby.close)
            self._left = opened.enter_context(_Motor(factory, left, frequency_hz))
            self._right = opened.enter_context(_Motor(factory, right, frequency_hz))
            if standby is not None:
                standby.on()
            self._opened = opened.pop_all()

    def calibrate(self, *, left_inverted: bool, right_inverted: bool, start: float) -> None:
        """Go to neutral, and from there on turn the motors these ways, from ``start`` of full power up."""
        with self._standing():
            self._left.set_inverted(left_inverted)
            self._right.set_inverted(right_inverted)
            self._start = start

    def _drive(self, command: Command) -> Command:
        throttle = self._direction.throttle(command.throttle, self._clock.now_ns())
        left = self._send(self._left, throttle * min(1 + command.steering, 1.0))
        right = self._send(self._right, throttle * min(1 - command.steering, 1.0))
        outer, inner = max(left, right, key=abs), min(left, right, key=abs)
        if outer == 0:
            return Command(command.steering, 0.0)
        lock = 1 - inner / outer
        return Command(-lock if abs(left) < abs(right) else lock, outer)

    def _stop(self) -> Command:
        self._direction.let_go()
        self._left.set_power(0.0)
        self._right.set_power(0.0)
        return NEUTRAL

    def _release(self) -> None:
        self._opened.close()

    def _send(self, motor: _Motor, speed: float) -> float:
        """Turn a motor; return the speed that its pins were set to."""
        power = abs(speed) and self._start + abs(speed) * (1 - self._start)
        given = abs(motor.set_power(power if speed > 0 else -power))
        size = max(given - self._start, 0.0) / (1 - self._start)
        return size if speed > 0 else -size


class _Motor(Closing):
    """One motor: PWM on the input of its direction, the other input low."""

    def __init__(self, factory: Factory, pins: MotorPins, frequency_hz: float) -> None:
        numbers = (pins.backward, pins.forward) if pins.inverted else (pins.forward, pins.backward)
        with contextlib.ExitStack() as opened:
            self._forward, self._backward = (
                opened.enter_context(PWMOutputDevice(number, frequency=frequency_hz, pin_factory=factory))
                for number in numbers
            )
            if pins.enable is not None:
                opened.enter_context(DigitalOutputDevice(pins.enable, initial_value=True, pin_factory=factory))
            self._opened = opened.pop_all()
        self._is_inverted = pins.inverted

    def set_inverted(self, is_inverted: bool) -> None:
        """Turn the other way round from now on, or not; for a motor that stands."""
        if is_inverted != self._is_inverted:
            self._is_inverted = is_inverted
            self._forward, self._backward = self._backward, self._forward

    def set_power(self, power: float) -> float:
        """Turn it with ``power`` in −1 … +1; return the power that the pins were set to."""
        on, off = (self._forward, self._backward) if power > 0 else (self._backward, self._forward)
        # Never both at once: that brakes, and on the way to the other direction it is a jolt.
        off.off()
        on.value = abs(power)
        given: float = on.value
        return given if power > 0 else -given

    def close(self) -> None:
        """Stop it and let go of its pins, the enable pin first."""
        self._opened.close()
