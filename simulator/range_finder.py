"""A range finder at the front of the simulated car: how far away the nearest thing in its cone is."""

from __future__ import annotations

import math

import numpy as np

from hardware.clock import NS_PER_MS, NS_PER_S, Clock
from hardware.drivetrain import Pose
from hardware.errors import SensorError
from hardware.sensor import DISTANCE, Reading, Sensor
from simulator.curves import Points
from simulator.obstacles import Obstacle
from simulator.track import Track
from simulator.walls import walls_of
from simulator.world import World

_RAY_RAD = math.radians(1.5)
"""So far apart at most are the rays that a cone is made of: 5 cm at 2 m, less than anything that stands about."""


class SimulatedRangeFinder(Sensor):
    """Measures ``rate_hz`` times a second how far the car's bumper is from walls and obstacles.

    >>> from simulator.track import make_track
    >>> sensor = SimulatedRangeFinder("front", World(make_track("oval"), clock), clock, noise_m=0.0)
    >>> clock.sleep_until_ns(clock.now_ns() + NS_PER_S)
    >>> sensor.read().values
    {'distance_m': 4.0}

    The cone is ``fov_deg`` wide and turned to the left by ``yaw_deg``. Where nothing is nearer than ``max_m`` the
    reading is that. Each reading comes ``delay_ms`` after its measurement, with a normal error of ``noise_m``; ``seed``
    decides which.
    """

    def __init__(
        self,
        name: str,
        world: World,
        clock: Clock,
        rate_hz: float = 20.0,
        max_m: float = 4.0,
        fov_deg: float = 27.0,
        yaw_deg: float = 0.0,
        delay_ms: float = 30.0,
        noise_m: float = 0.01,
        seed: int = 0,
    ) -> None:
        self.name = name
        self._world = world
        self._clock = clock
        self._period_ns = round(NS_PER_S / rate_hz)
        self._max_m = max_m
        self._fov_deg = fov_deg
        self._yaw_deg = yaw_deg
        self._delay_ns = round(delay_ms * NS_PER_MS)
        self._noise_m = noise_m
        self._errors = np.random.default_rng(seed)
        self._start_ns = clock.now_ns()
        self._newest: Reading | None = None
        self._is_closed = False

    def read(self) -> Reading | None:
        """Return the newest reading that has come by now; raises SensorError once closed."""
        if self._is_closed:
            raise SensorError("The simulated range finder is closed. Make a new world to go on.")
        periods = (self._clock.now_ns() - self._delay_ns - self._start_ns) // self._period_ns
        measured_ns = self._start_ns + periods * self._period_ns
        if periods >= 0 and (self._newest is None or measured_ns > self._newest.measured_ns):
            self._newest = Reading({DISTANCE: self._measure(measured_ns)}, measured_ns)
        return self._newest

    def close(self) -> None:
        """Measure nothing more."""
        self._is_closed = True

    def _measure(self, time_ns: int) -> float:
        world = self._world
        state = world.seen_at(time_ns)
        bumper_m = 0.5 * world.vehicle.length_m
        distance_m = distance_ahead(
            state.pose, world.track, world.obstacles, self._max_m, self._fov_deg, self._yaw_deg, bumper_m
        )
        return float(min(max(distance_m + self._errors.normal(0.0, self._noise_m), 0.0), self._max_m))


def distance_ahead(
    pose: Pose,
    track: Track,
    obstacles: tuple[Obstacle, ...],
    max_m: float,
    fov_deg: float = 27.0,
    yaw_deg: float = 0.0,
    bumper_m: float = 0.0,
) -> float:
    """Return how far the nearest wall or obstacle is in a cone ahead of ``pose``, ``max_m`` where there is none.

    The cone is turned to the left by ``yaw_deg``. The way in metres begins ``bumper_m`` ahead of the pose; inside an
    obstacle it is 0.
    """
    rays = 1 + 2 * math.ceil(0.5 * math.radians(fov_deg) / _RAY_RAD)
    half_rad = 0.5 * math.radians(fov_deg)
    angles_rad = pose.heading_rad + math.radians(yaw_deg) + np.linspace(-half_rad, half_rad, rays)
    directions = np.column_stack([np.cos(angles_rad), np.sin(angles_rad)])
    ahead = np.array([math.cos(pose.heading_rad), math.sin(pose.heading_rad)])
    bumper = np.array([pose.x_m, pose.y_m]) + bumper_m * ahead
    nearest_m = max_m
    for wall in walls_of(track):
        nearest_m = min(nearest_m, _to_wall(bumper, directions, wall.points_m))
    for obstacle in obstacles:
        nearest_m = min(nearest_m, _to_post(bumper, directions, obstacle))
    return nearest_m


def _to_wall(bumper: Points, directions: Points, points_m: Points) -> float:
    """Return the way along the rays to the closed wall through ``points_m``, infinite where none meets it."""
    edges = np.roll(points_m, -1, axis=0) - points_m
    x_m, y_m = (points_m - bumper).T
    across = directions[:, :1] * edges[:, 1] - directions[:, 1:] * edges[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        ways_m = (x_m * edges[:, 1] - y_m * edges[:, 0]) / across
        shares = (x_m * directions[:, 1:] - y_m * directions[:, :1]) / across
    meets = (ways_m >= 0.0) & (shares >= 0.0) & (shares <= 1.0)
    return float(ways_m[meets].min(initial=math.inf))


def _to_post(bumper: Points, directions: Points, post: Obstacle) -> float:
    """Return the way along the rays to something round, infinite where none meets it."""
    to_middle = np.array([post.x_m, post.y_m]) - bumper
    if math.hypot(*to_middle) <= post.radius_m:
        return 0.0
    along_m = directions @ to_middle
    half_chord_m2 = post.radius_m**2 - (to_middle @ to_middle - along_m**2)
    meets = (half_chord_m2 >= 0.0) & (along_m > 0.0)
    return float((along_m - np.sqrt(np.maximum(half_chord_m2, 0.0)))[meets].min(initial=math.inf))
