"""A wheel encoder on the simulated car: a wheel that rolls as the car does, and the edges that its marks make."""

from __future__ import annotations

import math
from collections.abc import Callable

from hardware.clock import Clock
from hardware.pins.edges import Edge, EdgeSource
from hardware.sensors.wheel_encoder import WheelEncoder
from simulator.world import World

QUARTERS = ((False, False), (True, False), (True, True), (False, True))
"""The levels of A and B in each quarter of a tick, forwards."""


class SimulatedWheel(EdgeSource):
    """A wheel with marks: it makes edges when it is looked at, at the times when they would have been.

    >>> wheel = SimulatedWheel(lambda time_ns: time_ns * 1e-9, clock, tick_m=0.1, channels=1)
    >>> clock.sleep_until_ns(clock.now_ns() + 100_000_000)   # at 1 m/s, one tick
    >>> [edge.rises for edge in wheel.read()]
    [True, False]

    ``rolled_m`` tells how far the wheel has rolled by a time, less when it rolls back. Between two looks it rolls
    evenly.
    """

    def __init__(self, rolled_m: Callable[[int], float], clock: Clock, tick_m: float, channels: int = 2) -> None:
        self._rolled_m = rolled_m
        self._clock = clock
        self._quarter_m = 0.25 * tick_m
        self._channels = channels
        self._time_ns = clock.now_ns()
        self._start_m = self._way_m = rolled_m(self._time_ns)
        self._quarter = 0
        self._numbers = [0, 0]
        self.levels = QUARTERS[0][:channels]

    def read(self) -> list[Edge]:
        """Return the edges since the last call."""
        time_ns = self._clock.now_ns()
        way_m = self._rolled_m(time_ns)
        edges = []
        target = math.floor((way_m - self._start_m) / self._quarter_m)
        while self._quarter != target:
            step = 1 if target > self._quarter else -1
            border_m = self._start_m + max(self._quarter, self._quarter + step) * self._quarter_m
            before, after = (QUARTERS[quarter % 4] for quarter in (self._quarter, self._quarter + step))
            self._quarter += step
            line = 0 if before[0] is not after[0] else 1
            if line < self._channels:
                share = (border_m - self._way_m) / (way_m - self._way_m)
                self._numbers[line] += 1
                at_ns = self._time_ns + round(share * (time_ns - self._time_ns))
                edges.append(Edge(at_ns, line, after[line], self._numbers[line]))
        self._time_ns, self._way_m = time_ns, way_m
        return edges

    def close(self) -> None:
        """Make no more edges that anybody would read."""


def simulated_encoder(name: str, world: World, clock: Clock, tick_m: float, channels: int = 2) -> WheelEncoder:
    """Return an encoder on the wheels of the car in ``world``; its wheels never slip."""
    wheel = SimulatedWheel(_rolling(world), clock, tick_m, channels)
    return WheelEncoder(name, wheel, tick_m, clock, kernel_ns=clock.now_ns)


def _rolling(world: World) -> Callable[[int], float]:
    """Return what tells how far the wheels of the car in ``world`` have rolled, less when it rolls back."""
    rolled_m = 0.0
    before_m = world.motion().distance_m

    def rolled(time_ns: int) -> float:
        nonlocal rolled_m, before_m
        world.advance(time_ns)
        motion = world.motion()
        # A car that was carried to the start counts its way from nothing again.
        way_m = motion.distance_m - before_m if motion.distance_m >= before_m else motion.distance_m
        before_m = motion.distance_m
        rolled_m += math.copysign(way_m, motion.speed_m_s)
        return rolled_m

    return rolled
