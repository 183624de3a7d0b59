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
    Checks,
    Decision,
    Disarm,
    DriverCommand,
    DriverLeft,
    Event,
    Fault,
    FrameArrived,
    Gate,
    GateState,
    Limits,
    Mode,
    PilotChanged,
    PilotCommand,
    Safeguard,
    Safeguards,
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
        self.held = True
        self.throttle_limit = 1.0
        self.uncertainty = 0.0
        self.camera_works = True

    def cycle(self, *events: Event) -> Decision:
        self.now_ns += CYCLE_NS
        if self.camera_works:
            self.gate.handle(FrameArrived(self.now_ns), self.now_ns)
        if self.driver is not None:
            command = DriverCommand(self.driver, self.now_ns, self.held, self.throttle_limit)
            self.gate.handle(command, self.now_ns)
        if self.pilot is not None:
            self.gate.handle(PilotCommand(self.pilot, self.uncertainty), self.now_ns)
        for event in events:
            self.gate.handle(event, self.now_ns)
        return self.gate.decide(self.now_ns)

    def cycles(self, duration_ms: float) -> list[Decision]:
        return [self.cycle() for _ in range(round(duration_ms * NS_PER_MS / CYCLE_NS))]

    def armed(self) -> "Rig":
        assert self.cycle(Arm(self.mode, wheels_up=True)).state is GateState.ARMED
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
    assert rig.cycle(Arm(mode, wheels_up=True)).refusal is ArmRefusal.NO_DRIVER


def test_a_headless_car_arms_in_auto_without_a_driver_and_in_no_other_mode() -> None:
    rig = Rig(headless=True)
    for mode in (Mode.MANUAL, Mode.ASSIST, Mode.CALIBRATION):
        assert rig.cycle(Arm(mode, wheels_up=True)).refusal is ArmRefusal.NO_DRIVER
    decision = rig.cycle(Arm(Mode.AUTO))
    assert (decision.state, decision.mode, decision.refusal) == (GateState.ARMED, Mode.AUTO, None)


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


def test_a_driver_who_is_known_to_be_gone_is_neutral_at_once_and_may_come_back_with_a_neutral_stick() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.5, 0.6)
    rig.cycles(500)
    rig.driver = None
    decision = rig.cycle(DriverLeft())
    assert (decision.command, decision.state, decision.driver) == (NEUTRAL, GateState.ARMED, None)
    rig.driver = Command(0.0, 0.6)
    assert rig.cycles(100)[-1].command == NEUTRAL
    rig.driver = NEUTRAL
    rig.cycle()
    rig.driver = Command(0.0, 0.6)
    assert rig.cycles(500)[-1].command.throttle == 0.6


@pytest.mark.parametrize("mode", [Mode.ASSIST, Mode.AUTO, Mode.CALIBRATION])
def test_a_driver_who_is_known_to_be_gone_is_a_trip_at_once_in_every_mode_but_manual(mode: Mode) -> None:
    rig = Rig(mode).armed()
    rig.driver = None
    assert rig.cycle(DriverLeft()).trip is TripReason.LINK_LOST


def test_a_driver_who_is_gone_and_stays_away_trips_as_one_who_was_lost() -> None:
    rig = Rig().armed()
    rig.driver = None
    rig.cycle(DriverLeft())
    short_loss_ms = (LIMITS.short_link_loss_ns - LIMITS.driver_valid_ns) / NS_PER_MS
    assert rig.cycles(short_loss_ms - 40)[-1].state is GateState.ARMED
    assert rig.cycles(60)[-1].trip is TripReason.LINK_LOST


def test_a_driver_who_was_silent_before_being_known_to_be_gone_gets_no_more_time_by_it() -> None:
    rig = Rig().armed()
    rig.driver = None
    rig.cycles(1900)
    rig.cycle(DriverLeft())
    assert rig.cycles(100)[-1].trip is TripReason.LINK_LOST


def test_a_headless_car_drives_on_when_a_driver_leaves() -> None:
    rig = Rig(Mode.AUTO, headless=True).armed()
    rig.pilot = Command(0.2, 0.2)
    rig.cycles(500)
    assert rig.cycle(DriverLeft()).command == rig.pilot


