"""The safety gate: the only way to the wheels.

A pure state machine. Events come in with their times, commands go out; it does no I/O, starts no thread and reads no
clock. Whatever it does not know to be safe comes out as neutral. Its owner asks it once per cycle and hands the answer
to ``Drivetrain.apply``, which nobody else may call::

    gate = Gate()
    gate.handle(FrameArrived(captured_ns), now_ns)
    gate.handle(DriverCommand(Command(0.0, 0.0), sampled_ns), now_ns)
    gate.handle(Arm(Mode.MANUAL), now_ns)
    drivetrain.apply(gate.decide(now_ns).command)

Disarmed or tripped becomes armed by ``Arm`` alone, and armed becomes disarmed by ``Disarm`` or tripped by ``Stop``, by
``Fault``, by a safeguard that is missing and by whatever is older than its limit. A trip stays until somebody arms
again, with a stick that has been at neutral since.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from hardware.clock import NS_PER_MS, NS_PER_S
from hardware.drivetrain import NEUTRAL, Command


class Mode(StrEnum):
    """Who drives: the driver; the pilot steers and the driver has the throttle; the pilot.

    In ``calibration`` the driver tries out the car's outputs with its wheels off the ground; no frame is needed.
    """

    MANUAL = "manual"
    ASSIST = "assist"
    AUTO = "auto"
    CALIBRATION = "calibration"

    @property
    def has_pilot(self) -> bool:
        """True where the pilot has a hand in it."""
        return self in (Mode.ASSIST, Mode.AUTO)


class GateState(StrEnum):
    """Disarmed after start, armed by a human act, tripped until another one."""

    DISARMED = "disarmed"
    ARMED = "armed"
    TRIPPED = "tripped"


class Safeguard(StrEnum):
    """What has to be alive while the car moves: without it nobody, or nothing, could stop the car."""

    CONTROLS = "controls"
    GUARD = "guard"


class TripReason(StrEnum):
    """Why the gate tripped, in words for the person who finds the car standing."""

    STOP = "stopped by the driver"
    STALE_FRAME = "the camera stopped delivering fresh frames"
    STALE_PILOT = "the pilot stopped giving commands in time"
    LINK_LOST = "the link to the driver was lost"
    FAULT = "a part of the program failed"
    STALLED = "the drive loop did not come round in time"
    CLOCK = "the clock went backwards"
    CONTROLS_LOST = "the controls, which carry every stop, did not answer"
    GUARD_LOST = "the guard did not answer"
    OBSTACLE = "something was too near, right ahead"
    RANGE_LOST = "the range sensor stopped measuring"
    ENCODER_LOST = "the wheel encoder stopped measuring"
    NO_MOTION = "the motor was driven, and the wheel encoder saw no motion"
    WRONG_WAY = "the wheels turned against the throttle"


class ArmRefusal(StrEnum):
    """Why the gate would not arm, in words for the person who asked; the last four are what ``Checks`` may report."""

    NO_FRAME = "no fresh frame from the camera"
    NO_DRIVER = "no live link to a driver"
    THROTTLE_NOT_NEUTRAL = "let go of the throttle first"
    ALREADY_ARMED = "it is armed already; change the mode, or disarm first"
    WHEELS_NOT_UP = "lift the wheels off the ground first, and say so"
    NO_CONTROLS = "the controls, which carry every stop, are not up yet"
    NO_GUARD = "the guard is not up yet"
    NO_PILOT = "there is no pilot that fits this car; choose one, or drive by hand"
    OBSTACLE = "something is too near, right ahead; move it away, or the car"
    NO_RANGE = "no fresh measurement from the range sensor"
    TOO_HOT = "the processor is too hot"
    UNDER_VOLTAGE = "the supply voltage is too low"
    NOT_CALIBRATED = "steering and throttle are not calibrated yet"
    COARSE_STEERING = "the steering moves in steps that are too coarse to drive by"


AWAITS_NEUTRAL = "let go of the throttle, then press it again"
"""What a driver has to do whose throttle waits for a stick at neutral."""


SURE = 1.0
"""Up to this uncertainty of a pilot its throttle is capped as ever."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The one table of limits; the README promises these figures.

    >>> gate = Gate(Limits(autopilot_throttle_cap=0.15))
    >>> gate.limits.driver_valid_ns // NS_PER_MS
    300

    A car that looks ahead stops for what is nearer than ``stop_m``, and is slower from ``slow_m`` on; with a ``stop_m``
    of 0 it does not look. Raises ValueError unless ``slow_m`` is the larger one.
    """

    driver_valid_ns: int = 300 * NS_PER_MS
    frame_fresh_ns: int = 150 * NS_PER_MS
    pilot_valid_ns: int = 200 * NS_PER_MS
    loop_stall_ns: int = 250 * NS_PER_MS
    short_link_loss_ns: int = 2000 * NS_PER_MS
    calibration_valid_ns: int = 200 * NS_PER_MS
    safeguard_silence_ns: int = 200 * NS_PER_MS
    range_silence_ns: int = 200 * NS_PER_MS
    throttle_slew_per_s: float = 2.0
    steering_slew_per_s: float = 8.0
    autopilot_throttle_cap: float = 0.25
    uncertain_share: float = 0.5
    calibration_throttle_cap: float = 0.2
    neutral_stick: float = 0.05
    stop_m: float = 0.0
    slow_m: float = 1.0

    def __post_init__(self) -> None:
        if not self.slow_m > self.stop_m:
            raise ValueError(f"A car cannot be slower from {self.slow_m} m on and stop at {self.stop_m} m.")


@dataclass(frozen=True, slots=True)
class DriverCommand:
    """What the driver asks for, and when the driver's device sampled it.

    >>> gate.handle(DriverCommand(Command(steering=0.3, throttle=0.0), sampled_ns=clock.now_ns()), clock.now_ns())
    >>> gate.decide(clock.now_ns()).driver
    Command(steering=0.3, throttle=0.0)

    ``held`` is the driver's hold button, where the device has one: without it the link lives but the command is
    neutral, and a throttle that was pressed meanwhile must go back to neutral before it counts again.
    ``throttle_limit`` is what a pilot may give at most, 0 … 1, below the gate's own cap, until the next command.
    ``pressed`` says that the throttle's stick is not at neutral, however little of it a driver's limit has left.
    """

    command: Command
    sampled_ns: int
    held: bool = True
    throttle_limit: float = 1.0
    pressed: bool = False

    def is_valid(self) -> bool:
        """Tell whether all its numbers are finite and in their ranges."""
        return self.command.is_valid() and 0.0 <= self.throttle_limit <= 1.0


@dataclass(frozen=True, slots=True)
class DriverLeft:
    """The driver is known to be gone: a lost link from this moment on, without waiting for the last command to age.

    >>> gate.handle(DriverLeft(), clock.now_ns())
    >>> gate.decide(clock.now_ns()).driver is None
    True
    """


@dataclass(frozen=True, slots=True)
class PilotCommand:
    """What the pilot asks for; it counts from the event's time.

    ``uncertainty`` is how little it knows of what it sees. Where that exceeds 1, its throttle is capped the lower.

    >>> gate.handle(ChangeMode(Mode.AUTO), clock.now_ns())
    >>> gate.handle(PilotCommand(Command(steering=float("nan"), throttle=0.2)), clock.now_ns())
    >>> gate.refused_pilot
    1
    """

    command: Command
    uncertainty: float = 0.0

    def is_valid(self) -> bool:
        """Tell whether all its numbers are finite and in their ranges."""
        return self.command.is_valid() and 0.0 <= self.uncertainty < math.inf


@dataclass(frozen=True, slots=True)
class FrameArrived:
    """The camera delivered a frame.

    >>> gate.handle(FrameArrived(captured_ns=clock.now_ns() + NS_PER_MS), clock.now_ns())   # by another clock?
    >>> gate.refused_frames
    1
    """

    captured_ns: int


@dataclass(frozen=True, slots=True)
class Checks:
    """What stands in the way of driving, the most important first; it matters to arming alone.

    >>> gate.handle(Disarm(), clock.now_ns())
    >>> gate.handle(Checks((ArmRefusal.TOO_HOT,)), clock.now_ns())
    >>> gate.handle(Arm(Mode.MANUAL), clock.now_ns())
    >>> print(gate.refusal)
    the processor is too hot
    """

    problems: tuple[ArmRefusal, ...] = ()


@dataclass(frozen=True, slots=True)
class Safeguards:
    """Which safeguards do not answer: none of them may be missing while the car is armed.

    >>> gate.handle(Safeguards(missing=frozenset({Safeguard.GUARD})), clock.now_ns())
    >>> gate.trip is TripReason.GUARD_LOST
    True
    """

    missing: frozenset[Safeguard] = frozenset()


@dataclass(frozen=True, slots=True)
class Ahead:
    """How far away the nearest thing ahead is, by a range sensor; not a number once the sensor does not tell in time.

    >>> gate = Gate(Limits(stop_m=0.5, slow_m=1.5))
    >>> gate.handle(Ahead(0.4), clock.now_ns())
    >>> gate.handle(FrameArrived(clock.now_ns()), clock.now_ns())
    >>> gate.handle(Arm(Mode.MANUAL), clock.now_ns())
    >>> gate.refusal is ArmRefusal.OBSTACLE
    True
    """

    distance_m: float


@dataclass(frozen=True, slots=True)
class PilotChanged:
    """Another pilot is there, or none is: without one, no mode in which it has a hand may be chosen.

    >>> gate.handle(PilotChanged(is_there=False), clock.now_ns())
    >>> gate.handle(ChangeMode(Mode.AUTO), clock.now_ns())
    >>> gate.mode is Mode.MANUAL
    True
    """

    is_there: bool


@dataclass(frozen=True, slots=True)
class Arm:
    """A person wants to drive, or be driven, in ``mode``; calibration needs their word that the wheels are up.

    >>> gate = Gate()
    >>> gate.handle(Arm(Mode.MANUAL), clock.now_ns())
    >>> print(gate.refusal)
    no fresh frame from the camera
    """

    mode: Mode
    wheels_up: bool = False


@dataclass(frozen=True, slots=True)
class ChangeMode:
    """A person wants another mode. The state stays as it is, but calibration ends disarmed and begins by arming only.

    >>> gate.handle(ChangeMode(Mode.ASSIST), clock.now_ns())
    >>> gate.mode is Mode.ASSIST
    True

    From ``auto`` the driver gets the steering at once and the throttle when the stick has been at neutral.
    """

    mode: Mode


@dataclass(frozen=True, slots=True)
class Disarm:
    """A person is done driving; a trip stays a trip.

    >>> gate.handle(Disarm(), clock.now_ns())
    >>> gate.state is GateState.DISARMED
    True
    """


@dataclass(frozen=True, slots=True)
class Stop:
    """The stop button: a trip in every mode and state, disarmed too, so that whoever pressed it sees it heard.

    >>> gate.handle(Stop(), clock.now_ns())
    >>> gate.trip is TripReason.STOP
    True
    """


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of the program failed, or a part of the car that ``reason`` names.

    >>> gate.handle(Fault(), clock.now_ns())
    >>> gate.trip is TripReason.FAULT
    True
    """

    reason: TripReason = TripReason.FAULT


