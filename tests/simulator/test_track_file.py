"""Tracks in files: what is written is read again, and what cannot be driven is refused in a sentence."""

from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hardware.clock import VirtualClock
from hardware.errors import TrackError
from simulator.curves import curvature_per_m, smoothed, through
from simulator.expert import Expert
from simulator.track import make_track, track_names
from simulator.track_file import MAX_FILE_BYTES, open_track, read_track, write_track
from simulator.world import World

DOCS = Path(__file__).parents[2] / "docs" / "tracks.md"
PEANUT = [[0, 0], [2, 0], [4, 0.75], [6, 0], [8, 0], [9, 1], [8, 2], [6, 2], [4, 1.25], [2, 2], [0, 2], [-1, 1]]
KIDNEY = [[0, 0], [4, 0], [5, 1.5], [4, 3], [2, 2.6], [0, 3], [-1, 1.5]]


EIGHT = make_track("figure-eight").points_m[::20].tolist()
FLAT_EIGHT = [[1.5 * x, 0.8 * y] for x, y in EIGHT]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mine.json"


def put(path: Path, **content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", [*track_names(), "random-3", "random-12"])
def test_a_track_that_is_written_is_read_again(path: Path, name: str) -> None:
    track = make_track(name)
    write_track(track, path)
    again = open_track(str(path))
    assert (again.style, again.half_width_m, again.name) == (track.style, track.half_width_m, str(path))
    assert again.length_m == pytest.approx(track.length_m, abs=0.002)
    for progress_m in np.linspace(0.0, track.length_m, 50, endpoint=False):
        ours, theirs = track.pose_at(progress_m), again.pose_at(progress_m)
        assert (ours.x_m, ours.y_m) == pytest.approx((theirs.x_m, theirs.y_m), abs=0.002)


def test_a_track_that_is_there_already_is_not_written_over(path: Path) -> None:
    put(path, centre_line_m=KIDNEY)
    with pytest.raises(TrackError, match="exists already"):
        write_track(make_track("oval"), path)
    assert read_track(path).length_m < 20
    with pytest.raises(TrackError, match="cannot be written"):
        write_track(make_track("oval"), path / "below-a-file.json")


def test_what_is_written_can_be_read_however_long_it_is(tmp_path: Path, path: Path) -> None:
    rows = [(0, 0), (15, 0), (15, 3), (2, 3), (2, 6), (15, 6), (15, 9), (2, 9), (2, 12), (15, 12), (15, 15), (0, 15)]
    meander = smoothed(np.array(rows, np.float64), 0.5, 400)
    long = read_track(put(path, centre_line_m=meander.tolist(), half_width_m=0.2))
    assert long.length_m > 100.0
    write_track(long, tmp_path / "again.JSON")
    assert open_track(str(tmp_path / "again.JSON")).length_m == pytest.approx(long.length_m, abs=0.01)
    with pytest.raises(TrackError, match=r"mine\.txt\.json"):
        write_track(long, tmp_path / "mine.txt")


def test_the_curve_goes_through_its_points_from_the_first_on(path: Path) -> None:
    track = read_track(put(path, centre_line_m=KIDNEY))
    assert track.points_m[0] == pytest.approx(KIDNEY[0])
    for point in KIDNEY:
        assert np.hypot(*(track.points_m - np.array(point)).T).min() < 0.01
    assert np.abs(np.diff(track.curvature_per_m)).max() < 0.1


def test_the_expert_laps_a_track_of_ones_own(path: Path) -> None:
    world = World(read_track(put(path, centre_line_m=KIDNEY, style="tape", half_width_m=0.5)), VirtualClock())
    expert = Expert(world.track)
    for _ in range(30 * 60):
        world.camera.next_frame(timeout_ms=100)
        world.drivetrain.apply(expert.command(world.state))
    assert world.lap_count().laps >= 1
    assert world.lap_count().departures == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "list of points"),
        ({"centre_line_m": "circle"}, "list of points"),
        ({"centre_line_m": [[0, 0], [1]]}, "list of points"),
        ({"centre_line_m": [[0, 0], [1, None]]}, "list of points"),
        ({"centre_line_m": [[0, 0], [4, float("nan")], [4, 3], [0, 3]]}, "list of points"),
        ({"centre_line_m": [[0, 0], [4, 1e300], [4, 3], [0, 3]]}, "list of points"),
        ({"centre_line_m": []}, "has 0 different points"),
        ({"centre_line_m": [[0, 0], [4, 3]]}, "has 2 different points"),
        ({"centre_line_m": [[1, 1]] * 9}, "has 0 different points"),
        ({"centre_line_m": KIDNEY * 200}, "has 1400 different points"),
        ({"centre_line_m": [[0, 0], [4, 3], [4, 0], [0, 3]]}, "has a radius of"),
        ({"centre_line_m": EIGHT, "half_width_m": 0.9}, r"crosses itself near \(0.00, 0.00\), and bends there"),
        ({"centre_line_m": FLAT_EIGHT}, r"crosses itself near \(0.00, 0.00\), at an angle of 5\d°"),
        ({"centre_line_m": EIGHT, "style": "walls"}, "walls would stand across it"),
        ({"centre_line_m": [[0, 0], [1, 0], [2, 0], [3, 0]]}, "has a radius of"),
        ({"centre_line_m": [[0, 0], [0.4, 0], [0.4, 0.4], [0, 0.4]]}, "has a radius of"),
        ({"centre_line_m": PEANUT}, "apart, and the lane is 0.8 m wide"),
        ({"centre_line_m": [[0, 0], [90, 0], [90, 60], [0, 60]]}, "too large"),
        ({"centre_line_m": [[-9, -9], [9, -9], [9, 9], [-9, 9]]}, "too large"),
        ({"centre_line_m": [[0, 0], [0.003, 0], [0.003, 0.003], [0, 0.003]]}, "too small"),
        ({"centre_line_m": [[0, 0], [1e-5, 0], [1e-5, 1e-5], [0, 1e-5]]}, "too small"),
        ({"centre_line_m": KIDNEY, "style": "gravel"}, "robocars, tape"),
        ({"centre_line_m": KIDNEY, "style": ["tape"]}, "no style"),
        ({"centre_line_m": KIDNEY, "half_width_m": 0.01}, "half_width_m"),
        ({"centre_line_m": KIDNEY, "half_width_m": True}, "half_width_m"),
        ({"centre_line_m": KIDNEY, "width": 1}, "no key 'width'"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_driven_is_one_sentence(path: Path, content: dict[str, Any], words: str) -> None:
    with pytest.raises(TrackError, match=words) as refused:
        read_track(put(path, **content))
    assert str(refused.value).startswith(str(path))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no JSON"),
        (b"[1, 2]", "no track in it"),
        (b"\xff\xfe{}", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b" " * (MAX_FILE_BYTES + 1), "more than a megabyte"),
    ],
    ids=["empty", "a list", "no UTF-8", "deep", "long"],
)
def test_a_file_that_is_no_track_is_one_sentence(path: Path, data: bytes, words: str) -> None:
    path.write_bytes(data)
    with pytest.raises(TrackError, match=words):
        read_track(path)


