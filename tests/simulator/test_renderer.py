from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.camera import CameraGeometry, Image
from hardware.drivetrain import Pose
from simulator.appearance import LIGHTS, Appearance, nominal, varied
from simulator.body import Body
from simulator.floor import Floor, draw_floor
from simulator.lens import LENS_AHEAD_M
from simulator.renderer import Renderer, draw_scene
from simulator.track import make_track

OVAL = make_track("oval")
GEOMETRY = CameraGeometry()
FISHEYE = CameraGeometry(fov_deg=150.0, lens="fisheye")
QUIET = replace(nominal("robocars"), noise=0.0, vignette=0.0)
UNLIT_ROOM = replace(QUIET, gain=(0.0, 0.0, 0.0))


@pytest.fixture(scope="module")
def floor() -> Floor:
    return draw_floor(OVAL)


@pytest.fixture(scope="module")
def renderer(floor: Floor) -> Renderer:
    return Renderer(GEOMETRY, floor, nominal("robocars"))


def dotted_floor(x_m: float, y_m: float) -> Floor:
    """A black floor, 8 m × 8 m, with one white square of 4 cm around a place that is a whole number of pixels."""
    floor = Floor(np.zeros((1600, 1600, 3), np.uint8), left_m=-4.0, top_m=4.0)
    column, row = np.round(floor.to_pixels(np.array([[x_m, y_m]]))[0]).astype(int)
    floor.image[row - 4 : row + 5, column - 4 : column + 5] = 255
    return floor


def expected_pixel(geometry: CameraGeometry, pose: Pose, x_m: float, y_m: float) -> tuple[float, float]:
    """Project a point of the floor with plain trigonometry: through the pitched axis, then the lens."""
    dx_m, dy_m = x_m - pose.x_m, y_m - pose.y_m
    ahead_m = math.cos(pose.heading_rad) * dx_m + math.sin(pose.heading_rad) * dy_m - LENS_AHEAD_M
    right_m = math.sin(pose.heading_rad) * dx_m - math.cos(pose.heading_rad) * dy_m
    down_m, pitch_rad = geometry.mount_height_m, math.radians(geometry.pitch_deg)
    depth_m = ahead_m * math.cos(pitch_rad) + down_m * math.sin(pitch_rad)
    below_m = down_m * math.cos(pitch_rad) - ahead_m * math.sin(pitch_rad)
    off_axis_rad = math.atan2(math.hypot(right_m, below_m), depth_m)
    half_fov_rad = math.radians(geometry.fov_deg / 2.0)
    if geometry.lens == "fisheye":
        radius = geometry.width / 2.0 * off_axis_rad / half_fov_rad
    else:
        radius = geometry.width / 2.0 * math.tan(off_axis_rad) / math.tan(half_fov_rad)
    around_rad = math.atan2(below_m, right_m)
    return (
        geometry.width / 2.0 - 0.5 + radius * math.cos(around_rad),
        geometry.height / 2.0 - 0.5 + radius * math.sin(around_rad),
    )


def centroid(weight: NDArray[np.float64]) -> tuple[float, float]:
    rows, columns = np.indices(weight.shape)
    return float((weight * columns).sum() / weight.sum()), float((weight * rows).sum() / weight.sum())


def yellow_column(image: Image) -> float:
    """Column of the middle of the yellow dashes, weighted by how yellow they are, in the lower half."""
    colours = image[60:].astype(np.float64)
    return centroid(np.clip(colours[:, :, 0] - colours[:, :, 2] - 40.0, 0.0, None))[0]


@pytest.mark.parametrize("geometry", [GEOMETRY, FISHEYE, CameraGeometry(320, 240, 62.0, 0.2, 30.0)])
@pytest.mark.parametrize(("ahead_m", "right_m"), [(0.5, 0.0), (0.6, 0.25), (1.0, -0.5)])
@pytest.mark.parametrize("heading_rad", [0.0, 2.0, -1.2])
def test_a_point_on_the_floor_is_seen_where_the_lens_puts_it(
    geometry: CameraGeometry, ahead_m: float, right_m: float, heading_rad: float
) -> None:
    pose = Pose(0.3, -0.7, heading_rad)
    x_m = pose.x_m + ahead_m * math.cos(heading_rad) + right_m * math.sin(heading_rad)
    y_m = pose.y_m + ahead_m * math.sin(heading_rad) - right_m * math.cos(heading_rad)
    x_m, y_m = (round(at_m / 0.005 - 0.5) * 0.005 + 0.0025 for at_m in (x_m, y_m))
    image = Renderer(geometry, dotted_floor(x_m, y_m), UNLIT_ROOM).render(pose).astype(np.float64)[:, :, 1]
    column, row = expected_pixel(geometry, pose, x_m, y_m)
    around = image[max(round(row) - 12, 0) : round(row) + 13, max(round(column) - 12, 0) : round(column) + 13]
    assert around.max() > 30.0
    seen_column, seen_row = centroid(np.where(around > 8.0, around, 0.0))
    assert seen_column + max(round(column) - 12, 0) == pytest.approx(column, abs=0.4)
    assert seen_row + max(round(row) - 12, 0) == pytest.approx(row, abs=0.4)


