"""Tracks drawn in a vector program: the centre line is a closed path of an SVG file."""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from svg.path import Arc, CubicBezier, Line, Move, QuadraticBezier, parse_path

from hardware.errors import TrackError
from simulator import curves
from simulator.curves import Points
from simulator.track import LANE_HALF_WIDTH_M, Track
from simulator.track_file import MAX_LENGTH_M, MAX_SIDE_M, content_of, read_small, track_of

Drawn = Line | Arc | CubicBezier | QuadraticBezier

SUFFIX = ".svg"
MIN_WIDTH_M = 0.5
MAX_SEGMENTS = 2000

_FAR = 1e6
_SAMPLES = 24
_TREMBLE_M = 0.05
"""A drawing is blurred along its line by so much: a corner of two lines has no radius at all."""
_SHAPES = ("path", "polygon", "polyline")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"

Matrix = np.ndarray[tuple[int, ...], np.dtype[np.float64]]


def read_drawing(
    path: Path,
    width_m: float,
    line_id: str | None = None,
    style: str = "robocars",
    half_width_m: float = LANE_HALF_WIDTH_M,
) -> Track:
    """Read the track whose centre line is drawn in the SVG file at ``path``, as wide as ``width_m`` from end to end.

    >>> drawing = folder / "mine.svg"
    >>> size = drawing.write_text('<svg><path d="M 0 0 H 60 A 20 20 0 0 1 60 40 H 0 A 20 20 0 0 1 0 0 Z"/></svg>')
    >>> round(read_drawing(drawing, width_m=5.0).length_m, 1)
    12.3

    Its direction is that of the drawing, its start where the drawing's is. Where there are several lines, ``line_id``
    is the id of the one that counts. Raises TrackError with what is wrong.
    """
    if not MIN_WIDTH_M <= width_m <= MAX_SIDE_M:
        raise TrackError(f"A track is {MIN_WIDTH_M:g} to {MAX_SIDE_M:g} m wide. Give another width.")
    root = _tree(path)
    above = {below: element for element in root.iter() for below in element}
    line = _line(path, root, line_id)
    drawn = _points(path, line)
    if not (np.abs(drawn) < _FAR).all():
        raise TrackError(f"{path}: the line is too far from the middle of the drawing. Draw it anew.")
    element: ElementTree.Element | None = line
    while element is not None:
        matrix = _matrix(path, element.get("transform", ""))
        drawn = drawn @ matrix[:, :2].T + matrix[:, 2]
        element = above.get(element)
    width = float(np.ptp(drawn[:, 0]))
    if not 1.0 / _FAR < width < _FAR:
        raise TrackError(f"{path}: the line has no width that could be scaled. Draw it as a loop.")
    # In a drawing y goes down.
    points_m = drawn * (1.0, -1.0) * (width_m / width)
    round_m = curves.length_m(points_m)
    # Before it is smoothed: a thin and tall line, or a scribble, would fill the memory.
    if round_m > MAX_LENGTH_M:
        raise TrackError(
            f"{path}: the line is {round_m:.0f} m round when it is {width_m:g} m wide, and {MAX_LENGTH_M:g} m is the "
            "most. Give a smaller width, or draw a shorter line."
        )
    count = max(round(round_m / curves.POINT_SPACING_M), 16)
    smooth = curves.smoothed(points_m, _TREMBLE_M, count)
    rough = Track(str(path), smooth, "line", half_width_m)
    return track_of({**content_of(rough), "style": style}, str(path))


def _tree(path: Path) -> ElementTree.Element:
    data = read_small(path, "drawing", "Save the line alone.")
    try:
        text = data.decode("utf-8-sig")
        # A few entities that stand for each other are enough to fill the memory.
        if "<!ENTITY" in text:
            raise TrackError(f"{path} defines entities, which a drawing has no need of. Save it as plain SVG.")
        return ElementTree.fromstring(text)  # noqa: S314  # entities are what is dangerous, and there are none
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        raise TrackError(f"{path} is no SVG. Save it as plain SVG.") from error


def _line(path: Path, root: ElementTree.Element, line_id: str | None) -> ElementTree.Element:
    lines = [element for element in root.iter() if _kind(element) in _SHAPES]
    if line_id is not None:
        lines = [element for element in lines if element.get("id") == line_id]
        if not lines:
            raise TrackError(f"{path} has no line with the id {line_id!r}. Look it up in your drawing program.")
    if not lines:
        raise TrackError(f"{path} has no line in it. Draw the centre line as one closed path.")
    if len(lines) > 1:
        known = ", ".join(element.get("id", "") for element in lines[:8] if element.get("id"))
        raise TrackError(
            f"{path} has {len(lines)} lines. "
            + (f"Say which one with --path: {known}." if known else "Leave the centre line alone in it.")
        )
    return lines[0]


def _kind(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _points(path: Path, line: ElementTree.Element) -> Points:
    if _kind(line) != "path":
        values = re.findall(_NUMBER, line.get("points", ""))
        corners = np.array(values[: len(values) // 2 * 2], np.float64).reshape(-1, 2)
        if len(corners) < 3:
            raise TrackError(f"{path}: the line has {len(corners)} points. Draw a closed one.")
        return corners
    try:
        segments = parse_path(line.get("d", ""))
    except (ValueError, IndexError) as error:
        raise TrackError(f"{path}: the path cannot be read ({error}). Save it as plain SVG.") from error
    if not segments:
        raise TrackError(f"{path}: the path is empty. Draw the centre line as one closed path.")
    if sum(isinstance(segment, Move) for segment in segments) > 1:
        raise TrackError(f"{path}: the path has several parts. Draw the centre line in one go.")
    if len(segments) > MAX_SEGMENTS:
        raise TrackError(f"{path}: the path has {len(segments)} parts. Simplify it to {MAX_SEGMENTS} or fewer.")
    sampled = [segments[0].end, *(_sample(segment) for segment in segments if isinstance(segment, Drawn))]
    drawn = np.concatenate([np.atleast_1d(np.asarray(part, np.complex128)) for part in sampled])
    return np.column_stack([drawn.real, drawn.imag])


def _sample(segment: Drawn) -> Matrix:
    count = 1 if isinstance(segment, Line) else _SAMPLES
    return np.array([segment.point(share) for share in np.linspace(0.0, 1.0, count + 1)[1:].tolist()])


def _matrix(path: Path, transform: str) -> Matrix:
    """Return the 2 × 3 matrix of a ``transform`` attribute."""
    whole = np.eye(3)
    for name, inside in re.findall(r"(\w+)\s*\(([^)]*)\)", transform):
        values = [float(value) for value in re.findall(_NUMBER, inside)]
        match name, values:
            case "matrix", [a, b, c, d, e, f]:
                step = np.array([[a, c, e], [b, d, f], [0.0, 0.0, 1.0]])
            case "translate", [x, *rest]:
                step = np.array([[1.0, 0.0, x], [0.0, 1.0, rest[0] if rest else 0.0], [0.0, 0.0, 1.0]])
            case "scale", [x, *rest]:
                step = np.diag([x, rest[0] if rest else x, 1.0])
            case "rotate", [degrees, *centre]:
                x, y = centre if len(centre) == 2 else (0.0, 0.0)
                cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
                turn = np.array([[cosine, -sine], [sine, cosine]])
                moved = np.array([x, y]) - turn @ np.array([x, y])
                step = np.vstack([np.column_stack([turn, moved]), [0.0, 0.0, 1.0]])
            case _:
                raise TrackError(f"{path}: the transform {name} is not known here. Apply it in your drawing program.")
        whole = whole @ step
    return whole[:2]