def test_a_file_that_is_not_there_or_a_folder_is_one_sentence(path: Path) -> None:
    with pytest.raises(TrackError, match="no track file"):
        open_track(str(path))
    os.mkfifo(path)
    with pytest.raises(TrackError, match="is no file"):
        open_track(str(path))
    path.unlink()
    path.mkdir()
    with pytest.raises(TrackError, match="is no file"):
        open_track(str(path))


@given(st.lists(st.tuples(*[st.floats(-9, 9)] * 2), min_size=3, max_size=12), st.sampled_from([1.0, 1.0, 0.01, 1e-4]))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_points_are_a_track_that_can_be_driven_or_refused(
    path: Path, points: list[tuple[float, float]], scale: float
) -> None:
    put(path, centre_line_m=[[scale * x, scale * y] for x, y in points])
    try:
        track = read_track(path)
    except TrackError:
        return
    assert np.isfinite(track.points_m).all()
    assert np.abs(track.curvature_per_m).max() * track.half_width_m < 1.0
    assert all(math.degrees(crossing.angle_rad) >= 60.0 for crossing in track.crossings)
    assert track.project(track.pose_at(1.0, 0.1)).lateral_m == pytest.approx(0.1, abs=0.02)


def test_a_lane_may_cross_itself_as_roads_do(path: Path) -> None:
    track = read_track(put(path, centre_line_m=EIGHT))
    [crossing] = track.crossings
    assert math.degrees(crossing.angle_rad) == pytest.approx(90.0, abs=1.0)
    assert crossing.place_m == pytest.approx((0.0, 0.0), abs=0.01)


def test_a_circle_of_points_becomes_a_circle() -> None:
    angle = np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)
    circle = through(2.0 * np.column_stack([np.cos(angle), np.sin(angle)]))
    assert np.hypot(*circle.T) == pytest.approx(np.full(len(circle), 2.0), abs=0.003)
    assert curvature_per_m(circle) == pytest.approx(np.full(len(circle), 0.5), abs=0.02)


def test_the_example_in_the_docs_is_a_track(path: Path) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    path.write_text(example, encoding="utf-8")
    assert read_track(path).style == "tape"
