from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hardware.camera import CameraGeometry, Image
from hardware.drivetrain import Pose
from simulator.appearance import LIGHTS, Appearance, nominal
from simulator.body import STILL, Body
from simulator.floor import Floor
from simulator.lens import LENS_AHEAD_M
from simulator.obstacles import Obstacle
from simulator.renderer import Renderer, draw_scene
from simulator.track import make_track
from simulator.walls import Wall

LEVEL = CameraGeometry(pitch_deg=0.0)
FISHEYE = CameraGeometry(fov_deg=120.0, lens="fisheye", pitch_deg=0.0)
TALL = CameraGeometry(mount_height_m=0.45, pitch_deg=10.0)
BARE = replace(nominal("walls"), noise=0.0, vignette=0.0, gain=(1.0, 1.0, 1.0), line=(200.0, 200.0, 200.0))
ORIGIN = Pose(0.0, 0.0, 0.0)


def black_floor() -> Floor:
    return Floor(np.zeros((1280, 1280, 3), np.uint8), left_m=-3.2, top_m=3.2)


def wall_across(ahead_m: float, height_m: float = 0.3, half_m: float = 2.0, left_m: float = 0.0) -> Wall:
    """A wall across the way, ``ahead_m`` in front of the lens of a car in the origin, and back far behind it."""
    x_m = ahead_m + LENS_AHEAD_M
    corners = [
        (x_m, left_m - half_m),
        (x_m, left_m + half_m),
        (x_m + 0.05, left_m + half_m),
        (x_m + 0.05, left_m - half_m),
    ]
    return Wall(np.array(corners), height_m)


def seen(
    geometry: CameraGeometry,
    walls: tuple[Wall, ...],
    obstacles: tuple[Obstacle, ...] = (),
    appearance: Appearance = BARE,
    body: Body = STILL,
) -> Image:
    return Renderer(geometry, black_floor(), appearance, obstacles, walls).render(ORIGIN, 0, body)


def row_of(geometry: CameraGeometry, above_m: float, ahead_m: float) -> float:
    """The row in which a height straight ahead is seen, by plain trigonometry."""
    down_rad = math.atan2(geometry.mount_height_m - above_m, ahead_m) - math.radians(geometry.pitch_deg)
    half_rad = math.radians(0.5 * geometry.fov_deg)
    off = math.tan(down_rad) / math.tan(half_rad) if geometry.lens == "rectilinear" else down_rad / half_rad
    return 0.5 * geometry.height - 0.5 + 0.5 * geometry.width * off


def base_row(image: Image, column: int, least: float = 60.0) -> float:
    """The row at which a light wall ends on a black floor, to a fraction."""
    light = image[:, column].astype(float).mean(axis=1)
    last = int(np.flatnonzero(light > least)[-1])
    return last + 0.5 + min(light[last + 1] / light[last - 2], 1.0) if last + 1 < len(light) else last + 0.5