def test_what_the_next_driver_holds_in_the_very_cycle_in_which_the_last_one_left_moves_nothing() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.0, 0.6)
    rig.cycles(500)
    rig.now_ns += CYCLE_NS
    rig.gate.handle(DriverLeft(), rig.now_ns)
    rig.gate.handle(DriverCommand(Command(0.0, 0.6), rig.now_ns), rig.now_ns)
    assert rig.gate.decide(rig.now_ns).command.throttle == 0.0


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


@pytest.mark.parametrize(("limit", "passed"), [(1.0, 0.25), (0.3, 0.25), (0.1, 0.1), (0.0, 0.0)])
def test_a_driver_limits_the_pilots_throttle_below_the_gates_own_cap(limit: float, passed: float) -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.pilot, rig.throttle_limit = Command(0.5, 1.0), limit
    assert rig.cycles(600)[-1].command == Command(0.5, passed)
    rig.throttle_limit = 0.05
    assert rig.cycle().command.throttle <= 0.05
    rig.pilot = Command(0.5, -1.0)
    assert rig.cycles(600)[-1].command == Command(0.5, -0.05)


@pytest.mark.parametrize("limit", [-0.01, 1.01, math.nan, math.inf])
def test_a_limit_that_is_none_is_refused_with_its_command(limit: float) -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.gate.handle(DriverCommand(Command(0.0, 0.0), rig.now_ns, throttle_limit=limit), rig.now_ns)
    assert rig.gate.refused_driver == 1


def test_the_limit_of_a_driver_who_has_left_is_not_the_next_ones() -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.pilot, rig.throttle_limit = Command(0.0, 1.0), 0.1
    rig.cycles(300)
    rig.cycle(DriverLeft())
    rig.throttle_limit = 1.0
    rig.armed()
    assert rig.cycles(600)[-1].command.throttle == 0.25


def test_a_headless_car_gets_no_faster_when_whoever_limits_it_leaves() -> None:
    rig = Rig(Mode.AUTO, headless=True).armed()
    rig.pilot, rig.driver, rig.throttle_limit = Command(0.0, 1.0), NEUTRAL, 0.1
    rig.cycles(300)
    rig.driver = None
    rig.cycle(DriverLeft())
    assert max(decision.command.throttle for decision in rig.cycles(600)) == 0.1


@pytest.mark.parametrize(
    ("uncertainty", "passed"), [(0.0, 0.25), (1.0, 0.25), (1.25, 0.2), (1.9, 0.25 / 1.9), (2.0, 0.125), (1e9, 0.125)]
)
def test_a_pilot_that_knows_little_of_what_it_sees_is_slowed_down_to_half(uncertainty: float, passed: float) -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.pilot, rig.uncertainty = Command(0.5, 1.0), uncertainty
    assert rig.cycles(600)[-1].command.throttle == pytest.approx(passed)
    rig.throttle_limit = 0.1
    assert rig.cycles(100)[-1].command.throttle == pytest.approx(0.4 * passed)
    rig.pilot = Command(0.5, -1.0)
    assert rig.cycles(600)[-1].command.throttle == pytest.approx(-0.4 * passed)
    rig.pilot, rig.uncertainty = Command(0.5, 0.03), 2.0
    assert rig.cycles(600)[-1].command == Command(0.5, 0.03)


def test_a_pilot_that_is_sure_again_is_as_fast_as_before() -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.pilot, rig.uncertainty = Command(0.0, 1.0), 3.0
    assert rig.cycles(600)[-1].command.throttle == 0.125
    rig.uncertainty = 0.5
    assert rig.cycles(600)[-1].command.throttle == 0.25


def test_in_assist_the_throttle_is_the_drivers_however_little_the_pilot_knows() -> None:
    rig = Rig(Mode.ASSIST).armed()
    rig.pilot, rig.driver, rig.uncertainty = Command(-0.5, 1.0), Command(0.9, 0.4), 9.0
    assert rig.cycles(600)[-1].command == Command(-0.5, 0.4)


