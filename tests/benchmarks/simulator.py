"""How fast the simulated world is drawn and driven."""

from __future__ import annotations

import time

from car.config.sections import CarConfig
from car.kinds.camera import CameraSection
from car.runs.simulation import Goal, Scene, run_simulation
from hardware.camera import CameraGeometry
from hardware.clock import VirtualClock
from simulator.track import make_track
from simulator.world import World
from tests.benchmarks.figures import Figure, show

SIZES = ((160, 120), (320, 240), (640, 480))
FRAMES = 600


def measure() -> None:
    """Print frames per CPU-second, drawn alone and with the whole drive loop around them."""
    figures = [
        Figure(f"frames drawn per CPU-second, {width}x{height}", f"{_drawn_per_cpu_s(width, height):.0f}")
        for width, height in SIZES
    ]
    started_s = time.process_time()
    simulation = run_simulation(CarConfig(camera=CameraSection()), Scene("oval"), Goal(seconds=30))
    per_cpu_s = simulation.frames / (time.process_time() - started_s)
    show("Simulator", [*figures, Figure("frames driven by the expert per CPU-second, 160x120", f"{per_cpu_s:.0f}")])


def _drawn_per_cpu_s(width: int, height: int) -> float:
    world = World(make_track("oval"), VirtualClock(), CameraGeometry(width=width, height=height))
    world.place(0.0, speed_m_s=1.0)
    world.camera.next_frame(timeout_ms=1000)
    started_s = time.process_time()
    for _ in range(FRAMES):
        world.camera.next_frame(timeout_ms=1000)
    return FRAMES / (time.process_time() - started_s)
