"""What must hold whenever the gate is asked for a command: each property a name and a sentence, as for the events."""

from __future__ import annotations

import math
from collections.abc import Callable

from car.gate import Decision, GateState, Mode
from hardware.drivetrain import NEUTRAL, Command
from tests.explore import promises
from tests.explore.diary import Diary
from tests.explore.grid import STEP, STEP_NS
from tests.explore.properties import Property, a_trip_says_why
from tests.explore.step import Step

ROUNDING = 1e-9
ON_DECISIONS: list[Property] = []


def decided(judge: Callable[[Step, Decision], bool]) -> Callable[[Step, Decision], bool]:
    """Make a property of a judge of decisions; its name and its docstring are the property's."""

    def holds(step: Step) -> bool:
        return step.decision is not None and judge(step, step.decision)

    name = judge.__name__.replace("_", " ")
    ON_DECISIONS.append(Property(name, " ".join((judge.__doc__ or "").split()), holds))
    return judge


@decided
def a_decision_says_how_the_gate_is(step: Step, decision: Decision) -> bool:
    """A decision carries the gate's state, mode, trip and refusal. It changes no mode; a trip alone ends a refusal."""
    gate = step.gate
    told = (decision.state, decision.mode, decision.trip, decision.refusal)
    is_true = told == (gate.state, gate.mode, gate.trip, gate.refusal)
    return is_true and gate.mode is step.before.mode and gate.refusal is step.old_refusal()


@decided
def a_decision_trips_for_what_is_late_and_for_nothing_else(step: Step, decision: Decision) -> bool:
    """An armed gate trips for a frame, a pilot, a link, a loop or a clock past its limit, at it and not before."""
    if step.before.state is GateState.ARMED:
        return (decision.state is GateState.TRIPPED) == bool(step.first_reasons()) and decision.state in (
            GateState.ARMED,
            GateState.TRIPPED,
        )
    return decision.state is step.state


@decided
def a_trip_in_a_decision_says_why(step: Step, decision: Decision) -> bool:
    """A tripped gate names the reason that came first, and no other state has one."""
    return a_trip_says_why(step)


@decided
def deciding_refuses_nothing(step: Step, decision: Decision) -> bool:
    """Asking for a command counts no refusal."""
    return step.gate.refused == 0


@decided
def only_an_armed_car_moves(step: Step, decision: Decision) -> bool:
    """Disarmed and tripped, the command is neutral, steering and all."""
    return decision.state is GateState.ARMED or decision.command == NEUTRAL


@decided
def every_command_is_finite_and_in_range(step: Step, decision: Decision) -> bool:
    """What goes to the wheels is a number in −1 … +1."""
    return decision.command.is_valid()


@decided
def nothing_moves_on_an_old_frame(step: Step, decision: Decision) -> bool:
    """But for calibration, nothing moves on a frame older than 150 ms."""
    return decision.command == NEUTRAL or decision.mode is Mode.CALIBRATION or step.is_frame_fresh()


@decided
def nothing_moves_by_a_pilot_that_is_late(step: Step, decision: Decision) -> bool:
    """In assist and auto nothing moves unless the pilot has spoken since then, and in the last 200 ms."""
    if decision.command == NEUTRAL or decision.mode not in promises.PILOTED:
        return True
    return bool(step.diary.spoken) and step.is_pilot_in_time()


@decided
def nothing_moves_without_a_live_link(step: Step, decision: Decision) -> bool:
    """Nothing moves by a sample older than 300 ms, 200 in calibration; a headless car in auto needs none."""
    return decision.command == NEUTRAL or not step.lacks_link(decision.mode)


@decided
def no_throttle_but_by_a_hand_that_has_been_at_neutral(step: Step, decision: Decision) -> bool:
    """Outside auto the throttle is the driver's, held, and the stick has been at neutral since that was demanded."""
    if decision.command.throttle == 0.0 or decision.mode is Mode.AUTO:
        return True
    held = step.held_command().throttle
    return step.diary.demand < 0 and held * decision.command.throttle > 0


@decided
def the_throttle_keeps_its_cap(step: Step, decision: Decision) -> bool:
    """A pilot's throttle in auto is 0.25 at most, a calibration's 0.2."""
    return abs(decision.command.throttle) <= promises.CAPS.get(decision.mode, 1.0)


