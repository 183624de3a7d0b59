"""The loop: newest frame → pilot → gate → drivetrain, and neutral whatever happens."""

from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from car.drive_loop import AutoStart, DriveLoop, LockStepFrames
from car.drive_record import DriveRecord
from car.gate import Arm, ArmRefusal, ChangeMode, Event, Gate, GateState, Mode, Stop, TripReason
from car.kinds.pilot import Pilot, PilotAnswer
from hardware.camera import Frame
from hardware.cameras.recorded import RecordedCamera
from hardware.clock import NS_PER_MS, VirtualClock
from hardware.drivetrain import NEUTRAL, Command, LapCount, Motion, Pose
from hardware.drivetrains.timeline import Applied, TimelineDrivetrain
from hardware.errors import EndOfFrames
from tests.frames import SMALL, make_frame

ASKED = Command(0.5, 0.2)


class SteadyPilot(Pilot):
    """Asks for the same command on every frame, after ``think_ns`` of the clock's time."""

    name = "steady"

    def __init__(self, clock: VirtualClock, think_ns: int = 0) -> None:
        self.clock = clock
        self.think_ns = think_ns
        self.seen: list[int] = []
        self.resets: list[int] = []
        self.uncertainty = 0.0

    def drive(self, frame: Frame) -> PilotAnswer:
        self.clock.advance_ns(self.think_ns)
        self.seen.append(frame.number)
        return PilotAnswer(ASKED, self.think_ns, self.uncertainty)

    def reset(self) -> None:
        self.resets.append(len(self.seen))

    def close(self) -> None:
        pass


class Rig:
    def __init__(self, numbers: Iterable[int], think_ns: int = 0) -> None:
        self.clock = VirtualClock()
        self.gate = Gate(mode=Mode.AUTO, headless=True)
        self.pilot = SteadyPilot(self.clock, think_ns)
        self.drivetrain = TimelineDrivetrain(self.clock)
        self.observed: list[tuple[DriveRecord, Frame | None]] = []
        camera = RecordedCamera((make_frame(number) for number in numbers), SMALL, self.clock)
        self.loop = DriveLoop(
            LockStepFrames(camera),
            self.pilot,
            self.gate,
            self.drivetrain,
            self.clock,
            sources=[AutoStart(self.gate)],
            observer=lambda record, frame: self.observed.append((record, frame)),
        )

    def run(self) -> None:
        with pytest.raises(EndOfFrames):
            self.loop.run(lambda _: False)

    @property
    def commands(self) -> list[Command]:
        return [applied.command for applied in self.drivetrain.timeline]


def test_the_pilot_drives_frame_by_frame() -> None:
    rig = Rig(range(20))
    rig.run()
    assert rig.pilot.seen == list(range(20))
    assert ASKED in rig.commands


def test_the_pilot_forgets_what_it_saw_whenever_it_gets_a_hand_and_at_no_other_time() -> None:
    rig = Rig(range(50))

    def rearm(record: DriveRecord, frame: Frame | None) -> None:
        if record.frame_number in {35, 40}:
            mode = Mode.MANUAL if record.frame_number == 35 else Mode.AUTO
            rig.gate.handle(ChangeMode(mode), rig.clock.now_ns())
        elif record.frame_number == 20:
            rig.gate.handle(Stop(), rig.clock.now_ns())
        elif record.frame_number == 25 and frame is not None:
            sources.append(AutoStart(rig.gate, again=True))

    sources = [AutoStart(rig.gate)]
    camera = RecordedCamera((make_frame(number) for number in range(50)), SMALL, rig.clock)
    loop = DriveLoop(
        LockStepFrames(camera), rig.pilot, rig.gate, rig.drivetrain, rig.clock, sources=sources, observer=rearm
    )
    with pytest.raises(EndOfFrames):
        loop.run(lambda _: False)
    first, second, third = rig.pilot.resets
    assert first <= 1
    assert second == 26
    assert third == 36, "what it saw before it was driven by hand"


def test_the_first_and_the_last_command_are_neutral() -> None:
    rig = Rig(range(20))
    rig.run()
    assert rig.commands[0] == rig.commands[-1] == NEUTRAL


def test_what_is_recorded_is_what_was_applied() -> None:
    rig = Rig(range(20))
    rig.run()
    assert [record.applied for record, _ in rig.observed] == rig.commands[1:-1]
    record, frame = rig.observed[-1]
    assert frame is not None
    assert (record.frame_number, record.captured_ns) == (frame.number, frame.captured_ns) == (19, 950 * NS_PER_MS)
    assert record.pilot == ASKED


def test_motion_lap_count_and_pose_are_each_recorded_where_somebody_knows_them() -> None:
    motions, lap_count, pose = [Motion(0.5, 1.0), Motion(0.75, 1.5)], LapCount(1, 20.0, 0.1, 2), Pose(1.0, 2.0, 0.5)
    expected: dict[str, list[object]] = {"motion": [*motions], "lap_count": [lap_count] * 2, "pose": [pose] * 2}
    rig = Rig([])
    for known in expected:
        known_by: dict[str, Any] = {known: iter(expected[known]).__next__}
        camera = RecordedCamera((make_frame(number) for number in range(2)), SMALL, rig.clock)
        loop = DriveLoop(LockStepFrames(camera), None, rig.gate, rig.drivetrain, rig.clock, **known_by)
        records = [loop.step(), loop.step()]
        for name, values in expected.items():
            assert [getattr(record, name) for record in records] == (values if name == known else [None, None])


