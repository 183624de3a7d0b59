"""Where the time went: median, 99th percentile and worst of each stage of the drive loop."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from car.drive_record import DriveRecord
from hardware.clock import NS_PER_MS, NS_PER_S

WINDOW = 100_000
"""How many cycles are kept: nearly an hour at 30 frames/s, in 6 MB; older ones make room."""

STAGES = (
    "camera to loop",
    "pilot",
    "of it the network",
    "gate",
    "drivetrain",
    "hand over to recorder",
    "capture to wheels",
)


@dataclass(frozen=True, slots=True)
class StageFigures:
    """One stage's times in milliseconds."""

    stage: str
    p50_ms: float
    p99_ms: float
    max_ms: float


class LoopStatistics:
    """Collects the stage times of cycles that had a frame.

    >>> statistics = LoopStatistics()
    >>> statistics.add(record)
    >>> [figures.stage for figures in statistics.figures()][-1]
    'capture to wheels'
    """

    def __init__(self, window: int = WINDOW) -> None:
        self._times: NDArray[np.int64] = np.zeros((window, len(STAGES)), np.int64)
        self._captured: NDArray[np.int64] = np.zeros(window, np.int64)
        self._last_number = -1
        self.frames = 0

    def add(self, record: DriveRecord) -> None:
        """Take note of ``record``, unless it is of a cycle without a new frame."""
        if record.frame_number == self._last_number:
            return
        times = record.times
        row = self.frames % len(self._times)
        self._times[row] = (
            times.age_ns,
            times.pilot_ns,
            times.inference_ns,
            times.gate_ns,
            times.apply_ns,
            times.publish_ns,
            times.latency_ns,
        )
        self._captured[row] = record.captured_ns
        self._last_number = record.frame_number
        self.frames += 1

    def figures(self) -> list[StageFigures]:
        """Return a row for each of ``STAGES``; empty when no frame was seen."""
        if self.frames == 0:
            return []
        kept = self._times[: min(self.frames, len(self._times))] / NS_PER_MS
        p50, p99 = np.percentile(kept, (50, 99), axis=0)
        worst = kept.max(axis=0)
        return [StageFigures(*row) for row in zip(STAGES, p50.tolist(), p99.tolist(), worst.tolist(), strict=True)]

    def frame_rate_hz(self) -> float:
        """Return the frames per second over the kept window; 0 when fewer than two frames were seen."""
        captured = self._captured[: min(self.frames, len(self._captured))]
        elapsed_ns = int(captured.max() - captured.min()) if self.frames > 1 else 0
        return (len(captured) - 1) * NS_PER_S / elapsed_ns if elapsed_ns else 0.0
