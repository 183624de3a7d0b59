"""The drive loop: newest frame → pilot → gate → drivetrain.

One code for the car, the simulator in real time and in lock-step, and a recorded session; they differ in the clock,
the camera and the drivetrain they hand in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from car.drive_record import DriveRecord, StageTimes
from car.gate import Ahead, Arm, Decision, Event, FrameArrived, Gate, GateState, Mode, PilotCommand
from car.kinds.pilot import Pilot, PilotAnswer
from hardware.camera import Camera, Frame
from hardware.clock import Clock
from hardware.drivetrain import Command, Drivetrain, LapCount, Motion, Pose
from hardware.errors import CameraTimeout

TICK_MS = 25.0
"""How long the loop waits for a frame before it asks the gate all the same: half of what a stop button may take."""


class FrameSource(Protocol):
    """Where the loop gets its frames: a LatestFrame in real time, a LockStepFrames otherwise."""

    def take(self, timeout_ms: float) -> Frame | None:
        """Return the newest frame not yet taken, or None when none came in time."""


class EventSource(Protocol):
    """Whoever has something to tell the gate: the driver's slot, the safeguards, a fault."""

    def events(self, now_ns: int) -> Iterable[Event]:
        """Return what has happened since the last call, oldest first."""


class Governor(Protocol):
    """Whoever makes another throttle of the one that was asked for, before the gate: a SpeedKeeper."""

    def governed(self, event: Event, now_ns: int) -> Event:
        """Return what the gate is told in place of ``event``."""

    def asked(self, command: Command | None) -> Command | None:
        """Return what the driver asked for, of whom the gate has ``command``."""

    def note_applied(self, command: Command) -> None:
        """Take note of what the wheels got."""


Observer = Callable[[DriveRecord, Frame | None], None]
"""Whoever wants to know what the loop did; called with each cycle's record after the command has reached the wheels.

The frame is None when the cycle had no new one.
"""


class AutoStart:
    """Arms in ``auto`` as soon as the gate allows it, once; the person who started the program meant it to drive.

    >>> gate = Gate(mode=Mode.AUTO, headless=True)
    >>> loop = DriveLoop(LockStepFrames(camera), pilot, gate, drivetrain, clock, sources=[AutoStart(gate)])
    >>> loop.step().gate_state is GateState.ARMED
    True

    A stop before that ends the waiting. With ``again`` it re-arms after every trip: for replays, where no wheel turns.
    It stands before the driver among a loop's sources, so that a driver who stops in the same cycle is heard last.
    """

    def __init__(self, gate: Gate, *, again: bool = False) -> None:
        self._gate = gate
        self._again = again
        self._started = False

    def events(self, now_ns: int) -> Iterable[Event]:
        """Yield the arming until it has worked."""
        state = self._gate.state
        self._started |= state is not GateState.DISARMED
        if state is not GateState.ARMED and (self._again or not self._started):
            yield Arm(Mode.AUTO)
            # Noted here and now: the driver's next event may disarm it again, and that is to last.
            self._started |= self._gate.state is GateState.ARMED


class LockStepFrames:
    """Takes each frame from the camera itself, in the loop's own thread, so that nothing happens by chance.

    >>> frames = LockStepFrames(camera)
    >>> frames.take(timeout_ms=25).number
    0
    >>> frames.take(timeout_ms=25) is None   # at 20 frames/s, the next one is not due yet
    True
    """

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    def take(self, timeout_ms: float) -> Frame | None:
        """Return the camera's next frame, or None when none came in time."""
        try:
            return self._camera.next_frame(timeout_ms)
        except CameraTimeout:
            return None


