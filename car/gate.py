"""The safety gate: the only way to the wheels.

A pure state machine. Events come in with their times, commands go out; it does no I/O, starts no thread and reads no
clock. Whatever it does not know to be safe comes out as neutral. Its owner asks it once per cycle and hands the answer
to ``Drivetrain.apply``, which nobody else may call::

    gate = Gate()
    gate.handle(FrameArrived(captured_ns), now_ns)
    gate.handle(DriverCommand(Command(0.0, 0.0), sampled_ns), now_ns)
    gate.handle(Arm(Mode.MANUAL), now_ns)
    drivetrain.apply(gate.decide(now_ns).command)
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from hardware.clock import NS_PER_MS, NS_PER_S
from hardware.drivetrain import NEUTRAL, Command


class Mode(StrEnum):
    """Who drives: the driver; the pilot steers and the driver has the throttle; the pilot."""

    MANUAL = "manual"
    ASSIST = "assist"
    AUTO = "auto"


class GateState(StrEnum):
    """Disarmed after start, armed by a human act, tripped until another one."""

    DISARMED = "disarmed"
    ARMED = "armed"
    TRIPPED = "tripped"


class TripReason(StrEnum):
    """Why the gate tripped, in words for the person who finds the car standing."""

    STOP = "stopped by the driver"
    STALE_FRAME = "the camera stopped delivering fresh frames"
    STALE_PILOT = "the pilot stopped giving commands in time"
    LINK_LOST = "the link to the driver was lost"
    FAULT = "a part of the program failed"


class ArmRefusal(StrEnum):
    """Why the gate would not arm, in words for the person who asked."""

    NO_FRAME = "no fresh frame from the camera"
    NO_DRIVER = "no live link to a driver"
    THROTTLE_NOT_NEUTRAL = "let go of the throttle first"


@dataclass(frozen=True, slots=True)
class Limits:
    """The one table of limits; the README promises these figures."""

    driver_valid_ns: int = 300 * NS_PER_MS
    frame_fresh_ns: int = 150 * NS_PER_MS
    pilot_valid_ns: int = 200 * NS_PER_MS
    short_link_loss_ns: int = 2000 * NS_PER_MS
    throttle_slew_per_s: float = 2.0
    steering_slew_per_s: float = 8.0
    autopilot_throttle_cap: float = 0.25
    neutral_stick: float = 0.05


@dataclass(frozen=True, slots=True)
class DriverCommand:
    """What the driver asks for, and when the driver's device sampled it."""

    command: Command
    sampled_ns: int


@dataclass(frozen=True, slots=True)
class PilotCommand:
    """What the pilot asks for; it counts from the event's time."""

    command: Command


@dataclass(frozen=True, slots=True)
class FrameArrived:
    """The camera delivered a frame."""

    captured_ns: int


