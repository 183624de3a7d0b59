"""The video socket gives the newest frame, one at a time, as large and good as the browser keeps up with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from websockets.sync.client import ClientConnection

from car.web.video import FAST_MS, HEADER, SLOW_MS, VERSION, Grade
from hardware.drivetrain import NEUTRAL
from tests.car.web.serving import Served, serving
from tests.frames import SMALL, make_frame, make_record
from tests.system.browser import open_socket

SHORT_S = 0.3


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as served:
        yield served


def publish(served: Served, *numbers: int) -> None:
    for number in numbers:
        frame = make_frame(number)
        served.context.ring.publish(make_record(frame), frame)


def ask(socket: ClientConnection, width: int = 640) -> None:
    socket.send(json.dumps({"type": "next", "width": width}))


def take(socket: ClientConnection) -> tuple[int, int, cv2.typing.MatLike]:
    """Return the next frame's number, when it was captured, and its image."""
    data = socket.recv(timeout=10)
    assert isinstance(data, bytes)
    version, number, captured_ns, steering, throttle = HEADER.unpack(data[: HEADER.size])
    assert version == VERSION
    assert (steering, throttle) == (NEUTRAL.steering, NEUTRAL.throttle)
    image = cv2.imdecode(np.frombuffer(data[HEADER.size :], np.uint8), cv2.IMREAD_COLOR)
    assert image is not None
    return number, captured_ns, image


def test_a_browser_gets_the_newest_frame_when_it_asks_and_no_older_one_after_it(served: Served) -> None:
    with open_socket(served.port, "/api/video") as socket:
        ask(socket)
        with pytest.raises(TimeoutError):
            socket.recv(timeout=SHORT_S)
        publish(served, 0)
        number, captured_ns, image = take(socket)
        assert (number, captured_ns) == (0, make_frame(0).captured_ns)
        assert image.shape == (SMALL.height, SMALL.width, 3)
        publish(served, 1, 2, 3)
        with pytest.raises(TimeoutError):
            socket.recv(timeout=SHORT_S)
        ask(socket)
        assert take(socket)[0] == 3
        ask(socket)
        with pytest.raises(TimeoutError):
            socket.recv(timeout=SHORT_S)
        publish(served, 4)
        assert take(socket)[0] == 4


def test_a_small_screen_gets_a_small_picture_and_none_gets_more_than_the_camera_has(served: Served) -> None:
    with open_socket(served.port, "/api/video") as socket:
        for number, (asked, width) in enumerate([(16, 16), (4096, SMALL.width), (1, 1)]):
            ask(socket, asked)
            publish(served, number)
            assert take(socket)[2].shape[1] == width


def test_a_frame_shows_what_the_camera_saw(served: Served) -> None:
    with open_socket(served.port, "/api/video") as socket:
        for number in (20, 120, 220):
            ask(socket)
            publish(served, number)
            assert abs(float(take(socket)[2].mean()) - number % 251) < 3


def test_a_browser_that_falls_behind_gets_smaller_and_coarser_frames_and_better_ones_when_it_has_caught_up() -> None:
    grade = Grade()
    first = (grade.scale, grade.quality)
    for _ in range(50):
        grade.note(SLOW_MS + 1)
    worst = (grade.scale, grade.quality)
    assert worst < first
    grade.note((SLOW_MS + FAST_MS) / 2)
    assert (grade.scale, grade.quality) == worst
    for _ in range(50 * Grade.PATIENCE):
        grade.note(FAST_MS - 1)
    assert (grade.scale, grade.quality) > first