@pytest.mark.parametrize("uncertainty", [-0.01, math.nan, math.inf, -math.inf])
def test_an_uncertainty_that_is_none_is_refused_with_its_command(uncertainty: float) -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.pilot, rig.uncertainty = Command(0.5, 0.2), uncertainty
    assert rig.cycles(180)[-1].command.throttle == 0.0
    assert rig.gate.refused_pilot == 9
    assert rig.cycles(40)[-1].trip is TripReason.STALE_PILOT


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


def test_a_fault_trips_and_may_say_which_part_of_the_car_it_is() -> None:
    assert Rig().armed().cycle(Fault()).trip is TripReason.FAULT
    assert Rig().armed().cycle(Fault(TripReason.NO_MOTION)).trip is TripReason.NO_MOTION


def test_what_the_gate_does_not_know_is_a_fault() -> None:
    assert Rig().armed().cycle(object()).trip is TripReason.FAULT  # type: ignore[arg-type]


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
    decision = rig.cycle()
    assert (decision.command, decision.trip) == (NEUTRAL, TripReason.STALLED)


@pytest.mark.parametrize("wild", [math.nan, math.inf, -math.inf, 1.01, -1.01])
def test_wild_commands_are_refused_and_counted(wild: float) -> None:
    rig = Rig(Mode.ASSIST).armed()
    rig.pilot = Command(wild, 0.0)
    rig.driver = Command(0.0, wild)
    assert rig.cycle().command == NEUTRAL
    rig.pilot = None
    rig.cycle()
    assert (rig.gate.refused_driver, rig.gate.refused_pilot, rig.gate.refused_frames) == (2, 1, 0)
    assert rig.gate.refused == 3


def test_a_frame_from_the_future_is_refused_and_not_fresh_for_ever() -> None:
    rig = Rig().armed()
    rig.camera_works = False
    rig.cycle(FrameArrived(rig.now_ns + CYCLE_NS + 1))
    assert (rig.gate.refused_frames, rig.gate.refused) == (1, 1)
    assert rig.cycles(200)[-1].trip is TripReason.STALE_FRAME


def test_a_command_sampled_this_very_moment_is_taken() -> None:
    rig = Rig().armed()
    rig.driver = None
    rig.cycle(DriverCommand(Command(0.5, 0.0), rig.now_ns + CYCLE_NS))
    assert rig.gate.refused == 0
    assert rig.cycle().driver == Command(0.5, 0.0)


def test_commands_out_of_order_leave_the_newest() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.2, 0.0)
    assert rig.cycle(DriverCommand(Command(0.9, 0.0), rig.now_ns + CYCLE_NS - 1)).driver == Command(0.2, 0.0)
    # Two of one time: the later one is what the driver's device said last.
    assert rig.cycle(DriverCommand(Command(0.4, 0.0), rig.now_ns + CYCLE_NS)).driver == Command(0.4, 0.0)


PROBLEMS = [ArmRefusal.TOO_HOT, ArmRefusal.UNDER_VOLTAGE, ArmRefusal.NOT_CALIBRATED]


LOSSES = [
    ({Safeguard.CONTROLS}, TripReason.CONTROLS_LOST, ArmRefusal.NO_CONTROLS),
    ({Safeguard.GUARD}, TripReason.GUARD_LOST, ArmRefusal.NO_GUARD),
    ({Safeguard.GUARD, Safeguard.CONTROLS}, TripReason.CONTROLS_LOST, ArmRefusal.NO_CONTROLS),
]


@pytest.mark.parametrize(("missing", "trip", "refusal"), LOSSES)
@pytest.mark.parametrize("mode", Mode)
def test_a_safeguard_that_is_lost_trips_in_every_mode_and_refuses_arming_until_it_is_back(
    mode: Mode, missing: set[Safeguard], trip: TripReason, refusal: ArmRefusal
) -> None:
    rig = Rig(mode).armed()
    decision = rig.cycle(Safeguards(frozenset(missing)))
    assert (decision.command, decision.state, decision.trip) == (NEUTRAL, GateState.TRIPPED, trip)
    assert rig.cycle(Arm(mode, wheels_up=True)).refusal is refusal
    assert rig.cycle(Safeguards(), Arm(mode, wheels_up=True)).state is GateState.ARMED