@dataclass(frozen=True, slots=True)
class Arm:
    """A person wants to drive, or be driven, in ``mode``."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class ChangeMode:
    """A person wants another mode; the state stays as it is."""

    mode: Mode


@dataclass(frozen=True, slots=True)
class Disarm:
    """A person is done driving."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The stop button, in every mode and state."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A part of the program failed."""


Event = DriverCommand | PilotCommand | FrameArrived | Arm | ChangeMode | Disarm | Stop | Fault


@dataclass(frozen=True, slots=True)
class Decision:
    """What goes to the wheels now, and why; ``driver`` is what the driver asks for, None without a live link."""

    command: Command
    driver: Command | None
    state: GateState
    mode: Mode
    trip: TripReason | None
    refusal: ArmRefusal | None


class Gate:
    """Decides what reaches the wheels.

    With ``headless`` no driver's link is needed in ``auto``: starting the car that way was the human act. ``refused``
    counts commands that were not finite, out of range or stamped with a time yet to come.
    """

    def __init__(self, limits: Limits | None = None, mode: Mode = Mode.MANUAL, *, headless: bool = False) -> None:
        self.limits = limits or Limits()
        self.state = GateState.DISARMED
        self.mode = mode
        self.trip: TripReason | None = None
        self.refusal: ArmRefusal | None = None
        self.refused = 0
        self._headless = headless
        self._driver: DriverCommand | None = None
        self._pilot: Command | None = None
        self._pilot_ns = 0
        self._frame_ns: int | None = None
        self._needs_neutral_stick = False
        self._output = NEUTRAL
        self._output_ns = 0

    def handle(self, event: Event, now_ns: int) -> None:
        """Take note of ``event``, which happened at ``now_ns``."""
        match event:
            case DriverCommand():
                self._take_driver_command(event, now_ns)
            case PilotCommand(command):
                if self._accepts(command):
                    self._pilot, self._pilot_ns = command, now_ns
            case FrameArrived(captured_ns):
                self._frame_ns = captured_ns
            case Arm(mode):
                self._arm(mode, now_ns)
            case ChangeMode(mode):
                self._enter(mode, now_ns)
            case Disarm():
                self.state, self.trip, self.refusal = GateState.DISARMED, None, None
            case Stop():
                self._trip(TripReason.STOP)
            case Fault():
                self._trip(TripReason.FAULT)

    def decide(self, now_ns: int) -> Decision:
        """Return the command for the wheels at ``now_ns``."""
        if self.state is GateState.ARMED:
            self._watch(now_ns)
        target = self._target(now_ns) if self.state is GateState.ARMED else None
        self._output = NEUTRAL if target is None else self._slewed(target, now_ns)
        self._output_ns = now_ns
        driver = self._driver.command if self._driver is not None and self._is_link_live(now_ns) else None
        return Decision(self._output, driver, self.state, self.mode, self.trip, self.refusal)

    def _accepts(self, command: Command) -> bool:
        valid = command.is_valid()
        self.refused += not valid
        return valid

    def _take_driver_command(self, event: DriverCommand, now_ns: int) -> None:
        if event.sampled_ns > now_ns:
            self.refused += 1
        elif self._accepts(event.command) and (self._driver is None or event.sampled_ns >= self._driver.sampled_ns):
            self._driver = event
            if self._is_at_neutral(event):
                self._needs_neutral_stick = False

    def _is_at_neutral(self, driver: DriverCommand) -> bool:
        return abs(driver.command.throttle) <= self.limits.neutral_stick

    def _driver_age_ns(self, now_ns: int) -> int | None:
        return None if self._driver is None else now_ns - self._driver.sampled_ns

    def _is_link_live(self, now_ns: int) -> bool:
        age_ns = self._driver_age_ns(now_ns)
        return age_ns is not None and age_ns <= self.limits.driver_valid_ns

    def _is_frame_fresh(self, now_ns: int) -> bool:
        return self._frame_ns is not None and now_ns - self._frame_ns <= self.limits.frame_fresh_ns

    def _needs_link(self, mode: Mode) -> bool:
        return not (self._headless and mode is Mode.AUTO)

    def _arm(self, mode: Mode, now_ns: int) -> None:
        self.refusal = self._reason_not_to_arm(mode, now_ns)
        if self.refusal is None:
            self.state, self.trip = GateState.ARMED, None
            self._needs_neutral_stick = False
            self._enter(mode, now_ns)

    def _reason_not_to_arm(self, mode: Mode, now_ns: int) -> ArmRefusal | None:
        if not self._is_frame_fresh(now_ns):
            return ArmRefusal.NO_FRAME
        if self._needs_link(mode) and not self._is_link_live(now_ns):
            return ArmRefusal.NO_DRIVER
        if self._driver is not None and self._is_link_live(now_ns) and not self._is_at_neutral(self._driver):
            return ArmRefusal.THROTTLE_NOT_NEUTRAL
        return None

    def _enter(self, mode: Mode, now_ns: int) -> None:
        # A pilot that was not asked until now has its time to answer from here on, and what it said before is void.
        self.mode, self._pilot, self._pilot_ns = mode, None, now_ns

    def _trip(self, reason: TripReason) -> None:
        # The first reason is the one a person needs to hear; what follows is mostly its consequence.
        if self.state is not GateState.TRIPPED:
            self.state, self.trip = GateState.TRIPPED, reason

    def _watch(self, now_ns: int) -> None:
        """Trip on whatever is older than its limit."""
        limits = self.limits
        if not self._is_frame_fresh(now_ns):
            self._trip(TripReason.STALE_FRAME)
        elif self.mode is not Mode.MANUAL and now_ns - self._pilot_ns > limits.pilot_valid_ns:
            self._trip(TripReason.STALE_PILOT)
        elif self._needs_link(self.mode) and not self._is_link_live(now_ns):
            self._needs_neutral_stick = True
            age_ns = self._driver_age_ns(now_ns)
            if self.mode is not Mode.MANUAL or age_ns is None or age_ns >= limits.short_link_loss_ns:
                self._trip(TripReason.LINK_LOST)

    def _target(self, now_ns: int) -> Command | None:
        """Return what the one who drives asks for, or None for neutral; all of it is known to be fresh."""
        if self._needs_link(self.mode) and (self._needs_neutral_stick or not self._is_link_live(now_ns)):
            return None
        driver = NEUTRAL if self._driver is None else self._driver.command
        if self.mode is Mode.MANUAL:
            return driver
        if self._pilot is None:
            return None
        if self.mode is Mode.ASSIST:
            return Command(self._pilot.steering, driver.throttle)
        cap = self.limits.autopilot_throttle_cap
        return Command(self._pilot.steering, min(max(self._pilot.throttle, -cap), cap))

    def _slewed(self, target: Command, now_ns: int) -> Command:
        # After a pause the wheels may not jump by what the pause would have allowed.
        elapsed_s = min(max(0, now_ns - self._output_ns), self.limits.frame_fresh_ns) / NS_PER_S
        steering_step = self.limits.steering_slew_per_s * elapsed_s
        throttle_step = self.limits.throttle_slew_per_s * elapsed_s
        steering = _towards(self._output.steering, target.steering, steering_step)
        # Away from neutral the throttle is slewed; towards it, and through it, it drops at once.
        same_direction = self._output.throttle * target.throttle > 0.0
        start = self._output.throttle if same_direction else 0.0
        rises = abs(target.throttle) > abs(start)
        throttle = _towards(start, target.throttle, throttle_step) if rises else target.throttle
        return Command(steering, throttle)


def _towards(start: float, target: float, step: float) -> float:
    return min(max(target, start - step), start + step)