_NEVER_NS = -(2**62)
"""So long ago that nothing from then is valid."""
Event = (
    DriverCommand
    | DriverLeft
    | PilotCommand
    | FrameArrived
    | Checks
    | Safeguards
    | Ahead
    | PilotChanged
    | Arm
    | ChangeMode
    | Disarm
    | Stop
    | Fault
)

_LOSSES = {
    Safeguard.CONTROLS: (TripReason.CONTROLS_LOST, ArmRefusal.NO_CONTROLS),
    Safeguard.GUARD: (TripReason.GUARD_LOST, ArmRefusal.NO_GUARD),
}
"""What the loss of a safeguard is called, and its absence."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What goes to the wheels now, and why.

    ``driver`` is what the driver asks for, None without a live link; ``awaits_neutral`` says that the throttle counts
    again only once the stick has been at neutral.
    """

    command: Command
    driver: Command | None
    state: GateState
    mode: Mode
    trip: TripReason | None
    refusal: ArmRefusal | None
    awaits_neutral: bool


class Gate:
    """Decides what reaches the wheels.

    >>> gate, now_ns = Gate(), clock.now_ns()
    >>> gate.handle(FrameArrived(now_ns), now_ns)
    >>> gate.handle(DriverCommand(NEUTRAL, sampled_ns=now_ns), now_ns)
    >>> gate.handle(Arm(Mode.MANUAL), now_ns)
    >>> gate.decide(now_ns).state is GateState.ARMED
    True

    With ``headless`` no driver's link is needed in ``auto``: starting the car that way was the human act. The
    safeguards that ``awaits`` names are missing until an event says that they answer. With ``limits`` that stop for
    what is ahead the range sensor is missing too, until it has told. The ``refused_…`` counters count what was not
    finite, out of range or stamped with a time yet to come, by its source.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        mode: Mode = Mode.MANUAL,
        *,
        headless: bool = False,
        awaits: frozenset[Safeguard] = frozenset(),
    ) -> None:
        self.limits = limits or Limits()
        self.state = GateState.DISARMED
        self.mode = mode
        self.trip: TripReason | None = None
        self.refusal: ArmRefusal | None = None
        self.refused_driver = self.refused_pilot = self.refused_frames = 0
        self._headless = headless
        self._problems: tuple[ArmRefusal, ...] = ()
        self._missing = awaits
        self._ahead_m = math.nan if self.limits.stop_m > 0.0 else math.inf
        self._has_pilot = True
        self._driver = DriverCommand(NEUTRAL, _NEVER_NS)
        self._frame_ns = _NEVER_NS
        self._pilot: PilotCommand | None = None
        self._pilot_ns = _NEVER_NS
        self._neutral_after_ns: int | None = None  # the throttle waits for a stick at neutral sampled after this
        self._output = NEUTRAL
        self._output_ns = 0
        self._now_ns = 0

    @property
    def refused(self) -> int:
        """How many commands and frames were refused, whatever their source."""
        return self.refused_driver + self.refused_pilot + self.refused_frames

    def handle(self, event: Event, now_ns: int) -> None:
        """Take note of ``event``, which happened at ``now_ns``."""
        self._come_to(now_ns)
        match event:
            case DriverCommand():
                self._take_driver_command(event)
            case DriverLeft():
                self._lose_driver()
            case PilotCommand():
                self._take_pilot_command(event)
            case FrameArrived(captured_ns):
                self._take_frame(captured_ns)
            case Checks(problems):
                self._problems = problems
            case Safeguards(missing):
                self._take_safeguards(missing)
            case Ahead(distance_m):
                self._take_ahead(distance_m)
            case PilotChanged(is_there):
                self._has_pilot = is_there
                if is_there and self.refusal is ArmRefusal.NO_PILOT:
                    self.refusal = None
            case Arm():
                self._arm(event)
            case ChangeMode(mode):
                self._change_mode(mode)
            case Disarm():
                self._disarm()
            case Stop():
                self._trip(TripReason.STOP)
            case _:  # a Fault; and what the gate does not know is one
                self._trip(event.reason if isinstance(event, Fault) else TripReason.FAULT)

    def decide(self, now_ns: int) -> Decision:
        """Return the command for the wheels at ``now_ns``."""
        self._come_to(now_ns)
        if self.state is GateState.ARMED:
            self._watch()
        target = self._target() if self.state is GateState.ARMED else None
        self._output = NEUTRAL if target is None else self._slewed(self._slowed(target))
        self._output_ns = now_ns
        return Decision(
            self._output,
            self._driver_command(),
            self.state,
            self.mode,
            self.trip,
            self.refusal,
            self._awaits_neutral(),
        )

    def _come_to(self, now_ns: int) -> None:
        went_back, self._now_ns = now_ns < self._now_ns, now_ns
        if went_back:
            # By the new time, what was known before would last for longer than it may.
            self._driver, self._frame_ns = DriverCommand(NEUTRAL, _NEVER_NS), _NEVER_NS
            self._trip(TripReason.CLOCK)
        elif self.state is GateState.ARMED and now_ns - self._output_ns > self.limits.loop_stall_ns:
            self._trip(TripReason.STALLED)

    def _take_driver_command(self, event: DriverCommand) -> None:
        if event.sampled_ns > self._now_ns or not event.is_valid():
            self.refused_driver += 1
        elif event.sampled_ns >= self._driver.sampled_ns:
            self._driver = event
            self._watch_stick()

    def _lose_driver(self) -> None:
        too_old_ns = self._now_ns - self.limits.driver_valid_ns - 1
        # The limit stays: nobody's leaving is to make a car faster.
        limit = self._driver.throttle_limit
        self._driver = DriverCommand(NEUTRAL, min(self._driver.sampled_ns, too_old_ns), throttle_limit=limit)
        self._neutral_after_ns = self._now_ns

    def _watch_stick(self) -> None:
        after_ns = self._neutral_after_ns
        if not self._is_at_neutral():
            self._neutral_after_ns = after_ns if self._driver.held else self._now_ns
        elif after_ns is not None and self._driver.sampled_ns > after_ns:
            self._neutral_after_ns = None

    def _take_pilot_command(self, event: PilotCommand) -> None:
        if event.is_valid():
            self._pilot, self._pilot_ns = event, self._now_ns
        else:
            self.refused_pilot += 1

    def _take_frame(self, captured_ns: int) -> None:
        if captured_ns > self._now_ns:
            self.refused_frames += 1
        else:
            self._frame_ns = captured_ns

    def _take_safeguards(self, missing: frozenset[Safeguard]) -> None:
        self._missing = missing
        if missing and self.state is GateState.ARMED:
            self._trip(_LOSSES[min(missing)][0])

    def _take_ahead(self, distance_m: float) -> None:
        self._ahead_m = distance_m
        if (found := self._in_the_way()) and self.state is GateState.ARMED and self.mode is not Mode.CALIBRATION:
            self._trip(found[0])

    def _in_the_way(self) -> tuple[TripReason, ArmRefusal] | None:
        """Return what is ahead that the car must not drive at, as a trip and as a refusal; None if the way is free."""
        if math.isnan(self._ahead_m):
            return TripReason.RANGE_LOST, ArmRefusal.NO_RANGE
        return (TripReason.OBSTACLE, ArmRefusal.OBSTACLE) if self._ahead_m < self.limits.stop_m else None

    def _arm(self, event: Arm) -> None:
        self.refusal = self._refusal_by_car(event) or self._refusal_by_driver(event.mode)
        if self.refusal is None:
            self.state, self.trip = GateState.ARMED, None
            self._output, self._output_ns = NEUTRAL, self._now_ns
            self._enter(event.mode)

    def _refusal_by_car(self, event: Arm) -> ArmRefusal | None:
        if self.state is GateState.ARMED:
            return ArmRefusal.ALREADY_ARMED
        if self._missing:
            return _LOSSES[min(self._missing)][1]
        if event.mode.has_pilot and not self._has_pilot:
            return ArmRefusal.NO_PILOT
        if event.mode is Mode.CALIBRATION:
            other_problems = (problem for problem in self._problems if problem is not ArmRefusal.NOT_CALIBRATED)
            return next(other_problems, None if event.wheels_up else ArmRefusal.WHEELS_NOT_UP)
        if self._problems:
            return self._problems[0]
        if not self._is_frame_fresh():
            return ArmRefusal.NO_FRAME
        return found[1] if (found := self._in_the_way()) else None

    def _refusal_by_driver(self, mode: Mode) -> ArmRefusal | None:
        if not self._is_link_live(mode):
            return ArmRefusal.NO_DRIVER if self._needs_link(mode) else None
        if self._neutral_after_ns is not None or not self._is_at_neutral():
            return ArmRefusal.THROTTLE_NOT_NEUTRAL
        return None

    def _change_mode(self, mode: Mode) -> None:
        if mode is self.mode:
            self.refusal = None
            return
        if mode is Mode.CALIBRATION:
            return
        if mode.has_pilot and not self._has_pilot:
            self.refusal = ArmRefusal.NO_PILOT
            return
        if self.mode is Mode.CALIBRATION:
            self._disarm()
        if self.mode is Mode.AUTO:
            # The driver did not have the throttle until now, and may not know how far it is pressed.
            self._neutral_after_ns = self._now_ns
        self._enter(mode)

    def _enter(self, mode: Mode) -> None:
        # A pilot that was not asked until now has its time to answer from here on, and what it said before is void.
        self.mode, self._pilot, self._pilot_ns = mode, None, self._now_ns
        self.refusal = None

    def _disarm(self) -> None:
        self.refusal = None
        if self.state is GateState.ARMED:
            self.state = GateState.DISARMED

    def _trip(self, reason: TripReason) -> None:
        self._neutral_after_ns = self._now_ns
        # The first reason is the one a person needs to hear; what follows is mostly its consequence.
        if self.state is not GateState.TRIPPED:
            self.state, self.trip, self.refusal = GateState.TRIPPED, reason, None

    def _watch(self) -> None:
        """Trip on whatever is older than its limit; a short loss of the link in manual mode is no trip yet."""
        if self.mode is not Mode.CALIBRATION and not self._is_frame_fresh():
            self._trip(TripReason.STALE_FRAME)
        elif self.mode.has_pilot and self._now_ns - self._pilot_ns > self.limits.pilot_valid_ns:
            self._trip(TripReason.STALE_PILOT)
        elif self._needs_link(self.mode) and not self._is_link_live(self.mode):
            self._neutral_after_ns = self._now_ns
            if self.mode is not Mode.MANUAL or self._driver_age_ns() >= self.limits.short_link_loss_ns:
                self._trip(TripReason.LINK_LOST)

    def _target(self) -> Command | None:
        """Return what the one who drives asks for, or None for neutral; the pilot's part is known to be fresh."""
        pilot, driver = self._pilot, self._driver_command()
        if self.mode is Mode.AUTO:
            return None if pilot is None else _capped(pilot.command, self._pilots_cap(pilot.uncertainty))
        if driver is None:
            return None
        throttle = driver.throttle if self._neutral_after_ns is None else 0.0
        if self.mode is Mode.ASSIST:
            return None if pilot is None else Command(pilot.command.steering, throttle)
        asked = Command(driver.steering, throttle)
        return _capped(asked, self.limits.calibration_throttle_cap) if self.mode is Mode.CALIBRATION else asked

    def _pilots_cap(self, uncertainty: float) -> float:
        """Return the most throttle that a pilot may give who knows so little of what it sees."""
        surest = min(self.limits.autopilot_throttle_cap, self._driver.throttle_limit)
        return surest * max(self.limits.uncertain_share, SURE / max(SURE, uncertainty))

    def _slowed(self, target: Command) -> Command:
        """Return ``target`` with the less throttle the nearer something is; nothing is near to wheels in the air."""
        if self.mode is Mode.CALIBRATION:
            return target
        limits = self.limits
        # Of a distance that is too near, or not known, none is left, and never throttle the other way.
        share = max(0.0, (self._ahead_m - limits.stop_m) / (limits.slow_m - limits.stop_m))
        cap = limits.autopilot_throttle_cap if self.mode is Mode.AUTO else 1.0
        return Command(target.steering, min(target.throttle, cap * share))

    def _slewed(self, target: Command) -> Command:
        elapsed_s = (self._now_ns - self._output_ns) / NS_PER_S
        steering_step = self.limits.steering_slew_per_s * elapsed_s
        throttle_step = self.limits.throttle_slew_per_s * elapsed_s
        steering, throttle = self._output.steering, self._output.throttle
        return Command(
            _clamped(target.steering, steering - steering_step, steering + steering_step),
            # Towards neutral, and up to it on the way to the other direction, the throttle drops at once.
            _clamped(target.throttle, min(throttle, 0.0) - throttle_step, max(throttle, 0.0) + throttle_step),
        )

    def _driver_command(self) -> Command | None:
        if not self._is_link_live(self.mode):
            return None
        return self._driver.command if self._driver.held else NEUTRAL

    def _awaits_neutral(self) -> bool:
        has_throttle = self.state is GateState.ARMED and self.mode is not Mode.AUTO
        return has_throttle and self._neutral_after_ns is not None

    def _needs_link(self, mode: Mode) -> bool:
        return not (self._headless and mode is Mode.AUTO)

    def _is_link_live(self, mode: Mode) -> bool:
        limits = self.limits
        valid_ns = limits.calibration_valid_ns if mode is Mode.CALIBRATION else limits.driver_valid_ns
        return self._driver_age_ns() <= valid_ns

    def _is_frame_fresh(self) -> bool:
        return self._now_ns - self._frame_ns <= self.limits.frame_fresh_ns

    def _is_at_neutral(self) -> bool:
        return not self._driver.pressed and abs(self._driver.command.throttle) <= self.limits.neutral_stick

    def _driver_age_ns(self) -> int:
        return self._now_ns - self._driver.sampled_ns


def _capped(command: Command, cap: float) -> Command:
    return Command(command.steering, _clamped(command.throttle, -cap, cap))


def _clamped(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)
