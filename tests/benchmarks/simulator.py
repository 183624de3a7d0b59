"""How fast the simulated world is drawn and driven."""

from __future__ import annotations

import time
from dataclasses import replace

import cv2
import numpy as np

from car.config.sections import CarConfig
from car.kinds.camera import CameraSection
from car.runs.simulation import Goal, run_simulation
from hardware.camera import CameraGeometry
from hardware.clock import VirtualClock
from simulator.appearance import nominal
from simulator.body import STILL, Body
from simulator.floor import draw_floor
from simulator.gym_env import LaneVectorEnv
from simulator.obstacles import Obstacle, Shape
from simulator.renderer import Renderer, draw_scene
from simulator.scenario import Scenario
from simulator.track import Track, make_track
from simulator.world import World
from tests.benchmarks.figures import Figure, show
from tests.simulator.donkey.client import Client, picture_of
from tests.simulator.donkey.running import Running

SIZES = ((160, 120), (320, 240), (640, 480))
FRAMES = 600
MOVING = Body(pitch_rad=0.01, roll_rad=-0.015, forward_m_s=1.5, yaw_rate_rad_s=1.2)


def measure() -> None:
    """Print frames per CPU-second, drawn alone and with the whole drive loop around them."""
    figures = [*_drawing(), *_shimmer()]
    figures += [
        Figure(f"frames drawn per CPU-second, {width}x{height}", f"{_drawn_per_cpu_s(width, height):.0f}")
        for width, height in SIZES
    ]
    started_s = time.process_time()
    simulation = run_simulation(CarConfig(camera=CameraSection()), Scenario("oval"), Goal(seconds=30))
    per_cpu_s = simulation.frames / (time.process_time() - started_s)
    figures.append(Figure("Gymnasium steps per CPU-second, 16 cars, 80x60", f"{_gym_steps_per_cpu_s():.0f}"))
    figures.append(Figure("frames driven by the expert per CPU-second, 160x120", f"{per_cpu_s:.0f}"))
    figures.append(
        Figure("steps per second by Donkey's protocol, in lock-step, 160x120", f"{_donkey_steps_per_s():.0f}")
    )
    show("Simulator", figures)


def _drawing() -> list[Figure]:
    """Draw alone, on one core, beside plain warps of its size; the targets are for 12,000 of those."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        warps_per_s = _warps_per_cpu_s()
        figures = [Figure("plain cv2.warpPerspective per CPU-second, 160x120", f"{warps_per_s:.0f}")]
        for track, is_full in ((make_track("oval"), False), (make_track("oval", "walls"), True)):
            _, renderer = draw_scene(track, CameraGeometry(), obstacles=_obstacles(track) if is_full else ())
            what = "with walls and six obstacles" if is_full else "floor and room"
            for body, how, at_12000 in ((STILL, "sharp", 1500), (MOVING, "with motion blur, leaning", 500)):
                target = at_12000 * warps_per_s / 12000 * (0.5 if is_full else 1.0)
                per_s = _renders_per_cpu_s(renderer, track, body)
                figures.append(
                    Figure(f"frames per CPU-second, {what}, {how} (target {target:.0f} here)", f"{per_s:.0f}")
                )
        return figures
    finally:
        cv2.setNumThreads(threads)


def _warps_per_cpu_s() -> float:
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    matrix = np.array([[1.0, 0.1, 2.0], [0.05, 1.1, 3.0], [1e-4, 1e-4, 1.0]])
    started_s = time.process_time()
    for _ in range(5 * FRAMES):
        cv2.warpPerspective(image, matrix, (160, 120))
    return 5 * FRAMES / (time.process_time() - started_s)


def _renders_per_cpu_s(renderer: Renderer, track: Track, body: Body) -> float:
    poses = [track.pose_at(0.03 * number) for number in range(FRAMES)]
    started_s = time.process_time()
    for number, pose in enumerate(poses):
        renderer.render(pose, number, body)
    return FRAMES / (time.process_time() - started_s)


def _obstacles(track: Track) -> tuple[Obstacle, ...]:
    places = [track.pose_at(2.0 * number + 1.0, 0.25 * (-1) ** number) for number in range(6)]
    shapes: tuple[Shape, ...] = ("cone", "box", "leg") * 2
    return tuple(Obstacle(shape, pose.x_m, pose.y_m) for shape, pose in zip(shapes, places, strict=True))


def _shimmer() -> list[Figure]:
    """Move the camera by 4 mm at a time over static texture and say how much more pixels change than they should.

    What they should is seen by the same camera with 64 times as many pixels, averaged: that compensates for the motion.
    """
    track, figures = make_track("oval"), []
    look = replace(nominal(track.style), noise=0.0, vignette=0.0)
    floor = draw_floor(track, look)
    for lens, fov_deg in (("rectilinear", 100.0), ("fisheye", 150.0)):
        camera = CameraGeometry(fov_deg=fov_deg, lens=lens)
        fine = Renderer(replace(camera, width=8 * camera.width, height=8 * camera.height), floor, look)
        coarse, errors = Renderer(camera, floor, look), []
        for millimetres in range(1000, 1044, 4):
            pose = track.pose_at(millimetres / 1000.0)
            size = camera.width, camera.height
            ideal = cv2.resize(fine.render(pose), size, interpolation=cv2.INTER_AREA)
            errors.append((coarse.render(pose).astype(np.float64) - ideal)[40:])
        figure = np.abs(np.diff(errors, axis=0)).mean()
        figures.append(Figure(f"shimmer in grey levels per 4 mm, {lens} (target 0.4)", f"{figure:.2f}"))
    return figures


def _gym_steps_per_cpu_s() -> float:
    envs = LaneVectorEnv(num_envs=16, track="oval")
    envs.reset(seed=1)
    actions = np.tile(np.array([0.0, 0.3], np.float32), (16, 1))
    started_s = time.process_time()
    for _ in range(FRAMES):
        envs.step(actions)
    return 16 * FRAMES / (time.process_time() - started_s)


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
