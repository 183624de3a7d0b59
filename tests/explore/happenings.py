"""All that can happen to a gate from one moment to the next: every kind of event, in time, late, wild and unknown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum, auto

from car.gate import (
    Ahead,
    Arm,
    ArmRefusal,
    ChangeMode,
    Checks,
    Disarm,
    DriverCommand,
    DriverLeft,
    Fault,
    FrameArrived,
    Mode,
    PilotChanged,
    PilotCommand,
    Safeguard,
    Safeguards,
    Stop,
    TripReason,
)
from hardware.drivetrain import Command
from tests.explore.grid import NOW_NS, STEP, STEP_NS, time_ns

LATE = STEP
TOO_LATE = 7 * STEP
"""350 ms: past every limit of a driver's command, as from a network that has stalled."""
LATE_FRAME = 3 * STEP
"""150 ms: at its limit on arrival."""

NEAR_M = 0.4
"""Nearer than the explored gate's stop."""
SLOW_M = 0.75
"""Half way from where the car is slower to where it stops: half of the throttle is left."""

AT_NEUTRAL = Command(0.8, 0.05)
"""Steered, with the throttle at the very end of what counts as neutral."""
HARDLY_PRESSED = Command(0.8, 0.0501)
PRESSED = Command(0.8, 1.0)
PILOTS = Command(-0.6, 0.9)
"""Never to be mistaken for the driver's."""


class Stick(IntEnum):
    """What a driver holds, as far as the gate tells it apart."""

    NEUTRAL = 0
    PRESSED = 1
    NEUTRAL_NOT_HELD = 2
    PRESSED_NOT_HELD = 3

    @property
    def command(self) -> Command:
        """The command that stands for it."""
        return PRESSED if self in (Stick.PRESSED, Stick.PRESSED_NOT_HELD) else AT_NEUTRAL

    @property
    def held(self) -> bool:
        """Whether the hold button is pressed."""
        return self in (Stick.NEUTRAL, Stick.PRESSED)


class Kind(IntEnum):
    """The kinds of what can happen; ``REFUSED…`` is what must be counted and change nothing."""

    SAMPLE = auto()
    LEFT = auto()
    PILOT = auto()
    FRAME = auto()
    CHECKS = auto()
    REFUSED_SAMPLE = auto()
    REFUSED_PILOT = auto()
    REFUSED_FRAME = auto()
    ARM = auto()
    CHANGE_MODE = auto()
    DISARM = auto()
    STOP = auto()
    FAULT = auto()
    LOSS = auto()
    NEAR = auto()
    FOUND = auto()
    NO_PILOT = auto()
    DECIDE = auto()


@dataclass(frozen=True)
class Happening:
    """What is said to the gate at one moment, in a row, and what it means.

    ``back_ns`` is how far the clock has gone back since the gate was told the time.
    """

    name: str
    kind: Kind
    events: tuple[object, ...] = ()
    back_ns: int = 0
    stick: Stick = Stick.NEUTRAL
    age: int = 0
    mode: Mode = Mode.MANUAL
    wheels_up: bool = True
    problems: tuple[ArmRefusal, ...] = ()
    missing: ArmRefusal | None = None
    has_pilot: bool = True
    in_the_way: ArmRefusal | None = None

    @property
    def at_ns(self) -> int:
        """When it happens."""
        return NOW_NS - self.back_ns


def _sample(name: str, stick: Stick, age: int = 0, command: Command | None = None, back_ns: int = 0) -> Happening:
    command, sampled_ns = command or stick.command, time_ns(age) - back_ns
    # Who says nothing of a hold button holds it.
    event = DriverCommand(command, sampled_ns) if stick.held else DriverCommand(command, sampled_ns, held=False)
    return Happening(f"driver: {name}", Kind.SAMPLE, (event,), back_ns, stick, age)


