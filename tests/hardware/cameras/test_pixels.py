"""A red card is red, and a blue one blue, whatever the order of the colours and the length of the rows."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from hardware.cameras.pixels import PixelReader
from hardware.errors import CameraError
from tests.hardware.cameras.fake_picamera2 import make_buffer

WIDTH, HEIGHT = 160, 120
CARDS = [(220, 20, 30), (20, 200, 40), (10, 30, 210), (128, 128, 128)]
FORMATS = {"BGR888": 480, "RGB888": 480, "XBGR8888": 640, "XRGB8888": 640, "YUV420": 160, "YVU420": 160}
"""Every format, and how many bytes its rows need."""
ROUNDING = 3
"""What 8-bit YUV may lose."""


@pytest.mark.parametrize("padding", [0, 32])
@pytest.mark.parametrize("pixel_format", FORMATS)
@pytest.mark.parametrize("rgb", CARDS)
def test_a_card_keeps_its_colour(pixel_format: str, padding: int, rgb: tuple[int, int, int]) -> None:
    stride = FORMATS[pixel_format] + padding
    image = PixelReader(pixel_format, WIDTH, HEIGHT, stride).read(
        make_buffer(pixel_format, (WIDTH, HEIGHT), stride, rgb)
    )
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert image.flags.c_contiguous
    assert not image.flags.writeable
    assert np.abs(image.astype(int) - rgb).max() <= (ROUNDING if pixel_format[0] == "Y" else 0)


@pytest.mark.parametrize("padding", [0, 32])
@pytest.mark.parametrize("pixel_format", FORMATS)
def test_there_is_one_new_array_per_frame(pixel_format: str, padding: int) -> None:
    stride = FORMATS[pixel_format] + padding
    reader = PixelReader(pixel_format, WIDTH, HEIGHT, stride)
    buffer = make_buffer(pixel_format, (WIDTH, HEIGHT), stride, CARDS[0])
    reader.read(buffer)
    image_bytes = WIDTH * HEIGHT * 3
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        image = reader.read(buffer)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not np.may_share_memory(image, buffer)
    assert image_bytes <= after - before < image_bytes * 1.1
    assert peak - before < image_bytes * 1.1


def test_a_format_that_is_not_known_is_named() -> None:
    with pytest.raises(CameraError, match=r"MJPEG.*BGR888"):
        PixelReader("MJPEG", WIDTH, HEIGHT, WIDTH)
