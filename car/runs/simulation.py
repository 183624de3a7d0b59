"""Driving in the simulator in lock-step: the same loop and gate on a virtual clock, many times faster than the car."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from car.assembly.devices import make_world, sensors_in_world, with_simulated_sensors
from car.config.sections import CarConfig
from car.drive_loop import AutoStart, DriveLoop, EventSource, LockStepFrames, Observer
from car.drive_record import DriveRecord
from car.gate import Arm, DriverCommand, Event, Gate, GateState, Mode, TripReason
from car.kinds.pilot import Pilot
from car.range_watch import RangeWatch, watch_range
from car.readings import asked
from car.recording.recorder import CycleWriter, describe_session
from car.runs.instructor import DualControls, Instructor
from car.sessions.labels import TEACHER
from car.sessions.writer import SessionWriter
from car.speed.keeper import SpeedKeeper, keep_speed
from hardware.camera import Frame
from hardware.clock import NS_PER_S, VirtualClock
from hardware.drivetrain import NEUTRAL, Command, LapCount, Pose
from simulator.expert import Expert
from simulator.scenario import Scenario
from simulator.world import World

LONGEST_LAP_S = 120.0
"""A car that needs longer for a lap is not going to finish it."""


Attendant = Callable[[World, DriveRecord], bool]
"""Whoever walks beside the car: called after each cycle, may carry it elsewhere and tells whether the drive is over."""


@dataclass(frozen=True, slots=True)
class Goal:
    """When a simulated drive is done: after ``laps`` or after ``seconds`` of simulated time, whichever comes first.

    >>> Goal(laps=2).limit_s
    240.0
    >>> Goal(laps=2, seconds=60.0).limit_s
    60.0
    """

    laps: int | None = None
    seconds: float | None = None

    @property
    def limit_s(self) -> float:
        """The simulated time after which the drive ends in any case."""
        return self.seconds if self.seconds is not None else LONGEST_LAP_S * (self.laps or 1)

    def progress(self, record: DriveRecord, elapsed_s: float, lap_length_m: float) -> float:
        """Return how much of the goal is reached, 0 … 1."""
        by_time = min(elapsed_s / self.limit_s, 1.0)
        if self.laps is None or record.lap_count is None:
            return by_time
        if record.lap_count.laps >= self.laps:
            return 1.0
        # Rounding may see a whole lap in the way driven a moment before the car has crossed the line.
        by_way = min(record.lap_count.progress_m / (self.laps * lap_length_m), 0.999)
        return max(by_time, by_way)


@dataclass(frozen=True, slots=True)
class Simulation:
    """What became of a simulated drive.

    ``trajectory`` holds where the car was at each frame; ``trip`` is the gate's reason when it ended the drive, else
    None; ``real_s`` is how long it took on this machine.
    """

    lap_count: LapCount
    trajectory: list[Pose]
    frames: int
    simulated_s: float
    real_s: float
    trip: TripReason | None


class ExpertDriver:
    """Somebody who drives by the world's truth, as a very good person would; arms the gate in ``mode``.

    >>> world, gate = make_world(CarConfig(), clock, Scenario("oval")), Gate()
    >>> expert = ExpertDriver(world, gate)
    >>> loop = DriveLoop(LockStepFrames(world.camera), None, gate, world.drivetrain, clock, sources=[expert])
    >>> loop.run(should_end=lambda record: record.frame_number >= 20)
    >>> world.lap_count().progress_m > 0
    True
    """

    def __init__(self, world: World, gate: Gate, mode: Mode = Mode.MANUAL) -> None:
        self._world = world
        # What the expert shows must be within what a pilot may do on this car.
        self._expert = Expert(world.track, world.vehicle, gate.limits.autopilot_throttle_cap)
        self._gate = gate
        self._mode = mode

    def command(self) -> Command:
        """Return what to do where the car is."""
        return self._expert.command(self._world.state)

    def events(self, now_ns: int) -> Iterable[Event]:
        """Yield this cycle's command, and the arming until it has worked."""
        if self._gate.state is GateState.DISARMED:
            return (DriverCommand(NEUTRAL, now_ns), Arm(self._mode))
        return (DriverCommand(self.command(), now_ns),)


