"""The gate lets nothing through that is late, wild or unasked for."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car.gate import (
    Arm,
    ArmRefusal,
    ChangeMode,
    Decision,
    Disarm,
    DriverCommand,
    Event,
    Fault,
    FrameArrived,
    Gate,
    GateState,
    Limits,
    Mode,
    PilotCommand,
    Stop,
    TripReason,
)
from hardware.clock import NS_PER_MS
from hardware.drivetrain import NEUTRAL, Command

CYCLE_NS = 20 * NS_PER_MS
LIMITS = Limits()


class Rig:
    """A gate with a clock and a cycle of 20 ms: fresh frames, a live driver, a prompt pilot unless told otherwise."""

    def __init__(self, mode: Mode = Mode.MANUAL, *, headless: bool = False) -> None:
        self.gate = Gate(LIMITS, mode, headless=headless)
        self.mode = mode
        self.now_ns = 10_000 * NS_PER_MS
        self.driver: Command | None = None if headless else NEUTRAL
        self.pilot: Command | None = NEUTRAL
        self.camera_works = True

    def cycle(self, *events: Event) -> Decision:
        self.now_ns += CYCLE_NS
        if self.camera_works:
            self.gate.handle(FrameArrived(self.now_ns), self.now_ns)
        if self.driver is not None:
            self.gate.handle(DriverCommand(self.driver, self.now_ns), self.now_ns)
        if self.pilot is not None:
            self.gate.handle(PilotCommand(self.pilot), self.now_ns)
        for event in events:
            self.gate.handle(event, self.now_ns)
        return self.gate.decide(self.now_ns)

    def cycles(self, duration_ms: float) -> list[Decision]:
        return [self.cycle() for _ in range(round(duration_ms * NS_PER_MS / CYCLE_NS))]

    def armed(self) -> "Rig":
        assert self.cycle(Arm(self.mode)).state is GateState.ARMED
        return self


def test_the_first_output_is_neutral_whatever_is_asked() -> None:
    rig = Rig()
    rig.driver = Command(1.0, 1.0)
    decision = rig.cycle()
    assert decision.command == NEUTRAL
    assert decision.state is GateState.DISARMED


def test_an_armed_driver_gets_what_they_ask_for() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.3, 0.4)
    assert rig.cycles(500)[-1].command == Command(0.3, 0.4)


def test_arming_is_refused_with_the_throttle_pressed() -> None:
    rig = Rig()
    rig.driver = Command(0.0, 0.5)
    decision = rig.cycle(Arm(Mode.MANUAL))
    assert (decision.state, decision.refusal) == (GateState.DISARMED, ArmRefusal.THROTTLE_NOT_NEUTRAL)


def test_arming_is_refused_without_a_fresh_frame() -> None:
    rig = Rig()
    rig.camera_works = False
    assert rig.cycle(Arm(Mode.MANUAL)).refusal is ArmRefusal.NO_FRAME


@pytest.mark.parametrize("mode", list(Mode))
def test_arming_is_refused_without_a_driver(mode: Mode) -> None:
    rig = Rig()
    rig.driver = None
    assert rig.cycle(Arm(mode)).refusal is ArmRefusal.NO_DRIVER


def test_a_headless_car_arms_in_auto_without_a_driver_and_in_no_other_mode() -> None:
    rig = Rig(headless=True)
    assert rig.cycle(Arm(Mode.MANUAL)).refusal is ArmRefusal.NO_DRIVER
    assert rig.cycle(Arm(Mode.AUTO)).state is GateState.ARMED


def test_a_lost_link_is_neutral_within_its_limit_and_needs_a_neutral_stick_to_go_on() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.0, 0.6)
    assert rig.cycles(500)[-1].command.throttle == 0.6
    rig.driver = None
    outputs = rig.cycles(400)
    assert all(decision.state is GateState.ARMED for decision in outputs)
    neutral_after_ms = next(i for i, d in enumerate(outputs, 1) if d.command == NEUTRAL) * CYCLE_NS / NS_PER_MS
    assert neutral_after_ms <= 300 + CYCLE_NS / NS_PER_MS
    rig.driver = Command(0.0, 0.6)
    assert rig.cycles(100)[-1].command == NEUTRAL
    rig.driver = NEUTRAL
    rig.cycle()
    rig.driver = Command(0.0, 0.6)
    assert rig.cycles(500)[-1].command.throttle == 0.6


def test_a_link_lost_for_two_seconds_trips() -> None:
    rig = Rig().armed()
    rig.driver = None
    assert rig.cycles(1900)[-1].state is GateState.ARMED
    assert rig.cycles(200)[-1].trip is TripReason.LINK_LOST


@pytest.mark.parametrize("mode", [Mode.ASSIST, Mode.AUTO])
def test_a_lost_link_trips_at_once_while_the_pilot_has_a_hand_in_it(mode: Mode) -> None:
    rig = Rig(mode).armed()
    rig.driver = None
    assert rig.cycles(320)[-1].trip is TripReason.LINK_LOST


def test_old_commands_that_arrive_late_are_as_old_as_when_they_were_sampled() -> None:
    rig = Rig().armed()
    rig.driver = None
    rig.cycles(1000)
    backlog = [DriverCommand(Command(0.0, 0.6), rig.now_ns - age * NS_PER_MS) for age in range(900, 310, -20)]
    assert rig.cycle(*backlog).command == NEUTRAL


def test_a_command_from_the_future_is_refused() -> None:
    rig = Rig().armed()
    rig.cycle(DriverCommand(Command(0.0, 1.0), rig.now_ns + 3600 * 1000 * NS_PER_MS))
    assert rig.gate.refused == 1
    rig.driver = None
    assert rig.cycles(400)[-1].command == NEUTRAL


def test_a_command_overtaken_by_a_newer_one_is_ignored() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.0, 0.2)
    rig.cycles(300)
    assert rig.cycle(DriverCommand(Command(0.0, -1.0), rig.now_ns - CYCLE_NS)).command.throttle == 0.2


def test_a_dead_camera_trips_within_its_limit() -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.camera_works = False
    assert rig.cycles(140)[-1].state is GateState.ARMED
    decision = rig.cycles(40)[-1]
    assert (decision.command, decision.trip) == (NEUTRAL, TripReason.STALE_FRAME)


def test_a_silent_pilot_trips_within_its_limit() -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.pilot = None
    assert rig.cycles(180)[-1].state is GateState.ARMED
    assert rig.cycles(40)[-1].trip is TripReason.STALE_PILOT


def test_the_pilot_has_its_time_from_the_change_of_mode_on_and_its_old_answers_are_void() -> None:
    rig = Rig().armed()
    rig.pilot = Command(1.0, 1.0)
    rig.cycle()
    rig.pilot = None
    assert rig.cycle(ChangeMode(Mode.AUTO)).command == NEUTRAL
    assert rig.cycles(180)[-1].state is GateState.ARMED


@pytest.mark.parametrize(("throttle", "passed"), [(1.0, 0.25), (-1.0, -0.25), (0.1, 0.1)])
def test_the_autopilot_throttle_is_capped(throttle: float, passed: float) -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.pilot = Command(0.5, throttle)
    assert rig.cycles(600)[-1].command == Command(0.5, passed)


def test_in_assist_the_pilot_steers_and_the_driver_has_the_throttle() -> None:
    rig = Rig(Mode.ASSIST).armed()
    rig.pilot, rig.driver = Command(-0.5, 1.0), Command(0.9, 0.4)
    assert rig.cycles(600)[-1].command == Command(-0.5, 0.4)


@pytest.mark.parametrize("mode", list(Mode))
def test_the_stop_button_works_in_every_mode(mode: Mode) -> None:
    rig = Rig(mode).armed()
    rig.driver = rig.pilot = Command(0.2, 0.5)
    rig.cycles(500)
    decision = rig.cycle(Stop())
    assert (decision.command, decision.trip) == (NEUTRAL, TripReason.STOP)


def test_a_trip_stays_until_someone_arms_again_and_keeps_its_first_reason() -> None:
    rig = Rig().armed()
    rig.cycle(Stop())
    assert rig.cycle(Fault()).trip is TripReason.STOP
    assert rig.cycles(5000)[-1].state is GateState.TRIPPED
    decision = rig.cycle(Arm(Mode.MANUAL))
    assert (decision.state, decision.trip) == (GateState.ARMED, None)


def test_a_fault_trips() -> None:
    assert Rig().armed().cycle(Fault()).trip is TripReason.FAULT


def test_disarming_is_neutral_and_no_trip() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.0, 0.5)
    rig.cycles(500)
    decision = rig.cycle(Disarm())
    assert (decision.command, decision.state, decision.trip) == (NEUTRAL, GateState.DISARMED, None)


def test_throttle_rises_slowly_and_falls_at_once() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.0, 1.0)
    rises = [decision.command.throttle for decision in rig.cycles(500)]
    assert rises[0] == pytest.approx(0.04)
    assert rises[-1] == 1.0
    assert max(b - a for a, b in itertools.pairwise(rises)) <= 0.04 + 1e-9
    rig.driver = Command(0.0, 0.1)
    assert rig.cycle().command.throttle == 0.1


def test_throttle_goes_through_neutral_at_once_and_into_reverse_slowly() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.0, 1.0)
    rig.cycles(600)
    rig.driver = Command(0.0, -1.0)
    assert rig.cycle().command.throttle == pytest.approx(-0.04)


def test_steering_moves_no_faster_than_its_limit() -> None:
    rig = Rig().armed()
    rig.driver = Command(1.0, 0.0)
    assert rig.cycle().command.steering == pytest.approx(0.16)
    assert rig.cycles(200)[-1].command.steering == 1.0


def test_a_long_pause_of_the_loop_is_no_licence_to_jump() -> None:
    rig = Rig().armed()
    rig.now_ns += 5000 * NS_PER_MS
    rig.driver = Command(1.0, 1.0)
    assert rig.cycle().command.throttle <= 0.3


@pytest.mark.parametrize("wild", [math.nan, math.inf, -math.inf, 1.01, -1.01])
def test_wild_commands_are_refused_and_counted(wild: float) -> None:
    rig = Rig(Mode.ASSIST).armed()
    rig.pilot = Command(wild, 0.0)
    rig.driver = Command(0.0, wild)
    assert rig.cycle().command == NEUTRAL
    assert rig.gate.refused == 2


commands = st.builds(Command, st.floats(), st.floats())
events = st.one_of(
    st.builds(DriverCommand, commands, st.integers(0, 2**62)),
    st.builds(PilotCommand, commands),
    st.builds(FrameArrived, st.integers(0, 2**62)),
    st.builds(Arm, st.sampled_from(Mode)),
    st.builds(ChangeMode, st.sampled_from(Mode)),
    st.sampled_from([Stop(), Disarm(), Fault()]),
)


@given(st.lists(st.tuples(events, st.integers(-NS_PER_MS, 200 * NS_PER_MS))), st.booleans())
def test_whatever_happens_the_output_is_finite_in_range_and_neutral_unless_armed(
    history: list[tuple[Event, int]], headless: bool
) -> None:
    gate, now_ns = Gate(LIMITS, headless=headless), 0
    for event, elapsed_ns in history:
        now_ns += elapsed_ns
        gate.handle(event, now_ns)
        decision = gate.decide(now_ns)
        assert decision.command.is_valid()
        assert decision.state is GateState.ARMED or decision.command == NEUTRAL
        if decision.mode is Mode.AUTO:
            assert abs(decision.command.throttle) <= LIMITS.autopilot_throttle_cap