@pytest.mark.parametrize("mode", Mode)
def test_a_car_drives_on_when_all_its_safeguards_answer(mode: Mode) -> None:
    assert Rig(mode).armed().cycle(Safeguards()).state is GateState.ARMED


def test_a_headless_car_trips_as_well_when_a_safeguard_is_lost() -> None:
    rig = Rig(Mode.AUTO, headless=True).armed()
    assert rig.cycle(Safeguards(frozenset({Safeguard.CONTROLS}))).state is GateState.TRIPPED


def test_a_gate_that_awaits_a_safeguard_arms_only_when_it_has_heard_of_it() -> None:
    gate = Gate(mode=Mode.AUTO, headless=True, awaits=frozenset(Safeguard))
    gate.handle(FrameArrived(0), 0)
    gate.handle(Arm(Mode.AUTO), 0)
    assert (gate.state, gate.refusal) == (GateState.DISARMED, ArmRefusal.NO_CONTROLS)
    gate.handle(Safeguards(), 0)
    gate.handle(Arm(Mode.AUTO), 0)
    assert gate.state is GateState.ARMED


def test_a_safeguard_that_is_lost_while_the_car_stands_is_no_trip() -> None:
    rig = Rig()
    assert rig.cycle(Safeguards(frozenset(Safeguard))).state is GateState.DISARMED
    rig = Rig().armed()
    rig.cycle(Stop())
    assert rig.cycle(Safeguards(frozenset(Safeguard))).trip is TripReason.STOP


@pytest.mark.parametrize("mode", Mode)
def test_without_a_pilot_only_what_needs_none_can_be_armed(mode: Mode) -> None:
    rig = Rig(mode)
    decision = rig.cycle(PilotChanged(is_there=False), Arm(mode, wheels_up=True))
    assert (decision.state is GateState.ARMED) is not mode.has_pilot
    assert (decision.refusal is ArmRefusal.NO_PILOT) is mode.has_pilot
    assert rig.cycle(PilotChanged(is_there=True), Disarm(), Arm(mode, wheels_up=True)).state is GateState.ARMED


@pytest.mark.parametrize("mode", [Mode.ASSIST, Mode.AUTO])
def test_without_a_pilot_a_driver_stays_in_manual_and_drives_on(mode: Mode) -> None:
    rig = Rig().armed()
    rig.cycle(PilotChanged(is_there=False))
    decision = rig.cycle(ChangeMode(mode))
    assert (decision.mode, decision.state, decision.refusal) == (Mode.MANUAL, GateState.ARMED, ArmRefusal.NO_PILOT)
    assert rig.cycle(PilotChanged(is_there=True), ChangeMode(mode)).mode is mode


def test_a_driver_whose_pilot_has_gone_gets_back_into_manual() -> None:
    rig = Rig(Mode.ASSIST).armed()
    decision = rig.cycle(PilotChanged(is_there=False), ChangeMode(Mode.MANUAL))
    assert (decision.mode, decision.state, decision.refusal) == (Mode.MANUAL, GateState.ARMED, None)


def test_the_decision_says_that_the_throttle_waits_for_a_stick_at_neutral() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.0, 0.4)
    assert not rig.cycles(100)[-1].awaits_neutral
    rig.driver = None
    assert rig.cycles(400)[-1].awaits_neutral
    rig.driver = Command(0.0, 0.4)
    assert rig.cycle().awaits_neutral
    rig.driver = NEUTRAL
    assert not rig.cycle().awaits_neutral


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.ASSIST])
def test_only_who_has_the_throttle_is_asked_to_let_go_of_it(mode: Mode) -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.driver = Command(0.0, 0.4)
    assert not rig.cycle().awaits_neutral
    assert rig.cycle(ChangeMode(mode)).awaits_neutral is (mode is Mode.ASSIST)
    assert not rig.cycle(Stop()).awaits_neutral


