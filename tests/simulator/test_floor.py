from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.drivetrain import Pose
from simulator.appearance import Appearance, nominal, varied
from simulator.floor import Floor, draw_floor
from simulator.markings import EDGE_WIDTHS_M, crossing_line
from simulator.track import Track, make_track

OVAL = make_track("oval")
CHICANE = make_track("chicane")
OVAL_OF: dict[str, Track] = {"walls": make_track("oval", "walls"), "tape": make_track("oval", "tape")}


@pytest.fixture(scope="module")
def floors() -> dict[str, Floor]:
    return {track.name: draw_floor(track) for track in (OVAL, CHICANE)}


def colour_at(floor: Floor, track: Track, progress_m: float, lateral_m: float) -> NDArray[np.float64]:
    pose = track.pose_at(progress_m, lateral_m)
    column, row = np.round(floor.to_pixels(np.array([[pose.x_m, pose.y_m]]))[0]).astype(int)
    return np.asarray(floor.image[row - 1 : row + 2, column - 1 : column + 2].mean(axis=(0, 1)))


@pytest.mark.parametrize("track", [OVAL, CHICANE], ids=lambda track: track.name)
def test_lines_lie_at_the_edges_of_the_lane_and_nowhere_else(floors: dict[str, Floor], track: Track) -> None:
    floor, tape_m = floors[track.name], EDGE_WIDTHS_M[track.style]
    for progress_m in np.linspace(0.0, track.length_m, 40):
        for side in (-1.0, 1.0):
            on_line, inside, outside = (
                colour_at(floor, track, progress_m, side * (track.half_width_m + off_m)).min()
                for off_m in (0.0, -0.5 * tape_m - 0.02, 0.5 * tape_m + 0.02)
            )
            assert on_line > max(inside, outside) + 50.0


def test_the_dashes_are_yellow_and_alternate_with_floor(floors: dict[str, Floor]) -> None:
    colours = [colour_at(floors["oval"], OVAL, progress_m, 0.0) for progress_m in np.arange(0.0, OVAL.length_m, 0.02)]
    yellow = np.array([red > blue + 60.0 for red, _, blue in colours])
    assert 0.4 < yellow.mean() < 0.6
    starts = np.flatnonzero(yellow & ~np.roll(yellow, 1))
    assert np.diff(starts) * 0.02 == pytest.approx(np.full(len(starts) - 1, 0.5), abs=0.06)


def test_a_tape_lane_has_no_centre_line(floors: dict[str, Floor]) -> None:
    brightness = [
        colour_at(floors["chicane"], CHICANE, at_m, 0.0).min() for at_m in np.arange(0.0, CHICANE.length_m, 0.02)
    ]
    assert max(brightness) < 130.0


def test_the_same_seed_draws_the_same_floor_and_another_one_another(floors: dict[str, Floor]) -> None:
    assert np.array_equal(draw_floor(OVAL).image, floors["oval"].image)
    assert not np.array_equal(draw_floor(OVAL, varied("robocars", 1)).image, floors["oval"].image)


def test_seed_0_is_nominal_and_others_vary_camera_and_colours() -> None:
    assert varied("tape", 0) == nominal("tape")
    looks = [varied("tape", seed) for seed in range(1, 20)]
    assert {look.material for look in looks} == {"wood", "carpet", "concrete", "tile"}
    for varies in ("pitch_error_deg", "gain", "line", "floor"):
        assert len({getattr(look, varies) for look in looks}) == len(looks)


