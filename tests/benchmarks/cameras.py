"""Benchmark: what a frame costs from a camera's buffer to an image of its own."""

from __future__ import annotations

import time
import tracemalloc

import numpy as np
from numpy.typing import NDArray

from hardware.cameras.pixels import PixelReader
from tests.benchmarks.figures import Figure, show, spread
from tests.hardware.cameras.fake_picamera2 import make_buffer

ROUNDS = 2000
SIZES = ((160, 120), (640, 480))
FORMATS = {"BGR888": 3, "RGB888": 3, "YUV420": 1}
"""What the cameras may give, and bytes per pixel of a row."""
PADDING = 32


def measure() -> None:
    """Print the time and the memory of one frame, for each format and size."""
    figures = []
    for width, height in SIZES:
        for pixel_format, size in FORMATS.items():
            stride = width * size + PADDING
            reader = PixelReader(pixel_format, width, height, stride)
            buffer = make_buffer(pixel_format, (width, height), stride, (220, 20, 30))
            images = _memory_bytes(reader, buffer) / (width * height * 3)
            what = f"{pixel_format} {width}x{height}, rows padded"
            figures.append(Figure(what, f"{spread(_times_ns(reader, buffer))} · {images:.2f} images of memory"))
    show("From a camera's buffer to a frame", figures)


def _times_ns(reader: PixelReader, buffer: NDArray[np.uint8]) -> NDArray[np.int64]:
    times = []
    for _ in range(ROUNDS):
        begun_ns = time.perf_counter_ns()
        reader.read(buffer)
        times.append(time.perf_counter_ns() - begun_ns)
    return np.array(times)


def _memory_bytes(reader: PixelReader, buffer: NDArray[np.uint8]) -> int:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        reader.read(buffer)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
