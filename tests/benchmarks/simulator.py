"""How fast the simulated world is drawn and driven."""

from __future__ import annotations

import time

import numpy as np

from car.config.sections import CarConfig
from car.kinds.camera import CameraSection
from car.runs.simulation import Goal, run_simulation
from hardware.camera import CameraGeometry
from hardware.clock import VirtualClock
from simulator.gym_env import LaneVectorEnv
from simulator.scenario import Scenario
from simulator.track import make_track
from simulator.world import World
from tests.benchmarks.figures import Figure, show
from tests.simulator.donkey.client import Client, picture_of
from tests.simulator.donkey.running import Running

SIZES = ((160, 120), (320, 240), (640, 480))
FRAMES = 600


def measure() -> None:
    """Print frames per CPU-second, drawn alone and with the whole drive loop around them."""
    figures = [
        Figure(f"frames drawn per CPU-second, {width}x{height}", f"{_drawn_per_cpu_s(width, height):.0f}")
        for width, height in SIZES
    ]
    started_s = time.process_time()
    simulation = run_simulation(CarConfig(camera=CameraSection()), Scenario("oval"), Goal(seconds=30))
    per_cpu_s = simulation.frames / (time.process_time() - started_s)
    figures.append(Figure("Gymnasium steps per second, 16 cars in one process, 80x60", f"{_gym_steps_per_s():.0f}"))
    figures.append(Figure("frames driven by the expert per CPU-second, 160x120", f"{per_cpu_s:.0f}"))
    figures.append(
        Figure("steps per second by Donkey's protocol, in lock-step, 160x120", f"{_donkey_steps_per_s():.0f}")
    )
    show("Simulator", figures)


def _gym_steps_per_s() -> float:
    envs = LaneVectorEnv(num_envs=16, track="oval")
    envs.reset(seed=1)
    actions = np.tile(np.array([0.0, 0.3], np.float32), (16, 1))
    started_s = time.perf_counter()
    for _ in range(FRAMES):
        envs.step(actions)
    return 16 * FRAMES / (time.perf_counter() - started_s)


def _donkey_steps_per_s() -> float:
    """Drive a client of our own, which decodes every picture, over a real socket."""
    running = Running("oval", lock_step=True)
    try:
        with Client(running.port) as client:
            client.hear("car_loaded")
            started_s = time.perf_counter()
            for _ in range(FRAMES):
                client.drive(0.0, 0.0)
                picture_of(client.hear("telemetry"))
            return FRAMES / (time.perf_counter() - started_s)
    finally:
        running.close()


def _drawn_per_cpu_s(width: int, height: int) -> float:
    world = World(make_track("oval"), VirtualClock(), CameraGeometry(width=width, height=height))
    world.place(0.0, speed_m_s=1.0)
    world.camera.next_frame(timeout_ms=1000)
    started_s = time.process_time()
    for _ in range(FRAMES):
        world.camera.next_frame(timeout_ms=1000)
    return FRAMES / (time.process_time() - started_s)
