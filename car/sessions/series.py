"""A session's telemetry as plots: what is drawn of it, each with its unit, few enough points to draw."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from car.telemetry.telemetry import Telemetry
from hardware.clock import NS_PER_S

DIGITS = 4


class Plot(NamedTuple):
    """What is drawn: its name, its unit (none for counts, and for what is 0 or 1), and where it is in the telemetry."""

    name: str
    unit: str
    part: str
    field: str
    scale: float = 1.0

    def value(self, telemetry: Telemetry) -> float:
        """Return its value, NaN where there is none."""
        part = getattr(telemetry, self.part)
        return math.nan if part is None else float(getattr(part, self.field)) * self.scale


PLOTS = (
    Plot("Supply", "V", "supply", "voltage_v"),
    Plot("Current", "A", "supply", "current_a"),
    Plot("Processor", "°C", "processor", "temperature_c"),
    Plot("Slowed down by the firmware", "", "firmware", "throttled"),
    Plot("Too little voltage at the board", "", "firmware", "under_voltage"),
    Plot("Wifi", "dBm", "wifi", "signal_dbm"),
    Plot("Free on the disk", "GB", "disk", "free_bytes", 1e-9),
    Plot("Drive loop", "/s", "loop", "rate_hz"),
    Plot("Frame → wheels, median", "ms", "loop", "latency_p50_ms"),
    Plot("Frame → wheels, 99 % within", "ms", "loop", "latency_p99_ms"),
    Plot("Cycles that wait for the recorder", "", "recording", "waiting"),
    Plot("Cycles that came too late for it", "", "recording", "missed"),
)


@dataclass(frozen=True, slots=True)
class Series:
    """One plot: values over seconds since the first frame, None where nothing was measured.

    >>> from car.telemetry.telemetry import Wifi
    >>> series_of([Telemetry(NS_PER_S, wifi=Wifi(-52.0)), Telemetry(2 * NS_PER_S)], start_ns=0, points=2000)
    [Series(name='Wifi', unit='dBm', t_s=[1.0, 2.0], values=[-52.0, None])]
    """

    name: str
    unit: str
    t_s: list[float]
    values: list[float | None]


def series_of(telemetry: Sequence[Telemetry], start_ns: int, points: int) -> list[Series]:
    """Return a plot of at most ``points`` points for each thing that was ever measured, every peak in it."""
    times_s = np.array([(seen.time_ns - start_ns) / NS_PER_S for seen in telemetry])
    found = []
    for plot in PLOTS:
        values = np.array([plot.value(seen) for seen in telemetry])
        if np.isfinite(values).any():
            chosen = _peaks(values, points)
            known = [round(value, DIGITS) if math.isfinite(value) else None for value in values[chosen].tolist()]
            found.append(Series(plot.name, plot.unit, times_s[chosen].tolist(), known))
    return found


def _peaks(values: NDArray[np.float64], points: int) -> NDArray[np.intp]:
    """Return the rows to draw: all of them, or the lowest and the highest in equal stretches, gaps as well."""
    rows = np.arange(len(values))
    if len(rows) <= points:
        return rows
    picks: list[int] = []
    for stretch in np.array_split(rows, points // 2):
        known = stretch[np.isfinite(values[stretch])]
        picks += [known[np.argmin(values[known])], known[np.argmax(values[known])]] if len(known) else [stretch[0]]
    return np.unique(np.array(picks, np.intp))
