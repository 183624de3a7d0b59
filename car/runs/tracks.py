"""The tracks there are, printed, drawn and written to files."""

from __future__ import annotations

import shlex
from pathlib import Path

import cv2
import numpy as np
from rich.table import Table

from car.errors import RecordingError
from car.terminal.console import console
from simulator.drawing import read_drawing
from simulator.floor import draw_floor
from simulator.track import Track, make_track, track_names
from simulator.track_file import open_track, write_track
from simulator.walls import walls_of

PICTURE_PIXELS = 1200
"""The longer side of a picture, at most."""
START_M = 0.8
"""How far the arrow at the start goes in the direction of travel."""
START_COLOUR = (40, 40, 230)
WALL_COLOUR = (210, 214, 216)
"""Walls have no place on the floor, and are drawn as lines."""


def show_tracks() -> None:
    """Print a line for each track that has a name."""
    table = Table("track", "style", "round", "lane", "tightest bend")
    for name in track_names():
        track = make_track(name)
        table.add_row(name, track.style, *_sizes(track))
    console.print(table)
    console.print("random-1, random-2 and so on are tracks too, and so is a .json file: docs/tracks.md")


def show_track(name: str, picture: Path | None) -> None:
    """Print what there is to know of a track, and draw it to the file ``picture``.

    Raises TrackError where there is no such track, RecordingError where the picture cannot be written.
    """
    track = open_track(name)
    length, lane, bend = _sizes(track)
    console.print(f"{track.name}: {track.style}, {length} round, {lane} lane, tightest bend {bend}", highlight=False)
    if picture is not None:
        _draw(track, picture)
        console.print(f"Drawn to {picture}.", highlight=False)


def export_track(name: str, path: Path) -> None:
    """Write a track to a file that can be changed and driven on; raises TrackError."""
    _write(open_track(name), path)


def import_drawing(
    drawing: Path, path: Path, width_m: float, line_id: str | None, style: str, half_width_m: float
) -> None:
    """Write the track that is drawn in an SVG file to a file that can be driven on; raises TrackError."""
    track = read_drawing(drawing, width_m, line_id, style, half_width_m)
    length, lane, bend = _sizes(track)
    console.print(f"{length} round, {lane} lane, tightest bend {bend}", highlight=False)
    _write(track, path)


def _write(track: Track, path: Path) -> None:
    write_track(track, path)
    command = f"car simulate --track {shlex.quote(str(path))}"
    console.print(f"Written to {path}. Drive on it: {command}", highlight=False, soft_wrap=True)


def _sizes(track: Track) -> tuple[str, str, str]:
    tightest_m = 1.0 / float(np.abs(track.curvature_per_m).max())
    return f"{track.length_m:.1f} m", f"{2.0 * track.half_width_m:.1f} m", f"{tightest_m:.2f} m"


def _draw(track: Track, path: Path) -> None:
    floor = draw_floor(track)
    shrink = max(1, -(-max(floor.image.shape) // PICTURE_PIXELS))
    start = [(pose.x_m, pose.y_m) for pose in (track.pose_at(0.0), track.pose_at(START_M))]
    tail, head = np.round(floor.to_pixels(np.array(start)) / shrink).astype(int).tolist()
    drawn = cv2.cvtColor(floor.picture(shrink=shrink), cv2.COLOR_RGB2BGR)
    for wall in walls_of(track):
        line = np.round(floor.to_pixels(wall.points_m) / shrink).astype(np.int32)
        cv2.polylines(drawn, [line], isClosed=True, color=WALL_COLOUR, thickness=3, lineType=cv2.LINE_AA)
    cv2.arrowedLine(drawn, tail, head, START_COLOUR, thickness=3, line_type=cv2.LINE_AA, tipLength=0.3)
    try:
        _, encoded = cv2.imencode(path.suffix or ".", drawn)
    except cv2.error as error:
        raise RecordingError(f"{path} has no ending of a picture. Call it track.png, for example.") from error
    try:
        path.write_bytes(encoded.tobytes())
    except OSError as error:
        raise RecordingError(f"{path} cannot be written ({error.strerror}). Choose another folder.") from error