def _arm(mode: Mode, problems: tuple[ArmRefusal, ...] = (), wheels_up: bool = True, back_ns: int = 0) -> Happening:
    found = [problem.name.lower() for problem in problems]
    words = [f"arm {mode}", *found, *([] if wheels_up else ["wheels down"])]
    events = (Checks(problems), Arm(mode, wheels_up=True) if wheels_up else Arm(mode))
    return Happening(", ".join(words), Kind.ARM, events, back_ns, mode=mode, wheels_up=wheels_up, problems=problems)


def _arm_without(mode: Mode, safeguard: Safeguard, missing: ArmRefusal) -> Happening:
    events = (Checks(), Safeguards(frozenset({safeguard})), Arm(mode, wheels_up=True))
    return Happening(f"arm {mode} without the {safeguard}", Kind.ARM, events, mode=mode, missing=missing)


def _arm_blocked(mode: Mode, distance_m: float, in_the_way: ArmRefusal) -> Happening:
    events = (Checks(), Ahead(distance_m), Arm(mode, wheels_up=True))
    return Happening(f"arm {mode} with {distance_m} m ahead", Kind.ARM, events, mode=mode, in_the_way=in_the_way)


def _arm_pilotless(mode: Mode) -> Happening:
    events = (Checks(), PilotChanged(is_there=False), Arm(mode, wheels_up=True))
    return Happening(f"arm {mode} without a pilot", Kind.ARM, events, mode=mode, has_pilot=False)


def _change_pilotless(mode: Mode) -> Happening:
    events = (PilotChanged(is_there=False), ChangeMode(mode))
    return Happening(f"mode {mode} without a pilot", Kind.CHANGE_MODE, events, mode=mode, has_pilot=False)


def _back(happening: Happening) -> Happening:
    """Return the same after the clock went back, as much earlier as that."""
    return Happening(
        f"clock back, then {happening.name}", happening.kind, happening.events, STEP_NS, mode=happening.mode
    )


