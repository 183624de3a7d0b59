"""The map of a track is small, lies where the track does, and does not depend on a file that was there once."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from car.assembly.track_map import MAX_POINTS, TrackMaps, as_map
from car.config.sections import CarConfig
from simulator.track import make_track, track_names
from simulator.track_file import open_track, write_track


@pytest.mark.parametrize("name", track_names())
def test_each_point_of_a_map_is_on_the_centre_line_and_none_is_far_from_the_next(name: str) -> None:
    track = make_track(name)
    points = as_map(track)["centre_line_m"]
    # By the distance from its points: where a track crosses itself, the nearest one may be on the other way.
    nearest_m = [np.hypot(*(track.points_m - point).T).min() for point in points]
    assert max(nearest_m) < 0.5 * track.step_m + 0.005
    gaps_m = np.hypot(*np.diff([*points, points[0]], axis=0).T)
    assert gaps_m.max() < max(0.12, 1.05 * track.length_m / MAX_POINTS)


def test_a_long_track_has_a_small_map(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    corners = [[8.5 * math.cos(angle), 8.5 * math.sin(angle)] for angle in np.linspace(0.0, math.tau, 900)[:-1]]
    path.write_text(json.dumps({"centre_line_m": corners}), encoding="utf-8")
    drawn = as_map(open_track(str(path)))
    assert len(drawn["centre_line_m"]) == MAX_POINTS
    assert len(json.dumps(drawn)) < 10_000


def test_the_map_is_of_the_track_that_the_car_is_on() -> None:
    name = "oval"
    maps = TrackMaps(CarConfig(), lambda: name)
    oval, name = maps(), "bean"
    bean = maps()
    assert oval is not None
    assert bean is not None
    assert (oval["name"], bean["name"]) == ("oval", "bean")
    assert oval["centre_line_m"] != bean["centre_line_m"]


def test_a_cars_own_track_has_a_map_when_its_file_is_gone_and_another_file_that_is_gone_has_none(
    tmp_path: Path,
) -> None:
    own, other = tmp_path / "own.json", tmp_path / "other.json"
    write_track(make_track("oval"), own)
    config = CarConfig.model_validate({"simulator": {"track": str(own)}})
    name = str(own)
    maps = TrackMaps(config, lambda: name)
    own.unlink()
    found = maps()
    assert found is not None
    assert found["name"] == str(own)
    name = str(other)
    assert maps() is None
    name = ""
    assert maps() is None
