"""Commands, the drivetrains that carry them out, and what a car can say of its own motion."""

from __future__ import annotations

import itertools
import math
import threading
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hardware.clock import NS_PER_MS, Clock, SystemClock
from hardware.closing import Closing
from hardware.errors import ContractError, DrivetrainError


@dataclass(frozen=True, slots=True)
class Command:
    """Steering −1 full left … +1 full right; throttle −1 full reverse … +1 full forward.

    >>> Command(steering=-0.5, throttle=0.2).is_valid()
    True
    >>> Command(steering=-0.5, throttle=2.0).is_valid()
    False
    """

    steering: float
    throttle: float

    def is_valid(self) -> bool:
        """Tell whether both numbers are finite and in −1 … +1."""
        return all(math.isfinite(value) and -1.0 <= value <= 1.0 for value in (self.steering, self.throttle))

    def check(self) -> None:
        """Raise ValueError unless both numbers are finite and in −1 … +1."""
        if not self.is_valid():
            raise ValueError(f"{self} is not finite or not in −1 … +1. Clip it before it gets here.")


NEUTRAL = Command(steering=0.0, throttle=0.0)


@dataclass(frozen=True, slots=True)
class Motion:
    """What a car with an encoder on its wheels knows.

    >>> Motion(speed_m_s=1.2, distance_m=34.5).speed_m_s
    1.2

    ``speed_m_s`` is negative in reverse, where the encoder can tell. ``distance_m`` is how far the wheels have rolled
    since the start, in either direction, so that it never shrinks; NaN in recordings that did not keep it.
    """

    speed_m_s: float
    distance_m: float


@dataclass(frozen=True, slots=True)
class LapCount:
    """What one who knows the track can say of a drive on it.

    >>> LapCount(laps=2, progress_m=31.4, lateral_m=-0.05, departures=0).laps
    2

    ``laps`` counts whole laps, ``progress_m`` is the way driven along the track; ``lateral_m`` is the distance from
    the middle of the lane, positive to the right; ``departures`` counts how often a wheel has left the lane.
    """

    laps: int
    progress_m: float
    lateral_m: float
    departures: int


@dataclass(frozen=True, slots=True)
class Pose:
    """Where something is and where it points: metres, and radians counter-clockwise from the x axis.

    >>> start = Pose(x_m=1.5, y_m=0.2, heading_rad=math.pi / 2)
    """

    x_m: float
    y_m: float
    heading_rad: float


class Drivetrain(Closing):
    """Steering and motor of a car.

    >>> from hardware.drivetrains.timeline import TimelineDrivetrain
    >>> with TimelineDrivetrain(clock) as drivetrain:
    ...     applied = drivetrain.apply(Command(steering=0.5, throttle=0.2))
    >>> applied
    Command(steering=0.5, throttle=0.2)

    Only the gate's owner calls ``apply``; anyone may call ``neutral`` at any time, from any thread. Use it as a
    context manager; ``close`` puts the outputs to neutral first and may be called twice. The first output ever is
    neutral. ``steering_step_us`` is the smallest change of the steering's pulse, None where there are no pulses.
    ``check_drivetrain`` checks all that a drivetrain promises.
    """

    steering_step_us: float | None = None

    @abstractmethod
    def apply(self, command: Command) -> Command:
        """Carry out ``command`` and return what was really applied, after the device's own limits and steps.

        Raises ValueError when it is not finite or out of range, DrivetrainError when the device does not take it or
        is closed.
        """

    @abstractmethod
    def neutral(self) -> None:
        """Stop the motor and centre the steering, now."""

    @abstractmethod
    def close(self) -> None:
        """Go to neutral and release the device."""


CHECK_STEPS = 100
CHECK_WAIT_MS = 5
CHECK_PATIENCE = 200
CHECK_TOLERANCE = 0.05
CHECK_TIMEOUT_S = 5.0

Outputs = Callable[[], Sequence[tuple[float, float]]]
"""What steering and throttle were set to so far, oldest first, in any unit that rises or falls with the command.

Pulses in µs, say. Outputs that are off are left out.
"""


def check_drivetrain(
    make: Callable[[], Drivetrain], clock: Clock | None = None, outputs: Outputs | None = None
) -> None:
    """Check that the drivetrain which ``make`` opens keeps every promise of ``Drivetrain``, and close it.

    It is for every drivetrain, a stranger's too, in a test or with the wheels off the ground:

    >>> from hardware.drivetrains.timeline import TimelineDrivetrain
    >>> check_drivetrain(lambda: TimelineDrivetrain(clock), clock)

    ``clock`` is the one that the drivetrain was given, by default the system's. With ``outputs`` it looks at the pins
    too, not only at what ``apply`` says. Raises ContractError with the first promise that is broken.
    """
    with make() as drivetrain:
        check = _DrivetrainCheck(drivetrain, clock or SystemClock(), outputs)
        check.neutral_is_first()
        check.commands_are_followed()
        check.nonsense_is_refused()
        check.anyone_may_stop_it()
        check.closed_means_closed()