def _happenings() -> tuple[Happening, ...]:
    nan, wild = math.nan, 1.0001
    return (
        _sample("at neutral", Stick.NEUTRAL),
        _sample("hardly pressed", Stick.PRESSED, command=HARDLY_PRESSED),
        _sample("pressed", Stick.PRESSED),
        _sample("reverse, steering only just", Stick.PRESSED, command=Command(-1.0, -1.0)),
        _sample("at neutral, not held", Stick.NEUTRAL_NOT_HELD),
        _sample("pressed, not held", Stick.PRESSED_NOT_HELD),
        _sample("at neutral, late", Stick.NEUTRAL, LATE),
        _sample("pressed, late", Stick.PRESSED, LATE),
        _sample("at neutral, much too late", Stick.NEUTRAL, TOO_LATE),
        _sample("pressed, much too late", Stick.PRESSED, TOO_LATE),
        Happening("driver: from the future", Kind.REFUSED_SAMPLE, (DriverCommand(PRESSED, NOW_NS + 1),)),
        Happening("driver: throttle NaN", Kind.REFUSED_SAMPLE, (DriverCommand(Command(0.0, nan), NOW_NS),)),
        Happening("driver: out of range", Kind.REFUSED_SAMPLE, (DriverCommand(Command(wild, 0.0), NOW_NS),)),
        *(
            Happening(
                f"driver: a limit of {limit}", Kind.REFUSED_SAMPLE, (DriverCommand(PRESSED, NOW_NS, True, limit),)
            )
            for limit in (nan, wild, 1.0 - wild)
        ),
        Happening("driver leaves", Kind.LEFT, (DriverLeft(),)),
        Happening("pilot", Kind.PILOT, (PilotCommand(PILOTS),)),
        Happening("pilot: steering NaN", Kind.REFUSED_PILOT, (PilotCommand(Command(nan, 0.5)),)),
        Happening("pilot: infinite", Kind.REFUSED_PILOT, (PilotCommand(Command(0.0, math.inf)),)),
        *(
            Happening(f"pilot: an uncertainty of {unsure}", Kind.REFUSED_PILOT, (PilotCommand(PILOTS, unsure),))
            for unsure in (nan, math.inf, 1.0 - wild)
        ),
        Happening("frame", Kind.FRAME, (FrameArrived(NOW_NS),)),
        Happening("frame, late", Kind.FRAME, (FrameArrived(time_ns(LATE_FRAME)),), age=LATE_FRAME),
        Happening("frame from the future", Kind.REFUSED_FRAME, (FrameArrived(NOW_NS + 1),)),
        Happening("checks", Kind.CHECKS, (Checks((ArmRefusal.TOO_HOT,)),)),
        Happening("disarm", Kind.DISARM, (Disarm(),)),
        Happening("stop", Kind.STOP, (Stop(),)),
        Happening("fault", Kind.FAULT, (Fault(),)),
        Happening("fault of a part of the car", Kind.FAULT, (Fault(TripReason.NO_MOTION),)),
        Happening("what nobody knows", Kind.FAULT, (object(),)),
        *(Happening(f"the {lost} is lost", Kind.LOSS, (Safeguards(frozenset({lost})),)) for lost in Safeguard),
        *(Happening(f"{metres} m ahead", Kind.NEAR, (Ahead(metres),)) for metres in (nan, NEAR_M)),
        Happening("free ahead", Kind.FOUND, (Ahead(math.inf),)),
        Happening("everything answers", Kind.FOUND, (Safeguards(),)),
        *(
            Happening(f"pilot there: {there}", Kind.NO_PILOT, (PilotChanged(is_there=there),))
            for there in (False, True)
        ),
        *(_arm_without(mode, Safeguard.CONTROLS, ArmRefusal.NO_CONTROLS) for mode in Mode),
        *(_arm_without(mode, Safeguard.GUARD, ArmRefusal.NO_GUARD) for mode in Mode),
        *(_arm_blocked(mode, NEAR_M, ArmRefusal.OBSTACLE) for mode in Mode),
        *(_arm_blocked(mode, nan, ArmRefusal.NO_RANGE) for mode in Mode),
        *(_arm_pilotless(mode) for mode in Mode),
        *(_change_pilotless(mode) for mode in Mode),
        *(_arm(mode) for mode in Mode),
        *(_arm(mode, (ArmRefusal.TOO_HOT, ArmRefusal.NOT_CALIBRATED)) for mode in Mode),
        *(_arm(mode, (ArmRefusal.NOT_CALIBRATED,)) for mode in Mode),
        _arm(Mode.CALIBRATION, (ArmRefusal.NOT_CALIBRATED, ArmRefusal.UNDER_VOLTAGE)),
        _arm(Mode.CALIBRATION, wheels_up=False),
        *(Happening(f"mode {mode}", Kind.CHANGE_MODE, (ChangeMode(mode),), mode=mode) for mode in Mode),
        _sample("at neutral, clock back", Stick.NEUTRAL, back_ns=STEP_NS),
        *(_back(_arm(mode)) for mode in (Mode.AUTO, Mode.CALIBRATION)),
        _back(Happening("disarm", Kind.DISARM, (Disarm(),))),
    )


HAPPENINGS = _happenings()
WHILE_ARMED = tuple(
    happening
    for happening in HAPPENINGS
    if not (
        happening.problems
        or happening.missing
        or happening.in_the_way
        or (happening.kind is Kind.ARM and not happening.has_pilot)
    )
)
"""An armed gate arms no second time, and tries the car's own problems no more than without them."""
DECIDE = Happening("decide", Kind.DECIDE)
DECIDE_LATE = Happening("decide, 1 ns later", Kind.DECIDE)
DECIDE_EARLY = Happening("decide, 1 ns before the next 50 ms have passed", Kind.DECIDE)
DECIDE_SLOW = Happening(f"{SLOW_M} m ahead, then decide", Kind.DECIDE, (Ahead(SLOW_M),))
DECIDE_MIRRORED = Happening(
    f"{SLOW_M} m ahead, then decide with everybody asking for the other side", Kind.DECIDE, (Ahead(SLOW_M),)
)
DECIDE_BACK = Happening("clock back, then decide", Kind.DECIDE, back_ns=1)
