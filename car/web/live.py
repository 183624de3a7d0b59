"""The drive as it is now: what the drive loop published last, and how fast it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from car.drive_record import DriveRecord, as_json
from car.gate import GateState, Mode
from car.laps.timer import LapTimer
from car.link.ring import CycleRing, RingReader
from car.statistics import LoopStatistics
from hardware.clock import NS_PER_S, Clock

WINDOW_S = 3.0
FIGURES_PERIOD_NS = NS_PER_S // 2
PAGE_NAMES = {"gate_state": "gate", "frame_number": "frame"}
"""What the page calls a field otherwise than the record does."""
NOT_SHOWN = {"captured_ns", "driver", "applied", "times"}
"""What the page does not get of a record, or not by that name."""


class LiveDrive:
    """Follows the drive loop's records; call ``update`` now and then.

    ``newest`` is None until the drive loop has come round once. ``laps`` may be shared with others who follow the same
    drive: whoever comes later is told the laps that those before have seen. ``posted`` is
    what the lap clock says of a car whose track does not count.
    """

    def __init__(
        self,
        ring: CycleRing,
        rate_hz: float,
        clock: Clock,
        laps: LapTimer | None = None,
        posted: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self._reader = RingReader(ring, with_frames=False)
        self._statistics = LoopStatistics(round(rate_hz * WINDOW_S))
        self._clock = clock
        self._laps = laps or LapTimer()
        self._posted = posted
        self._figures_ns = 0
        self.newest: DriveRecord | None = None
        self.frame_rate_hz = 0.0
        self.latency_ms: dict[str, float] | None = None

    def update(self) -> None:
        """Take note of what was published since the last call."""
        for cycle in self._reader.read():
            self.newest = cycle.record
            if cycle.record.lap_count is not None:
                self._laps.add(cycle.record.lap_count, cycle.record.captured_ns)
            self._statistics.add(cycle.record)
        now_ns = self._clock.now_ns()
        if now_ns - self._figures_ns >= FIGURES_PERIOD_NS:
            self._figures_ns = now_ns
            self.frame_rate_hz = round(self._statistics.frame_rate_hz(), 1)
            if figures := self._statistics.figures():
                self.latency_ms = {"p50": round(figures[-1].p50_ms, 2), "p99": round(figures[-1].p99_ms, 2)}

    @property
    def is_calibrating(self) -> bool:
        """True while the gate is armed for calibration, as far as has been heard."""
        record = self.newest
        return record is not None and record.gate_state is GateState.ARMED and record.mode is Mode.CALIBRATION

    def state(self) -> dict[str, Any]:
        """Return what the page shows of the drive, as JSON has it."""
        record = self.newest
        if record is None:
            return {"gate": "disarmed", "mode": "manual", "trip": "", "refusal": "", "steering": 0.0, "throttle": 0.0}
        known = as_json(record)
        return {
            **{PAGE_NAMES.get(name, name): value for name, value in known.items() if name not in NOT_SHOWN},
            **known["applied"],
            "odometry": self._odometry(known),
            "frame_rate_hz": self.frame_rate_hz,
            "latency_ms": self.latency_ms,
        }

    def _odometry(self, known: dict[str, Any]) -> dict[str, Any] | None:
        """Return motion and laps in one, as the page wants them, where both are known."""
        motion, lap_count, laps = known["motion"], known["lap_count"], self._laps
        if lap_count is None:
            return self._timed(motion)
        if motion is None:
            return None
        return {
            "speed_m_s": motion["speed_m_s"],
            "laps": lap_count["laps"],
            "departures": lap_count["departures"],
            "lap_s": _seconds(laps.now_s),
            "last_lap_s": _seconds(laps.last_s),
            "best_lap_s": _seconds(laps.best_s),
            "may_be_two": laps.last is not None and laps.last.may_be_two,
        }

    def _timed(self, motion: dict[str, Any] | None) -> dict[str, Any] | None:
        """Return the same of a car whose laps are timed by a marker or by hand, once the line was crossed."""
        posted, record = self._posted(), self.newest
        if record is None or posted.get("begun_ns") is None:
            return None
        return {
            "speed_m_s": None if motion is None else motion["speed_m_s"],
            "laps": posted["laps"],
            "departures": None,
            "lap_s": _seconds(max(record.captured_ns - posted["begun_ns"], 0) / NS_PER_S),
            "last_lap_s": _seconds(posted["last_s"]),
            "best_lap_s": _seconds(posted["best_s"]),
            "may_be_two": posted["may_be_two"],
        }


def _seconds(time_s: float | None) -> float | None:
    return None if time_s is None else round(time_s, 2)
