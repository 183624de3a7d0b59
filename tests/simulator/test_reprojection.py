"""Displaced views against what the renderer draws from there."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hardware.camera import CameraGeometry, Image
from hardware.drivetrain import Pose
from simulator import lens
from simulator.renderer import draw_scene
from simulator.reprojection import FURTHER_BACK_M, Displacement, Reprojection, Source
from simulator.track import make_track

RECTILINEAR = CameraGeometry()
FISHEYE = CameraGeometry(width=128, height=96, fov_deg=160.0, lens="fisheye", pitch_deg=12.0)
LENSES = pytest.mark.parametrize("geometry", [RECTILINEAR, FISHEYE], ids=["rectilinear", "fisheye"])
ASIDE_M = (-0.15, 0.0, 0.15)
TURNED_RAD = tuple(math.radians(angle_deg) for angle_deg in (-10.0, 0.0, 10.0))


def difference(one: Image, other: Image) -> float:
    """Return the mean difference in grey levels."""
    return float(np.abs(one.astype(np.float64) - other).mean())


@LENSES
def test_a_direction_is_projected_to_the_pixel_that_looks_there(geometry: CameraGeometry) -> None:
    rows = np.arange(geometry.height, dtype=np.float64)
    rays = lens.rays(lens.Mount(geometry), rows)
    seen = lens.project(geometry, *(3.0 * part.astype(np.float32) for part in (rays.forward, rays.left, rays.down)))
    assert np.abs(seen[0] - np.arange(geometry.width)).max() < 0.01
    assert np.abs(seen[1] - rows[:, None]).max() < 0.01


def test_what_is_behind_a_pinhole_is_outside_the_picture() -> None:
    behind = np.array([-1.0], np.float32), np.array([0.1], np.float32), np.array([0.1], np.float32)
    column, row = lens.project(RECTILINEAR, *behind)
    assert column[0] < -1
    assert row[0] < -1


def test_a_lens_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="no lens 'mirror'"):
        Reprojection(replace(RECTILINEAR, lens="mirror"))


@LENSES
def test_the_view_from_the_same_place_is_the_picture_itself(geometry: CameraGeometry) -> None:
    image = np.random.default_rng(0).integers(0, 256, (geometry.height, geometry.width, 3), np.uint8)
    # OpenCV looks between pixels to a thirty-second of one.
    assert difference(Reprojection(geometry).view([Source(image, Displacement())]), image) < 0.5


@LENSES
def test_displaced_views_are_what_the_renderer_draws_there(geometry: CameraGeometry) -> None:
    track = make_track("oval")
    _, renderer = draw_scene(track, geometry)
    reprojection = Reprojection(geometry)
    errors, unmoved = [], []
    for number, progress_m in enumerate(np.linspace(1.0, track.length_m, 5)):
        places = [track.pose_at(float(progress_m) - back_m) for back_m in (0.0, *FURTHER_BACK_M)]
        taken = [renderer.render(place, number + at) for at, place in enumerate(places)]
        for aside_m in ASIDE_M:
            for turned_rad in TURNED_RAD:
                stands = Displacement(0.03, aside_m, turned_rad).after(places[0])
                sources = [
                    Source(image, Displacement.between(place, stands))
                    for image, place in zip(taken, places, strict=True)
                ]
                truth = renderer.render(stands, 500)
                errors.append(difference(reprojection.view(sources), truth))
                unmoved.append(difference(taken[0], truth))
    assert np.mean(errors) < 7.0, "8 grey levels are promised"
    assert max(errors) < 14.0
    assert np.mean(errors) < 0.4 * np.mean(unmoved)


def test_a_picture_from_further_back_shows_the_floor_beside_the_car() -> None:
    track = make_track("oval")
    _, renderer = draw_scene(track, RECTILINEAR)
    places = [track.pose_at(3.0 - back_m) for back_m in (0.0, *FURTHER_BACK_M)]
    stands = Displacement(lateral_m=0.15).after(places[0])
    sources = [Source(renderer.render(place), Displacement.between(place, stands)) for place in places]
    truth = renderer.render(stands)
    reprojection = Reprojection(RECTILINEAR)
    assert difference(reprojection.view(sources), truth) < 0.8 * difference(reprojection.view(sources[:1]), truth)


def test_a_displacement_leads_from_one_pose_to_the_other() -> None:
    was, stands = Pose(1.0, 2.0, 0.5), Pose(1.2, 1.9, -3.0)
    displacement = Displacement.between(was, stands)
    again = displacement.after(was)
    assert (again.x_m, again.y_m, again.heading_rad) == pytest.approx((1.2, 1.9, -3.0))
    assert Displacement.between(Pose(0.0, 0.0, 0.0), Pose(0.3, -0.1, 0.2)) == Displacement(0.3, 0.1, 0.2)


def test_a_view_is_read_only_and_of_the_cameras_size() -> None:
    view = Reprojection(FISHEYE).view([Source(np.zeros((96, 128, 3), np.uint8), Displacement(0.0, 0.4, 1.0))])
    assert view.shape == (96, 128, 3)
    assert not view.flags.writeable