@pytest.mark.parametrize("progress_m", [0.3, 3.4, 7.5, 11.2])
def test_right_of_the_middle_of_the_lane_its_middle_is_seen_on_the_left(renderer: Renderer, progress_m: float) -> None:
    left, middle, right = (yellow_column(renderer.render(OVAL.pose_at(progress_m, at_m))) for at_m in (-0.1, 0.0, 0.1))
    assert right < middle - 5.0
    assert left > middle + 5.0


@pytest.mark.parametrize("progress_m", [0.3, 3.4, 7.5, 11.2])
def test_when_the_car_turns_right_the_picture_moves_left(renderer: Renderer, progress_m: float) -> None:
    straight, turned = (renderer.render(OVAL.pose_at(progress_m, 0.0, turn_rad)) for turn_rad in (0.0, 0.1))
    assert yellow_column(turned) < yellow_column(straight) - 3.0
    # On the horizon in the middle of a 100° pinhole camera of 160 pixels, 0.1 rad are 0.1 · 80 / tan 50° / cos 20°.
    assert _room_shift(straight, turned) == pytest.approx(-7.1, abs=1.0)


def _room_shift(before: Image, after: Image) -> float:
    first, second = (image[22:34, 55:105].mean(axis=(0, 2)) for image in (before, after))
    shifts = range(-12, 13)
    differences = [np.abs(np.roll(first, shift)[12:-12] - second[12:-12]).mean() for shift in shifts]
    return float(shifts[int(np.argmin(differences))])


def test_above_the_horizon_there_is_no_floor() -> None:
    white = Floor(np.full((640, 640, 3), 255, np.uint8), left_m=-1.6, top_m=1.6)
    image = Renderer(GEOMETRY, white, UNLIT_ROOM).render(Pose(0.0, 0.0, 0.0))
    horizon = 60 - 80 / math.tan(math.radians(50.0)) * math.tan(math.radians(20.0))
    assert image[: math.floor(horizon)].max() == 0
    assert image[math.ceil(horizon) + 3 :].min() == 255


def test_a_frame_is_rgb_of_the_size_asked_for_and_cannot_be_written_to(renderer: Renderer) -> None:
    image = renderer.render(OVAL.pose_at(0.0))
    assert image.shape == (120, 160, 3)
    assert image.dtype == np.uint8
    assert not image.flags.writeable
    assert (image[:, :, 0] > image[:, :, 2] + 80).sum() > 300  # the dashes are yellow, so red comes first


def test_the_same_pose_and_number_give_the_same_frame_and_only_the_noise_changes(renderer: Renderer) -> None:
    pose = OVAL.pose_at(1.0)
    first, again, next_one = (renderer.render(pose, number) for number in (7, 7, 8))
    assert np.array_equal(first, again)
    difference = first.astype(np.float64) - next_one
    assert difference.std() == pytest.approx(2.0 * math.sqrt(2.0), rel=0.15)
    assert abs(difference.mean()) < 0.1


def test_the_corners_are_darker_by_the_vignette(floor: Floor) -> None:
    pose = OVAL.pose_at(1.0)
    flat, dark = (
        Renderer(GEOMETRY, floor, replace(QUIET, vignette=loss)).render(pose).astype(np.float64) for loss in (0.0, 0.4)
    )
    assert (dark[-4:, :4] / flat[-4:, :4]).mean() == pytest.approx(0.6, abs=0.03)
    assert (dark[58:62, 78:82] / flat[58:62, 78:82]).mean() == pytest.approx(1.0, abs=0.02)


