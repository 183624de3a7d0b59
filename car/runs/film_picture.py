"""A picture of a film: what the camera saw beside the track from above, with time, speed, lap and command."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from car.drive_record import DriveRecord
from hardware.camera import Image
from hardware.clock import NS_PER_S
from hardware.drivetrain import Pose
from simulator.track import Track

HEIGHT_PX = 360
MAX_SEEN_PX = 640
MAP_PX = 300
TEXT_PX = 96
MARGIN_PX = 12
WALL_M, EDGE_M = 0.2, 0.08
BLACK, LANE, EDGE, WHITE = (14, 17, 19), (43, 51, 58), (169, 178, 184), (242, 240, 234)
WAY, CAR, STEERING, THROTTLE = (87, 203, 177), (255, 209, 102), (130, 173, 255), (246, 169, 74)
Colour = tuple[int, int, int]
SHIFT = 4
"""OpenCV draws to a sixteenth of a pixel, for coordinates in sixteenths."""


class FilmPictures:
    """Draws one picture after the other; the way that the car has come stays on the map.

    >>> from simulator.track import make_track
    >>> pictures = FilmPictures(make_track("oval"))
    >>> pictures.draw(record, frame.image).shape
    (360, 780, 3)

    A picture is RGB uint8, 360 pixels high, and as wide as the camera's shape asks for. It takes the same memory
    however long the drive is.
    """

    def __init__(self, track: Track) -> None:
        edge_m = WALL_M if track.style == "walls" else EDGE_M
        around_m = track.half_width_m + edge_m
        low, high = track.points_m.min(axis=0) - around_m, track.points_m.max(axis=0) + around_m
        area = np.array([MAP_PX, HEIGHT_PX - TEXT_PX]) - 2 * MARGIN_PX
        self._px_per_m = float((area / (high - low)).min())
        self._middle_m, self._middle_px = (low + high) / 2, MARGIN_PX + area / 2
        self._map = _draw_lane(self._to_pixels(track.points_m), track, edge_m, self._px_per_m)
        self._before: Pose | None = None
        self._begun_ns: int | None = None

    def draw(self, record: DriveRecord, seen: Image) -> Image:
        """Return the picture of a cycle whose frame shows ``seen``."""
        if self._begun_ns is None:
            self._begun_ns = record.captured_ns
        if record.pose is not None:
            self._go_on_to(record.pose)
        panel = self._map.copy()
        if record.pose is not None:
            self._draw_car(panel, record.pose)
        self._draw_figures(panel, record, (record.captured_ns - self._begun_ns) / NS_PER_S)
        return np.hstack([enlarged(seen), panel])

    def _go_on_to(self, pose: Pose) -> None:
        before, self._before = self._before or pose, pose
        ends = self._to_pixels(np.array([(before.x_m, before.y_m), (pose.x_m, pose.y_m)]))
        tail, head = _sixteenths(ends).tolist()
        # A car that was carried has left no way.
        if math.hypot(pose.x_m - before.x_m, pose.y_m - before.y_m) < 1.0:
            cv2.line(self._map, tail, head, WAY, 2, cv2.LINE_AA, SHIFT)

    def _draw_car(self, panel: Image, pose: Pose) -> None:
        ahead = np.array([math.cos(pose.heading_rad), -math.sin(pose.heading_rad)])
        beside = np.array([-ahead[1], ahead[0]])
        middle = self._to_pixels(np.array([(pose.x_m, pose.y_m)]))[0]
        corners = [
            middle + 12 * ahead,
            middle - 9 * ahead + 8 * beside,
            middle - 5 * ahead,
            middle - 9 * ahead - 8 * beside,
        ]
        cv2.fillPoly(panel, [_sixteenths(np.array(corners))], CAR, cv2.LINE_AA, SHIFT)

    def _draw_figures(self, panel: Image, record: DriveRecord, time_s: float) -> None:
        speed = "" if record.motion is None else f"{record.motion.speed_m_s:.2f} m/s"
        lap = "" if record.lap_count is None else f"lap {record.lap_count.laps + 1}"
        y_px = HEIGHT_PX - TEXT_PX + 16
        for x_px, text in ((MARGIN_PX, f"{time_s:.1f} s"), (MAP_PX // 3 + MARGIN_PX, speed), (MAP_PX * 3 // 4, lap)):
            write(panel, (x_px, y_px), text, 0.55)
        draw_bar(panel, HEIGHT_PX - TEXT_PX + 46, "steering", record.applied.steering, STEERING)
        draw_bar(panel, HEIGHT_PX - TEXT_PX + 74, "throttle", record.applied.throttle, THROTTLE)

    def _to_pixels(self, points_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where on the map points (N × 2) are; y goes up on the floor and down in a picture."""
        return np.asarray((points_m - self._middle_m) * (self._px_per_m, -self._px_per_m) + self._middle_px)


