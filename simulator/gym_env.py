"""The simulator as Gymnasium environments: one car, or many that share a track's textures.

::

    name = "simulator.gym_env:Pocketpilot/Lane-v0"
    env = gymnasium.make(name, track="random")
    envs = gymnasium.make_vec(name, num_envs=16, vectorization_mode="vector_entry_point")

An observation is the camera's frame, RGB uint8, height × width × 3. An action is steering and throttle, each −1 … +1.
The reward of a step is how many metres the car has come along the track, and ``LEFT_LANE`` more at the step that ends
the episode because the car has left its lane or run into something. An episode ends after ``max_seconds`` in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, SupportsFloat

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Space
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from hardware.camera import CameraGeometry
from hardware.camera_models import camera_model
from hardware.clock import VirtualClock
from hardware.drivetrain import Command
from simulator.renderer import Scene, draw_scene
from simulator.track import Track
from simulator.track_file import open_track
from simulator.world import World

ENV_ID = "Pocketpilot/Lane-v0"
RATE_HZ = 20.0
SMALL = CameraGeometry(width=80, height=60)
RANDOM = "random"
RANDOM_TRACKS = 10_000
START_LATERAL_M, START_HEADING_RAD = 0.1, 0.1
"""A car starts anywhere on the track, this far from the middle and from straight ahead at most."""
LEFT_LANE = -1.0
FRAME_TIMEOUT_MS = 1000.0

Observation = NDArray[np.uint8]
Action = NDArray[np.float32]
Info = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Setting:
    """Where episodes take place: a track by its name and a look by its seed, drawn for a camera."""

    name: str
    look: int
    track: Track
    scene: Scene


class _Episode:
    """One car from its start until it has left its lane or its steps are used up."""

    def __init__(
        self, setting: _Setting, camera: CameraGeometry, delay_ms: float, steps: int, rng: np.random.Generator
    ) -> None:
        track = setting.track
        self._world = World(track, VirtualClock(), camera, RATE_HZ, scene=setting.scene, delay_ms=delay_ms)
        self._world.restart(
            float(rng.uniform(0.0, track.length_m)),
            float(rng.uniform(-START_LATERAL_M, START_LATERAL_M)),
            float(rng.uniform(-START_HEADING_RAD, START_HEADING_RAD)),
        )
        self._steps_at_most = steps
        self._steps = self._lap_began = 0
        self._lap_s = 0.0
        self._count = self._world.lap_count()
        self.frame: Observation = self._look()
        self.is_over = False

    def step(self, command: Command) -> tuple[float, bool, bool, Info]:
        """Drive for a step; return reward, whether it left its lane or hit something, whether time is over, info."""
        self._world.command(command)
        self.frame = self._look()
        self._steps += 1
        before, self._count = self._count, self._world.lap_count()
        if self._count.laps > before.laps:
            self._lap_s = (self._steps - self._lap_began) / RATE_HZ
            self._lap_began = self._steps
        has_left = self._count.departures > 0 or self._world.collisions > 0
        reward = self._count.progress_m - before.progress_m + (LEFT_LANE if has_left else 0.0)
        is_late = self._steps >= self._steps_at_most
        self.is_over = has_left or is_late
        return reward, has_left, is_late, self.info()

    def info(self) -> Info:
        """Return what is known of the car; the last lap's time is 0 before there is one."""
        return {
            "laps": self._count.laps,
            "lap_time_s": self._lap_s,
            "progress_m": self._count.progress_m,
            "cross_track_error_m": self._count.lateral_m,
            "speed_m_s": self._world.motion().speed_m_s,
            "off_track": self._count.departures > 0,
            "collision": self._world.collisions > 0,
        }

    def _look(self) -> Observation:
        return self._world.camera.next_frame(FRAME_TIMEOUT_MS).image


class _Maker:
    """Makes episodes as an environment's arguments say."""

    def __init__(
        self, track: str, camera: CameraGeometry | str | None, appearance: int | None, max_seconds: float
    ) -> None:
        if isinstance(camera, str):
            model = camera_model(camera)
            self.camera, self._delay_ms = model.geometry(SMALL), model.delay_ms
        else:
            self.camera, self._delay_ms = camera or SMALL, 0.0
        self._track = track
        self._appearance = appearance
        self._steps = max(1, round(max_seconds * RATE_HZ))
        if track != RANDOM:
            open_track(track)

    def setting(self, rng: np.random.Generator, last: _Setting | None) -> _Setting:
        """Choose a track and a look, and draw them unless they are the last ones."""
        name = f"random-{rng.integers(RANDOM_TRACKS)}" if self._track == RANDOM else self._track
        look = int(rng.integers(1, 2**31)) if self._appearance is None else self._appearance
        if last is not None and (last.name, last.look) == (name, look):
            return last
        track = open_track(name)
        return _Setting(name, look, track, draw_scene(track, self.camera, look))

    def episode(self, setting: _Setting, rng: np.random.Generator) -> _Episode:
        """Return a new episode."""
        return _Episode(setting, self.camera, self._delay_ms, self._steps, rng)


def _spaces(camera: CameraGeometry) -> tuple[Space[Observation], Space[Action]]:
    pictures: Any = Box(0, 255, (camera.height, camera.width, 3), np.uint8)
    commands: Any = Box(-1.0, 1.0, (2,), np.float32)
    return pictures, commands


