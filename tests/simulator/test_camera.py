from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from hardware.camera import CameraGeometry, check_camera
from hardware.camera_models import CAMERA_MODELS, camera_model
from hardware.clock import NS_PER_MS, VirtualClock
from hardware.drivetrain import Command
from hardware.errors import CameraTimeout
from simulator.appearance import nominal
from simulator.exposure import AutoExposure, Exposure
from simulator.floor import draw_floor
from simulator.renderer import Renderer
from simulator.track import make_track
from simulator.world import World

OVAL = make_track("oval")
SMALL = CameraGeometry(40, 30)


def driving(delay_ms: float, rate_hz: float = 30.0) -> tuple[World, VirtualClock]:
    clock = VirtualClock()
    world = World(OVAL, clock, SMALL, rate_hz, delay_ms=delay_ms)
    world.place(0.0, speed_m_s=1.0)
    return world, clock


@pytest.mark.parametrize("delay_ms", [0.0, 27.0, 60.0])
def test_a_frame_comes_so_long_after_its_exposure(delay_ms: float) -> None:
    world, clock = driving(delay_ms)
    for _ in range(6):
        frame = world.camera.next_frame(timeout_ms=500.0)
        assert clock.now_ns() - frame.captured_ns == round(delay_ms * NS_PER_MS)


def test_a_late_frame_shows_where_the_car_was_though_commands_have_moved_the_world_on() -> None:
    prompt, late = driving(0.0)[0], driving(80.0)[0]
    images = {}
    for world in (prompt, late):
        frames = []
        for _ in range(10):
            frame = world.camera.next_frame(timeout_ms=500.0)
            world.drivetrain.apply(Command(0.0, 0.0))
            frames.append(frame)
        images[world] = {frame.number: frame.image for frame in frames}
    # After the first frames, coasting goes on alike.
    assert np.abs(images[prompt][5].astype(float) - images[late][5]).mean() < 1.0
    assert np.abs(images[prompt][5].astype(float) - images[late][9]).mean() > 2.0


def test_a_camera_with_a_delay_keeps_what_every_camera_promises() -> None:
    clock = VirtualClock()
    check_camera(World(OVAL, clock, SMALL, delay_ms=27.0).camera, clock)


def test_a_frame_later_than_the_timeout_is_not_waited_for() -> None:
    world, clock = driving(60.0)
    with pytest.raises(CameraTimeout):
        world.camera.next_frame(timeout_ms=40.0)
    assert clock.now_ns() == 40 * NS_PER_MS


def lit(mean: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((30, 40, 3), mean, np.uint8)


def test_exposure_follows_a_darker_light_later_and_settles() -> None:
    auto = AutoExposure()
    auto.observe(lit(100), 0)
    assert auto.exposure == Exposure()
    gains = []
    for number in range(1, 60):
        auto.observe(lit(round(min(30 * auto.exposure.gain, 255))), number * 33 * NS_PER_MS)
        gains.append(auto.exposure.gain)
    assert 1.0 < gains[0] < 1.2
    assert 1.3 < gains[10] < 1.6
    assert gains[-1] == pytest.approx(50 / 30, abs=0.1)
    assert all(after >= before - 0.05 for before, after in itertools.pairwise(gains))


def test_exposure_has_an_end_in_the_dark_and_in_the_light() -> None:
    for level, end in ((0, 2.5), (255, 135 / 255)):
        auto = AutoExposure()
        auto.observe(lit(level), 0)
        assert auto.exposure.gain == pytest.approx(end, abs=0.01)


def test_a_colour_cast_is_balanced_in_part() -> None:
    auto = AutoExposure()
    warm = np.dstack([lit(150)[:, :, 0], lit(90)[:, :, 0], lit(50)[:, :, 0]])
    auto.observe(warm, 0)
    assert 0.8 <= auto.exposure.red < 0.95
    assert 1.05 < auto.exposure.blue <= 1.25


def test_a_bright_light_clips_and_gain_brings_noise_with_it() -> None:
    look = nominal("robocars")
    renderer = Renderer(CameraGeometry(), draw_floor(OVAL), look)
    pose = OVAL.pose_at(1.0)
    assert (renderer.render(pose, 0, exposure=Exposure(gain=2.5)) == 255).mean() > 0.2

    def noise(gain: float) -> float:
        first, second = (renderer.render(pose, number, exposure=Exposure(gain=gain))[90:] for number in (1, 2))
        return float((first.astype(float) - second).std())

    assert noise(1.6) == pytest.approx(1.6 * noise(1.0), rel=0.12)


def test_a_dark_world_is_brightened_at_once_and_again_alike_after_a_restart() -> None:
    dark = replace(nominal("robocars"), light=replace(nominal("robocars").light, brightness=0.25))
    world = World(OVAL, VirtualClock(), SMALL, appearance=dark)
    frames = [world.camera.next_frame(timeout_ms=500.0) for _ in range(3)]
    world.place(5.0)
    world.camera.next_frame(timeout_ms=500.0)
    world.restart()
    again = world.camera.next_frame(timeout_ms=500.0)
    drawn = Renderer(SMALL, world.floor, dark).render(OVAL.pose_at(0.0))
    assert frames[0].image.mean() > 1.5 * drawn.mean()
    assert abs(again.image.astype(float).mean() - frames[0].image.mean()) < 1.0


def test_cameras_by_name_see_as_wide_as_their_sensors() -> None:
    full, cropped = math.radians(33.0), math.radians(0.5 * camera_model("pi-camera-3").fov_deg)
    assert math.tan(cropped) / math.tan(full) == pytest.approx(0.75, abs=0.005)
    wide, cropped = math.radians(51.0), math.radians(0.5 * camera_model("pi-camera-3-wide").fov_deg)
    assert math.tan(cropped) / math.tan(wide) == pytest.approx(0.75, abs=0.005)
    for model in CAMERA_MODELS.values():
        Renderer(model.geometry(SMALL), draw_floor(OVAL), nominal("robocars"))
    with pytest.raises(ValueError, match="pi-camera-2"):
        camera_model("polaroid")