@pytest.mark.parametrize("mode", Mode)
def test_who_let_go_of_the_hold_button_alone_is_asked_to_let_go_of_the_throttle_too_but_in_auto(mode: Mode) -> None:
    rig = Rig(mode).armed()
    rig.driver, rig.held = Command(0.0, 0.4), False
    assert rig.cycle().awaits_neutral is (mode is not Mode.AUTO)


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.ASSIST, Mode.AUTO])
@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_problem_with_the_car_refuses_arming_in_its_own_words_until_it_is_gone(
    mode: Mode, problem: ArmRefusal
) -> None:
    rig = Rig(mode)
    decision = rig.cycle(Checks((problem, ArmRefusal.TOO_HOT)), Arm(mode))
    assert (decision.state, decision.refusal) == (GateState.DISARMED, problem)
    decision = rig.cycle(Checks(()), Arm(mode))
    assert (decision.state, decision.refusal) == (GateState.ARMED, None)


def test_a_problem_that_comes_up_while_driving_does_not_stop_the_car() -> None:
    rig = Rig().armed()
    rig.cycle(Checks((ArmRefusal.TOO_HOT,)))
    assert rig.cycles(1000)[-1].state is GateState.ARMED


def test_the_problem_that_calibration_is_for_does_not_stand_in_its_way() -> None:
    rig = Rig()
    checks = Checks((ArmRefusal.NOT_CALIBRATED, ArmRefusal.UNDER_VOLTAGE))
    assert rig.cycle(checks, Arm(Mode.CALIBRATION, wheels_up=True)).refusal is ArmRefusal.UNDER_VOLTAGE
    checks = Checks((ArmRefusal.NOT_CALIBRATED,))
    assert rig.cycle(checks, Arm(Mode.CALIBRATION, wheels_up=True)).state is GateState.ARMED


def test_calibration_needs_the_word_that_the_wheels_are_up_and_no_camera() -> None:
    rig = Rig(Mode.CALIBRATION)
    rig.camera_works = False
    assert rig.cycle(Arm(Mode.CALIBRATION)).refusal is ArmRefusal.WHEELS_NOT_UP
    decision = rig.cycle(Arm(Mode.CALIBRATION, wheels_up=True))
    assert (decision.state, decision.refusal) == (GateState.ARMED, None)


def test_calibration_gives_the_driver_the_outputs_and_leaves_to_disarmed() -> None:
    rig = Rig(Mode.CALIBRATION).armed()
    rig.driver, rig.pilot = Command(0.5, 0.1), Command(-1.0, -1.0)
    assert rig.cycles(200)[-1].command == Command(0.5, 0.1)
    decision = rig.cycle(ChangeMode(Mode.MANUAL))
    assert (decision.command, decision.state, decision.mode) == (NEUTRAL, GateState.DISARMED, Mode.MANUAL)


@pytest.mark.parametrize("armed", [True, False])
def test_calibration_begins_by_arming_alone(armed: bool) -> None:
    rig = Rig().armed() if armed else Rig()
    state = rig.gate.state
    decision = rig.cycle(ChangeMode(Mode.CALIBRATION))
    assert (decision.state, decision.mode) == (state, Mode.MANUAL)
    assert rig.cycle(Arm(Mode.CALIBRATION, wheels_up=True)).mode is (Mode.MANUAL if armed else Mode.CALIBRATION)


def test_arming_what_is_armed_changes_nothing_and_says_so() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.0, 0.5)
    rig.cycles(500)
    decision = rig.cycle(Arm(Mode.AUTO))
    assert (decision.mode, decision.refusal) == (Mode.MANUAL, ArmRefusal.ALREADY_ARMED)
    assert decision.command.throttle == 0.5
    assert rig.cycle(ChangeMode(Mode.ASSIST)).refusal is None


@pytest.mark.parametrize("event", [Disarm(), ChangeMode(Mode.ASSIST)])
def test_an_old_refusal_is_forgotten_with_the_next_act(event: Event) -> None:
    rig = Rig()
    rig.driver = Command(0.0, 1.0)
    assert rig.cycle(Arm(Mode.MANUAL)).refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL
    assert rig.cycle(event).refusal is None


