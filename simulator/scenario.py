"""What a simulated drive meets, as one description: a track, its look, the car, what is in the way, the start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hardware.camera import CameraGeometry
from hardware.clock import Clock
from simulator.appearance import Appearance
from simulator.disturbance import Disturbance
from simulator.obstacles import Obstacle
from simulator.track import Style, Track
from simulator.track_file import open_track
from simulator.vehicle import SIXTEENTH, VehicleParameters
from simulator.world import World


@dataclass(frozen=True, slots=True)
class Start:
    """Where on the track a car begins: the way from the track's own start, and how far off the middle of the lane.

    >>> beside_the_middle = Start(progress_m=7.5, lateral_m=-0.2)
    """

    progress_m: float = 0.0
    lateral_m: float = 0.0
    heading_error_rad: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that decides a simulated drive but the driver and the camera's geometry.

    >>> scenario = Scenario("random-7", seed=3)
    >>> scenario.world(clock).track.name
    'random-7'

    ``track`` is a track's name or a ``.json`` file, ``style`` replaces its lines. ``seed`` decides light, colours and
    camera, 0 being the nominal look, unless ``appearance`` is given. ``disturb`` pushes the car about. The same
    scenario gives the same drive, to the bit on one machine.
    """

    track: str
    seed: int = 0
    disturb: bool = False
    style: Style | None = None
    appearance: Appearance | None = None
    vehicle: VehicleParameters = SIXTEENTH
    obstacles: tuple[Obstacle, ...] = ()
    start: Start = Start()

    def as_text(self) -> dict[str, str]:
        """Return the scenario as a session's description keeps it."""
        # Of a track's file its name: where it lies on this machine is nobody else's business.
        return {"track": Path(self.track).name, "seed": str(self.seed), "disturb": str(self.disturb).lower()}

    def world(self, clock: Clock, geometry: CameraGeometry | None = None, rate_hz: float = 30.0) -> World:
        """Return the world, its car standing at the start.

        Raises TrackError when there is no such track, and what Renderer raises.
        """
        track = open_track(self.track)
        if self.style is not None:
            track = Track(track.name, track.points_m, self.style, track.half_width_m)
        world = World(
            track,
            clock,
            geometry,
            rate_hz,
            self.vehicle,
            self.seed,
            Disturbance(self.seed) if self.disturb else None,
            appearance=self.appearance,
            obstacles=self.obstacles,
        )
        world.restart(self.start.progress_m, self.start.lateral_m, self.start.heading_error_rad)
        return world
