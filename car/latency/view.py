"""The latency, printed."""

from __future__ import annotations

import numpy as np
from rich.table import Table

from car.latency.figures import Latency
from car.terminal.console import console

BINS = 12
WIDTH = 40


def show_latency(latency: Latency) -> None:
    """Print the figures, a histogram and the advice."""
    what = "simulated, " if latency.simulated else ""
    console.print(
        f"{latency.car}: {what}{latency.camera}, {latency.width}x{latency.height} at {latency.rate_hz:g} frames/s; "
        f"{latency.changes} changes of the LED seen, {latency.missed} missed"
    )
    table = Table("", "median", "95 % within", "at most")
    rows = (
        ("light → frame", latency.light_to_frame),
        (f"light → pulse{f', at {latency.pulse_hz:g} /s' if latency.pulse_hz else ''}", latency.light_to_pulse),
        ("a frame's age by its stamp", latency.by_stamps),
    )
    for name, spread in rows:
        table.add_row(name, *(f"{value:.1f} ms" for value in (spread.median_ms, spread.p95_ms, spread.max_ms)))
    console.print(table)
    console.print(f"Of that the camera itself takes {latency.camera_delay_ms:.1f} ms, from exposure to frame.")
    for line in histogram(latency.light_to_frame_ms):
        console.print(line, highlight=False)
    for sentence in latency.advice:
        console.print(sentence, soft_wrap=True, highlight=False)


def histogram(times_ms: tuple[float, ...]) -> list[str]:
    """Return a line for each stretch of ``times_ms``, with a bar as long as there are times in it.

    >>> histogram((10.0, 10.0, 34.0))[0]
    '    10 – 12    ms ████████████████████████████████████████ 2'
    """
    counts, edges = np.histogram(times_ms, BINS)
    most = max(int(counts.max()), 1)
    return [
        f"{low:6.0f} – {high:<5.0f} ms {'█' * round(WIDTH * int(count) / most)} {count}"
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