class DriveLoop:
    """Runs cycles until told to end; whatever happens, the drivetrain is left in neutral.

    >>> gate = Gate(mode=Mode.AUTO, headless=True)
    >>> loop = DriveLoop(LockStepFrames(camera), pilot, gate, drivetrain, clock, sources=[AutoStart(gate)])
    >>> loop.run(should_end=lambda record: record.frame_number >= 20)
    >>> max(entry.command.throttle for entry in drivetrain.timeline)
    0.2
    >>> drivetrain.timeline[-1].command.throttle
    0.0

    ``pilot`` may be None when only a driver drives. ``sources`` are asked in their order, in every cycle before the
    pilot and after it; each hears what the gate made of the ones before. ``motion``, ``lap_count``, ``pose`` and
    ``ahead`` are asked once per cycle. A ``governor`` has a hand in each throttle before the gate; records have what
    was asked for.
    """

    def __init__(
        self,
        frames: FrameSource,
        pilot: Pilot | None,
        gate: Gate,
        drivetrain: Drivetrain,
        clock: Clock,
        *,
        sources: Sequence[EventSource] = (),
        observer: Observer | None = None,
        motion: Callable[[], Motion | None] | None = None,
        lap_count: Callable[[], LapCount] | None = None,
        pose: Callable[[], Pose] | None = None,
        ahead: Callable[[], Ahead | None] | None = None,
        governor: Governor | None = None,
    ) -> None:
        self._frames = frames
        self._pilot = pilot
        self._gate = gate
        self._drivetrain = drivetrain
        self._clock = clock
        self._sources = sources
        self._observer = observer
        self._motion = motion
        self._lap_count = lap_count
        self._pose = pose
        self._ahead = ahead
        self._governor = governor
        self._last_frame: tuple[int, int] = (-1, 0)
        self._publish_ns = 0
        self._pilot_has_a_hand = False

    def run(self, should_end: Callable[[DriveRecord], bool]) -> None:
        """Drive until ``should_end`` says so of a cycle's record; EndOfFrames and every other error pass through."""
        try:
            self._drivetrain.neutral()
            while not should_end(self.step()):
                pass
        finally:
            self._drivetrain.neutral()

    def step(self) -> DriveRecord:
        """Run one cycle: with a new frame if one comes within ``TICK_MS``, else for the gate alone."""
        frame = self._frames.take(TICK_MS)
        taken_ns = self._clock.now_ns()
        self._hear(taken_ns)
        output, pilot_ns = self._ask_pilot(frame)
        # A stop that came while the pilot was thinking must not wait for another frame.
        self._hear(self._clock.now_ns())
        decision = self._gate.decide(self._clock.now_ns())
        decided_ns = self._clock.now_ns()
        applied = self._drivetrain.apply(decision.command)
        applied_ns = self._clock.now_ns()
        if self._governor is not None:
            self._governor.note_applied(applied)
        times = StageTimes(
            age_ns=0 if frame is None else taken_ns - frame.captured_ns,
            pilot_ns=pilot_ns,
            inference_ns=0 if output is None else output.inference_ns,
            gate_ns=decided_ns - taken_ns - pilot_ns,
            apply_ns=applied_ns - decided_ns,
            publish_ns=self._publish_ns,
        )
        record = self._record(decision, output, applied, times)
        if self._observer is not None:
            observing_ns = self._clock.now_ns()
            self._observer(record, frame)
            if frame is not None:
                self._publish_ns = self._clock.now_ns() - observing_ns
        return record

    def _hear(self, now_ns: int) -> None:
        was_armed = self._gate.state is GateState.ARMED
        for source in self._sources:
            for event in source.events(now_ns):
                # Another process may have sampled a command since now_ns; the gate would take it for the future's.
                self._tell(event, self._clock.now_ns())
        is_armed = self._gate.state is GateState.ARMED
        had_a_hand, self._pilot_has_a_hand = self._pilot_has_a_hand, is_armed and self._gate.mode.has_pilot
        if was_armed and not is_armed:
            # The pilot may have a frame to look at first, and nobody is to wait for it.
            self._drivetrain.neutral()
        if self._pilot_has_a_hand and not had_a_hand and self._pilot is not None:
            # What it saw before may be another place: the car was carried, or driven by hand.
            self._pilot.reset()

    def _ask_pilot(self, frame: Frame | None) -> tuple[PilotAnswer | None, int]:
        """Give the gate the frame and the pilot's answer to it; return the answer and the time it took in ns."""
        if frame is None:
            return None, 0
        self._last_frame = (frame.number, frame.captured_ns)
        self._gate.handle(FrameArrived(frame.captured_ns), self._clock.now_ns())
        if self._pilot is None or not self._gate.mode.has_pilot:
            return None, 0
        asked_ns = self._clock.now_ns()
        output = self._pilot.drive(frame)
        answered_ns = self._clock.now_ns()
        self._tell(PilotCommand(output.command, output.uncertainty), answered_ns)
        return output, answered_ns - asked_ns

    def _tell(self, event: Event, now_ns: int) -> None:
        self._gate.handle(event if self._governor is None else self._governor.governed(event, now_ns), now_ns)

    def _record(
        self, decision: Decision, output: PilotAnswer | None, applied: Command, times: StageTimes
    ) -> DriveRecord:
        number, captured_ns = self._last_frame
        return DriveRecord(
            frame_number=number,
            captured_ns=captured_ns,
            mode=decision.mode,
            gate_state=decision.state,
            trip=decision.trip,
            driver=decision.driver if self._governor is None else self._governor.asked(decision.driver),
            pilot=None if output is None else output.command,
            applied=applied,
            times=times,
            motion=self._motion() if self._motion is not None else None,
            lap_count=self._lap_count() if self._lap_count is not None else None,
            refusal=decision.refusal,
            awaits_neutral=decision.awaits_neutral,
            pose=self._pose() if self._pose is not None else None,
            uncertainty=0.0 if output is None else output.uncertainty,
            ahead=self._ahead() if self._ahead is not None else None,
        )
