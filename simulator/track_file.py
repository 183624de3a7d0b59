"""Tracks of one's own: a JSON file with points of a centre line, read and written.

::

    {"style": "tape", "half_width_m": 0.4, "centre_line_m": [[0, 0], [3, 0.2], [3.1, 2.4], [0.1, 2.5]]}

A smooth closed curve goes through the points, in their order, which is the direction of travel; the car starts at the
first. ``style`` and ``half_width_m`` may be left out.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from pathlib import Path
from typing import Any, get_args

import numpy as np

from hardware.errors import TrackError
from simulator import curves
from simulator.curves import Crossing, Points
from simulator.track import LANE_HALF_WIDTH_M, Style, Track, make_track

SUFFIX = ".json"
KEYS = ("centre_line_m", "style", "half_width_m")
MAX_FILE_BYTES = 1_000_000
MIN_POINTS, MAX_POINTS = 4, 1000
MIN_LENGTH_M, MAX_LENGTH_M = 1.0, 150.0
MAX_SIDE_M = 18.0
"""The floor is drawn at 5 mm a pixel: a larger one would take more memory than a Raspberry Pi has."""
MIN_HALF_WIDTH_M, MAX_HALF_WIDTH_M = 0.2, 1.2
TAPE_M = 0.08
"""What the lines at a lane's edges need at most."""
MIN_CROSSING_DEG = 60.0
MAX_CROSSING_BEND_DEG = 20.0
"""How far a way may turn between a crossing and where the two lanes are clear of each other."""

_WRITTEN_EVERY_M = 0.1


def open_track(name: str) -> Track:
    """Return the track called ``name``, or the one in the file ``name``, which ends in ``.json``.

    >>> write_track(open_track("oval"), folder / "mine.json")
    >>> mine = open_track(str(folder / "mine.json"))
    >>> round(mine.length_m, 1), round(open_track("oval").length_m, 1)
    (15.1, 15.1)

    Raises TrackError where there is neither, or what is there cannot be driven.
    """
    return read_track(Path(name)) if is_file_name(name) else make_track(name)


def is_file_name(name: str) -> bool:
    """Tell whether a track's name means a file."""
    return name.lower().endswith(SUFFIX)


def read_track(path: Path) -> Track:
    """Read the track in the file at ``path``, by which it is called; raises TrackError with what is wrong with it."""
    return track_of(_content(path), str(path))


def track_of(content: Any, name: str) -> Track:
    """Return the track that a file's JSON describes, called ``name``.

    >>> corners_m = [[0, 0], [4, 0], [4, 3], [0, 3]]
    >>> track_of({"style": "tape", "centre_line_m": corners_m}, "mine").style
    'tape'

    Raises TrackError, which begins with the name, where it cannot be driven.
    """
    if not isinstance(content, dict):
        raise TrackError(f"{name} has no track in it. Write it as docs/tracks.md says.")
    unknown = sorted(set(content) - set(KEYS))
    if unknown:
        raise TrackError(f"{name}: there is no key {unknown[0]!r}. Use {', '.join(KEYS)}.")
    style = content.get("style", get_args(Style)[0])
    if style not in get_args(Style):
        raise TrackError(f"{name}: there is no style {style!r}. Use one of {', '.join(get_args(Style))}.")
    half_width_m = content.get("half_width_m", LANE_HALF_WIDTH_M)
    if not (_is_number(half_width_m) and MIN_HALF_WIDTH_M <= half_width_m <= MAX_HALF_WIDTH_M):
        raise TrackError(f"{name}: half_width_m must be a number from {MIN_HALF_WIDTH_M:g} to {MAX_HALF_WIDTH_M:g}.")
    return Track(name, _curve(name, content.get("centre_line_m"), half_width_m), style, half_width_m)


def content_of(track: Track) -> dict[str, Any]:
    """Return ``track`` as a file's JSON describes it."""
    count = min(max(round(track.length_m / _WRITTEN_EVERY_M), MIN_POINTS), MAX_POINTS)
    points = [[round(x_m, 5), round(y_m, 5)] for x_m, y_m in curves.resample(track.points_m, count).tolist()]
    return {"style": track.style, "half_width_m": track.half_width_m, "centre_line_m": points}


def write_track(track: Track, path: Path) -> None:
    """Write ``track`` to a file that ``read_track`` reads; raises TrackError when it is there already or cannot be."""
    if not is_file_name(path.name):
        raise TrackError(f"{path} has no ending of a track. Call it {path.name}{SUFFIX}.")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(content_of(track)) + os.linesep)
    except FileExistsError as error:
        raise TrackError(f"{path} exists already. Choose another name.") from error
    except OSError as error:
        # A full disk leaves half a file, which would be in the way of the next try.
        with contextlib.suppress(OSError):
            path.unlink()
        raise TrackError(f"{path} cannot be written ({error.strerror}). Choose another folder.") from error


def _content(path: Path) -> Any:
    data = read_small(path, "track file", "Leave out most of its points.")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise TrackError(f"{path} is no JSON. Export it again, or write it as docs/tracks.md says.") from error


