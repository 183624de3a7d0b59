"""The marker at the start line: found in a camera's frames of any size, and passed once."""

from __future__ import annotations

import re

import cv2
import numpy as np
import pytest

from car.laps.marker import MarkerFinder, marker_svg
from car.laps.passes import PassWatch
from car.laps.timer import LapTimer
from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_S
from tests.car.laps.film import MarkerFilm

RATE_HZ = 30.0
BLUR_S = 0.008


def drive_past(
    film: MarkerFilm, watch: PassWatch, speed_m_s: float, start_s: float, from_m: float = 1.4
) -> list[tuple[float, float]]:
    """Drive past the marker once and on for a second; return each pass with the time at which it became known."""
    finder, passes = MarkerFinder(0), []
    for number in range(round((from_m / speed_m_s + 1.0) * RATE_HZ)):
        time_s = start_s + number / RATE_HZ
        ahead_m = from_m - speed_m_s * number / RATE_HZ
        side_px = finder.side_px(film.frame(ahead_m, speed_m_s * BLUR_S)) if ahead_m > 0 else None
        passed_ns = watch.add(round(time_s * NS_PER_S), side_px, throttle=0.3)
        if passed_ns is not None:
            passes.append((passed_ns / NS_PER_S, time_s))
    return passes


@pytest.mark.parametrize("speed_m_s", [1.0, 3.0])
@pytest.mark.parametrize(
    ("size", "fov_deg", "aside_m", "scale"),
    [
        ((160, 120), 100.0, 0.4, 1.0),
        ((320, 240), 100.0, 0.5, 1.0),
        ((160, 120), 62.2, 0.4, 1.0),
        ((160, 120), 51.9, 0.3, 0.5),
    ],
    ids=["160", "320", "Camera 2", "Camera 3, half the size"],
)
def test_a_car_that_drives_past_it_passes_it_once_when_it_leaves_the_picture(
    size: tuple[int, int], fov_deg: float, aside_m: float, scale: float, speed_m_s: float
) -> None:
    film = MarkerFilm(CameraGeometry(*size, fov_deg=fov_deg), aside_m=aside_m, scale=scale)
    ((passed_s, known_s),) = drive_past(film, PassWatch(), speed_m_s, start_s=5.0)
    ahead_m = 1.4 - (passed_s - 5.0) * speed_m_s
    assert 0.2 < ahead_m < 1.3
    # The time is that of the frame, however much later the pass is known.
    assert known_s - passed_s > 0.6


def test_a_lap_is_timed_within_two_frames() -> None:
    film, watch, timer = MarkerFilm(CameraGeometry()), PassWatch(), LapTimer(least_s=2.0)
    laps = []
    for start_s in (1.0, 11.02, 19.95):
        for passed_s, _ in drive_past(film, watch, 2.0, start_s):
            laps.append(timer.cross(round(passed_s * NS_PER_S)))
    assert laps[0] is None
    assert [lap.seconds for lap in laps if lap] == pytest.approx([10.02, 8.93], abs=2 / RATE_HZ)


def test_the_nearest_counts_where_there_are_two_and_none_of_another_number() -> None:
    near, far = (MarkerFilm(CameraGeometry()).frame(ahead_m) for ahead_m in (0.6, 1.0))
    both = np.concatenate([far, near], axis=1)
    finder = MarkerFinder(0)
    assert finder.side_px(both) == pytest.approx(finder.side_px(near), rel=0.15)
    assert MarkerFinder(1).side_px(both) is None


def test_the_printed_page_has_the_marker_in_its_size() -> None:
    page = marker_svg(7)
    squares = [
        tuple(round(float(value) * 2) for value in square)
        for square in re.findall(r'<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"/>', page)
    ]
    drawn = np.full((594, 420, 3), 255, np.uint8)
    for x, y, width, height in squares:
        cv2.rectangle(drawn, (x, y), (x + width, y + height), (0, 0, 0), cv2.FILLED)
    side = MarkerFinder(7).side_px(drawn)
    assert side == pytest.approx(2 * 160, abs=4)
    assert 'height="297mm"' in page
