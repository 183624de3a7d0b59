"""A wheel encoder on one GPIO or two: marks that pass a light or a magnet that passes a Hall sensor, as edges."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from hardware.clock import NS_PER_MS, NS_PER_S, Clock
from hardware.errors import SensorError
from hardware.pins.edges import Edge, EdgeSource
from hardware.sensor import SPEED, TRAVELLED, UNSIGNED_SPEED, Reading, Sensor

WINDOW_NS = 50 * NS_PER_MS
"""The speed is the mean of so long before the newest edge, or of one tick where that takes longer."""
STANDS_NS = 500 * NS_PER_MS
"""Without an edge for so long, the wheels stand."""


class TickCounter:
    """Makes way and speed of edges: a tick is a rise and a fall of channel A, and ``tick_m`` of way.

    >>> counter = TickCounter(tick_m=0.01)
    >>> for half_tick in range(11):
    ...     counter.take(Edge(half_tick * 5_000_000, line=0, rises=half_tick % 2 == 0, number=half_tick + 1))
    >>> round(counter.speed_m_s(now_ns=50_000_000), 3), round(counter.travelled_m, 3)
    (1.0, 0.055)

    Channel B, the second of the ``levels`` at the start, tells the direction: it lags behind A when the car goes
    forward, and leads when it goes back. Speed is measured from rise to rise or from fall to fall, since no mark is
    just as wide as its gap. Where edges are missing, the numbers of the others tell how many.
    """

    def __init__(self, tick_m: float, levels: tuple[bool, ...] = (False,)) -> None:
        self.travelled_m = 0.0
        self._tick_m = tick_m
        self._b: bool | None = levels[1] if len(levels) > 1 else None
        self._is_forward = True
        self._number = 0
        self._position_m = 0.0
        self._edges: deque[tuple[int, bool, float]] = deque()

    def take(self, edge: Edge) -> None:
        """Count ``edge``; edges come in their order."""
        if edge.line == 1:
            self._b = edge.rises
            return
        is_forward = self._b is None or edge.rises is not self._b
        half_ticks = max(edge.number - self._number, 1)
        self._number = edge.number
        way_m = 0.5 * self._tick_m * half_ticks
        self._position_m += way_m if is_forward else -way_m
        # A wheel that stands at the very edge of a mark and trembles goes nowhere.
        if is_forward is self._is_forward:
            self.travelled_m += way_m
        self._is_forward = is_forward
        self._edges.append((edge.time_ns, edge.rises, self._position_m))
        while len(self._edges) > 3 and self._edges[0][0] < edge.time_ns - WINDOW_NS:
            self._edges.popleft()

    def speed_m_s(self, now_ns: int) -> float:
        """Return the speed, negative backwards; without a new edge no more than what would not have made one yet."""
        if not self._edges:
            return 0.0
        last_ns, rises, position_m = self._edges[-1]
        silent_ns = now_ns - last_ns
        earlier = next(((at_ns, at_m) for at_ns, rose, at_m in self._edges if rose is rises and at_ns < last_ns), None)
        if earlier is None or silent_ns >= STANDS_NS:
            return 0.0
        speed_m_s = (position_m - earlier[1]) / (last_ns - earlier[0]) * NS_PER_S
        most_m_s = self._tick_m / silent_ns * NS_PER_S if silent_ns > 0 else abs(speed_m_s)
        return min(max(speed_m_s, -most_m_s), most_m_s)


class WheelEncoder(Sensor):
    """Tells how fast the wheels turn and how far they have rolled, by the edges of one channel or of two.

    >>> from simulator.wheel_encoder import SimulatedWheel
    >>> encoder = WheelEncoder("wheel", SimulatedWheel(lambda time_ns: 0.0, clock, tick_m=0.01), 0.01, clock)
    >>> encoder.read().values
    {'speed_m_s': 0.0, 'travelled_m': 0.0}

    With one channel it cannot tell forwards from backwards, and its speed is an ``unsigned_speed_m_s``. ``tick_m`` is
    the way from one mark to the next. A reading is made when it is asked for: of a wheel that stands it is as fresh as
    of one that turns. ``edges`` is closed with the sensor. ``kernel_ns`` is the clock of its times, the kernel's
    monotonic one.
    """

    def __init__(
        self,
        name: str,
        edges: EdgeSource,
        tick_m: float,
        clock: Clock,
        *,
        inverted: bool = False,
        kernel_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.name = name
        self._edges = edges
        self._clock = clock
        self._kernel_ns = kernel_ns
        self._speed = SPEED if len(edges.levels) > 1 else UNSIGNED_SPEED
        self._sign = -1.0 if inverted and len(edges.levels) > 1 else 1.0
        self._counter = TickCounter(tick_m, edges.levels)
        self._is_closed = False

    def read(self) -> Reading:
        """Return speed and way as of now; raises SensorError once closed, or when the lines cannot be read."""
        if self._is_closed:
            raise SensorError(f"The wheel encoder {self.name} is closed. Open the car again to go on.")
        measured_ns = self._clock.now_ns()
        for edge in self._edges.read():
            self._counter.take(edge)
        speed_m_s = self._sign * self._counter.speed_m_s(self._kernel_ns())
        return Reading({self._speed: speed_m_s + 0.0, TRAVELLED: self._counter.travelled_m}, measured_ns)

    def close(self) -> None:
        """Let go of the lines."""
        self._is_closed = True
        self._edges.close()
