"""The gate's promises under any interleaving of events, held by an oracle that knows the promises and not the gate.

The oracle keeps a plain diary of what was said to the gate and when, and derives from it what the wheels may do. It
does not predict the output; it says what would break a promise.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from car.gate import (
    Ahead,
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
    PilotCommand,
    Safeguard,
    Safeguards,
    Stop,
)
from hardware.drivetrain import NEUTRAL, Command

MS = 1_000_000
ROUNDING = 1e-9
PARTS = ("camera", "driver", "pilot")

throttles = st.sampled_from([0.0, 0.05, -0.05, 0.06, 0.2, -0.3, 0.6, 1.0, -1.0])
commands = st.builds(Command, st.sampled_from([0.0, 0.3, -1.0, 1.0]), throttles)
wild_numbers = st.sampled_from([math.nan, math.inf, -math.inf, 1.0001, -1.0001, 1e300])
wild_commands = st.one_of(st.builds(Command, wild_numbers, throttles), st.builds(Command, throttles, wild_numbers))
ages_ns = st.sampled_from([ms * MS + extra for ms in (0, 5, 50, 150, 200, 300, 2000) for extra in (0, 1)])
pauses_ns = st.sampled_from([ms * MS + extra for ms in (0, 10, 20, 50, 100, 250, 1000, 3_600_000) for extra in (0, 1)])
modes = st.sampled_from(Mode)
safeguards = st.frozensets(st.sampled_from(Safeguard))
distances = st.sampled_from([math.nan, -1.0, 0.0, 0.4999, 0.5, 0.7, 1.0, 1.4999, 1.5, 4.0, math.inf])
problems = st.sampled_from([ArmRefusal.TOO_HOT, ArmRefusal.UNDER_VOLTAGE, ArmRefusal.NOT_CALIBRATED])


def is_at_neutral(sample: DriverCommand) -> bool:
    """Tell whether the throttle's stick is at neutral, by the command and by what its device says."""
    return not sample.pressed and abs(sample.command.throttle) <= 0.05


@dataclass
class Diary:
    """What was said to the gate since the clock last went backwards, and by which time a neutral stick is due."""

    samples: list[DriverCommand] = field(default_factory=list)
    frames_ns: list[int] = field(default_factory=list)
    pilot: list[tuple[int, Command]] = field(default_factory=list)
    left_ns: int | None = None
    problems: tuple[ArmRefusal, ...] = ()
    missing: frozenset[Safeguard] = frozenset()
    ahead_m: float = math.inf
    released_after_ns: int | None = None
    uncertainty: float = 0.0
    must_stand: bool = True
    output: Command = NEUTRAL
    decided_ns: int = 0
    refused: dict[str, int] = field(default_factory=lambda: {"driver": 0, "pilot": 0, "frames": 0})

    def newest(self) -> DriverCommand | None:
        """Return the sample that is the driver's last word: the newest, and of two of one time the later to arrive."""
        return max(reversed(self.samples), key=lambda sample: sample.sampled_ns, default=None)

    def throttle_limit(self) -> float:
        """Return what the driver allows a pilot."""
        newest = self.newest()
        return 1.0 if newest is None else newest.throttle_limit

    def link_age_ns(self, now_ns: int) -> float:
        newest = self.newest()
        return math.inf if newest is None else now_ns - newest.sampled_ns

    def silent_ns(self, now_ns: int) -> float:
        """Return for how long the driver has been gone, whether it left or fell silent."""
        since_left_ns = math.inf if self.left_ns is None else now_ns - self.left_ns
        return min(self.link_age_ns(now_ns), since_left_ns)

    def frame_age_ns(self, now_ns: int) -> float:
        return now_ns - max(self.frames_ns, default=-math.inf)

    def stick_was_released(self) -> bool:
        """Tell whether a stick at neutral was sampled after everything that asks for one."""
        after_ns = self.released_after_ns
        return after_ns is None or any(
            is_at_neutral(sample) and sample.sampled_ns > after_ns for sample in self.samples
        )


