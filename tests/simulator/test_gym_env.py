"""The simulator as Gymnasium environments: what its checker asks for, and what whoever trains relies on."""

from __future__ import annotations

import ast
import importlib
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hardware.camera import CameraGeometry
from hardware.errors import TrackError
from simulator.expert import Expert
from simulator.track import make_track
from simulator.track_file import write_track

gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is not in this set of packages")

from gymnasium.utils.env_checker import check_env  # noqa: E402 - only where it is installed

from simulator.gym_env import LEFT_LANE, SMALL, LaneEnv, LaneVectorEnv  # noqa: E402

NAME = "simulator.gym_env:Pocketpilot/Lane-v0"
AHEAD = np.array([0.0, 0.3], np.float32)
FULL_LEFT = np.array([-1.0, 0.3], np.float32)


@pytest.mark.parametrize(
    "options", [{}, {"track": "oval", "appearance": 0}, {"camera": CameraGeometry()}, {"camera": "usb-webcam"}], ids=str
)
def test_gymnasiums_own_check_passes(options: dict[str, object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_env(gymnasium.make(NAME, render_mode="rgb_array", **options).unwrapped)


def test_the_environments_are_made_by_their_name_alone() -> None:
    assert isinstance(gymnasium.make(NAME, track="bean").unwrapped, LaneEnv)
    envs = gymnasium.make_vec(NAME, num_envs=2, vectorization_mode="vector_entry_point", track="bean")
    assert isinstance(envs.unwrapped, LaneVectorEnv)


@pytest.mark.parametrize("kind", [LaneEnv, LaneVectorEnv])
def test_a_camera_by_its_name_has_its_lens_and_its_delay(kind: type[LaneEnv] | type[LaneVectorEnv]) -> None:
    def frames(camera: CameraGeometry | str | None) -> list[np.ndarray[tuple[int, ...], np.dtype[np.uint8]]]:
        env = kind(track="oval", camera=camera, appearance=0)
        actions = np.zeros(env.action_space.shape or (), np.float32)
        actions[..., 1] = 0.5
        return [env.reset(seed=1)[0], *(env.step(actions)[0] for _ in range(12))]

    prompt, late = frames(replace(SMALL, fov_deg=60.0)), frames("usb-webcam")
    assert late[0].shape == prompt[0].shape
    # At the start the car stands, and both see the same.
    assert (late[0] == prompt[0]).all()
    assert (late[0] != frames(None)[0]).any()
    # Frames are 60 ms late, and commands with them: by then the prompt one has driven on.
    assert (late[12] != prompt[12]).any()


def test_an_unknown_camera_is_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"no camera model 'polaroid'\. Use one of pi-camera-2, "):
        LaneEnv(camera="polaroid")


def test_the_rewards_are_the_metres_along_the_track_and_laps_are_timed() -> None:
    env = LaneEnv("oval", appearance=0)
    env.reset(seed=3)
    assert env._episode is not None
    world = env._episode._world
    expert, total = Expert(world.track), 0.0
    for _ in range(20 * 25):
        command = expert.command(world.state)
        _, reward, terminated, truncated, info = env.step(np.array([command.steering, command.throttle], np.float32))
        total += float(reward)
        assert not terminated
        assert not truncated
    assert total == pytest.approx(info["progress_m"])
    assert info["laps"] >= 1
    assert 10.0 < info["lap_time_s"] < 25.0
    assert abs(info["cross_track_error_m"]) < 0.2
    assert not info["off_track"]


def test_running_into_a_wall_is_a_collision_and_ends_the_episode(tmp_path: Path) -> None:
    write_track(make_track("oval", "walls"), tmp_path / "arena.json")
    env = LaneEnv(str(tmp_path / "arena.json"))
    env.reset(seed=1)
    for _ in range(100):
        _, reward, terminated, _, info = env.step(FULL_LEFT)
        assert info["collision"] == terminated
        if terminated:
            break
    assert info["collision"]
    assert float(reward) < 0.5 * LEFT_LANE


def test_an_episode_ends_where_the_car_leaves_its_lane_and_when_its_time_is_over() -> None:
    env = LaneEnv("oval", appearance=0, max_seconds=30.0)
    env.reset(seed=1)
    terminated = False
    while not terminated:
        _, reward, terminated, truncated, info = env.step(FULL_LEFT)
        assert not truncated
    assert info["off_track"]
    assert float(reward) < LEFT_LANE + 0.2
    short = LaneEnv("oval", appearance=0, max_seconds=0.5)
    short.reset(seed=1)
    ends = [short.step(AHEAD)[2:4] for _ in range(10)]
    assert ends[-2:] == [(False, False), (False, True)]


def test_the_same_seed_gives_the_same_frames_to_the_bit_and_another_gives_others() -> None:
    first, second, other = (LaneEnv() for _ in range(3))
    frames = [env.reset(seed=seed)[0] for env, seed in ((first, 5), (second, 5), (other, 6))]
    assert np.array_equal(frames[0], frames[1])
    assert not np.array_equal(frames[0], frames[2])
    for _ in range(5):
        assert np.array_equal(first.step(AHEAD)[0], second.step(AHEAD)[0])
    # And without a seed, each episode is another.
    assert not np.array_equal(first.reset()[0], frames[0])


def test_a_car_of_many_drives_as_one_alone() -> None:
    alone, many = LaneEnv("bean", appearance=7), LaneVectorEnv(3, "bean", appearance=7)
    frame, _ = alone.reset(seed=9)
    frames, infos = many.reset(seed=9)
    assert np.array_equal(frames[0], frame)
    assert not np.array_equal(frames[0], frames[1])
    for _ in range(10):
        frame, reward, *_ = alone.step(AHEAD)
        frames, rewards, terminations, truncations, infos = many.step(np.tile(AHEAD, (3, 1)))
        assert np.array_equal(frames[0], frame)
        assert rewards[0] == reward
    assert (terminations.shape, truncations.shape, infos["speed_m_s"].shape) == ((3,), (3,), (3,))
    assert many.observation_space.contains(frames)


def test_a_car_of_many_whose_episode_is_over_begins_another_at_the_next_step() -> None:
    many = LaneVectorEnv(2, "oval", appearance=0, max_seconds=20.0)
    many.reset(seed=1)
    actions = np.stack([FULL_LEFT, np.zeros(2, np.float32)])
    terminated = False
    while not terminated:
        _, _, (terminated, other), _, infos = many.step(actions)
    assert infos["off_track"].tolist() == [True, False]
    assert not other
    _, rewards, terminations, _, infos = many.step(actions)
    assert (rewards[0], terminations[0], infos["progress_m"][0]) == (0.0, False, 0.0)


@pytest.mark.parametrize("action", [[5.0, -5.0], [float("nan"), float("inf")]])
def test_any_action_is_a_command(action: list[float]) -> None:
    env = LaneEnv("oval", appearance=0)
    env.reset(seed=1)
    _, reward, *_ = env.step(np.array(action, np.float32))
    assert np.isfinite(float(reward))


def test_an_environment_takes_a_track_of_ones_own_and_refuses_one_that_is_not_there(tmp_path: Path) -> None:
    write_track(make_track("peanut"), tmp_path / "mine.json")
    frame, _ = LaneEnv(str(tmp_path / "mine.json")).reset(seed=1)
    assert frame.shape == (60, 80, 3)
    for kind in (LaneEnv, LaneVectorEnv):
        with pytest.raises(TrackError):
            kind(track="moon")


def test_before_the_first_reset_there_is_nothing_to_step() -> None:
    for env, action in ((LaneEnv("oval"), AHEAD), (LaneVectorEnv(1, "oval"), AHEAD[None])):
        with pytest.raises(gymnasium.error.ResetNeeded):
            env.step(action)
        assert not env.render()


def test_the_example_of_training_uses_what_is_there() -> None:
    # Stable-Baselines3 brings PyTorch, which is too heavy for every run of the tests.
    path = Path(__file__).parents[2] / "docs" / "examples" / "ppo.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {
        (node.module, name.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("simulator")
        for name in node.names
    }
    assert imported
    assert all(hasattr(importlib.import_module(str(module)), name) for module, name in imported)