def run_simulation(
    config: CarConfig,
    scenario: Scenario,
    goal: Goal,
    *,
    pilot: Pilot | None = None,
    instructor: Instructor | None = None,
    driver: Callable[[World, Gate], EventSource] | None = None,
    record: Path | None = None,
    observer: Observer | None = None,
    attendant: Attendant | None = None,
    looks_ahead: bool = False,
    progress: Callable[[float], None] = lambda _: None,
) -> Simulation:
    """Let ``pilot``, or the expert if there is none, drive in ``scenario`` until the goal is reached or the gate trips.

    >>> run = run_simulation(CarConfig(), Scenario("oval"), Goal(seconds=1.0), record=folder / "expert.mcap")
    >>> run.simulated_s, run.lap_count.departures
    (1.0, 0)

    With ``record`` the drive becomes a session in that file. An ``instructor`` sits beside the pilot, or a ``driver``
    has the controls, made from the world and the gate, and arms it. ``progress`` is
    told how much of the goal is reached, 0 … 1; an ``attendant`` may end the drive earlier. One that
    ``looks_ahead`` has simulated sensors in place of those that ``config`` has for it, a wheel encoder among them, and
    holds its speed where ``config`` says so; pilots are compared without that. Raises TrackError for an unknown track,
    RecordingError when the session cannot be written.
    """
    clock = VirtualClock(start_ns=NS_PER_S)
    world = make_world(config, clock, scenario)
    limits = config.limits if looks_ahead else config.gate.limits
    if scenario.max_speed_m_s is not None:
        limits = replace(limits, autopilot_throttle_cap=scenario.max_throttle)
    gate = Gate(limits, Mode.MANUAL if pilot is None else Mode.AUTO, headless=True)
    ahead, speed = None, None
    if looks_ahead:
        simulated = with_simulated_sensors(config)
        sensors = sensors_in_world(simulated, world, clock)
        ahead = watch_range(simulated, sensors, lambda sensor: asked(sensor, clock))
        speed = keep_speed(simulated, sensors, lambda sensor: asked(sensor, clock), gate)
    source: EventSource = ExpertDriver(world, gate) if pilot is None else AutoStart(gate)
    about = scenario.as_text()
    if pilot is not None and instructor is not None:
        source = ExpertDriver(world, gate, Mode.AUTO)
        pilot = DualControls(pilot, source.command, instructor)
        about[TEACHER] = "expert"
    elif driver is not None:
        source = driver(world, gate)
    with contextlib.ExitStack() as stack:
        observers = [] if observer is None else [observer]
        if record is not None:
            info = describe_session(record.stem, config, "simulator", about)
            # A simulated drive can be had again, so it need not wait for the disk twice a second.
            writer = stack.enter_context(SessionWriter(record, info, clock, sync=lambda _: None))
            observers.append(CycleWriter(writer, config.recording.jpeg_quality))
        return _drive(world, clock, gate, goal, source, ahead, speed, pilot, observers, attendant, progress)


def _drive(
    world: World,
    clock: VirtualClock,
    gate: Gate,
    goal: Goal,
    source: EventSource,
    ahead: RangeWatch | None,
    speed: SpeedKeeper | None,
    pilot: Pilot | None,
    observers: Sequence[Observer],
    attendant: Attendant | None,
    progress: Callable[[float], None],
) -> Simulation:
    trajectory: list[Pose] = []
    started_ns, started_s = clock.now_ns(), time.perf_counter()
    last: DriveRecord | None = None

    def elapsed_s() -> float:
        return (clock.now_ns() - started_ns) / NS_PER_S

    def watch(record: DriveRecord, frame: Frame | None) -> None:
        if frame is not None:
            trajectory.append(world.pose)
        for observer in observers:
            observer(record, frame)

    def should_end(record: DriveRecord) -> bool:
        nonlocal last
        last = record
        done = goal.progress(record, elapsed_s(), world.track.length_m)
        progress(done)
        carries = world.carries
        is_over = attendant is not None and attendant(world, record)
        if pilot is not None and world.carries != carries:
            pilot.reset()
        return is_over or done >= 1.0 or record.gate_state is GateState.TRIPPED

    frames = LockStepFrames(world.camera)
    loop = DriveLoop(
        frames,
        pilot,
        gate,
        world.drivetrain,
        clock,
        sources=[*(watch for watch in (ahead, speed) if watch is not None), source],
        observer=watch,
        motion=world.motion if speed is None else speed.motion,
        lap_count=world.lap_count,
        pose=lambda: world.pose,
        ahead=None if ahead is None else ahead.ahead,
        governor=speed,
    )
    loop.run(should_end)
    return Simulation(
        lap_count=world.lap_count(),
        trajectory=trajectory,
        frames=len(trajectory),
        simulated_s=elapsed_s(),
        real_s=time.perf_counter() - started_s,
        trip=last.trip if last else None,
    )
