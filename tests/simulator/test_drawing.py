"""Tracks out of vector drawings: what is drawn is driven, and what cannot be is refused in a sentence."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from hardware.errors import TrackError
from simulator.drawing import read_drawing
from simulator.track import Track
from simulator.track_file import MAX_FILE_BYTES

STADIUM = '<path d="M 10 0 H 70 A 20 20 0 0 1 70 40 H 10 A 20 20 0 0 1 10 0 Z"/>'
LENGTH_M = (120.0 + 40.0 * math.pi) / 20.0


def drawn(folder: Path, inside: str, width_m: float = 5.0, line_id: str | None = None) -> Track:
    path = folder / "mine.svg"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 90 50">{inside}</svg>', encoding="utf-8")
    return read_drawing(path, width_m, line_id)


@pytest.mark.parametrize(
    "inside",
    [
        STADIUM,
        '<path d="m10,0h60a20,20 0 0,1 0,40h-60a20 20 0 010-40z"/>',
        f'<g transform="translate(3 4)"><g transform="scale(0.5)">{STADIUM}</g></g>',
        f'<g transform="matrix(2 0 0 2 -7 1)">{STADIUM}</g>',
        f'<text>Around</text><g transform="rotate(180 40 20)">{STADIUM}</g>',
    ],
    ids=["absolute", "relative", "scaled", "matrix", "turned"],
)
def test_a_drawn_line_is_as_wide_as_was_said(tmp_path: Path, inside: str) -> None:
    track = drawn(tmp_path, inside)
    assert np.ptp(track.points_m, axis=0) == pytest.approx([5.0, 2.0], abs=0.03)
    assert track.length_m == pytest.approx(LENGTH_M, abs=0.05)


def test_what_is_up_in_the_drawing_is_up_on_the_floor_and_its_direction_stays(tmp_path: Path) -> None:
    track = drawn(tmp_path, STADIUM)
    # The drawing starts in its upper left, to the right, and goes round clockwise.
    assert track.points_m[0] == pytest.approx([0.5 * 1.0, 0.0], abs=0.02)
    assert track.heading_rad[0] == pytest.approx(0.0, abs=0.05)
    assert track.curvature_per_m.sum() < 0.0


def test_curves_of_every_kind_and_polygons_are_lines(tmp_path: Path) -> None:
    wave = drawn(tmp_path, '<path d="M0 30C0 10 20 4 30 8S60 12 70 8S90 15 90 30Q90 50 70 50T30 50Q0 50 0 30"/>', 9.0)
    assert wave.length_m > 15.0
    circle = " ".join(f"{40 * math.cos(turn / 8):.2f},{40 * math.sin(turn / 8):.2f}" for turn in range(50))
    assert drawn(tmp_path, f'<polygon points="{circle}"/>', 4.0).length_m == pytest.approx(4 * math.pi, abs=0.1)


def test_of_several_lines_one_is_asked_for(tmp_path: Path) -> None:
    two = STADIUM.replace("<path", '<path id="lane"') + '<polyline id="frame" points="0,0 9,9 8,8"/>'
    with pytest.raises(TrackError, match=r"2 lines.*--path: lane, frame"):
        drawn(tmp_path, two)
    assert drawn(tmp_path, two, line_id="lane").length_m == pytest.approx(LENGTH_M, abs=0.05)
    with pytest.raises(TrackError, match="no line with the id 'road'"):
        drawn(tmp_path, two, line_id="road")


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("", "no line in it"),
        ('<path d=""/>', "is empty"),
        ('<path d="M 0 0 L nan 1"/>', "cannot be read"),
        ('<path d="M0 0 A 1 1 0 0"/>', "cannot be read"),
        ('<path d="M1e400 0 L 1 1"/>', "too far"),
        ('<path d="M 0 0 V 9"/>', "no width"),
        ('<path d="M0 0 H1 V1e5 H0 Z"/>', "1000010 m round"),
        ('<path d="M 0 0 H 9"/>', "has a radius of|different points"),
        ('<path d="M0 0 H9 V9 Z M1 1 H3 V3 Z"/>', "several parts"),
        (f'<path d="M0 0 {"h1 v1 " * 1500}"/>', "3001 parts"),
        ('<polygon points="1,1"/>', "has 1 points"),
        (f'<g transform="skewX(9)">{STADIUM}</g>', "transform skewX"),
        ('<path d="M0 0 L40 30 L40 0 L0 30Z"/>', "has a radius of"),
        ("<g>", "is no SVG"),
    ],
)
def test_what_cannot_be_a_track_is_one_sentence(tmp_path: Path, inside: str, words: str) -> None:
    with pytest.raises(TrackError, match=words) as refused:
        drawn(tmp_path, inside)
    assert str(refused.value).startswith(str(tmp_path))


def test_a_drawing_that_would_fill_the_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.svg"
    path.write_text('<!DOCTYPE svg [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><svg>&b;</svg>', encoding="utf-8")
    with pytest.raises(TrackError, match="entities"):
        read_drawing(path, 5.0)
    path.write_bytes(path.read_text(encoding="utf-8").encode("utf-16"))
    with pytest.raises(TrackError, match="no SVG"):
        read_drawing(path, 5.0)
    path.write_bytes(b" " * (MAX_FILE_BYTES + 1))
    with pytest.raises(TrackError, match="more than a megabyte"):
        read_drawing(path, 5.0)


def test_a_drawing_that_is_not_there_and_a_width_that_is_none_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(TrackError, match="no drawing"):
        read_drawing(tmp_path / "mine.svg", 5.0)
    with pytest.raises(TrackError, match="is no file"):
        read_drawing(tmp_path, 5.0)
    with pytest.raises(TrackError, match="another width"):
        read_drawing(tmp_path / "mine.svg", math.nan)
