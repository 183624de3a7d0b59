"""Whoever walks beside a car in an exam: notes how it drives, and puts it back into its lane when it has left it."""

from __future__ import annotations

import math

from car.drive_record import DriveRecord
from hardware.clock import NS_PER_S
from simulator.world import World

MAX_DEPARTURES = 10
"""After so many departures the drive is over."""
STANDSTILL_S = 4.0
STANDSTILL_M = 0.05
"""A car that gets no further than this in that time is not going to."""
RECOVERED_M = 0.08
RECOVERED_FOR_S = 1.0
"""A car has recovered from a displaced start once it has stayed this near the middle for this long."""


class Attendant:
    """Attends a drive that begins ``start_m`` along the track and is over after ``way_m``.

    >>> from car.config.sections import CarConfig
    >>> from car.runs.simulation import Goal, run_simulation
    >>> from simulator.scenario import Scenario
    >>> attendant = Attendant(start_m=0.0, way_m=1.0)
    >>> run = run_simulation(CarConfig(), Scenario("oval"), Goal(laps=1), attendant=attendant)
    >>> run.lap_count.progress_m < 1.1, attendant.departures
    (True, 0)

    ``departures`` counts how often it had to be put back, ``collisions`` those of them in which the car had touched a
    wall or something that stands about.
    """

    def __init__(self, start_m: float, way_m: float) -> None:
        self._start_m, self._way_m = start_m, way_m
        self.departures = self.collisions = 0
        self.laterals_m: list[float] = []
        self._times_s: list[float] = []
        self._steering_rates_per_s: list[float] = []
        self._steering: float | None = None
        self._furthest_m, self._furthest_s = 0.0, 0.0
        self._first_departure_s = math.inf
        self._departures_seen = self._collisions_seen = 0
        self._seen_frame = -1
        self._start_ns = 0

    def __call__(self, world: World, record: DriveRecord) -> bool:
        """Note a cycle, put the car back if it has left its lane, and tell whether the drive is over."""
        if record.lap_count is None or record.frame_number == self._seen_frame:
            return False
        if self._seen_frame < 0:
            self._start_ns = record.captured_ns
        self._seen_frame = record.frame_number
        now_s = (record.captured_ns - self._start_ns) / NS_PER_S
        self._note(now_s, record.lap_count.lateral_m, record.applied.steering)
        if record.lap_count.departures > self._departures_seen or world.collisions > self._collisions_seen:
            self.departures += 1
            self.collisions += world.collisions > self._collisions_seen
            self._put_back(world, now_s, record.lap_count.progress_m)
            self._departures_seen, self._collisions_seen = world.lap_count().departures, world.collisions
        return (
            record.lap_count.progress_m >= self._way_m
            or self.departures >= MAX_DEPARTURES
            or self._stands_still(now_s, record.lap_count.progress_m)
        )

    @property
    def jerk_per_s(self) -> float:
        """The root mean square of how fast the steering changed, of its range of −1 … +1 in a second."""
        rates = self._steering_rates_per_s
        return math.sqrt(sum(rate * rate for rate in rates) / len(rates)) if rates else 0.0

    @property
    def recovery_s(self) -> float:
        """When the car had come back to the middle and stayed there a while, infinite if it left the lane first."""
        since_s: float | None = None
        for time_s, lateral_m in zip(self._times_s, self.laterals_m, strict=True):
            if time_s >= self._first_departure_s:
                break
            if abs(lateral_m) > RECOVERED_M:
                since_s = None
            elif since_s is None:
                since_s = time_s
            elif time_s - since_s >= RECOVERED_FOR_S:
                return since_s
        return math.inf

    def _note(self, now_s: float, lateral_m: float, steering: float) -> None:
        if self._steering is not None:
            self._steering_rates_per_s.append((steering - self._steering) / (now_s - self._times_s[-1]))
        self._steering = steering
        self._times_s.append(now_s)
        self.laterals_m.append(lateral_m)

    def _put_back(self, world: World, now_s: float, progress_m: float) -> None:
        self._first_departure_s = min(self._first_departure_s, now_s)
        # Steering that jumps since the car stands elsewhere is nobody's jerk.
        self._steering = None
        # Where tracks come near themselves, the nearest point may be of another part; the way driven is of this one.
        world.place(self._start_m + progress_m)

    def _stands_still(self, now_s: float, progress_m: float) -> bool:
        if progress_m > self._furthest_m + STANDSTILL_M:
            self._furthest_m, self._furthest_s = progress_m, now_s
        return now_s - self._furthest_s > STANDSTILL_S