def read_small(path: Path, kind: str, how_to_shrink: str) -> bytes:
    """Return what is in the ``kind`` of file at ``path``; raises TrackError where it cannot be read or is too large."""
    try:
        if path.exists() and not path.is_file():
            raise TrackError(f"{path} is no file. Check its name.")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except TrackError:
        raise
    except FileNotFoundError as error:
        raise TrackError(f"There is no {kind} {path}. Check its name.") from error
    except OSError as error:
        raise TrackError(f"{path} cannot be read ({error.strerror}). Check who may read it.") from error
    if len(data) > MAX_FILE_BYTES:
        raise TrackError(f"{path} has more than a megabyte. {how_to_shrink}")
    return data


def _curve(name: str, listed: Any, half_width_m: float) -> Points:
    if not (isinstance(listed, list) and all(map(_is_point, listed))):
        raise TrackError(f"{name}: centre_line_m must be a list of points, [x, y] in metres, each a number.")
    points_m = _without_repeats(np.array(listed, np.float64).reshape(-1, 2))
    if not MIN_POINTS <= len(points_m) <= MAX_POINTS:
        raise TrackError(
            f"{name}: centre_line_m has {len(points_m)} different points. Give {MIN_POINTS} to {MAX_POINTS}."
        )
    _check_size(name, points_m)
    curve = curves.through(points_m)
    # Between its points it swings out further than they do.
    _check_size(name, curve)
    _check(name, curve, half_width_m)
    return curve


def _check_size(name: str, points_m: Points) -> None:
    length_m = curves.length_m(points_m)
    if length_m < MIN_LENGTH_M:
        raise TrackError(f"{name}: the track is {length_m:.3g} m round, and too small. Are its points in metres?")
    if np.ptp(points_m, axis=0).max() > MAX_SIDE_M or length_m > MAX_LENGTH_M:
        raise TrackError(
            f"{name}: the track is too large. It may be {MAX_SIDE_M:g} m long and wide, and {MAX_LENGTH_M:g} m round."
        )


def _check(name: str, curve: Points, half_width_m: float) -> None:
    """Raise TrackError where a lane of this width cannot be taped along the curve."""
    crossings = curves.crossings(curve)
    reach_m = max((_check_crossing(name, curve, crossing, half_width_m) for crossing in crossings), default=0.0)
    least_radius_m = half_width_m + 0.5 * TAPE_M
    bend = np.abs(curves.curvature_per_m(curve))
    if not bend.max() * least_radius_m <= 1.0:
        place = _place(curve[int(bend.argmax())])
        raise TrackError(
            f"{name}: the bend near {place} has a radius of {1.0 / bend.max():.2f} m. "
            f"A lane of this width needs {least_radius_m:g} m: draw it wider."
        )
    distance_m, where = curves.nearest_parts(curve, math.pi * least_radius_m, crossings, reach_m)
    if distance_m < 2.0 * half_width_m + TAPE_M:
        raise TrackError(
            f"{name}: near {_place(where)} two parts of the track are {distance_m:.2f} m apart, "
            f"and the lane is {2.0 * half_width_m:g} m wide. Move its points apart."
        )


def _check_crossing(name: str, curve: Points, crossing: Crossing, half_width_m: float) -> float:
    """Return how far around a crossing the two ways are nearer than a lane's width; raises TrackError.

    Two lanes may cross as roads do, straight and steeply, so that it is plain where each goes on.
    """
    where = f"{name}: the track crosses itself near {_place(crossing.place_m)}"
    angle_deg = math.degrees(crossing.angle_rad)
    if angle_deg < MIN_CROSSING_DEG:
        raise TrackError(
            f"{where}, at an angle of {angle_deg:.0f}°. "
            f"Move its points apart, or let it cross at {MIN_CROSSING_DEG:g}° or more."
        )
    reach_m = (2.0 * half_width_m + TAPE_M) / math.sin(crossing.angle_rad)
    step_m = curves.length_m(curve) / len(curve)
    turn_rad = curves.curvature_per_m(curve) * step_m
    for way_m in crossing.ways_m:
        for side in (-1, 1):
            around = round(way_m / step_m) + side * np.arange(round(reach_m / step_m))
            turned_deg = math.degrees(np.abs(np.cumsum(turn_rad.take(around, mode="wrap"))).max())
            if turned_deg > MAX_CROSSING_BEND_DEG:
                raise TrackError(f"{where}, and bends there. Let both ways be straight for {reach_m:.1f} m around it.")
    return reach_m


def _without_repeats(points_m: Points) -> Points:
    """Leave out what is where the point before it was; a closed list may end with its first point."""
    if not len(points_m):
        return points_m
    moved = np.hypot(*(points_m - np.roll(points_m, 1, axis=0)).T) > 1e-6
    return np.asarray(points_m[moved], np.float64)


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6


def _place(point_m: Points | tuple[float, float]) -> str:
    return f"({point_m[0]:z.2f}, {point_m[1]:z.2f})"