def draw_bar(panel: Image, y_px: int, name: str, value: float, colour: Colour) -> None:
    """Draw a command's ``value``, −1 … 1, as a bar from the middle, with its name before it."""
    left, half = MARGIN_PX + 84, (MAP_PX - 2 * MARGIN_PX - 84) // 2
    write(panel, (MARGIN_PX, y_px + 5), name, 0.5)
    cv2.rectangle(panel, (left, y_px - 4), (left + 2 * half, y_px + 4), LANE, cv2.FILLED)
    end = left + half + round(half * min(max(value, -1.0), 1.0))
    cv2.rectangle(panel, (min(left + half, end), y_px - 4), (max(left + half, end), y_px + 4), colour, cv2.FILLED)
    cv2.line(panel, (left + half, y_px - 8), (left + half, y_px + 8), WHITE, 1)


def write(panel: Image, place_px: tuple[int, int], text: str, size: float, colour: Colour = WHITE) -> None:
    """Write ``text`` with its lower left corner at a place (x, y)."""
    cv2.putText(panel, text, place_px, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1, cv2.LINE_AA)


def draw_steering(image: Image, steering: float, colour: Colour) -> None:
    """Draw into ``image`` a line from the middle of its lower edge that leans as the wheels do."""
    height, width = image.shape[:2]
    angle_rad = min(max(steering, -1.0), 1.0) * math.pi / 4
    start = np.array([width / 2, height - 1])
    end = start + 0.5 * height * np.array([math.sin(angle_rad), -math.cos(angle_rad)])
    tail, head = _sixteenths(np.array([start, end])).tolist()
    wide_px = max(2, round(height / 90))
    cv2.line(image, tail, head, BLACK, wide_px + 2, cv2.LINE_AA, SHIFT)
    cv2.line(image, tail, head, colour, wide_px, cv2.LINE_AA, SHIFT)


def _draw_lane(points_px: NDArray[np.float64], track: Track, edge_m: float, px_per_m: float) -> Image:
    panel = np.full((HEIGHT_PX, MAP_PX, 3), BLACK, np.uint8)
    width_m = 2.0 * track.half_width_m
    strokes = [(EDGE, width_m + edge_m), (LANE, width_m - edge_m)]
    if track.style == "line":
        strokes = [(LANE, width_m), (EDGE, edge_m)]
    for colour, wide_m in strokes:
        wide_px = max(1, round(wide_m * px_per_m))
        cv2.polylines(panel, [_sixteenths(points_px)], True, colour, wide_px, cv2.LINE_AA, SHIFT)
    return panel


def _sixteenths(points_px: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.asarray(np.round(points_px * 2**SHIFT), np.int32)


def enlarged(seen: Image) -> Image:
    """Return what the camera saw as high as the film, and an even number of pixels wide, as encoders want it."""
    height, width = seen.shape[:2]
    scale = min(HEIGHT_PX / height, MAX_SEEN_PX / width)
    size = (max(2, round(width * scale / 2) * 2), max(1, round(height * scale)))
    large = cv2.resize(seen, size, interpolation=cv2.INTER_CUBIC if scale > 1.0 else cv2.INTER_AREA)
    above = (HEIGHT_PX - size[1]) // 2
    below = HEIGHT_PX - size[1] - above
    return np.asarray(cv2.copyMakeBorder(large, above, below, 0, 0, cv2.BORDER_CONSTANT, value=BLACK), np.uint8)
