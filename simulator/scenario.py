"""What a simulated drive meets, as one description: a track, its look, the car, what is in the way, the start."""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from hardware.camera import CameraGeometry
from hardware.clock import Clock
from hardware.errors import TrackError
from simulator.appearance import Appearance
from simulator.disturbance import Disturbance
from simulator.expert import MAX_THROTTLE
from simulator.markings import Mark
from simulator.obstacles import Obstacle
from simulator.track import Style, Track
from simulator.track_file import open_track
from simulator.vehicle import SIXTEENTH, VehicleParameters
from simulator.world import World


@dataclass(frozen=True, slots=True)
class Start:
    """Where on the track a car begins: the way from the track's own start, how far off the middle, and how fast.

    >>> beside_the_middle = Start(progress_m=7.5, lateral_m=-0.2, heading_error_rad=0.1, speed_m_s=0.5)
    """

    progress_m: float = 0.0
    lateral_m: float = 0.0
    heading_error_rad: float = 0.0
    speed_m_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that decides a simulated drive but the driver and the camera.

    >>> scenario = Scenario("random-7", seed=3, max_speed_m_s=1.5)
    >>> scenario.world(clock).track.name, scenario.max_throttle
    ('random-7', 0.375)
    >>> Scenario.from_dict(scenario.to_dict()) == scenario
    True

    ``track`` is a track's name or a ``.json`` file; ``style`` replaces its lines, ``half_width_m`` half the width of
    its lane. ``seed`` decides light, colours and camera, 0 being the nominal look, unless ``appearance`` is given.
    ``disturb`` pushes the car about. ``obstacles`` stand about, and ``marks`` are stripes on the floor that are no
    lines of the lane. ``max_speed_m_s`` is the speed that a driver's throttle may hold, None what the gate's usual cap
    comes to. The same scenario gives the same drive, to the bit on one machine.
    """

    track: str
    seed: int = 0
    disturb: bool = False
    style: Style | None = None
    appearance: Appearance | None = None
    vehicle: VehicleParameters = SIXTEENTH
    obstacles: tuple[Obstacle, ...] = ()
    marks: tuple[Mark, ...] = ()
    start: Start = Start()
    max_speed_m_s: float | None = None
    half_width_m: float | None = None

    @property
    def max_throttle(self) -> float:
        """The largest throttle that the expert gives, and a pilot's gate should let through."""
        return MAX_THROTTLE if self.max_speed_m_s is None else self.vehicle.throttle_for(self.max_speed_m_s)

    def as_text(self) -> dict[str, str]:
        """Return the scenario as a session's description keeps it."""
        # Of a track's file its name: where it lies on this machine is nobody else's business.
        return {"track": Path(self.track).name, "seed": str(self.seed), "disturb": str(self.disturb).lower()}

    def to_dict(self) -> dict[str, Any]:
        """Return the scenario as numbers, texts, lists and dicts of them, as JSON has them."""
        return {key: _plain(value) for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, scenario: Mapping[str, Any]) -> Scenario:
        """Return the scenario that ``to_dict`` described; raises TrackError where something else did."""
        try:
            restored = _restored(cls, scenario)
        except (TypeError, KeyError, AttributeError, ValueError) as problem:
            raise TrackError(
                f"This is no scenario of this version's simulator: {problem}. Make it anew with this version."
            ) from problem
        return cast(Scenario, restored)

    def open_track(self) -> Track:
        """Return the track with the lane that the scenario gives it; raises TrackError when there is none such."""
        track = open_track(self.track)
        return replace(track, style=self.style or track.style, half_width_m=self.half_width_m or track.half_width_m)

    def world(
        self, clock: Clock, geometry: CameraGeometry | None = None, rate_hz: float = 30.0, delay_ms: float = 0.0
    ) -> World:
        """Return the world, its car at the start; its camera's frames come ``delay_ms`` after their exposure.

        Raises TrackError when there is no such track, and what Renderer raises.
        """
        world = World(
            self.open_track(),
            clock,
            geometry,
            rate_hz,
            self.vehicle,
            self.seed,
            Disturbance(self.seed) if self.disturb else None,
            appearance=self.appearance,
            obstacles=self.obstacles,
            marks=self.marks,
            delay_ms=delay_ms,
        )
        start = self.start
        world.restart(start.progress_m, start.lateral_m, start.heading_error_rad, start.speed_m_s)
        return world


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, (tuple, list)) else value


def _restored(kind: Any, value: Any) -> Any:
    """Return ``value`` from JSON as the annotation ``kind`` has it."""
    if is_dataclass(kind) and isinstance(kind, type):
        kinds = get_type_hints(kind)
        return kind(**{name: _restored(kinds[name], inner) for name, inner in value.items()})
    if get_origin(kind) in (Union, types.UnionType):
        return None if value is None else _restored(get_args(kind)[0], value)
    if get_origin(kind) is tuple:
        return tuple(_restored(get_args(kind)[0], inner) for inner in value)
    if get_origin(kind) is Literal and value not in get_args(kind):
        raise ValueError(f"{value!r} is none of {', '.join(get_args(kind))}")
    if kind in (bool, int, float, str) and not isinstance(value, (int, float) if kind is float else kind):
        raise ValueError(f"{value!r} is no {kind.__name__}")
    return value
