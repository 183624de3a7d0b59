"""What the gate makes of what is ahead: slower the nearer it is, a stop, and no drive without a word of the sensor."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from car.gate import (
    Ahead,
    Arm,
    ArmRefusal,
    ChangeMode,
    Checks,
    Decision,
    DriverCommand,
    FrameArrived,
    Gate,
    GateState,
    Limits,
    Mode,
    PilotCommand,
    TripReason,
)
from hardware.clock import NS_PER_MS
from hardware.drivetrain import NEUTRAL, Command

LIMITS = Limits(stop_m=0.5, slow_m=1.5)
CYCLE_NS = 20 * NS_PER_MS
FAR = 4.0
DRIVING = [mode for mode in Mode if mode is not Mode.CALIBRATION]
UNKNOWN = math.nan


class Rig:
    """A gate that looks ahead, told everything in each cycle of 20 ms; everybody asks for ``asked``."""

    def __init__(self, mode: Mode, limits: Limits = LIMITS) -> None:
        self.gate = Gate(limits, mode)
        self.mode = mode
        self.asked = NEUTRAL
        self.now_ns = 10_000 * NS_PER_MS

    def cycle(self, distance_m: float | None = None, arms: bool = False) -> Decision:
        self.now_ns += CYCLE_NS
        self.gate.handle(FrameArrived(self.now_ns), self.now_ns)
        self.gate.handle(DriverCommand(self.asked, self.now_ns), self.now_ns)
        if distance_m is not None:
            self.gate.handle(Ahead(distance_m), self.now_ns)
        if arms:
            self.gate.handle(Arm(self.mode, wheels_up=True), self.now_ns)
        self.gate.handle(PilotCommand(self.asked), self.now_ns)
        return self.gate.decide(self.now_ns)

    def driving(self, throttle: float) -> "Rig":
        assert self.cycle(FAR, arms=True).state is GateState.ARMED
        self.asked = Command(0.3, throttle)
        for _ in range(60):
            decision = self.cycle(FAR)
        assert decision.command.throttle == pytest.approx(throttle)
        return self


@pytest.mark.parametrize("mode", DRIVING)
@pytest.mark.parametrize(("distance_m", "reason"), [(0.4999, TripReason.OBSTACLE), (UNKNOWN, TripReason.RANGE_LOST)])
def test_what_is_too_near_and_a_sensor_that_is_lost_trip_at_once(
    mode: Mode, distance_m: float, reason: TripReason
) -> None:
    rig = Rig(mode).driving(0.2)
    rig.gate.handle(Ahead(distance_m), rig.now_ns)
    assert (rig.gate.state, rig.gate.trip) == (GateState.TRIPPED, reason)
    assert rig.gate.decide(rig.now_ns).command == NEUTRAL
    # Nothing but a person arms it again, and the way has to be free.
    assert rig.cycle(FAR).state is GateState.TRIPPED


@pytest.mark.parametrize("mode", DRIVING)
def test_at_its_limit_the_car_has_no_throttle_forwards_and_does_not_trip(mode: Mode) -> None:
    rig = Rig(mode).driving(0.2)
    decision = rig.cycle(0.5)
    assert (decision.state, decision.command) == (GateState.ARMED, Command(0.3, 0.0))


@pytest.mark.parametrize("distance_m", [0.1, UNKNOWN])
def test_with_its_wheels_in_the_air_a_car_minds_nothing_ahead(distance_m: float) -> None:
    rig = Rig(Mode.CALIBRATION)
    assert rig.cycle(distance_m, arms=True).state is GateState.ARMED
    rig.asked = Command(0.0, 0.2)
    for _ in range(20):
        decision = rig.cycle(distance_m)
    assert (decision.state, decision.command.throttle) == (GateState.ARMED, 0.2)
    # And it does not drive away from there: another mode begins by arming.
    rig.gate.handle(ChangeMode(Mode.MANUAL), rig.now_ns)
    rig.mode, rig.asked = Mode.MANUAL, NEUTRAL
    assert rig.cycle().state is GateState.DISARMED
    assert rig.cycle(arms=True).state is GateState.DISARMED


@pytest.mark.parametrize("mode", DRIVING)
@pytest.mark.parametrize(
    ("distance_m", "refusal"), [(0.3, ArmRefusal.OBSTACLE), (UNKNOWN, ArmRefusal.NO_RANGE), (None, ArmRefusal.NO_RANGE)]
)
def test_arming_is_refused_until_the_sensor_says_that_the_way_is_free(
    mode: Mode, distance_m: float | None, refusal: ArmRefusal
) -> None:
    rig = Rig(mode)
    decision = rig.cycle(distance_m, arms=True)
    assert (decision.state, decision.refusal) == (GateState.DISARMED, refusal)
    assert rig.cycle(0.5, arms=True).state is GateState.ARMED


def test_the_cars_own_problems_and_a_stale_frame_are_told_before_what_is_ahead() -> None:
    rig = Rig(Mode.MANUAL)
    rig.gate.handle(Checks((ArmRefusal.TOO_HOT, ArmRefusal.NOT_CALIBRATED)), rig.now_ns)
    assert rig.cycle(0.1, arms=True).refusal is ArmRefusal.TOO_HOT
    rig.gate.handle(Checks(()), rig.now_ns)
    later_ns = rig.now_ns + 151 * NS_PER_MS
    rig.gate.handle(DriverCommand(NEUTRAL, later_ns), later_ns)
    rig.gate.handle(Arm(Mode.MANUAL), later_ns)
    assert rig.gate.refusal is ArmRefusal.NO_FRAME


@pytest.mark.parametrize(("mode", "cap"), [(Mode.MANUAL, 1.0), (Mode.ASSIST, 1.0), (Mode.AUTO, 0.25)])
@pytest.mark.parametrize(("distance_m", "share"), [(1.5, 1.0), (1.4999, 0.9999), (1.0, 0.5), (0.6, 0.1), (0.5, 0.0)])
def test_the_cap_shrinks_with_the_distance_left(mode: Mode, cap: float, distance_m: float, share: float) -> None:
    rig = Rig(mode).driving(cap)
    assert rig.cycle(distance_m).command.throttle == pytest.approx(cap * share)
    # It stays so until the sensor says otherwise, and what is less than the cap is left alone.
    rig.asked = Command(0.3, 0.01)
    assert rig.cycle().command.throttle == pytest.approx(min(0.01, cap * share))


def test_whoever_says_only_where_to_stop_is_slower_from_a_metre_on() -> None:
    rig = Rig(Mode.MANUAL, Limits(stop_m=0.5)).driving(1.0)
    assert [rig.cycle(distance_m).command.throttle for distance_m in (1.0, 0.75)] == [1.0, 0.5]


@pytest.mark.parametrize("distance_m", [0.2, UNKNOWN])
def test_whatever_the_gate_came_to_believe_the_throttle_never_turns_round(distance_m: float) -> None:
    rig = Rig(Mode.MANUAL).driving(0.8)
    # No event leads there: it trips first.
    rig.gate._ahead_m = distance_m
    assert rig.cycle().command == Command(0.3, 0.0)


@pytest.mark.parametrize(("stop_m", "slow_m"), [(1.2, 1.0), (1.0, 1.0), (0.0, 0.0), (UNKNOWN, 1.0), (0.5, UNKNOWN)])
def test_limits_that_stop_before_they_are_slower_are_refused(stop_m: float, slow_m: float) -> None:
    with pytest.raises(ValueError, match="cannot be slower from"):
        Limits(stop_m=stop_m, slow_m=slow_m)
    with pytest.raises(ValueError, match=r"slower from 0\.0 m on and stop at 0\.0 m"):
        Limits(slow_m=0.0)


def test_however_small_its_stop_is_a_car_with_one_waits_for_its_sensor() -> None:
    rig = Rig(Mode.MANUAL, Limits(stop_m=0.005))
    assert rig.cycle(arms=True).refusal is ArmRefusal.NO_RANGE


def test_backwards_nothing_ahead_slows_a_car_down() -> None:
    rig = Rig(Mode.MANUAL).driving(-0.8)
    assert rig.cycle(0.6).command == Command(0.3, -0.8)


def test_a_sensor_that_is_lost_while_the_car_stands_is_no_trip() -> None:
    rig = Rig(Mode.MANUAL)
    assert rig.cycle(UNKNOWN).state is GateState.DISARMED
    assert rig.cycle(0.1).state is GateState.DISARMED


def test_a_gate_that_does_not_look_ahead_waits_for_no_sensor() -> None:
    rig = Rig(Mode.MANUAL, Limits())
    assert rig.cycle(arms=True).state is GateState.ARMED


@given(st.lists(st.tuples(st.floats(), st.floats(-1.0, 1.0), st.sampled_from(DRIVING)), max_size=20))
@settings(deadline=None)
def test_whatever_the_sensor_says_the_car_never_drives_at_what_is_too_near(
    history: list[tuple[float, float, Mode]],
) -> None:
    rig = Rig(Mode.AUTO)
    for distance_m, throttle, mode in history:
        rig.asked, rig.mode = Command(0.0, throttle), mode
        decision = rig.cycle(distance_m, arms=True)
        assert decision.command.is_valid()
        if not distance_m >= LIMITS.stop_m:
            assert decision.state is not GateState.ARMED
            assert decision.command == NEUTRAL
