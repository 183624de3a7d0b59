"""Train a driver from pixels by reward alone: PPO of Stable-Baselines3 in the simulator's Gymnasium environment.

    pip install "pocketpilot[ppo]"
    python ppo.py 1500000

The argument is how many steps to drive. Random tracks are what it learns on; ``hairpin`` is none of them, and tells in
``learned/progress.csv`` how far it comes there meanwhile. Ctrl-C ends it early; the network is kept in
``learned/ppo.zip`` in any case.
"""

import contextlib
import sys
from pathlib import Path

import numpy as np
import torch
from gymnasium.spaces import Box
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.vec_env import VecEnv, VecMonitor

from simulator.gym_env import LaneEnv, LaneVectorEnv

UNSEEN = "hairpin"
TRACKS, CARS, ROLLOUT, NEW_TRACK_AFTER = 4, 8, 128, 512
SEEN = Box(0, 255, (30, 40, 3), np.uint8)


def see(frames):
    """Halve the frames: 40x30 pixels show the lines still, and a small network learns from them faster."""
    rows = frames[..., 0::2, :, :].astype(np.uint16) + frames[..., 1::2, :, :]
    return ((rows[..., 0::2, :] + rows[..., 1::2, :]) // 4).astype(np.uint8)


def act(actions):
    """Let the throttle move between 0.1 and 0.3 only, which is 0.4 to 1.2 m/s: a car that stands learns nothing."""
    return np.stack([actions[..., 0], 0.2 + 0.1 * actions[..., 1]], axis=-1).astype(np.float32)


class Lanes(VecEnv):
    """Several tracks with several cars each, as Stable-Baselines3 wants them; each track is another after a while."""

    def __init__(self):
        self.lanes = [LaneVectorEnv(CARS) for _ in range(TRACKS)]
        self.steps = 0
        super().__init__(TRACKS * CARS, SEEN, self.lanes[0].single_action_space)

    def reset(self):
        return see(np.concatenate([lane.reset(seed=number)[0] for number, lane in enumerate(self.lanes)]))

    def step_async(self, actions):
        self.actions = act(actions).reshape(TRACKS, CARS, 2)

    def step_wait(self):
        # The frame after an episode's last is the next one's first: one step in which the action changes nothing.
        frames, rewards, left, late, _ = zip(*map(LaneVectorEnv.step, self.lanes, self.actions), strict=True)
        frames, rewards, left, late = see(np.concatenate(frames)), *map(np.concatenate, (rewards, left, late))
        self.steps += 1
        number, steps_since = divmod(self.steps % NEW_TRACK_AFTER, NEW_TRACK_AFTER // TRACKS)
        last = frames.copy()
        if steps_since == 0:
            cars = slice(number * CARS, (number + 1) * CARS)
            late[cars] |= ~left[cars]
            frames[cars] = see(self.lanes[number].reset()[0])
        infos = [
            {"terminal_observation": last[car], "TimeLimit.truncated": bool(late[car])} for car in range(len(late))
        ]
        return frames, rewards, left | late, infos

    def close(self):
        pass  # nothing is open

    def get_attr(self, name, indices=None):
        return [getattr(self.lanes[0], name)] * self.num_envs

    def env_is_wrapped(self, wrapper_class, indices=None):
        return [False] * self.num_envs

    def set_attr(self, name, value, indices=None):
        raise NotImplementedError

    def env_method(self, name, *arguments, indices=None, **named):
        raise NotImplementedError


class Eye(BaseFeaturesExtractor):
    """Two layers of convolution and one that sums up."""

    def __init__(self, space):
        super().__init__(space, 128)
        convolutions = [torch.nn.Conv2d(3, 16, 5, 2), torch.nn.ReLU(), torch.nn.Conv2d(16, 32, 3, 2), torch.nn.ReLU()]
        self.layers = torch.nn.Sequential(
            *convolutions, torch.nn.Flatten(), torch.nn.Linear(32 * 6 * 8, 128), torch.nn.ReLU()
        )

    def forward(self, pictures):
        return self.layers(pictures)


def drive(model, look, seconds=120.0):
    """Drive on the track that it has not seen; return metres, laps and the last lap's time."""
    env = LaneEnv(UNSEEN, appearance=look, max_seconds=seconds)
    frame, info = env.reset(seed=look)
    is_over = False
    while not is_over:
        action, _ = model.predict(see(frame), deterministic=True)
        frame, _, left, late, info = env.step(act(action))
        is_over = left or late
    return info["progress_m"], info["laps"], info["lap_time_s"]


class Exam(BaseCallback):
    """Drives on the unseen track now and then."""

    def _on_step(self):
        return True

    def _on_rollout_start(self):
        if self.num_timesteps % (16 * TRACKS * CARS * ROLLOUT) == 0:
            metres, laps, _ = zip(*(drive(self.model, look) for look in (1, 2, 3)), strict=True)
            self.logger.record("unseen/metres", float(np.mean(metres)))
            self.logger.record("unseen/laps", float(np.mean(laps)))


def learn(steps, folder=Path("learned")):
    """Train for so many steps and keep what came of it."""
    torch.set_num_threads(1)
    model = PPO(
        "CnnPolicy",
        VecMonitor(Lanes()),
        n_steps=ROLLOUT,
        batch_size=512,
        n_epochs=4,
        gamma=0.98,
        gae_lambda=0.95,
        learning_rate=lambda left: 5e-4 * left,
        seed=1,
        policy_kwargs={"features_extractor_class": Eye, "net_arch": [], "log_std_init": -1.0},
    )
    model.set_logger(configure(str(folder), ["stdout", "csv"]))
    with contextlib.suppress(KeyboardInterrupt):
        model.learn(steps, Exam())
    model.save(folder / "ppo")
    for look in range(1, 11):
        metres, laps, seconds = drive(model, look)
        sys.stdout.write(f"{UNSEEN}, look {look}: {metres:.1f} m, {laps} laps, {seconds:.1f} s for the last\n")


if __name__ == "__main__":
    learn(int(sys.argv[1]))