def test_what_was_refused_is_forgotten_when_it_is_no_longer_so() -> None:
    rig = Rig().armed()
    rig.cycle(PilotChanged(is_there=False))
    assert rig.cycle(ChangeMode(Mode.AUTO)).refusal is ArmRefusal.NO_PILOT
    assert rig.cycle(PilotChanged(is_there=False)).refusal is ArmRefusal.NO_PILOT
    assert rig.cycle(PilotChanged(is_there=True)).refusal is None
    assert rig.cycle(Arm(Mode.AUTO)).refusal is ArmRefusal.ALREADY_ARMED
    assert rig.cycle(PilotChanged(is_there=True)).refusal is ArmRefusal.ALREADY_ARMED
    assert rig.cycle(ChangeMode(Mode.CALIBRATION)).refusal is ArmRefusal.ALREADY_ARMED
    assert rig.cycle(ChangeMode(Mode.MANUAL)).refusal is None


def test_what_was_refused_before_a_trip_does_not_hide_its_reason() -> None:
    rig = Rig().armed()
    assert rig.cycle(Arm(Mode.AUTO)).refusal is ArmRefusal.ALREADY_ARMED
    decision = rig.cycle(Stop())
    assert (decision.trip, decision.refusal) == (TripReason.STOP, None)
    rig.driver = Command(0.0, 1.0)
    assert rig.cycle(Arm(Mode.MANUAL)).refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL
    assert rig.cycle(Stop()).refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL


def test_a_mode_may_be_chosen_before_arming() -> None:
    rig = Rig()
    assert rig.cycle(ChangeMode(Mode.AUTO)).mode is Mode.AUTO
    assert rig.gate.state is GateState.DISARMED


def test_from_manual_to_assist_the_driver_keeps_the_throttle() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.0, 0.5)
    rig.cycles(500)
    rig.pilot = Command(0.1, 1.0)
    rig.cycle(ChangeMode(Mode.ASSIST))
    assert rig.cycles(500)[-1].command == Command(0.1, 0.5)


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.ASSIST])
def test_who_takes_over_from_the_pilot_steers_at_once_and_gets_the_throttle_after_a_neutral_stick(mode: Mode) -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.pilot, rig.driver = Command(0.1, 0.2), Command(0.1, 0.5)
    rig.cycles(500)
    rig.cycle(ChangeMode(mode))
    decision = rig.cycles(500)[-1]
    assert (decision.state, decision.mode) == (GateState.ARMED, mode)
    assert decision.command == Command(0.1, 0.0)
    rig.driver = Command(0.1, 0.05)
    rig.cycle()
    rig.driver = Command(0.1, 0.5)
    assert rig.cycles(500)[-1].command == Command(0.1, 0.5)


def test_choosing_the_mode_that_is_there_already_gives_a_silent_pilot_no_more_time() -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.pilot = None
    for _ in range(15):
        decision = rig.cycle(ChangeMode(Mode.AUTO))
    assert decision.trip is TripReason.STALE_PILOT


def test_what_a_pilot_says_in_manual_mode_moves_nothing() -> None:
    rig = Rig().armed()
    rig.pilot, rig.driver = Command(1.0, 1.0), Command(0.2, 0.1)
    assert rig.cycles(200)[-1].command == Command(0.2, 0.1)


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.ASSIST, Mode.CALIBRATION])
def test_a_hold_button_let_go_is_neutral_at_once_and_a_pressed_throttle_must_be_let_go_as_well(mode: Mode) -> None:
    rig = Rig(mode).armed()
    rig.driver = Command(0.0, 0.2)
    assert rig.cycles(500)[-1].command.throttle == 0.2
    rig.held = False
    decision = rig.cycle()
    assert (decision.command.throttle, decision.driver, decision.state) == (0.0, NEUTRAL, GateState.ARMED)
    rig.held = True
    assert rig.cycles(200)[-1].command.throttle == 0.0
    rig.driver = NEUTRAL
    rig.cycle()
    rig.driver = Command(0.0, 0.2)
    assert rig.cycles(500)[-1].command.throttle == 0.2


def test_a_stick_at_neutral_may_be_let_go_and_held_again() -> None:
    rig = Rig().armed()
    rig.held = False
    rig.cycle()
    rig.held, rig.driver = True, Command(0.0, 0.2)
    assert rig.cycles(500)[-1].command.throttle == 0.2


def test_a_pilot_in_auto_drives_on_without_the_hold_button_because_the_link_lives() -> None:
    rig = Rig(Mode.AUTO).armed()
    rig.held, rig.pilot = False, Command(0.0, 0.2)
    assert rig.cycles(500)[-1].command.throttle == 0.2


