"""A picture of a replay: what the camera saw and the pilot looked at, and its wish beside what was driven."""

from __future__ import annotations

from collections import deque

import cv2
import numpy as np

from car.drive_record import DriveRecord
from car.pilots.occlusion import Map, Steer, draw_occlusion, occlusion_map
from car.runs.film_picture import (
    BLACK,
    EDGE,
    HEIGHT_PX,
    LANE,
    MAP_PX,
    MARGIN_PX,
    STEERING,
    THROTTLE,
    WAY,
    WHITE,
    draw_bar,
    draw_steering,
    enlarged,
    write,
)
from hardware.camera import Image
from hardware.clock import NS_PER_S

DRIVER, PILOT = WAY, STEERING
LAST_S = 10.0
"""So much of both steerings is shown as lines, the newest at the right."""
_PLOT_TOP, _PLOT_PX = 44, 150


class ReplayPictures:
    """Draws one picture after the other; the driver's steering of a record is what was driven, the pilot's its wish.

    >>> pictures = ReplayPictures()
    >>> pictures.draw(record, frame.image).shape
    (360, 780, 3)

    ``steer`` is how the pilot steers on seeing an image. A light then shows where in the frame hiding something changes
    that (``car.pilots.occlusion``), found anew for every ``each``-th picture: the pilot is asked 193 times for it.
    """

    def __init__(self, steer: Steer | None = None, each: int = 4) -> None:
        self._steer = steer
        self._each = each
        self._changes: Map | None = None
        self._drawn = 0
        self._begun_ns: int | None = None
        self._steered: deque[tuple[int, float | None, float | None]] = deque()

    def draw(self, record: DriveRecord, seen: Image) -> Image:
        """Return the picture of a cycle whose frame shows ``seen``: RGB uint8, 360 pixels high."""
        if self._begun_ns is None:
            self._begun_ns = record.captured_ns
        if self._steer is not None and self._drawn % self._each == 0:
            self._changes = occlusion_map(self._steer, seen)
        self._drawn += 1
        view = enlarged(seen if self._changes is None else draw_occlusion(seen, self._changes))
        driver = None if record.driver is None else record.driver.steering
        pilot = None if record.pilot is None else record.pilot.steering
        for steering, colour in ((driver, DRIVER), (pilot, PILOT)):
            if steering is not None and np.isfinite(steering):
                draw_steering(view, steering, colour)
        self._remember(record.captured_ns, driver, pilot)
        return np.hstack([view, self._panel(record)])

    def _remember(self, now_ns: int, driver: float | None, pilot: float | None) -> None:
        self._steered.append((now_ns, driver, pilot))
        while now_ns - self._steered[0][0] > LAST_S * NS_PER_S:
            self._steered.popleft()

    def _panel(self, record: DriveRecord) -> Image:
        panel = np.full((HEIGHT_PX, MAP_PX, 3), BLACK, np.uint8)
        write(panel, (MARGIN_PX, 24), f"{(record.captured_ns - (self._begun_ns or 0)) / NS_PER_S:.1f} s", 0.55)
        write(panel, (MAP_PX // 3 + MARGIN_PX, 24), "driver", 0.55, DRIVER)
        write(panel, (MAP_PX * 2 // 3 + MARGIN_PX, 24), "pilot", 0.55, PILOT)
        self._draw_lines(panel, record.captured_ns)
        y_px = _PLOT_TOP + _PLOT_PX + 34
        for command, name, names in ((record.driver, "driver", DRIVER), (record.pilot, "pilot", PILOT)):
            write(panel, (MARGIN_PX, y_px), name, 0.5, names)
            if command is not None:
                draw_bar(panel, y_px + 20, "steering", _shown(command.steering), STEERING)
                draw_bar(panel, y_px + 42, "throttle", _shown(command.throttle), THROTTLE)
            y_px += 72
        return panel

    def _draw_lines(self, panel: Image, now_ns: int) -> None:
        """Draw both steerings of the last seconds, right at the top."""
        middle, half, wide = _PLOT_TOP + _PLOT_PX // 2, _PLOT_PX / 2 - 4, MAP_PX - 2 * MARGIN_PX
        cv2.rectangle(panel, (MARGIN_PX, _PLOT_TOP), (MARGIN_PX + wide, _PLOT_TOP + _PLOT_PX), LANE, cv2.FILLED)
        cv2.line(panel, (MARGIN_PX, middle), (MARGIN_PX + wide, middle), EDGE, 1)
        write(panel, (MARGIN_PX + 4, _PLOT_TOP + 14), "right", 0.4, WHITE)
        write(panel, (MARGIN_PX + 4, _PLOT_TOP + _PLOT_PX - 6), "left", 0.4, WHITE)
        for place, colour in ((1, DRIVER), (2, PILOT)):
            before: tuple[int, int] | None = None
            for entry in self._steered:
                value = entry[place]
                if value is None:
                    before = None
                    continue
                ago = (now_ns - int(entry[0])) / (LAST_S * NS_PER_S)
                point = (MARGIN_PX + round(wide * (1.0 - ago)), middle - round(half * _shown(float(value))))
                if before is not None:
                    cv2.line(panel, before, point, colour, 2, cv2.LINE_AA)
                before = point


def _shown(value: float) -> float:
    return min(max(value, -1.0), 1.0) if np.isfinite(value) else 0.0
