"""A car on a track: its camera, its drivetrain and what it knows of its own motion and laps.

The world moves when it is looked at or acted on: the camera and the drivetrain bring it up to the clock's time. In real
time that is a thread each, behind one lock; on a VirtualClock the same code runs in lock-step and always comes out the
same.
"""

from __future__ import annotations

import threading
from collections import deque

from hardware.camera import Camera, CameraGeometry
from hardware.clock import NS_PER_MS, NS_PER_S, Clock
from hardware.drivetrain import NEUTRAL, Command, Drivetrain, LapCount, Motion, Pose
from hardware.errors import DrivetrainError
from simulator.appearance import Appearance
from simulator.camera import SimulatedCamera
from simulator.collision import Barriers
from simulator.disturbance import Disturbance, Push
from simulator.lap_counter import LapCounter
from simulator.markings import Mark
from simulator.obstacles import Obstacle
from simulator.renderer import Scene, draw_scene
from simulator.track import Track
from simulator.vehicle import VehicleParameters, VehicleState, step

STEP_NS = 5 * NS_PER_MS
PAST_STEPS = 80
"""So many steps are remembered for frames that come late: 0.4 s, or less where commands cut steps short."""


class World:
    """One car at the start of ``track``, standing still.

    >>> from simulator.expert import Expert
    >>> from simulator.track import make_track
    >>> world = World(make_track("oval"), clock)
    >>> expert = Expert(world.track)
    >>> while world.lap_count().progress_m < 1.0:
    ...     frame = world.camera.next_frame(timeout_ms=1000)
    ...     command = world.drivetrain.apply(expert.command(world.state))
    >>> world.lap_count().departures, world.collisions
    (0, 0)

    ``seed`` varies light, colours and the camera's pitch, 0 being the nominal look, unless ``appearance`` is given;
    ``disturbance`` pushes the car aside now and then; ``obstacles`` stand about, ``marks`` are painted on the floor.
    ``scene`` is what ``draw_scene`` gives for these, where many cars share one. Frames come ``delay_ms`` after their
    exposure. Everything here may be called from any thread.
    """

    def __init__(
        self,
        track: Track,
        clock: Clock,
        geometry: CameraGeometry | None = None,
        rate_hz: float = 30.0,
        vehicle: VehicleParameters | None = None,
        seed: int = 0,
        disturbance: Disturbance | None = None,
        scene: Scene | None = None,
        appearance: Appearance | None = None,
        obstacles: tuple[Obstacle, ...] = (),
        marks: tuple[Mark, ...] = (),
        delay_ms: float = 0.0,
    ) -> None:
        self.vehicle = vehicle or VehicleParameters()
        self._seed, self._appearance, self.obstacles = seed, appearance, obstacles
        self._geometry = geometry or CameraGeometry()
        self.track = track
        self.floor, renderer = scene or draw_scene(track, self._geometry, seed, appearance, obstacles, marks)
        self._clock = clock
        self._lock = threading.Lock()
        self._state = _standing_at(track.pose_at(0.0))
        self._command = self._sent = NEUTRAL
        self._distance_m = 0.0
        self._laps = LapCounter(track, self.vehicle.width_m, self._state.pose)
        self._barriers = Barriers(track, obstacles, self.vehicle)
        self._collisions = self._carries = 0
        self._is_touching = self._is_at_wall = False
        self._start_ns = self._time_ns = self._pulse_ns = clock.now_ns()
        self._pulse_period_ns = round(self.vehicle.pulse_period_s * NS_PER_S)
        self._past: deque[tuple[int, VehicleState]] = deque(maxlen=PAST_STEPS)
        self._pushes = disturbance.pushes() if disturbance else iter(())
        self._push = next(self._pushes, None)
        self._camera = SimulatedCamera(renderer, clock, rate_hz, self.seen_at, delay_ms)
        self.camera: Camera = self._camera
        self.drivetrain: Drivetrain = SimulatedDrivetrain(self)

    @property
    def state(self) -> VehicleState:
        """What the car is doing, as of when the world was last moved on."""
        with self._lock:
            return self._state

    @property
    def pose(self) -> Pose:
        """Where the car is."""
        return self.state.pose

    def motion(self) -> Motion:
        """Return what an encoder on the wheels would say, as of when the world was last moved on."""
        with self._lock:
            return Motion(self._state.speed_m_s, self._distance_m)

    def lap_count(self) -> LapCount:
        """Return the laps, the way along the track and the departures since the start."""
        with self._lock:
            return self._laps.count()

    @property
    def collisions(self) -> int:
        """How often the car has run into a wall or an obstacle, each time once until it is clear of it."""
        with self._lock:
            return self._collisions

    @property
    def carries(self) -> int:
        """How often the car was carried to another place, rather than driven."""
        with self._lock:
            return self._carries

    def place(
        self, progress_m: float, lateral_m: float = 0.0, heading_error_rad: float = 0.0, speed_m_s: float = 0.0
    ) -> None:
        """Carry the car to another place, its battery full; that adds nothing to its motion and laps, which go on."""
        with self._lock:
            self._put(progress_m, lateral_m, heading_error_rad, speed_m_s)
            self._laps.move(self._state.pose)

    def restart(
        self, progress_m: float = 0.0, lateral_m: float = 0.0, heading_error_rad: float = 0.0, speed_m_s: float = 0.0
    ) -> None:
        """Carry the car to a place, its battery full, and count from nothing; the command becomes neutral."""
        with self._lock:
            self._restart(progress_m, lateral_m, heading_error_rad, speed_m_s)

    def enter(self, track: Track) -> None:
        """Carry the car to the start of ``track`` and count from nothing.

        Another track than the one it is on is drawn first, which takes a moment; the world goes on meanwhile. What
        stood about and was painted on the floor stays behind.
        """
        if track.is_like(self.track):
            self.restart()
            return
        floor, renderer = draw_scene(track, self._geometry, self._seed, self._appearance)
        # Walls take a second or more: a command, and neutral most of all, does not wait for them.
        barriers = Barriers(track, (), self.vehicle)
        laps = LapCounter(track, self.vehicle.width_m, track.pose_at(0.0))
        with self._lock:
            self._advance(self._clock.now_ns())
            self.track, self.floor, self.obstacles = track, floor, ()
            self._laps, self._barriers = laps, barriers
            self._camera.look_through(renderer)
            self._restart()

    def advance(self, time_ns: int) -> VehicleState:
        """Move the world on to ``time_ns``, if that is not past, and return what the car is doing then."""
        with self._lock:
            self._advance(time_ns)
            return self._state

    def seen_at(self, time_ns: int) -> VehicleState:
        """Move the world on to ``time_ns``, if that is not past, and return what the car was doing then.

        A frame may be asked for after a later command has moved the world on. What is long past is forgotten: the
        earliest that is not stands for it.
        """
        with self._lock:
            self._advance(time_ns)
            earliest = self._past[0][1] if self._past else self._state
            return next((state for at_ns, state in reversed(self._past) if at_ns <= time_ns), earliest)

    def command(self, command: Command) -> None:
        """Move the world on to now, and drive by ``command`` from here on."""
        with self._lock:
            self._advance(self._clock.now_ns())
            self._command = command

    def _restart(
        self, progress_m: float = 0.0, lateral_m: float = 0.0, heading_error_rad: float = 0.0, speed_m_s: float = 0.0
    ) -> None:
        self._put(progress_m, lateral_m, heading_error_rad, speed_m_s)
        self._command = self._sent = NEUTRAL
        self._distance_m = 0.0
        self._collisions = 0
        self._laps.restart(self._state.pose)
        self._camera.restart()

    def _put(self, progress_m: float, lateral_m: float, heading_error_rad: float, speed_m_s: float) -> None:
        self._advance(self._clock.now_ns())
        pose = self.track.pose_at(progress_m, lateral_m, heading_error_rad)
        self._state = _standing_at(pose)._replace(speed_m_s=speed_m_s)
        self._is_touching = self._is_at_wall = False
        self._past.clear()
        self._carries += 1

    def _advance(self, time_ns: int) -> None:
        while self._time_ns < time_ns:
            if self._time_ns >= self._pulse_ns:
                self._sent = self._command
                self._pulse_ns += self._pulse_period_ns
            duration_ns = min(STEP_NS, time_ns - self._time_ns)
            self._time_ns += duration_ns
            self._step(duration_ns / NS_PER_S)
            self._past.append((self._time_ns, self._state))

    def _step(self, duration_s: float) -> None:
        push = self._current_push() if self._push is not None else None
        moved = step(self._state, self._sent, self.vehicle, duration_s, push.steering if push else 0.0)
        self._distance_m += abs(moved.speed_m_s) * duration_s
        bump = self._barriers.meet(moved)
        hits = bump.hits_wall or bump.hits_obstacle
        self._collisions += hits and not self._is_touching
        self._is_touching = hits or (self._is_touching and bump.is_close)
        self._is_at_wall = bump.hits_wall or (self._is_at_wall and bump.is_close)
        self._state = bump.state
        self._laps.follow(bump.state, self._is_at_wall)

    def _current_push(self) -> Push | None:
        time_s = (self._time_ns - self._start_ns) / NS_PER_S
        while self._push is not None and time_s >= self._push.end_s:
            self._push = next(self._pushes, None)
        return self._push if self._push is not None and time_s >= self._push.start_s else None


def _standing_at(pose: Pose) -> VehicleState:
    return VehicleState(pose.x_m, pose.y_m, pose.heading_rad)


class SimulatedDrivetrain(Drivetrain):
    """Drives the world's car; it does exactly as it is told, after its servo's and motor's own time."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._closed = False

    def apply(self, command: Command) -> Command:
        """Drive by ``command`` from now on and return it.

        Raises ValueError when it is not finite or out of range, DrivetrainError when the drivetrain is closed.
        """
        command.check()
        if self._closed:
            raise DrivetrainError("The simulated drivetrain is closed. Make a new world to go on.")
        self._world.command(command)
        return command

    def neutral(self) -> None:
        """Let the car come to a stop with the wheels straight."""
        self._world.command(NEUTRAL)

    def close(self) -> None:
        """Go to neutral, once, and take no more commands."""
        if not self._closed:
            self._closed = True
            self.neutral()
