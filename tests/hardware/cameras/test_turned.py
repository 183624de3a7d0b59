"""A camera that is mounted upside down or on its side: its picture is turned, and its promises hold."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from hardware.camera import CameraGeometry, Frame, check_camera
from hardware.cameras.orientation import Flip, Rotation, turned_geometry
from hardware.cameras.recorded import RecordedCamera
from hardware.cameras.turned import TurnedCamera, turned, turned_image
from hardware.clock import NS_PER_S, VirtualClock
from hardware.errors import CameraError, EndOfFrames

GEOMETRY = CameraGeometry(width=4, height=3, fov_deg=90.0)
MARKS = {"top left": (0, 0), "top right": (0, -1), "bottom left": (-1, 0), "bottom right": (-1, -1)}


def make_image() -> np.typing.NDArray[np.uint8]:
    """Return a picture of which each corner has its own number."""
    image = np.zeros((GEOMETRY.height, GEOMETRY.width, 3), np.uint8)
    for number, (row, column) in enumerate(MARKS.values(), 1):
        image[row, column] = number
    image.flags.writeable = False
    return image


def corners(image: np.typing.NDArray[np.uint8]) -> list[str]:
    """Return which corners of the original are now top left, top right, bottom left and bottom right."""
    return [list(MARKS)[int(image[row, column, 0]) - 1] for row, column in MARKS.values()]


def make_camera(clock: VirtualClock, frames: int | None = None) -> RecordedCamera:
    numbers = itertools.count() if frames is None else iter(range(frames))
    return RecordedCamera((Frame(make_image(), n * NS_PER_S // 20, n) for n in numbers), GEOMETRY, clock)


@pytest.mark.parametrize(
    ("rotation", "flip", "expected"),
    [
        (0, "horizontal", ["top right", "top left", "bottom right", "bottom left"]),
        (0, "vertical", ["bottom left", "bottom right", "top left", "top right"]),
        (90, "none", ["bottom left", "top left", "bottom right", "top right"]),
        (180, "none", ["bottom right", "bottom left", "top right", "top left"]),
        (270, "none", ["top right", "bottom right", "top left", "bottom left"]),
        (90, "horizontal", ["top left", "bottom left", "top right", "bottom right"]),
    ],
)
def test_a_picture_is_turned_clockwise_and_then_mirrored(rotation: Rotation, flip: Flip, expected: list[str]) -> None:
    image = turned_image(make_image(), rotation, flip)
    assert corners(image) == expected
    assert not image.flags.writeable


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["none", "horizontal", "vertical"])
def test_a_turned_camera_passes_the_check_of_every_camera(rotation: Rotation, flip: Flip) -> None:
    clock = VirtualClock()
    check_camera(TurnedCamera(make_camera(clock), rotation, flip), clock)


def test_a_quarter_turn_swaps_width_and_height_and_the_fields_of_view() -> None:
    assert turned_geometry(GEOMETRY, 180) == GEOMETRY
    quarter = turned_geometry(GEOMETRY, 90)
    assert (quarter.width, quarter.height) == (3, 4)
    # tan 45° is 1, of which three quarters are seen upwards.
    assert quarter.fov_deg == pytest.approx(73.74, abs=0.01)
    assert turned_geometry(quarter, 270).fov_deg == pytest.approx(90.0)
    fisheye = CameraGeometry(width=4, height=3, fov_deg=120.0, lens="fisheye")
    assert turned_geometry(fisheye, 90).fov_deg == pytest.approx(90.0)


def test_times_numbers_and_ends_are_the_cameras_own() -> None:
    clock = VirtualClock(5 * NS_PER_S)
    camera = TurnedCamera(make_camera(clock, frames=2), 180)
    frames = [camera.next_frame(1000) for _ in range(2)]
    assert [(frame.number, frame.captured_ns) for frame in frames] == [
        (0, 5 * NS_PER_S),
        (1, 5 * NS_PER_S + 50_000_000),
    ]
    with pytest.raises(EndOfFrames):
        camera.next_frame(1000)
    camera.close()
    with pytest.raises(CameraError, match="closed"):
        camera.next_frame(1000)


def test_restarts_are_counted_through() -> None:
    inner = make_camera(VirtualClock())
    camera = TurnedCamera(inner, 90)
    inner.restarts = 3
    camera.next_frame(1000)
    assert camera.restarts == 3


def test_a_camera_that_needs_no_turning_is_left_as_it_is() -> None:
    camera = make_camera(VirtualClock())
    assert turned(camera, 0, "none") is camera
    assert turned(camera, 0, "vertical") is not camera