@pytest.mark.parametrize("geometry", [LEVEL, FISHEYE, CameraGeometry(84, 48, 90.0), CameraGeometry(320, 240, 62.0)])
@pytest.mark.parametrize("ahead_m", [0.6, 1.0, 2.0])
def test_a_wall_ends_in_the_row_that_its_distance_says(geometry: CameraGeometry, ahead_m: float) -> None:
    image = seen(geometry, (wall_across(ahead_m),))
    assert base_row(image, geometry.width // 2, 40.0) - 0.5 == pytest.approx(row_of(geometry, 0.0, ahead_m), abs=1.3)


@pytest.mark.parametrize(("height_m", "ahead_m"), [(0.2, 0.5), (0.4, 1.0)])
@pytest.mark.parametrize("geometry", [LEVEL, FISHEYE])
def test_a_wall_is_as_high_as_it_says(geometry: CameraGeometry, height_m: float, ahead_m: float) -> None:
    dark_room = replace(BARE, wall=(0.0, 0.0, 0.0), light=replace(LIGHTS["even"], ambient=1.0))
    with_wall, without = (
        seen(geometry, walls, appearance=dark_room).astype(float) for walls in ((wall_across(ahead_m, height_m),), ())
    )
    changed = np.abs(with_wall - without).mean(axis=2)[:, geometry.width // 2] > 30.0
    assert int(changed.argmax()) == pytest.approx(row_of(geometry, height_m, ahead_m), abs=1.5)


def test_a_wall_runs_straight_to_its_vanishing_point() -> None:
    beside = Wall(np.array([(-3.0, 0.5), (3.0, 0.5), (3.0, 0.55), (-3.0, 0.55)]))
    image = seen(LEVEL, (beside,))
    focal = 80.0 / math.tan(math.radians(50.0))
    for column in (20, 40, 60):
        ahead_m = 0.5 * focal / (79.5 - column)
        assert base_row(image, column, 40.0) - 0.5 == pytest.approx(row_of(LEVEL, 0.0, ahead_m), abs=1.3)


def test_the_nearer_wall_hides_the_farther_one() -> None:
    far = wall_across(1.5)
    near = wall_across(0.7, half_m=0.3)
    both, near_alone, far_alone = (seen(LEVEL, walls) for walls in ((far, near), (near,), (far,)))
    assert base_row(both, 80, 40.0) == pytest.approx(base_row(near_alone, 80, 40.0), abs=0.5)
    assert base_row(both, 20, 40.0) == pytest.approx(base_row(far_alone, 20, 40.0), abs=0.5)


def test_a_camera_above_the_walls_sees_the_next_one_behind() -> None:
    near, far = wall_across(0.8, 0.2), wall_across(1.8, 0.2)
    image = seen(TALL, (near, far)).astype(float).mean(axis=2)[:, 80]
    for ahead_m in (0.8, 1.8):
        assert image[round(row_of(TALL, 0.1, ahead_m))] > 60.0
    between = row_of(TALL, 0.0, 1.8), row_of(TALL, 0.2, 0.85)
    assert image[round(sum(between) / 2.0)] < 30.0


def test_inside_a_walled_track_the_walls_are_left_and_right_all_around_the_lap() -> None:
    track = make_track("oval", "walls")
    _, renderer = draw_scene(track, CameraGeometry(), appearance=BARE)
    for at_m in np.arange(0.0, track.length_m, 1.7):
        image = renderer.render(track.pose_at(float(at_m))).astype(float).mean(axis=2)
        assert min(image[30:40, :6].mean(), image[30:40, -6:].mean()) > image[100:, 60:100].mean() + 25.0


def cone_at(ahead_m: float, right_m: float = 0.0) -> Obstacle:
    return Obstacle("cone", LENS_AHEAD_M + ahead_m, -right_m, radius_m=0.1, height_m=0.25)


def orange(image: Image) -> tuple[float, float, float, float]:
    """First and last column, first and last row of what is orange."""
    colours = image.astype(float)
    rows, columns = np.nonzero(colours[:, :, 0] > colours[:, :, 2] + 60.0)
    return float(columns.min()), float(columns.max()), float(rows.min()), float(rows.max())


@pytest.mark.parametrize("geometry", [LEVEL, FISHEYE, CameraGeometry(320, 240, 80.0, pitch_deg=0.0)])
@pytest.mark.parametrize(("ahead_m", "right_m"), [(0.8, 0.0), (1.2, 0.3), (2.0, -0.6)])
def test_a_cone_stands_where_it_is_and_is_as_large(geometry: CameraGeometry, ahead_m: float, right_m: float) -> None:
    left, right, top, bottom = orange(seen(geometry, (), (cone_at(ahead_m, right_m),)))
    half_rad = math.radians(0.5 * geometry.fov_deg)

    def column(at_m: float) -> float:
        off_rad = math.atan2(at_m, ahead_m)
        off = math.tan(off_rad) / math.tan(half_rad) if geometry.lens == "rectilinear" else off_rad / half_rad
        return 0.5 * geometry.width * (1.0 + off) - 0.5

    pixel = geometry.width / 160.0
    assert (left, right) == pytest.approx((column(right_m - 0.1), column(right_m + 0.1)), abs=2.0 * pixel)
    away_m = math.hypot(ahead_m, right_m) if geometry.lens == "fisheye" else ahead_m
    assert bottom == pytest.approx(row_of(geometry, 0.0, away_m), abs=2.5 * pixel)
    assert top == pytest.approx(row_of(geometry, 0.25, away_m), abs=2.5 * pixel)


def test_a_cone_behind_a_wall_is_hidden_and_one_before_it_is_not() -> None:
    cone = cone_at(1.0)
    hidden, shown = (seen(LEVEL, (wall_across(ahead_m),), (cone,)).astype(float) for ahead_m in (0.7, 1.4))
    is_orange = [(image[:, :, 0] > image[:, :, 2] + 60.0).sum() for image in (hidden, shown)]
    assert is_orange[0] == 0
    assert is_orange[1] > 50


def test_legs_show_above_the_wall_that_they_stand_behind() -> None:
    leg = Obstacle("leg", LENS_AHEAD_M + 1.2, 0.0, 0.1, 0.9)
    wall = (wall_across(0.9),)
    changed = np.abs(seen(LEVEL, wall, (leg,)).astype(float) - seen(LEVEL, wall)).max(axis=2)
    wall_top = row_of(LEVEL, 0.3, 0.9)
    assert changed[: int(wall_top) - 2].max() > 40.0
    assert changed[int(wall_top) + 3 :].max() < 3.0


def test_the_nearer_of_two_obstacles_is_drawn_over_the_other() -> None:
    cone, box = cone_at(0.8), Obstacle("box", LENS_AHEAD_M + 1.4, 0.0, 0.3, 0.4, (10.0, 10.0, 250.0))
    alone, both = (seen(LEVEL, (), obstacles) for obstacles in ((cone,), (cone, box)))
    assert orange(alone)[2:] == pytest.approx(orange(both)[2:], abs=1.0)
    assert np.array_equal(both, seen(LEVEL, (), (box, cone)))


def test_walls_lean_with_the_body_as_the_floor_does() -> None:
    level, nose_down = (
        base_row(seen(LEVEL, (wall_across(1.0),), body=body), 80, 40.0) for body in (Body(), Body(0.03))
    )
    assert level - nose_down == pytest.approx(0.03 * 80.0 / math.tan(math.radians(50.0)), abs=0.7)


def test_the_same_arguments_give_the_same_walls_and_obstacles_to_the_bit() -> None:
    track = make_track("hairpin", "walls")
    cone = Obstacle("cone", *track.points_m[100].tolist())
    first, second = (draw_scene(track, CameraGeometry(84, 48), 5, obstacles=(cone,))[1] for _ in range(2))
    body = Body(0.01, -0.01, 1.5, 0.1, 1.0)
    for at_m in (0.0, 2.0, 9.0):
        pose = track.pose_at(at_m)
        assert np.array_equal(first.render(pose, 3, body), second.render(pose, 3, body))


@pytest.mark.parametrize("size", [(84, 48), (320, 240), (41, 33), (160, 80)])
def test_odd_sizes_of_picture_are_drawn_with_all_that_stands_about(size: tuple[int, int]) -> None:
    track = make_track("oval", "walls")
    pose = track.pose_at(1.0)
    cone = Obstacle("cone", pose.x_m, pose.y_m)
    for lens, fov_deg in (("rectilinear", 80.0), ("fisheye", 170.0)):
        _, renderer = draw_scene(track, CameraGeometry(*size, fov_deg=fov_deg, lens=lens), 3, obstacles=(cone,))
        image = renderer.render(track.pose_at(0.3), 0, Body(0.02, 0.02, 2.0, 0.0, 2.0))
        assert image.shape == (size[1], size[0], 3)
        assert image.std() > 5.0