def test_a_late_word_of_the_hold_button_does_not_let_an_older_neutral_stick_count() -> None:
    rig = Rig().armed()
    rig.driver = None
    rig.cycle(Stop())
    stopped_ns = rig.now_ns
    late = [
        DriverCommand(Command(0.0, 1.0), stopped_ns - 10, held=False),
        DriverCommand(NEUTRAL, stopped_ns - 5),
    ]
    assert rig.cycle(*late, Arm(Mode.MANUAL)).refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL


@pytest.mark.parametrize("trip", [Stop(), Fault()])
@pytest.mark.parametrize("armed", [True, False])
def test_after_a_trip_arming_takes_a_stick_at_neutral_sampled_since(trip: Event, armed: bool) -> None:
    rig = Rig().armed() if armed else Rig()
    rig.cycle(trip)
    tripped_ns, rig.driver = rig.now_ns, None
    assert rig.cycle(Arm(Mode.MANUAL)).refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL
    at_that_time = DriverCommand(NEUTRAL, tripped_ns)
    assert rig.cycle(at_that_time, Arm(Mode.MANUAL)).refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL
    assert rig.cycle(DriverCommand(NEUTRAL, tripped_ns + 1)).state is GateState.TRIPPED
    decision = rig.cycle(Arm(Mode.MANUAL))
    assert (decision.state, decision.trip) == (GateState.ARMED, None)


@pytest.mark.parametrize("mode", list(Mode))
def test_a_driver_of_long_ago_arms_nothing_even_with_a_stick_at_neutral(mode: Mode) -> None:
    rig = Rig()
    rig.cycle()
    rig.driver = None
    rig.cycles(400)
    assert rig.cycle(Arm(mode, wheels_up=True)).refusal is ArmRefusal.NO_DRIVER


@pytest.mark.parametrize("throttle", [0.0, 1.0])
def test_what_a_driver_held_long_ago_does_not_keep_a_headless_car_from_starting(throttle: float) -> None:
    rig = Rig(Mode.AUTO, headless=True)
    rig.driver = Command(0.0, throttle)
    rig.cycle()
    rig.driver = None
    rig.cycles(400)
    assert rig.cycle(Arm(Mode.AUTO)).state is GateState.ARMED


def test_a_gate_takes_the_clock_as_it_starts() -> None:
    assert Gate().decide(0).trip is None
    assert Gate().decide(-1).trip is TripReason.CLOCK
    assert Gate().mode is Mode.MANUAL


def test_at_the_very_start_of_the_clock_nothing_is_taken_for_granted() -> None:
    gate = Gate()
    for refusal in (ArmRefusal.NO_FRAME, ArmRefusal.NO_DRIVER):
        gate.handle(Arm(Mode.MANUAL), 0)
        assert gate.decide(0).refusal is refusal
        gate.handle(FrameArrived(0), 0)


def test_a_stick_at_neutral_after_the_trip_but_pressed_now_does_not_arm() -> None:
    rig = Rig().armed()
    rig.cycle(Stop())
    rig.cycle()
    rig.driver = Command(0.0, 0.5)
    assert rig.cycle(Arm(Mode.MANUAL)).refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL


def test_a_second_stop_asks_for_a_neutral_stick_once_more() -> None:
    rig = Rig().armed()
    rig.cycle(Stop())
    rig.cycles(100)
    assert rig.cycle(Stop(), Arm(Mode.MANUAL)).refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL


def test_disarming_does_not_end_a_trip() -> None:
    rig = Rig().armed()
    rig.cycle(Stop())
    decision = rig.cycle(Disarm())
    assert (decision.state, decision.trip) == (GateState.TRIPPED, TripReason.STOP)


def test_a_stop_while_disarmed_is_heard_and_seen() -> None:
    decision = Rig().cycle(Stop())
    assert (decision.state, decision.trip) == (GateState.TRIPPED, TripReason.STOP)