class _DrivetrainCheck:
    def __init__(self, drivetrain: Drivetrain, clock: Clock, outputs: Outputs | None) -> None:
        self._drivetrain = drivetrain
        self._clock = clock
        self._outputs: Outputs = outputs or tuple
        self._neutral: tuple[float, float] | None = None

    def neutral_is_first(self) -> None:
        """Look at what the outputs were before any command."""
        before = list(self._outputs())
        self._drivetrain.neutral()
        if outputs := self._outputs():
            self._neutral = outputs[-1]
            moving = next((output for output in before if output != self._neutral), None)
            _require(moving is None, f"sends {moving} before any command, and its neutral is {self._neutral}")
        applied = self._drivetrain.apply(NEUTRAL)
        _require(applied.throttle == 0.0, f"moves by {applied} when told to be neutral")
        self._require_neutral("when told to be by a command")

    def commands_are_followed(self) -> None:
        """Sweep steering and throttle from one end to the other, and see them follow."""
        values = [step / CHECK_STEPS for step in range(-CHECK_STEPS, CHECK_STEPS + 1)]
        forward = [value for value in values if value >= 0]
        self._sweep("steering", [Command(value, 0.1) for value in values])
        self._sweep("throttle", [Command(0.0, value) for value in forward])
        backwards = [Command(0.0, value) for value in values if value <= 0]
        if self._waits_for_reverse():
            self._sweep("throttle", backwards)
        self._drivetrain.neutral()

    def _waits_for_reverse(self) -> bool:
        """Ask for reverse until it is given, which an ESC may make wait for; False where there is none."""
        given = [self._apply(Command(0.0, -1.0)).throttle for _ in range(CHECK_PATIENCE)]
        return given[-1] < 0

    def _sweep(self, axis: str, commands: Sequence[Command]) -> None:
        applied: list[float] = []
        sent: list[float] = []
        for command in commands:
            answer = self._apply(command)
            applied.append(getattr(answer, axis))
            sent.extend(output[axis == "throttle"] for output in self._outputs()[-1:])
            error = abs(getattr(answer, axis) - getattr(command, axis))
            _require(error <= CHECK_TOLERANCE, f"answers {answer} to {command}; return what was applied")
        _require(_rises(applied), f"answers with a {axis} that does not rise with the command")
        follows = not sent or _rises(sent) or _rises([-value for value in sent])
        _require(follows, f"has outputs that do not rise, or fall, with the {axis}")

    def nonsense_is_refused(self) -> None:
        """Give it what no gate would give."""
        for value in (float("nan"), float("inf"), 1.01, -1.01):
            for command in (Command(value, 0.0), Command(0.0, value)):
                try:
                    self._drivetrain.apply(command)
                except ValueError:
                    continue
                _require(False, f"takes {command}; raise ValueError")

    def anyone_may_stop_it(self) -> None:
        """Call neutral in another thread, while this one drives on, and after it."""
        stops = threading.Thread(target=lambda: [self._drivetrain.neutral() for _ in range(CHECK_STEPS)], daemon=True)
        stops.start()
        while stops.is_alive():
            self._apply(Command(0.5, 0.1))
        self._apply(Command(0.5, 0.1))
        last = threading.Thread(target=self._drivetrain.neutral, daemon=True)
        last.start()
        last.join(CHECK_TIMEOUT_S)
        _require(not last.is_alive(), f"is not neutral {CHECK_TIMEOUT_S:g} s after another thread asked for it")
        self._require_neutral("when another thread has asked for it")

    def closed_means_closed(self) -> None:
        """Close it while it drives, twice, and ask for more."""
        self._apply(Command(0.5, 0.1))
        self._drivetrain.close()
        self._drivetrain.close()
        self._require_neutral("when it is closed")
        self._drivetrain.neutral()
        try:
            self._drivetrain.apply(NEUTRAL)
        except DrivetrainError:
            return
        _require(False, "takes commands after it was closed; raise DrivetrainError")

    def _require_neutral(self, when: str) -> None:
        last = next(iter(self._outputs()[-1:]), self._neutral)
        _require(last == self._neutral, f"is at {last} instead of neutral {when}")

    def _apply(self, command: Command) -> Command:
        applied = self._drivetrain.apply(command)
        _require(applied.is_valid(), f"answers {applied}, which is not in −1 … +1")
        self._clock.sleep_until_ns(self._clock.now_ns() + CHECK_WAIT_MS * NS_PER_MS)
        return applied


def _rises(values: Sequence[float]) -> bool:
    return all(one <= two for one, two in itertools.pairwise(values)) and values[0] < values[-1]


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ContractError(f"The drivetrain {otherwise}. See hardware.drivetrain.Drivetrain for what it promises.")