def test_a_camera_that_looks_further_down_sees_the_horizon_higher_up(floor: Floor) -> None:
    white = Floor(np.full((640, 640, 3), 255, np.uint8), left_m=-1.6, top_m=1.6)
    rows = [
        int(
            (
                Renderer(GEOMETRY, white, replace(UNLIT_ROOM, pitch_error_deg=error_deg)).render(Pose(0, 0, 0))[
                    :, 80, 0
                ]
                > 127
            ).argmax()
        )
        for error_deg in (-2.0, 0.0, 2.0)
    ]
    assert rows[0] - rows[1] == pytest.approx(2.6, abs=1.1)
    assert rows[1] - rows[2] == pytest.approx(2.6, abs=1.1)


def test_a_camera_turned_clockwise_sees_the_horizon_rise_to_the_right() -> None:
    white = Floor(np.full((640, 640, 3), 255, np.uint8), left_m=-1.6, top_m=1.6)
    look = replace(UNLIT_ROOM, roll_error_deg=4.0)
    image = Renderer(CameraGeometry(pitch_deg=0.0), white, look).render(Pose(0.0, 0.0, 0.0))[:, :, 1] > 127
    left, right = (float(image[:, column].argmax()) for column in (20, 140))
    # Turned clockwise, the camera sees the world turned the other way: the floor begins higher up on the right.
    assert left - right == pytest.approx(120.0 * math.tan(math.radians(4.0)), abs=1.5)


def test_a_camera_further_left_sees_everything_further_right() -> None:
    floor = dotted_floor(0.6025, 0.0025)
    looks = [replace(UNLIT_ROOM, lateral_error_m=left_m) for left_m in (0.0, 0.05)]
    images = [Renderer(GEOMETRY, floor, look).render(Pose(0, 0, 0))[:, :, 1] for look in looks]
    columns = [centroid(image.astype(np.float64))[0] for image in images]
    expected = [expected_pixel(GEOMETRY, Pose(0.0, left_m, 0.0), 0.6025, 0.0025)[0] for left_m in (0.0, 0.05)]
    assert columns == pytest.approx(expected, abs=0.5)


@pytest.mark.parametrize("geometry", [GEOMETRY, FISHEYE])
def test_a_body_that_leans_is_drawn_like_a_camera_that_is_turned(geometry: CameraGeometry, floor: Floor) -> None:
    pose = OVAL.pose_at(2.0)
    as_body = Renderer(geometry, floor, QUIET).render(pose, 0, Body(pitch_rad=math.radians(1.5)))
    as_camera = Renderer(geometry, floor, replace(QUIET, pitch_error_deg=1.5)).render(pose)
    level = Renderer(geometry, floor, QUIET).render(pose)
    off, moved = (np.abs(as_body.astype(float) - other).mean() for other in (as_camera, level))
    assert off < 0.25 * moved
    assert off < 1.5


def test_a_body_that_leans_to_the_right_sees_the_floor_rise_to_the_right() -> None:
    white = Floor(np.full((640, 640, 3), 255, np.uint8), left_m=-1.6, top_m=1.6)
    renderer = Renderer(CameraGeometry(pitch_deg=0.0), white, UNLIT_ROOM)
    image = renderer.render(Pose(0.0, 0.0, 0.0), 0, Body(roll_rad=0.03))[:, :, 1] > 127
    assert float(image[:, 20].argmax()) - float(image[:, 140].argmax()) == pytest.approx(120.0 * 0.03, abs=1.5)


def sharpness(image: Image, rows: slice) -> float:
    return float(np.abs(np.diff(image[rows].astype(float), axis=0)).mean())


def test_motion_blurs_what_is_near_the_more_the_faster_the_car_is(floor: Floor) -> None:
    renderer = Renderer(GEOMETRY, floor, replace(QUIET, exposure_ms=16.0, material="carpet"))
    pose = OVAL.pose_at(1.0)
    still, *moving = (renderer.render(pose, 0, Body(forward_m_s=speed_m_s)) for speed_m_s in (0.0, 0.7, 1.5, 3.0))
    assert np.array_equal(still, renderer.render(pose))
    near = [sharpness(image, slice(80, 118)) for image in (still, *moving)]
    assert near[0] > near[1] > near[2] > near[3]
    far = [np.abs(image[:36].astype(float) - still[:36]).mean() for image in moving]
    assert max(far) == 0.0