def test_after_a_stop_and_an_arming_in_one_cycle_the_throttle_starts_from_neutral() -> None:
    rig = Rig(headless=True)
    rig.mode, rig.pilot = Mode.AUTO, Command(1.0, 0.25)
    rig.armed().cycles(500)
    assert rig.cycle(Stop(), Arm(Mode.AUTO), PilotCommand(Command(1.0, 0.25))).command == NEUTRAL


def test_a_headless_car_that_tripped_moves_again_only_when_it_is_armed_again() -> None:
    rig = Rig(Mode.AUTO, headless=True).armed()
    rig.cycle(Stop())
    assert rig.cycles(5000)[-1].state is GateState.TRIPPED
    assert rig.cycle(Arm(Mode.AUTO)).state is GateState.ARMED


def test_a_headless_car_heeds_a_driver_who_is_there() -> None:
    rig = Rig(Mode.AUTO, headless=True)
    rig.driver = Command(0.0, 0.5)
    assert rig.cycle(Arm(Mode.AUTO)).refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL


def test_a_headless_car_told_to_be_driven_by_nobody_trips() -> None:
    rig = Rig(Mode.AUTO, headless=True).armed()
    assert rig.cycle(ChangeMode(Mode.MANUAL)).trip is TripReason.LINK_LOST


def test_a_stick_at_neutral_during_the_loss_of_the_link_does_not_count_when_it_arrives_late() -> None:
    rig = Rig().armed()
    rig.driver = Command(0.0, 0.6)
    rig.cycles(500)
    lost_ns, rig.driver = rig.now_ns, None
    rig.cycles(400)
    rig.driver = Command(0.0, 0.6)
    rig.gate.handle(DriverCommand(NEUTRAL, lost_ns + 200 * NS_PER_MS), rig.now_ns)
    assert rig.cycles(500)[-1].command == NEUTRAL


@pytest.mark.parametrize("armed", [True, False])
def test_a_clock_that_goes_backwards_trips_and_makes_nothing_last_longer(armed: bool) -> None:
    rig = Rig().armed() if armed else Rig()
    rig.cycles(100)
    rig.now_ns -= 1
    decision = rig.gate.decide(rig.now_ns)
    assert (decision.command, decision.trip, decision.driver) == (NEUTRAL, TripReason.CLOCK, None)
    for refusal in (ArmRefusal.NO_FRAME, ArmRefusal.NO_DRIVER):
        rig.gate.handle(Arm(Mode.MANUAL), rig.now_ns)
        assert rig.gate.decide(rig.now_ns).refusal is refusal
        rig.gate.handle(FrameArrived(rig.now_ns), rig.now_ns)
    rig.cycle()
    assert rig.cycle(Arm(Mode.MANUAL)).state is GateState.ARMED


def test_a_clock_that_stands_still_is_no_trip() -> None:
    rig = Rig().armed()
    assert rig.gate.decide(rig.now_ns).state is GateState.ARMED


commands = st.builds(Command, st.floats(), st.floats())
events = st.one_of(
    st.builds(DriverCommand, commands, st.integers(0, 2**62)),
    st.builds(PilotCommand, commands),
    st.builds(FrameArrived, st.integers(0, 2**62)),
    st.builds(Arm, st.sampled_from(Mode), st.booleans()),
    st.builds(Checks, st.lists(st.sampled_from(ArmRefusal)).map(tuple)),
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


def test_a_stick_that_is_pressed_is_not_at_neutral_however_little_of_it_the_command_has() -> None:
    rig = Rig()
    asked = Command(0.0, 0.01)
    rig.driver = None

    def cycle(*events: Event, pressed: bool) -> Decision:
        return rig.cycle(DriverCommand(asked, rig.now_ns + CYCLE_NS, pressed=pressed), *events)

    assert cycle(Arm(Mode.MANUAL), pressed=True).refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL
    assert cycle(Arm(Mode.MANUAL), pressed=False).state is GateState.ARMED
    assert cycle(pressed=True).command.throttle > 0
    # Out of auto, the throttle waits for the stick.
    cycle(ChangeMode(Mode.AUTO), pressed=True)
    cycle(ChangeMode(Mode.MANUAL), pressed=True)
    assert cycle(pressed=True).command.throttle == 0.0
    cycle(pressed=False)
    assert cycle(pressed=True).command.throttle > 0
