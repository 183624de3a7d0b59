"""What must hold in every step of a gate: each property a name and a sentence, judged by the diary and the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from car.gate import ArmRefusal, GateState, Mode
from tests.explore.happenings import Kind
from tests.explore.step import Step

ACTS = (Kind.ARM, Kind.CHANGE_MODE, Kind.DISARM, Kind.STOP, Kind.FAULT)
"""What may change state or mode by itself; all else is only taken note of."""
COUNTED = {Kind.REFUSED_SAMPLE: (1, 0, 0), Kind.REFUSED_PILOT: (0, 1, 0), Kind.REFUSED_FRAME: (0, 0, 1)}
NOT_COUNTED = (0, 0, 0)


@dataclass(frozen=True)
class Property:
    """Its name, its sentence, and the judge of a step: false is a violation."""

    name: str
    sentence: str
    holds: Callable[[Step], bool]


ON_EVENTS: dict[Kind, list[Property]] = {kind: [] for kind in Kind if kind is not Kind.DECIDE}


def on(*kinds: Kind) -> Callable[[Callable[[Step], bool]], Callable[[Step], bool]]:
    """Make a property of a judge, for steps of those kinds; its name and its docstring are the property's."""

    def register(judge: Callable[[Step], bool]) -> Callable[[Step], bool]:
        found = Property(judge.__name__.replace("_", " "), " ".join((judge.__doc__ or "").split()), judge)
        for kind in kinds or ON_EVENTS:
            ON_EVENTS[kind].append(found)
        return judge

    return register


@on()
def a_trip_says_why(step: Step) -> bool:
    """A tripped gate names the reason that came first, and no other state has one."""
    gate = step.gate
    if gate.state is GateState.TRIPPED:
        return gate.trip in step.first_reasons()
    return gate.trip is None


@on(Kind.STOP, Kind.FAULT)
def stop_and_fault_trip(step: Step) -> bool:
    """A stop, a fault and what nobody knows leave the gate tripped, whatever its state and mode were."""
    return step.gate.state is GateState.TRIPPED


@on(Kind.LOSS)
def a_lost_safeguard_trips_what_is_armed(step: Step) -> bool:
    """A safeguard that is lost trips an armed gate in every mode, and changes nothing else."""
    expected = GateState.TRIPPED if step.state is GateState.ARMED else step.state
    return step.gate.state is expected


@on(Kind.NEAR)
def what_is_in_the_way_trips_what_drives(step: Step) -> bool:
    """What is too near, and a lost range sensor, trip an armed gate in every mode but calibration, and no other."""
    drives = step.state is GateState.ARMED and step.before.mode is not Mode.CALIBRATION
    return step.gate.state is (GateState.TRIPPED if drives else step.state)


@on(*(kind for kind in ON_EVENTS if kind not in (*ACTS, Kind.LOSS, Kind.NEAR)))
def what_is_only_heard_changes_no_state(step: Step) -> bool:
    """Commands, frames, checks and a leaving driver change no state; only the time that they are told may trip."""
    return step.gate.state is step.state


@on(Kind.DISARM)
def disarming_ends_a_drive_and_no_trip(step: Step) -> bool:
    """Disarming an armed gate disarms it; a trip stays a trip."""
    expected = GateState.TRIPPED if step.state is GateState.TRIPPED else GateState.DISARMED
    return step.gate.state is expected


@on(Kind.CHANGE_MODE)
def a_change_of_mode_arms_nothing(step: Step) -> bool:
    """A change of mode leaves the state as it is, but an armed calibration ends disarmed."""
    leaves_calibration = step.before.mode is Mode.CALIBRATION and step.gate.mode is not Mode.CALIBRATION
    if leaves_calibration and step.state is GateState.ARMED:
        return step.gate.state is GateState.DISARMED
    return step.gate.state is step.state


@on(*(kind for kind in ON_EVENTS if kind not in (Kind.ARM, Kind.CHANGE_MODE)))
def the_mode_changes_by_a_persons_word_alone(step: Step) -> bool:
    """Only arming and a change of mode change the mode."""
    return step.gate.mode is step.before.mode


@on(Kind.CHANGE_MODE)
def the_mode_is_the_one_asked_for(step: Step) -> bool:
    """A person gets the mode they ask for, but calibration, which begins by arming, and what has no pilot."""
    asked = step.happening.mode
    is_refused = asked is Mode.CALIBRATION or (asked.has_pilot and not step.happening.has_pilot)
    return step.gate.mode is (step.before.mode if is_refused else asked)


@on(Kind.ARM)
def nothing_is_armed_with_an_obstacle(step: Step) -> bool:
    """Arming with anything in its way leaves state and mode as they are."""
    return not step.obstacles() or (step.gate.state is step.state and step.gate.mode is step.before.mode)


@on(Kind.ARM)
def nothing_is_refused_without_an_obstacle(step: Step) -> bool:
    """Arming with nothing in its way arms, in the mode asked for, and forgets the trip."""
    return bool(step.obstacles()) or (
        step.gate.state is GateState.ARMED and step.gate.mode is step.happening.mode and step.gate.refusal is None
    )


@on(Kind.ARM)
def a_refusal_says_why(step: Step) -> bool:
    """A refusal names an obstacle that is there; of the car's own problems the first."""
    obstacles = step.obstacles()
    if obstacles and obstacles[0] in step.happening.problems:
        return step.gate.refusal is obstacles[0]
    return not obstacles or step.gate.refusal in obstacles


@on(Kind.DISARM, Kind.CHANGE_MODE)
def an_old_refusal_is_forgotten_by_the_next_act(step: Step) -> bool:
    """Disarming and another mode forget why an earlier arming was refused."""
    asked, mode = step.happening, step.before.mode
    is_no_act = asked.kind is Kind.CHANGE_MODE and asked.mode is Mode.CALIBRATION and mode is not Mode.CALIBRATION
    if asked.kind is Kind.CHANGE_MODE and not is_no_act and step.gate.mode is mode and asked.mode is not mode:
        return step.gate.refusal is ArmRefusal.NO_PILOT
    return step.gate.refusal is (step.old_refusal() if is_no_act else None)


@on(*(kind for kind in ON_EVENTS if kind not in (Kind.ARM, Kind.DISARM, Kind.CHANGE_MODE)))
def a_refusal_stays_to_be_read(step: Step) -> bool:
    """Nothing else but a trip that begins touches the reason why an arming was refused."""
    return step.gate.refusal is step.old_refusal()


@on()
def what_is_refused_is_counted(step: Step) -> bool:
    """What is wild or from the future is counted by its source, and nothing else is."""
    gate, (driver, pilot, frames) = step.gate, COUNTED.get(step.happening.kind, NOT_COUNTED)
    counts_by_source = gate.refused_driver == driver and gate.refused_pilot == pilot and gate.refused_frames == frames
    return counts_by_source and gate.refused == driver + pilot + frames