def test_pictures_show_the_path_where_it_was_driven(floors: dict[str, Floor]) -> None:
    poses = [OVAL.pose_at(at_m, 0.2) for at_m in np.arange(0.0, 3.0, 0.05)]
    picture = floors["oval"].picture(poses, shrink=4)
    height, width = floors["oval"].image.shape[:2]
    assert picture.shape == (height // 4, width // 4, 3)
    rows, columns = np.nonzero((picture[:, :, 0] > 200) & (picture[:, :, 2] < 90) & (picture[:, :, 1] < 90))
    seen = [
        _progress(floors["oval"], column * 4 + 1.5, row * 4 + 1.5) for row, column in zip(rows, columns, strict=True)
    ]
    assert np.median([lateral_m for _, lateral_m in seen]) == pytest.approx(0.2, abs=0.01)
    assert max(progress_m for progress_m, _ in seen if progress_m < 5.0) == pytest.approx(2.95, abs=0.05)


def _progress(floor: Floor, column: float, row: float) -> tuple[float, float]:
    x_m = floor.left_m + (column + 0.5) * floor.metres_per_pixel
    y_m = floor.top_m - (row + 0.5) * floor.metres_per_pixel
    seen = OVAL.project(Pose(x_m, y_m, 0.0))
    return seen.progress_m, seen.lateral_m


def test_the_floor_cannot_be_painted_over(floors: dict[str, Floor]) -> None:
    with pytest.raises(ValueError, match="read-only"):
        floors["oval"].image[0, 0] = 0


def test_appearances_of_all_materials_can_be_drawn() -> None:
    for material in ("concrete", "wood", "carpet"):
        floor = draw_floor(OVAL, Appearance(material, floor=(90.0, 90.0, 90.0), line=(220.0, 220.0, 220.0)))
        assert floor.image.mean() == pytest.approx(94.0, abs=6.0)


def test_where_a_lane_crosses_itself_no_line_lies_across_either_way() -> None:
    track = make_track("figure-eight")
    [crossing] = track.crossings
    floor = draw_floor(track)
    for way_m in crossing.ways_m:
        for lateral_m in (-0.3, 0.0, 0.3):
            over = [colour_at(floor, track, way_m + ahead_m, lateral_m) for ahead_m in np.arange(-0.42, 0.43, 0.01)]
            assert max(colour.max() for colour in over) < 150.0
        # Beside the crossing the lines are there.
        for side in (-1.0, 1.0):
            edge = colour_at(floor, track, way_m + 0.6, side * track.half_width_m)
            assert edge.min() > 170.0


def test_one_line_runs_along_the_middle_over_the_crossing_too() -> None:
    track = make_track("figure-eight", "line")
    floor = draw_floor(track)
    for progress_m in np.arange(0.0, track.length_m, 0.05):
        assert colour_at(floor, track, progress_m, 0.0).max() < 70.0
    assert colour_at(floor, track, 3.0, 0.3).max() > 80.0


@pytest.mark.parametrize(("ground", "is_light"), [((40.0, 42.0, 46.0), True), ((200.0, 198.0, 190.0), False)])
def test_a_line_is_dark_or_light_against_its_floor(ground: tuple[float, float, float], is_light: bool) -> None:
    track = make_track("oval", "line")
    floor = draw_floor(track, replace(nominal("line"), floor=ground))
    line, beside = colour_at(floor, track, 2.0, 0.0).mean(), colour_at(floor, track, 2.0, 0.3).mean()
    assert (line - beside > 50.0) if is_light else (beside - line > 50.0)


def test_a_road_is_dark_and_ends_at_its_edges() -> None:
    track = make_track("figure-eight", "road")
    floor = draw_floor(track)
    for progress_m in np.arange(0.0, track.length_m, 0.1):
        red, green, _ = colour_at(floor, track, progress_m, 0.2)
        assert abs(red - green) < 15.0
    red, green, _ = colour_at(floor, track, 1.5, -0.6)
    assert green > red + 15.0


def test_between_walls_no_line_is_painted() -> None:
    walled, lined = (draw_floor(OVAL_OF[style], nominal("walls")) for style in ("walls", "tape"))
    around = np.arange(0.0, OVAL.length_m, 0.1)
    bare, line, beside = (
        np.mean([colour_at(floor, OVAL, progress_m, lateral_m).mean() for progress_m in around])
        for floor, lateral_m in ((walled, 0.4), (lined, 0.4), (lined, 0.2))
    )
    assert line > beside + 30.0
    assert bare < beside + 5.0


def test_a_crossing_line_lies_across_the_lane_and_changes_nothing_else() -> None:
    mark = crossing_line(CHICANE, progress_m=3.0, width_m=0.1, colour=(200.0, 30.0, 30.0))
    plain, marked = draw_floor(CHICANE), draw_floor(CHICANE, marks=[mark])
    for lateral_m in (-0.7, -0.2, 0.0, 0.2, 0.7):
        red, green, _ = colour_at(marked, CHICANE, 3.0, lateral_m)
        assert red > green + 80.0
    changed = (plain.image != marked.image).any(axis=2).sum() * 0.005**2
    assert changed == pytest.approx(0.1 * 2.0 * (CHICANE.half_width_m + 0.5), rel=0.2)
