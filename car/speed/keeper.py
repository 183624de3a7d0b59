"""The speed of the car in the drive loop: for its records always, and held where ``[speed]`` wants it held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from car.config.sections import CarConfig
from car.gate import DriverCommand, Event, Fault, Gate, GateState, Mode, PilotCommand, TripReason
from car.readings import Newest, nothing
from car.speed.controller import SpeedController
from car.speed.plausible import Plausibility
from car.speed.wheels import WheelSpeed
from hardware.drivetrain import Command, Motion
from hardware.sensor import Sensor


class SpeedKeeper:
    """Follows the encoder for the loop; with a ``controller``, a throttle that is asked for means a speed.

    It stands before the gate: the gate is given the throttle that makes the speed, and all its limits hold for that. A
    car that holds its speed depends on its encoder. While nothing is known it gets no throttle, and the gate is told of
    a fault once the encoder is lost, or says what cannot be. Wheels in the air, in calibration, get what is asked for.
    """

    def __init__(self, wheels: WheelSpeed, gate: Gate, controller: SpeedController | None = None) -> None:
        self._wheels = wheels
        self._gate = gate
        self._controller = controller
        self._plausibility = Plausibility()
        self._motion: Motion | None = None
        self._throttle = 0.0
        self._asked: tuple[Command, Command] | None = None

    def motion(self) -> Motion | None:
        """Return what the encoder said last, None once that is too old."""
        return self._motion

    def events(self, now_ns: int) -> Iterator[Event]:
        """Look at the encoder, and yield a fault when the car depends on it and cannot; raises SensorError."""
        self._motion = self._wheels.look(now_ns)
        if not self._is_at_work():
            self._plausibility = Plausibility()
            return
        doubt = TripReason.ENCODER_LOST if self._wheels.is_lost(now_ns) else None
        if self._motion is not None:
            doubt = self._plausibility.doubt(self._motion, self._throttle, now_ns)
            if doubt is TripReason.WRONG_WAY and not self._wheels.tells_direction:
                doubt = None
        if doubt is not None:
            yield Fault(doubt)

    def governed(self, event: Event, now_ns: int) -> Event:
        """Return what the gate is told in place of ``event``: a throttle that makes the speed that was asked for."""
        if self._controller is None:
            return event
        if not self._is_at_work():
            self._controller.reset()
            return event
        is_auto = self._gate.mode is Mode.AUTO
        if isinstance(event, DriverCommand) and not is_auto and event.is_valid():
            asked = event.command
            given = Command(asked.steering, self._throttle_for(asked.throttle if event.held else 0.0, now_ns))
            self._asked = (given, asked)
            # What the gate takes for a stick at neutral is the driver's stick, not what is made of it.
            is_pressed = event.pressed or abs(asked.throttle) > self._gate.limits.neutral_stick
            return replace(event, command=given, pressed=is_pressed)
        if isinstance(event, PilotCommand) and is_auto and event.is_valid():
            asked = event.command
            return replace(event, command=Command(asked.steering, self._throttle_for(asked.throttle, now_ns)))
        return event

    def asked(self, command: Command | None) -> Command | None:
        """Return what the driver asked for, of whom the gate has ``command``."""
        return self._asked[1] if self._asked is not None and command is self._asked[0] else command

    def note_applied(self, command: Command) -> None:
        """Take note of what the wheels got."""
        self._throttle = command.throttle
        self._wheels.note_throttle(command.throttle)
        if self._controller is not None:
            self._controller.note_applied(command.throttle)

    def _is_at_work(self) -> bool:
        gate = self._gate
        return self._controller is not None and gate.state is GateState.ARMED and gate.mode is not Mode.CALIBRATION

    def _throttle_for(self, wanted: float, now_ns: int) -> float:
        controller = self._controller
        if controller is None or self._motion is None:
            return 0.0
        # As near to neutral as a stick is that nobody touches.
        is_neutral = abs(wanted) <= self._gate.limits.neutral_stick
        return controller.throttle(0.0 if is_neutral else wanted, self._motion.speed_m_s, now_ns)


def keep_speed(
    config: CarConfig, sensors: Mapping[str, Sensor], read: Callable[[Sensor], Newest], gate: Gate
) -> SpeedKeeper | None:
    """Return what follows the encoder that ``[speed]`` names, None on a car without it.

    ``read`` says how a sensor is read; one that is not among ``sensors`` is lost.
    """
    speed = config.speed
    if speed is None:
        return None
    newest = read(sensors[speed.sensor]) if speed.sensor in sensors else nothing
    controller = SpeedController(speed.max_m_s, speed.response_s) if speed.control else None
    return SpeedKeeper(WheelSpeed(newest), gate, controller)
