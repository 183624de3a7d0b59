"""Driving in the simulator in lock-step: the same loop and gate on a virtual clock, many times faster than the car."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from car.drive_loop import DriveLoop, Driver, LockStepFrames, Observer
from car.drive_record import DriveRecord
from car.gate import Arm, DriverCommand, Event, Gate, GateState, Mode
from car.pilots.base import Pilot
from hardware.camera import Frame
from hardware.clock import NS_PER_S, VirtualClock
from hardware.drivetrain import NEUTRAL, Command, Odometry
from hardware.simulated.world import World

LONGEST_LAP_S = 120.0
"""A car that needs longer for a lap is not going to finish it."""


@dataclass(frozen=True, slots=True)
class Goal:
    """When a simulated drive is done: after ``laps`` or after ``seconds`` of simulated time, whichever comes first."""

    laps: int | None = None
    seconds: float | None = None

    @property
    def limit_s(self) -> float:
        """The simulated time after which the drive ends in any case."""
        return self.seconds if self.seconds is not None else LONGEST_LAP_S * (self.laps or 1)

    def progress(self, record: DriveRecord, elapsed_s: float, lap_length_m: float) -> float:
        """Return how much of the goal is reached, 0 … 1."""
        by_time = min(elapsed_s / self.limit_s, 1.0)
        if self.laps is None or record.odometry is None:
            return by_time
        if record.odometry.laps >= self.laps:
            return 1.0
        # Rounding may see a whole lap in the way driven a moment before the car has crossed the line.
        by_way = min(record.odometry.progress_m / (self.laps * lap_length_m), 0.999)
        return max(by_time, by_way)


@dataclass(frozen=True, slots=True)
class Simulation:
    """What became of a simulated drive.

    ``trajectory_m`` holds (x, y) once per frame; ``trip`` is the gate's reason when it ended the drive, else empty.
    """

    odometry: Odometry
    trajectory_m: list[tuple[float, float]]
    frames: int
    simulated_s: float
    trip: str


class ExpertDriver:
    """Somebody who drives by the world's truth, as a very good person would; arms the gate with a neutral stick."""

    def __init__(self, command: Callable[[], Command], gate: Gate) -> None:
        self._command = command
        self._gate = gate

    def events(self, now_ns: int) -> Iterable[Event]:
        """Yield this cycle's command, and the arming until it has worked."""
        if self._gate.state is GateState.DISARMED:
            return (DriverCommand(NEUTRAL, now_ns), Arm(Mode.MANUAL))
        return (DriverCommand(self._command(), now_ns),)


def simulate(
    world: World,
    clock: VirtualClock,
    gate: Gate,
    goal: Goal,
    *,
    driver: Driver,
    pilot: Pilot | None = None,
    observer: Observer | None = None,
    progress: Callable[[float], None] = lambda _: None,
) -> Simulation:
    """Drive in ``world`` until the goal is reached or the gate trips.

    ``progress`` is told how much of the goal is reached, 0 … 1, once per cycle.
    """
    trajectory: list[tuple[float, float]] = []
    started_ns = clock.now_ns()
    last: DriveRecord | None = None

    def elapsed_s() -> float:
        return (clock.now_ns() - started_ns) / NS_PER_S

    def watch(record: DriveRecord, frame: Frame | None) -> None:
        if frame is not None:
            trajectory.append((world.pose.x_m, world.pose.y_m))
        if observer is not None:
            observer(record, frame)

    def should_end(record: DriveRecord) -> bool:
        nonlocal last
        last = record
        done = goal.progress(record, elapsed_s(), world.track.length_m)
        progress(done)
        return done >= 1.0 or record.gate_state is GateState.TRIPPED

    frames = LockStepFrames(world.camera)
    loop = DriveLoop(
        frames, pilot, gate, world.drivetrain, clock, driver=driver, observer=watch, odometry=world.odometry
    )
    loop.run(should_end)
    return Simulation(world.odometry(), trajectory, len(trajectory), elapsed_s(), last.trip if last else "")