@decided
def the_nearer_something_is_the_less_throttle_there_is(step: Step, decision: Decision) -> bool:
    """Half way to where it stops, a car has half of its throttle's cap at most, but backwards and in calibration."""
    if not step.is_slow() or decision.mode is Mode.CALIBRATION:
        return True
    return decision.command.throttle <= 0.5 * promises.CAPS.get(decision.mode, 1.0) + ROUNDING


@decided
def the_throttle_rises_slowly(step: Step, decision: Decision) -> bool:
    """Away from neutral the throttle moves by 2.0 /s at most."""
    return abs(decision.command.throttle) - _had(step, decision.command) <= _rise(step) + ROUNDING


@decided
def the_steering_moves_slowly(step: Step, decision: Decision) -> bool:
    """As long as the car is armed and somebody drives, the steering moves by 8 /s at most."""
    if decision.command == NEUTRAL:
        return True
    return abs(decision.command.steering - step.output.steering) <= _turn(step) + ROUNDING


@decided
def who_drives_gets_what_they_ask_for(step: Step, decision: Decision) -> bool:
    """The command is what was asked for, capped, as far as the slew lets it get there; and neutral at once."""
    asked = _asked_for(step, decision)
    if asked is None:
        return decision.command == NEUTRAL
    return _is_throttle_due(step, asked, decision.command) and _is_steering_due(step, asked, decision.command)


@decided
def a_decision_tells_what_the_driver_asks_for(step: Step, decision: Decision) -> bool:
    """A decision tells the newest sample of a live link, neutral when not held, and None without a link."""
    expected = step.held_command() if step.is_link_live(decision.mode) else None
    return decision.driver == expected


def _asked_for(step: Step, decision: Decision) -> Command | None:
    mode, spoken = decision.mode, step.diary.spoken
    if decision.state is not GateState.ARMED or (mode in promises.PILOTED and not spoken):
        return None
    if mode is Mode.AUTO:
        return _slowed(step, mode, _capped(step.pilot_command(), promises.CAPS[mode]))
    if not step.is_link_live(mode):
        return None
    steering = (step.pilot_command() if mode is Mode.ASSIST else step.held_command()).steering
    throttle = step.held_command().throttle if step.diary.demand < 0 else 0.0
    return _slowed(step, mode, _capped(Command(steering, throttle), promises.CAPS.get(mode, 1.0)))


def _slowed(step: Step, mode: Mode, command: Command) -> Command:
    if not step.is_slow() or mode is Mode.CALIBRATION:
        return command
    return Command(command.steering, min(command.throttle, 0.5 * promises.CAPS.get(mode, 1.0)))


def _capped(command: Command, cap: float) -> Command:
    return Command(command.steering, math.copysign(min(abs(command.throttle), cap), command.throttle))


def _is_throttle_due(step: Step, asked: Command, command: Command) -> bool:
    """Where it is less than what was asked for, it has risen by all that the slew allows."""
    if abs(command.throttle - asked.throttle) <= ROUNDING:
        return True
    way = abs(command.throttle) - _had(step, asked)
    return command.throttle * asked.throttle >= 0 and abs(way - _rise(step)) <= ROUNDING and _is_short(command, asked)


def _is_short(command: Command, asked: Command) -> bool:
    return abs(command.throttle) < abs(asked.throttle)


def _is_steering_due(step: Step, asked: Command, command: Command) -> bool:
    if abs(command.steering - asked.steering) <= ROUNDING:
        return True
    way = math.copysign(_turn(step), asked.steering - step.output.steering)
    is_between = (asked.steering - command.steering) * way >= 0
    return is_between and abs(command.steering - step.output.steering - way) <= ROUNDING


def _had(step: Step, command: Command) -> float:
    """Return how much throttle there was already, in the direction of ``command``."""
    return max(math.copysign(1.0, command.throttle) * step.output.throttle, 0.0)


def _rise(step: Step) -> float:
    return promises.THROTTLE_SLEW_PER_S * step.ns(step.diary.asked) / 1e9


def _turn(step: Step) -> float:
    return promises.STEERING_SLEW_PER_S * step.ns(step.diary.asked) / 1e9


def silence_ns(diary: Diary) -> int:
    """Return for how long nobody has said anything, by the diary: the age of the youngest word."""
    return min(diary.link, diary.frame, diary.pilot) * STEP_NS // STEP