def test_turning_blurs_sideways_and_a_short_exposure_less(floor: Floor) -> None:
    def streaks(exposure_ms: float, yaw_rate_rad_s: float) -> float:
        renderer = Renderer(GEOMETRY, floor, replace(QUIET, exposure_ms=exposure_ms))
        image = renderer.render(OVAL.pose_at(1.0), 0, Body(yaw_rate_rad_s=yaw_rate_rad_s))
        return float(np.abs(np.diff(image.astype(float), axis=1)).mean())

    assert streaks(20.0, 0.0) > streaks(20.0, 2.0) > streaks(20.0, 4.0)
    assert streaks(5.0, 4.0) > streaks(20.0, 4.0)


def test_every_light_and_every_floor_looks_different() -> None:
    pose = OVAL.pose_at(0.3 * OVAL.length_m - 1.0)
    bright = replace(QUIET, gloss=0.3)
    looks = [replace(bright, light=light) for light in LIGHTS.values()]
    looks += [replace(bright, material=material) for material in ("wood", "carpet", "tarmac", "tile")]
    looks += [replace(bright, room="hall"), replace(bright, wear=0.5), replace(bright, dirt=40.0)]
    images = [draw_scene(OVAL, GEOMETRY, appearance=look)[1].render(pose).astype(float) for look in looks]
    for number, image in enumerate(images):
        for other in images[:number]:
            assert np.abs(image - other).mean() > 0.4


def test_a_lamp_makes_a_pool_of_light_and_a_shadow_has_an_edge() -> None:
    lamp, shadow = (
        draw_scene(OVAL, GEOMETRY, appearance=replace(QUIET, light=LIGHTS[name]))[0] for name in ("lamp", "shadow")
    )
    at = np.array(
        [[OVAL.pose_at(share * OVAL.length_m).x_m, OVAL.pose_at(share * OVAL.length_m).y_m] for share in (0.3, 0.8)]
    )
    near, far = lamp.light_at(at)
    assert near > 1.7 * far
    along = np.array([[pose.x_m, pose.y_m] for pose in map(OVAL.pose_at, np.arange(0.0, OVAL.length_m, 0.02))])
    assert shadow.light_at(along).min() < 0.6 < 0.85 < shadow.light_at(along).max()


def shimmer(geometry: CameraGeometry, floor: Floor, appearance: Appearance) -> float:
    """Grey levels by which pixels of the far floor change in 4 mm of driving beyond what an ideal camera would show.

    The ideal is a picture of 64 times as many pixels, averaged.
    """
    fine = replace(geometry, width=8 * geometry.width, height=8 * geometry.height)
    ours, ideal = Renderer(geometry, floor, appearance), Renderer(fine, floor, appearance)
    errors = []
    for millimetres in range(1000, 1044, 4):
        pose = OVAL.pose_at(millimetres / 1000.0)
        reference = cv2.resize(ideal.render(pose), (geometry.width, geometry.height), interpolation=cv2.INTER_AREA)
        errors.append(ours.render(pose)[40:60].astype(np.float64) - reference[40:60])
    return float(np.abs(np.diff(errors, axis=0)).mean())


@pytest.mark.parametrize("geometry", [GEOMETRY, FISHEYE], ids=lambda geometry: geometry.lens)
def test_distant_lines_do_not_shimmer(floor: Floor, geometry: CameraGeometry) -> None:
    figure = shimmer(geometry, floor, QUIET)
    print(f"shimmer {figure:.2f} grey levels per 4 mm")
    assert figure < 0.6


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_seeds_look_different_but_the_lane_stays_where_it_is(renderer: Renderer, seed: int) -> None:
    pose = OVAL.pose_at(0.3)
    look = varied("robocars", seed)
    other = Renderer(GEOMETRY, draw_floor(OVAL, look), look).render(pose)
    assert np.abs(other.astype(np.float64) - renderer.render(pose)).mean() > 5.0
    assert yellow_column(other) == pytest.approx(yellow_column(renderer.render(pose)), abs=6.0)


def test_what_cannot_be_rendered_is_refused(floor: Floor) -> None:
    with pytest.raises(ValueError, match='"rectilinear" or "fisheye"'):
        Renderer(CameraGeometry(lens="mirror"), floor, QUIET)
    with pytest.raises(ValueError, match="sees no floor"):
        Renderer(CameraGeometry(pitch_deg=-60.0), floor, QUIET)
