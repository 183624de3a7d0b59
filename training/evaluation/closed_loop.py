"""How a pilot drives, as against how well it repeats a driver: laps in the simulator, departures counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.kinds.pilot import Pilot
from car.runs.simulation import Goal, run_simulation
from hardware.camera import Frame
from simulator.scenario import Scenario


@dataclass(frozen=True, slots=True)
class LapsDriven:
    """What became of some laps on one track.

    >>> laps = LapsDriven(Scenario("oval"), laps_wanted=2, laps=2, departures=0, offset_m=0.04, speed_m_s=1.0, trip="")
    >>> laps.passed
    True

    ``offset_m`` is the mean distance from the middle of the lane, ``speed_m_s`` the mean speed; ``trip`` is the gate's
    reason when it ended the drive, else empty.
    """

    scenario: Scenario
    laps_wanted: int
    laps: int
    departures: int
    offset_m: float
    speed_m_s: float
    trip: str

    @property
    def passed(self) -> bool:
        """Whether all laps were driven and no wheel left the lane."""
        return self.laps >= self.laps_wanted and not self.departures and not self.trip

    def __str__(self) -> str:
        ending = f", {self.trip}" if self.trip else ""
        return f"{self.laps} of {self.laps_wanted} laps, lane departures: {self.departures}{ending}"


def drive_scenarios(
    pilot: Pilot,
    config: CarConfig,
    scenarios: Sequence[Scenario],
    laps: int,
    progress: Callable[[float], None] = lambda _: None,
) -> list[LapsDriven]:
    """Let ``pilot`` drive ``laps`` laps of each scenario; raises TrackError for a track that is not there."""

    def progress_of(number: int) -> Callable[[float], None]:
        return lambda done: progress((number + done) / len(scenarios))

    return [
        _drive_scenario(pilot, config, scenario, laps, progress_of(number)) for number, scenario in enumerate(scenarios)
    ]


def _drive_scenario(
    pilot: Pilot, config: CarConfig, scenario: Scenario, laps: int, progress: Callable[[float], None]
) -> LapsDriven:
    offsets_m: list[float] = []

    def note(record: DriveRecord, _: Frame | None) -> None:
        if record.lap_count is not None:
            offsets_m.append(abs(record.lap_count.lateral_m))

    result = run_simulation(config, scenario, Goal(laps=laps), pilot=pilot, observer=note, progress=progress)
    lap_count = result.lap_count
    speed_m_s = lap_count.progress_m / result.simulated_s
    return LapsDriven(
        scenario, laps, lap_count.laps, lap_count.departures, fmean(offsets_m), speed_m_s, result.trip or ""
    )
