"""Driving with an instructor: the expert sits beside a pilot, says what to do, and now and then does it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from car.drive_record import DriveRecord
from car.gate import GateState
from car.kinds.pilot import Pilot, PilotAnswer
from hardware.camera import Frame
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command
from simulator.world import World

STRETCH_S = (0.5, 2.0)
"""How long one of the two drives before it is drawn anew who does."""
OUTSIDE_M = 0.25
"""A car whose middle is this far beyond the lane's edge will not find back by what it sees."""
STUCK_S = 3.0
STUCK_M = 0.2
"""A car that gets no further than this in that time is stuck."""
SET_OFF_M_S = 0.5
"""How fast a car goes on that was put back."""
TURNED_ROUND_RAD = math.radians(100.0)


@dataclass(frozen=True, slots=True)
class Instructor:
    """An expert who has a share of the driving: ``share`` 0 … 1 of the time, in stretches that ``seed`` decides.

    >>> from car.config.sections import CarConfig
    >>> from car.runs.simulation import Goal, run_simulation
    >>> from simulator.scenario import Scenario
    >>> run = run_simulation(CarConfig(), Scenario("oval"), Goal(seconds=1.0), pilot=pilot, instructor=Instructor(0.5))
    >>> run.lap_count.departures
    0

    The recorded session has a teacher: the driver's command of each cycle is the expert's, whoever drove, so that what
    is learned from it is what to do in the places a pilot gets to.
    """

    share: float = 0.0
    seed: int = 0


class DualControls(Pilot):
    """A pilot's answers, except in the stretches that the instructor drives: those are ``expert``'s commands.

    >>> controls = DualControls(pilot, lambda: Command(0.1, 0.2), Instructor(share=1.0))
    >>> controls.drive(frame).command
    Command(steering=0.1, throttle=0.2)
    """

    def __init__(self, pilot: Pilot, expert: Callable[[], Command], instructor: Instructor) -> None:
        self.name = pilot.name
        self.warnings = pilot.warnings
        self._pilot = pilot
        self._expert = expert
        self._share = instructor.share
        self._rng = np.random.default_rng([instructor.seed, 7])
        self._expert_drives = False
        self._until_ns = 0

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return what whoever drives now would do on seeing ``frame``."""
        # A recurrent pilot has to see every frame, and this one is asked as if it drove.
        answer = self._pilot.drive(frame)
        if frame.captured_ns >= self._until_ns:
            self._until_ns = frame.captured_ns + round(self._rng.uniform(*STRETCH_S) * NS_PER_S)
            self._expert_drives = bool(self._rng.random() < self._share)
        return PilotAnswer(self._expert(), answer.inference_ns) if self._expert_drives else answer

    def reset(self) -> None:
        """Let the pilot forget what it has seen."""
        self._pilot.reset()

    def close(self) -> None:
        """Close the pilot."""
        self._pilot.close()


class Rescuer:
    """Puts a car that is lost back into the lane: one that is far outside, has turned round or does not get on.

    >>> from car.config.sections import CarConfig
    >>> from car.runs.simulation import Goal, run_simulation
    >>> from simulator.scenario import Scenario
    >>> rescuer = Rescuer()
    >>> run = run_simulation(CarConfig(), Scenario("oval"), Goal(seconds=1.0), pilot=pilot, attendant=rescuer)
    >>> rescuer.stalls
    0

    An attendant of ``run_simulation``. ``stalls`` counts how often the car did not get on, which is no departure.
    """

    def __init__(self) -> None:
        self.stalls = 0
        self._start_m: float | None = None
        self._moved_ns = 0
        self._moved_m = 0.0

    def __call__(self, world: World, record: DriveRecord) -> bool:
        """Look where the car is, and put it back if need be; the drive goes on."""
        if record.gate_state is not GateState.ARMED or record.lap_count is None:
            return False
        track, way_m, now_ns = world.track, record.lap_count.progress_m, record.captured_ns
        here = track.project(world.pose)
        if self._start_m is None:
            self._start_m, self._moved_ns, self._moved_m = here.progress_m - way_m, now_ns, way_m
        if way_m > self._moved_m + STUCK_M:
            self._moved_ns, self._moved_m = now_ns, way_m
        is_stuck = now_ns - self._moved_ns > STUCK_S * NS_PER_S
        is_outside = abs(record.lap_count.lateral_m) > track.half_width_m + OUTSIDE_M
        if is_stuck or is_outside or abs(here.heading_error_rad) > TURNED_ROUND_RAD:
            self.stalls += is_stuck
            # Where a track comes near itself, the nearest point may be of another part; the way driven is of this one.
            world.place(self._start_m + way_m, speed_m_s=SET_OFF_M_S)
            self._moved_ns, self._moved_m = now_ns, way_m
        return False