def _commands(actions: Action) -> list[Command]:
    """Return the commands of N × 2 ``actions``, each brought to within its bounds."""
    return [Command(*action) for action in np.clip(np.nan_to_num(actions), -1.0, 1.0).tolist()]


class LaneEnv(gymnasium.Env[Observation, Action]):
    """One car on a lane.

    >>> env = LaneEnv("oval", appearance=0)
    >>> frame, info = env.reset(seed=1)
    >>> frame, reward, terminated, truncated, info = env.step(np.array([0.0, 0.3], np.float32))
    >>> frame.shape, terminated, info["laps"]
    ((60, 80, 3), False, 0)

    ``track`` is a track's name, a ``.json`` file, or ``"random"`` for another one in each episode; ``appearance`` the
    seed of light and colours, None for others in each episode. ``camera`` is a geometry or a name, such as
    ``"pi-camera-3"``, which stands for its lens and its delay; it sees 80x60 where nothing else is said.
    Raises TrackError where there is no such track, ValueError where there is no such camera.
    """

    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": round(RATE_HZ)}  # noqa: RUF012 - Gymnasium's

    def __init__(
        self,
        track: str = RANDOM,
        camera: CameraGeometry | str | None = None,
        appearance: int | None = None,
        max_seconds: float = 60.0,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = render_mode
        self._maker = _Maker(track, camera, appearance, max_seconds)
        self.observation_space, self.action_space = _spaces(self._maker.camera)
        self._setting: _Setting | None = None
        self._episode: _Episode | None = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, Info]:
        """Begin an episode; the same seed gives the same ones."""
        super().reset(seed=seed)
        self._setting = self._maker.setting(self.np_random, self._setting)
        self._episode = self._maker.episode(self._setting, self.np_random)
        return self._episode.frame, self._episode.info()

    def step(self, action: Action) -> tuple[Observation, SupportsFloat, bool, bool, Info]:
        """Drive for a twentieth of a second."""
        if self._episode is None:
            raise gymnasium.error.ResetNeeded("Call reset first.")
        [command] = _commands(np.asarray(action)[None])
        reward, has_left, is_late, info = self._episode.step(command)
        return self._episode.frame, reward, has_left, is_late, info

    def render(self) -> Observation | None:
        """Return what the camera sees."""
        return None if self._episode is None or self.render_mode is None else self._episode.frame


class LaneVectorEnv(VectorEnv[Observation, Action, NDArray[Any]]):
    """Many cars in one process that share one track's textures, each in a world of its own.

    >>> envs = LaneVectorEnv(num_envs=3, track="oval")
    >>> frames, infos = envs.reset(seed=1)
    >>> frames, rewards, terminations, truncations, infos = envs.step(np.zeros((3, 2), np.float32))
    >>> frames.shape, rewards.shape, infos["laps"].tolist()
    ((3, 60, 80, 3), (3,), [0, 0, 0])

    A car whose episode is over starts anew at the next step, on the same track; ``reset`` draws another where the
    track is ``"random"``. The other arguments are ``LaneEnv``'s.
    """

    metadata: dict[str, Any] = {**LaneEnv.metadata, "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 1,
        track: str = RANDOM,
        camera: CameraGeometry | str | None = None,
        appearance: int | None = None,
        max_seconds: float = 60.0,
        render_mode: str | None = None,
    ) -> None:
        self.num_envs = num_envs
        self.render_mode = render_mode
        self._maker = _Maker(track, camera, appearance, max_seconds)
        self.single_observation_space, self.single_action_space = _spaces(self._maker.camera)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._setting: _Setting | None = None
        self._episodes: list[_Episode] = []

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Observation, Info]:
        """Begin an episode with every car; the same seed gives the same ones."""
        super().reset(seed=seed)
        self._setting = setting = self._maker.setting(self.np_random, self._setting)
        self._episodes = [self._maker.episode(setting, self.np_random) for _ in range(self.num_envs)]
        return self._frames(), self._gathered([episode.info() for episode in self._episodes])

    def step(self, actions: Action) -> tuple[Observation, NDArray[Any], NDArray[Any], NDArray[Any], Info]:
        """Drive each car for a twentieth of a second; one whose episode was over begins another instead."""
        if self._setting is None:
            raise gymnasium.error.ResetNeeded("Call reset first.")
        rewards = np.zeros(self.num_envs)
        terminations, truncations = np.zeros((2, self.num_envs), np.bool_)
        infos = []
        for index, command in enumerate(_commands(actions)):
            episode = self._episodes[index]
            if episode.is_over:
                self._episodes[index] = episode = self._maker.episode(self._setting, self.np_random)
                infos.append(episode.info())
            else:
                rewards[index], terminations[index], truncations[index], info = episode.step(command)
                infos.append(info)
        return self._frames(), rewards, terminations, truncations, self._gathered(infos)

    def render(self) -> tuple[Observation, ...] | None:
        """Return what each camera sees."""
        return None if self.render_mode is None else tuple(episode.frame for episode in self._episodes)

    def _frames(self) -> Observation:
        return np.stack([episode.frame for episode in self._episodes])

    def _gathered(self, infos: list[Info]) -> Info:
        return {key: np.array([info[key] for info in infos]) for key in infos[0]} if infos else {}


gymnasium.register(
    ENV_ID, entry_point="simulator.gym_env:LaneEnv", vector_entry_point="simulator.gym_env:LaneVectorEnv"
)
