"""Every figure of the gate's table, held from both sides: to the nanosecond, or to the last digit.

The figures are written out here on purpose: they are what the README promises.
"""

from pathlib import Path

import pytest

from car.gate import (
    Arm,
    ArmRefusal,
    ChangeMode,
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

README = Path(__file__).parents[2] / "README.md"
START_NS = 10_000 * NS_PER_MS
ASKED = Command(0.1, 0.02)
"""Small enough for any slew to reach it within a cycle of 20 ms."""
CYCLE_NS = 20 * NS_PER_MS


def moving(mode: Mode, asked: Command = ASKED) -> tuple[Gate, int]:
    """Return a gate that lets ``asked`` through, and the time at which it was last told everything."""
    gate, now_ns = Gate(), START_NS
    gate.handle(FrameArrived(now_ns), now_ns)
    gate.handle(DriverCommand(NEUTRAL, now_ns), now_ns)
    gate.handle(Arm(mode, wheels_up=True), now_ns)
    gate.decide(now_ns)
    now_ns += CYCLE_NS
    tell(gate, now_ns, asked)
    assert gate.decide(now_ns).command == asked
    return gate, now_ns


def tell(gate: Gate, now_ns: int, asked: Command = ASKED, *, leave_out: str = "") -> None:
    """Tell the gate of a frame, the driver and the pilot at ``now_ns``, all but one."""
    if leave_out != "frame":
        gate.handle(FrameArrived(now_ns), now_ns)
    if leave_out != "driver":
        gate.handle(DriverCommand(asked, now_ns), now_ns)
    if leave_out != "pilot":
        gate.handle(PilotCommand(asked), now_ns)


def silent_for(mode: Mode, part: str, silence_ns: int) -> Decision:
    """Return what is decided when ``part`` has been silent for ``silence_ns`` while all others went on."""
    gate, told_ns = moving(mode)
    for now_ns in range(told_ns + CYCLE_NS, told_ns + silence_ns, CYCLE_NS):
        tell(gate, now_ns, leave_out=part)
        gate.decide(now_ns)
    tell(gate, told_ns + silence_ns, leave_out=part)
    return gate.decide(told_ns + silence_ns)


SILENCES = [
    (Mode.MANUAL, "frame", 150, TripReason.STALE_FRAME),
    (Mode.ASSIST, "frame", 150, TripReason.STALE_FRAME),
    (Mode.AUTO, "frame", 150, TripReason.STALE_FRAME),
    (Mode.ASSIST, "pilot", 200, TripReason.STALE_PILOT),
    (Mode.AUTO, "pilot", 200, TripReason.STALE_PILOT),
    (Mode.MANUAL, "driver", 300, None),
    (Mode.ASSIST, "driver", 300, TripReason.LINK_LOST),
    (Mode.AUTO, "driver", 300, TripReason.LINK_LOST),
    (Mode.CALIBRATION, "driver", 200, TripReason.LINK_LOST),
]


@pytest.mark.parametrize(("mode", "part", "limit_ms", "trip"), SILENCES)
def test_each_part_may_be_silent_for_its_time_and_not_a_nanosecond_longer(
    mode: Mode, part: str, limit_ms: int, trip: TripReason | None
) -> None:
    assert silent_for(mode, part, limit_ms * NS_PER_MS).command == ASKED
    late = silent_for(mode, part, limit_ms * NS_PER_MS + 1)
    assert (late.command, late.trip) == (NEUTRAL, trip)
    assert late.state is (GateState.TRIPPED if trip else GateState.ARMED)


@pytest.mark.parametrize(
    ("mode", "part"), [(Mode.MANUAL, "pilot"), (Mode.CALIBRATION, "pilot"), (Mode.CALIBRATION, "frame")]
)
def test_what_a_mode_does_not_need_may_be_silent(mode: Mode, part: str) -> None:
    assert silent_for(mode, part, 1000 * NS_PER_MS).command == ASKED


def test_a_link_lost_in_manual_mode_trips_after_two_seconds_and_not_before() -> None:
    assert silent_for(Mode.MANUAL, "driver", 2000 * NS_PER_MS - 1).state is GateState.ARMED
    late = silent_for(Mode.MANUAL, "driver", 2000 * NS_PER_MS)
    assert (late.state, late.trip) == (GateState.TRIPPED, TripReason.LINK_LOST)


@pytest.mark.parametrize("told_after_ms", [100, 250])
def test_a_loop_that_stalls_for_longer_than_its_limit_finds_the_gate_tripped(told_after_ms: int) -> None:
    for late_ns in (0, 1):
        gate, decided_ns = moving(Mode.MANUAL)
        tell(gate, decided_ns + told_after_ms * NS_PER_MS + late_ns)
        decision = gate.decide(decided_ns + 250 * NS_PER_MS + late_ns)
        assert decision.trip is (TripReason.STALLED if late_ns else None)
        assert decision.command == (NEUTRAL if late_ns else ASKED)


def test_only_an_armed_gate_can_stall() -> None:
    gate = Gate()
    gate.decide(START_NS)
    assert gate.decide(2 * START_NS).state is GateState.DISARMED


def test_the_time_of_a_stall_counts_from_the_arming() -> None:
    gate = Gate()
    gate.decide(0)
    tell(gate, START_NS, NEUTRAL)
    gate.handle(Arm(Mode.MANUAL), START_NS)
    assert gate.decide(START_NS + 1).state is GateState.ARMED


@pytest.mark.parametrize("throttle", [0.05, -0.05])
def test_a_stick_is_at_neutral_up_to_its_limit(throttle: float) -> None:
    for factor, refusal in ((1.0, None), (1.001, ArmRefusal.THROTTLE_NOT_NEUTRAL)):
        gate = Gate()
        tell(gate, START_NS, Command(1.0, throttle * factor))
        gate.handle(Arm(Mode.MANUAL), START_NS)
        assert gate.decide(START_NS).refusal is refusal


@pytest.mark.parametrize("age_ms", [150, 151])
def test_arming_takes_a_frame_that_is_fresh(age_ms: int) -> None:
    gate = Gate()
    tell(gate, START_NS, NEUTRAL, leave_out="frame")
    gate.handle(FrameArrived(START_NS - age_ms * NS_PER_MS), START_NS)
    gate.handle(Arm(Mode.MANUAL), START_NS)
    assert gate.decide(START_NS).refusal is (None if age_ms == 150 else ArmRefusal.NO_FRAME)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(
    ("mode", "throttle"), [(Mode.MANUAL, 1.0), (Mode.ASSIST, 1.0), (Mode.AUTO, 0.25), (Mode.CALIBRATION, 0.2)]
)
def test_full_throttle_is_reached_at_two_per_second_and_goes_as_far_as_the_mode_allows(
    mode: Mode, throttle: float, sign: float
) -> None:
    gate, now_ns = moving(mode, NEUTRAL)
    for cycle in range(1, 60):
        now_ns += CYCLE_NS
        tell(gate, now_ns, Command(0.0, sign))
        expected = sign * min(cycle * 0.02 * 2.0, throttle)
        assert gate.decide(now_ns).command.throttle == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_wheels_turn_at_eight_per_second_in_both_directions(mode: Mode, sign: float) -> None:
    gate, now_ns = moving(mode, NEUTRAL)
    for cycle in range(1, 20):
        now_ns += CYCLE_NS
        tell(gate, now_ns, Command(sign, 0.0))
        assert gate.decide(now_ns).command.steering == pytest.approx(sign * min(cycle * 0.02 * 8.0, 1.0))
    for cycle in range(1, 20):
        now_ns += CYCLE_NS
        tell(gate, now_ns, Command(-sign, 0.0))
        assert gate.decide(now_ns).command.steering == pytest.approx(sign * max(1.0 - cycle * 0.02 * 8.0, -1.0))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_throttle_drops_at_once_and_rises_into_the_other_direction_slowly(sign: float) -> None:
    gate, now_ns = moving(Mode.MANUAL, NEUTRAL)
    for _ in range(50):
        now_ns += CYCLE_NS
        tell(gate, now_ns, Command(0.0, sign))
        gate.decide(now_ns)
    for asked, passed in ((0.9, 0.9), (0.3, 0.3), (0.5, 0.34), (-1.0, -0.04), (-1.0, -0.08), (0.0, 0.0)):
        now_ns += CYCLE_NS
        tell(gate, now_ns, Command(0.0, sign * asked))
        assert gate.decide(now_ns).command.throttle == pytest.approx(sign * passed, abs=1e-9)


@pytest.mark.parametrize("mode", [Mode.ASSIST, Mode.AUTO])
@pytest.mark.parametrize("how", ["armed", "changed"])
def test_a_pilot_has_its_time_to_answer_from_when_it_is_first_asked(mode: Mode, how: str) -> None:
    for late_ns in (0, 1):
        gate = Gate(mode=mode)
        tell(gate, START_NS, NEUTRAL)
        gate.handle(Arm(mode if how == "armed" else Mode.MANUAL), START_NS)
        gate.handle(ChangeMode(mode), START_NS)
        for waited_ns in (100 * NS_PER_MS, 200 * NS_PER_MS + late_ns):
            tell(gate, START_NS + waited_ns, Command(1.0, 0.0), leave_out="pilot")
            decision = gate.decide(START_NS + waited_ns)
        assert decision.command == NEUTRAL
        assert decision.trip is (TripReason.STALE_PILOT if late_ns else None)


def test_an_owner_may_choose_other_limits() -> None:
    gate = Gate(Limits(autopilot_throttle_cap=0.5), headless=True)
    gate.handle(FrameArrived(START_NS), START_NS)
    gate.handle(Arm(Mode.AUTO), START_NS)
    for cycle in range(1, 50):
        tell(gate, START_NS + cycle * CYCLE_NS, Command(0.0, 1.0))
        decision = gate.decide(START_NS + cycle * CYCLE_NS)
    assert decision.command.throttle == 0.5


def test_each_limit_of_the_links_is_read_where_it_belongs() -> None:
    limits = Limits(driver_valid_ns=90 * NS_PER_MS, calibration_valid_ns=30 * NS_PER_MS)
    for mode, valid_ms in ((Mode.MANUAL, 90), (Mode.CALIBRATION, 30)):
        gate = Gate(limits, mode)
        gate.handle(DriverCommand(ASKED, START_NS), START_NS)
        assert gate.decide(START_NS + valid_ms * NS_PER_MS).driver == ASKED
        assert gate.decide(START_NS + valid_ms * NS_PER_MS + 1).driver is None


def test_a_driver_who_limits_nothing_leaves_a_pilot_all_that_the_cap_does() -> None:
    gate, now_ns = Gate(Limits(autopilot_throttle_cap=1.0)), START_NS
    tell(gate, now_ns, NEUTRAL)
    gate.handle(Arm(Mode.AUTO), now_ns)
    for now_ns in range(START_NS + CYCLE_NS, START_NS + 50 * CYCLE_NS, CYCLE_NS):
        tell(gate, now_ns, Command(0.0, 1.0))
        decision = gate.decide(now_ns)
    assert decision.command.throttle == 1.0


def test_what_carries_a_stop_may_be_silent_for_as_long_as_the_readme_says() -> None:
    (row,) = (line for line in README.read_text("utf-8").splitlines() if "is silent → trip" in line)
    assert row.endswith(f"| {Limits().safeguard_silence_ns // NS_PER_MS} ms |")
    assert Limits().safeguard_silence_ns % NS_PER_MS == 0


def test_a_range_sensor_may_be_silent_for_as_long_as_the_readme_says() -> None:
    (row,) = (line for line in README.read_text("utf-8").splitlines() if "a range sensor has not measured" in line)
    assert row.endswith(f"| {Limits().range_silence_ns // NS_PER_MS} ms |")
    assert Limits().range_silence_ns % NS_PER_MS == 0