def test_a_pilot_that_is_unsure_is_slowed_down_and_recorded_so() -> None:
    rig = Rig(range(30))
    rig.pilot.uncertainty = 2.0
    rig.run()
    throttles = [command.throttle for command in rig.commands]
    assert max(throttles) == pytest.approx(rig.gate.limits.autopilot_throttle_cap / 2)
    assert max(throttles) < ASKED.throttle
    records = [record for record, frame in rig.observed if frame is not None]
    assert {record.uncertainty for record in records} == {2.0}
    assert all(record.is_unsure for record in records if record.gate_state is GateState.ARMED)


def test_a_trip_and_a_refusal_are_recorded_as_the_gates_own_reasons() -> None:
    rig = Rig([])
    rig.gate.handle(Stop(), rig.clock.now_ns())
    rig.gate.handle(Arm(Mode.MANUAL), rig.clock.now_ns())
    camera = RecordedCamera([make_frame(0)], SMALL, rig.clock)
    record = DriveLoop(LockStepFrames(camera), None, rig.gate, rig.drivetrain, rig.clock).step()
    assert (record.trip, record.refusal) == (TripReason.STOP, ArmRefusal.NO_FRAME)


def test_times_are_told_by_stage() -> None:
    rig = Rig(range(10), think_ns=7 * NS_PER_MS)
    rig.run()
    times = rig.observed[-1][0].times
    assert times.pilot_ns == times.inference_ns == times.latency_ns == 7 * NS_PER_MS
    assert times.age_ns == times.gate_ns == times.apply_ns == 0


def test_without_frames_the_gate_is_asked_all_the_same_and_goes_neutral() -> None:
    rig = Rig([*range(20), 30])
    rig.run()
    armed = [record for record, frame in rig.observed if record.applied.throttle > 0]
    gap = [record for record, frame in rig.observed if frame is None]
    assert len(gap) >= 500 / 25 - 1
    assert gap[-1].gate_state is GateState.TRIPPED
    assert gap[-1].applied == NEUTRAL
    assert armed[-1].captured_ns <= 950 * NS_PER_MS


def test_a_headless_start_arms_once_and_a_trip_stays() -> None:
    rig = Rig([*range(20), *range(30, 60)])
    rig.run()
    assert rig.observed[-1][0].gate_state is GateState.TRIPPED


def test_a_stop_before_a_headless_start_stays_a_stop() -> None:
    rig = Rig(range(20))
    rig.gate.handle(Stop(), rig.clock.now_ns())
    rig.run()
    assert set(rig.commands) == {NEUTRAL}


def test_a_pilot_that_raises_leaves_the_wheels_neutral_and_is_not_hidden() -> None:
    rig = Rig(range(20))

    def fail(frame: Frame) -> PilotAnswer:
        raise RuntimeError("lost")

    rig.loop.step()
    rig.loop.step()
    rig.pilot.drive = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="lost"):
        rig.loop.run(lambda _: False)
    assert rig.commands[-1] == NEUTRAL


def test_the_driver_is_heard_before_the_wheels_move() -> None:
    rig = Rig(range(20))

    class StopsAtOnce:
        def events(self, now_ns: int) -> Iterator[Event]:
            if rig.gate.state is GateState.ARMED and now_ns > 500 * NS_PER_MS:
                yield Stop()

    rig.loop = DriveLoop(
        LockStepFrames(RecordedCamera((make_frame(number) for number in range(20)), SMALL, rig.clock)),
        rig.pilot,
        rig.gate,
        rig.drivetrain,
        rig.clock,
        sources=[AutoStart(rig.gate), StopsAtOnce()],
    )
    rig.run()
    moving = [applied.time_ns for applied in rig.drivetrain.timeline if applied.command.throttle > 0]
    assert max(moving) == 500 * NS_PER_MS


def test_a_stop_does_not_wait_for_the_pilot() -> None:
    rig = Rig(range(20), think_ns=30 * NS_PER_MS)
    stopped_ns = 500 * NS_PER_MS

    class StopsOnce:
        def events(self, now_ns: int) -> Iterator[Event]:
            if rig.gate.state is GateState.ARMED and now_ns >= stopped_ns:
                yield Stop()

    rig.loop = DriveLoop(
        LockStepFrames(RecordedCamera((make_frame(number) for number in range(20)), SMALL, rig.clock)),
        rig.pilot,
        rig.gate,
        rig.drivetrain,
        rig.clock,
        sources=[AutoStart(rig.gate), StopsOnce()],
    )
    rig.run()
    neutral = next(applied for applied in rig.drivetrain.timeline if applied.time_ns >= stopped_ns)
    assert neutral == Applied(stopped_ns, NEUTRAL)


def test_two_runs_are_equal() -> None:
    first, second = Rig(range(50)), Rig(range(50))
    first.run()
    second.run()
    assert first.drivetrain.timeline == second.drivetrain.timeline


def test_the_hand_over_is_that_of_the_frame_before_not_of_a_cycle_without_one() -> None:
    rig = Rig([0, 1, 4, 5])
    cost_ns = 3 * NS_PER_MS

    def observe(record: DriveRecord, frame: Frame | None) -> None:
        rig.observed.append((record, frame))
        if frame is not None:
            rig.clock.advance_ns(cost_ns)

    rig.loop = DriveLoop(
        LockStepFrames(RecordedCamera((make_frame(number) for number in (0, 1, 4, 5)), SMALL, rig.clock)),
        rig.pilot,
        rig.gate,
        rig.drivetrain,
        rig.clock,
        observer=observe,
    )
    rig.run()
    assert [record.times.publish_ns for record, frame in rig.observed if frame is not None] == [0, *[cost_ns] * 3]