class GateMachine(RuleBasedStateMachine):
    """Says anything to a gate at any time, asks it for decisions and compares them with the diary."""

    @initialize(headless=st.booleans(), mode=modes, awaits=safeguards, looks_ahead=st.booleans())
    def start(self, headless: bool, mode: Mode, awaits: frozenset[Safeguard], looks_ahead: bool) -> None:
        limits = Limits(stop_m=0.5, slow_m=1.5) if looks_ahead else Limits()
        self.gate = Gate(limits, mode, headless=headless, awaits=awaits)
        self.looks_ahead = looks_ahead
        self.headless = headless
        self.now_ns = 100_000 * MS
        self.diary = Diary(missing=awaits, ahead_m=math.nan if looks_ahead else math.inf)
        assert self.decide().command == NEUTRAL

    # What can happen.

    @rule(pause_ns=pauses_ns)
    def time_passes(self, pause_ns: int) -> None:
        self.now_ns += pause_ns
        self.decide()

    @rule(pause_ns=pauses_ns)
    def time_passes_unasked(self, pause_ns: int) -> None:
        self.now_ns += pause_ns

    @rule(age_ns=ages_ns)
    def frame(self, age_ns: int) -> None:
        self.say(FrameArrived(self.now_ns - age_ns))

    @rule(
        command=commands, age_ns=ages_ns, held=st.booleans(), throttle_limit=st.floats(0.0, 1.0), pressed=st.booleans()
    )
    def driver(self, command: Command, age_ns: int, held: bool, throttle_limit: float, pressed: bool) -> None:
        self.say(DriverCommand(command, self.now_ns - age_ns, held, throttle_limit, pressed))

    @rule(command=commands, uncertainty=st.just(0.0) | st.floats(0.0, 4.0))
    def pilot(self, command: Command, uncertainty: float) -> None:
        self.say(PilotCommand(command, uncertainty))

    @rule()
    def driver_leaves(self) -> None:
        self.say(DriverLeft())
        if self.gate.mode is not Mode.AUTO:
            assert self.decide().command == NEUTRAL

    @rule(command=wild_commands, by_driver=st.booleans())
    def wild(self, command: Command, by_driver: bool) -> None:
        self.say(DriverCommand(command, self.now_ns) if by_driver else PilotCommand(command))

    @rule(command=commands, uncertainty=st.sampled_from([-0.1, math.nan, math.inf]))
    def wild_uncertainty(self, command: Command, uncertainty: float) -> None:
        self.say(PilotCommand(command, uncertainty))

    @rule(ahead_ns=st.sampled_from([1, 1000 * MS]), by_driver=st.booleans())
    def from_the_future(self, ahead_ns: int, by_driver: bool) -> None:
        time_ns = self.now_ns + ahead_ns
        self.say(DriverCommand(Command(0.0, 1.0), time_ns) if by_driver else FrameArrived(time_ns))

    @rule(mode=modes, wheels_up=st.booleans())
    def arm(self, mode: Mode, wheels_up: bool) -> None:
        self.say(Arm(mode, wheels_up))

    @rule(mode=modes)
    def change_mode(self, mode: Mode) -> None:
        self.say(ChangeMode(mode))

    @rule(event=st.sampled_from([Stop(), Fault(), Disarm()]))
    def end(self, event: Event) -> None:
        self.say(event)

    @rule(found=st.lists(problems, max_size=2))
    def check(self, found: list[ArmRefusal]) -> None:
        self.say(Checks(tuple(found)))

    @rule(missing=safeguards)
    def safeguards_change(self, missing: frozenset[Safeguard]) -> None:
        was_armed = self.gate.state is GateState.ARMED
        self.say(Safeguards(missing))
        if missing and was_armed:
            assert self.gate.state is GateState.TRIPPED
            assert self.decide().command == NEUTRAL

    @precondition(lambda self: self.looks_ahead)
    @rule(distance_m=distances)
    def something_is_ahead(self, distance_m: float) -> None:
        was_driving = self.gate.state is GateState.ARMED and self.gate.mode is not Mode.CALIBRATION
        self.say(Ahead(distance_m))
        if was_driving and not distance_m >= 0.5:
            assert self.gate.state is GateState.TRIPPED
            assert self.decide().command == NEUTRAL

    @rule(step_ns=st.sampled_from([1, 100 * MS, 5000 * MS]))
    def clock_goes_backwards(self, step_ns: int) -> None:
        assume(self.now_ns > 20_000 * MS)
        # A gate can only see the clock go backwards from a time that it was told.
        self.decide()
        self.now_ns -= step_ns
        released_after_ns, refused = self.now_ns, self.diary.refused
        self.diary = Diary(
            problems=self.diary.problems,
            missing=self.diary.missing,
            ahead_m=self.diary.ahead_m,
            released_after_ns=released_after_ns,
            decided_ns=self.now_ns,
            refused=refused,
        )
        assert self.decide().state is GateState.TRIPPED

    @rule(command=commands, cycles=st.integers(1, 30), pilot=commands, silent=st.sampled_from(["", *PARTS]))
    def a_while(self, command: Command, cycles: int, pilot: Command, silent: str) -> None:
        for _ in range(cycles):
            self.cycle(command, pilot, silent)

    @rule(command=commands, mode=modes, silent=st.sampled_from(PARTS))
    def a_person_does_all_that_it_takes_to_drive_until_a_part_falls_silent(
        self, command: Command, mode: Mode, silent: str
    ) -> None:
        self.say(Disarm())
        self.say(Checks())
        self.say(Safeguards())
        self.say(Ahead(4.0))
        self.now_ns += 20 * MS
        self.cycle(NEUTRAL, NEUTRAL)
        self.say(Arm(mode, wheels_up=True))
        assert self.gate.state is GateState.ARMED
        for _ in range(30):
            self.cycle(command, command)
        cap = {Mode.AUTO: 0.25, Mode.CALIBRATION: 0.2}.get(mode, 1.0)
        assert self.diary.output == Command(command.steering, min(max(command.throttle, -cap), cap))
        for _ in range(20):
            self.cycle(command, command, silent)

    @precondition(lambda self: self.gate.state is GateState.ARMED)
    @rule(event=st.sampled_from([Stop(), Fault(), Disarm()]))
    def whoever_ends_it_sees_it_end(self, event: Event) -> None:
        self.say(event)
        decision = self.decide()
        assert decision.command == NEUTRAL
        assert decision.state is not GateState.ARMED

    # How it is said, and what may come of it.

    def cycle(self, driver: Command, pilot: Command, silent: str = "") -> None:
        self.now_ns += 20 * MS
        events: tuple[Event, ...] = (
            FrameArrived(self.now_ns),
            DriverCommand(driver, self.now_ns),
            PilotCommand(pilot),
        )
        for part, event in zip(PARTS, events, strict=True):
            if part != silent:
                self.say(event)
        self.decide()

    def say(self, event: Event) -> None:
        before, mode = self.gate.state, self.gate.mode
        stalled = before is GateState.ARMED and self.now_ns - self.diary.decided_ns > 250 * MS
        self.write_down(event)
        self.gate.handle(event, self.now_ns)
        if stalled or isinstance(event, Stop | Fault):
            assert self.gate.state is GateState.TRIPPED
        if before is not GateState.ARMED and self.gate.state is GateState.ARMED:
            self.check_arming(event)
        elif before is GateState.TRIPPED:
            assert self.gate.state is GateState.TRIPPED
        if before is not GateState.TRIPPED and self.gate.state is GateState.TRIPPED:
            self.diary.must_stand, self.diary.released_after_ns = True, self.now_ns
        if (before, self.gate.state) == (GateState.ARMED, GateState.DISARMED):
            assert isinstance(event, Disarm) or (isinstance(event, ChangeMode) and mode is Mode.CALIBRATION)
        if self.gate.mode is not mode:
            self.check_mode(event, mode, before)
        counted = {"driver": self.gate.refused_driver, "pilot": self.gate.refused_pilot}
        assert {**counted, "frames": self.gate.refused_frames} == self.diary.refused

    def write_down(self, event: Event) -> None:
        diary = self.diary
        match event:
            case DriverCommand(command, sampled_ns, held, _):
                if sampled_ns > self.now_ns or not is_sane(command):
                    diary.refused["driver"] += 1
                    return
                diary.samples.append(event)
                if not held and not is_at_neutral(event) and diary.newest() is event:
                    diary.released_after_ns = self.now_ns
            case DriverLeft():
                # Whatever it held last counts for nothing, and whoever comes next shows a stick at neutral first.
                diary.samples.clear()
                diary.left_ns = diary.released_after_ns = self.now_ns
            case PilotCommand(command, uncertainty):
                if is_sane(command) and 0.0 <= uncertainty < math.inf:
                    diary.pilot.append((self.now_ns, command))
                    diary.uncertainty = uncertainty
                else:
                    diary.refused["pilot"] += 1
            case FrameArrived(captured_ns):
                if captured_ns > self.now_ns:
                    diary.refused["frames"] += 1
                else:
                    diary.frames_ns.append(captured_ns)
            case Checks(found):
                diary.problems = found
            case Safeguards(missing):
                diary.missing = missing
            case Ahead(distance_m):
                diary.ahead_m = distance_m
            case Stop() | Fault():
                diary.released_after_ns = self.now_ns

    def check_arming(self, event: Event) -> None:
        assert isinstance(event, Arm)
        assert not self.diary.missing
        calibrating = event.mode is Mode.CALIBRATION
        assert all(calibrating and problem is ArmRefusal.NOT_CALIBRATED for problem in self.diary.problems)
        assert event.wheels_up or not calibrating
        assert calibrating or self.diary.frame_age_ns(self.now_ns) <= 150 * MS
        assert calibrating or self.nearest_m() >= 0.5
        live = self.diary.link_age_ns(self.now_ns) <= (200 if calibrating else 300) * MS
        assert live or (self.headless and event.mode is Mode.AUTO)
        if live:
            newest = self.diary.newest()
            assert newest is not None
            assert is_at_neutral(newest)
            assert self.diary.stick_was_released()
        self.diary.pilot.clear()
        self.diary.must_stand = False
        self.diary.output, self.diary.decided_ns = NEUTRAL, self.now_ns

    def check_mode(self, event: Event, mode: Mode, before: GateState) -> None:
        assert isinstance(event, Arm | ChangeMode)
        assert self.gate.mode is event.mode
        if isinstance(event, ChangeMode):
            assert event.mode is not Mode.CALIBRATION
            assert mode is not Mode.CALIBRATION or self.gate.state is not GateState.ARMED
            if mode is Mode.AUTO and before is GateState.ARMED:
                self.diary.released_after_ns = self.now_ns
        self.diary.pilot.clear()

    def decide(self) -> Decision:
        before = self.gate.state
        stalled = before is GateState.ARMED and self.now_ns - self.diary.decided_ns > 250 * MS
        decision = self.gate.decide(self.now_ns)
        assert (
            decision.state is before
            or (before, decision.state) == (GateState.ARMED, GateState.TRIPPED)
            or (decision.command == NEUTRAL and decision.trip is not None)
        )
        assert (decision.trip is not None) == (decision.state is GateState.TRIPPED)
        if stalled:
            assert decision.state is GateState.TRIPPED
        if before is GateState.ARMED and self.must_trip(decision.mode):
            assert decision.state is GateState.TRIPPED
        if before is GateState.ARMED and self.link_is_lost(decision.mode):
            self.diary.released_after_ns = self.now_ns
        if before is GateState.ARMED and decision.state is GateState.TRIPPED:
            self.diary.must_stand, self.diary.released_after_ns = True, self.now_ns
        self.check_output(decision)
        self.diary.output, self.diary.decided_ns = decision.command, self.now_ns
        return decision

    def must_trip(self, mode: Mode) -> bool:
        """Tell whether something is so late that only a person may let the car drive on."""
        if mode is not Mode.CALIBRATION and self.diary.frame_age_ns(self.now_ns) > 150 * MS:
            return True
        return self.link_is_lost(mode) and (mode is not Mode.MANUAL or self.diary.silent_ns(self.now_ns) >= 2000 * MS)

    def link_is_lost(self, mode: Mode) -> bool:
        limit_ns = (200 if mode is Mode.CALIBRATION else 300) * MS
        is_needed = not (self.headless and mode is Mode.AUTO)
        return is_needed and self.diary.link_age_ns(self.now_ns) > limit_ns

    def check_output(self, decision: Decision) -> None:
        command, mode = decision.command, decision.mode
        assert is_sane(command)
        if command == NEUTRAL:
            return
        assert decision.state is GateState.ARMED
        assert not self.diary.must_stand
        assert not self.link_is_lost(mode)
        assert mode is Mode.CALIBRATION or self.diary.frame_age_ns(self.now_ns) <= 150 * MS
        if mode in (Mode.ASSIST, Mode.AUTO):
            assert self.now_ns - self.diary.pilot[-1][0] <= 200 * MS
        self.check_throttle(command.throttle, mode)
        self.check_slew(command)

    def check_throttle(self, throttle: float, mode: Mode) -> None:
        asked = self.throttle_asked_for(mode)
        # A pilot that knows too little gets the share 1 / uncertainty of its cap, but half of it at least.
        share = 1.0 if self.diary.uncertainty <= 1.0 else max(0.5, 1.0 / self.diary.uncertainty)
        cap = {Mode.AUTO: share * min(0.25, self.diary.throttle_limit()), Mode.CALIBRATION: 0.2}.get(mode, 1.0)
        assert min(asked, 0.0) <= throttle <= max(asked, 0.0)
        assert abs(throttle) <= cap + ROUNDING
        if mode is not Mode.CALIBRATION:
            assert self.nearest_m() >= 0.5
            # Forwards, the last metre before the stop takes the throttle away.
            full = 0.25 if mode is Mode.AUTO else 1.0
            assert throttle <= full * min(self.nearest_m() - 0.5, 1.0) + ROUNDING
        if throttle != 0.0 and mode is not Mode.AUTO:
            assert self.diary.stick_was_released()

    def nearest_m(self) -> float:
        """Return how far away what is ahead is known to be, for a car that looks: nothing far where it is not known."""
        if not self.looks_ahead:
            return math.inf
        return -1.0 if math.isnan(self.diary.ahead_m) else self.diary.ahead_m

    def throttle_asked_for(self, mode: Mode) -> float:
        if mode is Mode.AUTO:
            return self.diary.pilot[-1][1].throttle
        newest = self.diary.newest()
        assert newest is not None
        return newest.command.throttle if newest.held else 0.0

    def check_slew(self, command: Command) -> None:
        elapsed_s = (self.now_ns - self.diary.decided_ns) / 1e9
        before = self.diary.output
        assert abs(command.steering - before.steering) <= 8.0 * elapsed_s + ROUNDING
        in_that_direction = max(before.throttle * math.copysign(1.0, command.throttle), 0.0)
        assert abs(command.throttle) - in_that_direction <= 2.0 * elapsed_s + ROUNDING


def is_sane(command: Command) -> bool:
    """Tell whether both numbers are in −1 … +1; NaN is not."""
    return -1.0 <= command.steering <= 1.0 and -1.0 <= command.throttle <= 1.0


TestGateMachine = GateMachine.TestCase
TestGateMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
