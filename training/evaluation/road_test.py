"""How often a pilot leaves the lane, in random worlds that no training has seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from car.config.sections import CarConfig
from car.pilots.loading import open_pilot
from car.runs.instructor import Rescuer
from car.runs.simulation import Goal, run_simulation
from simulator.scenario import Scenario
from training.cores import work_on_all

ROAD_TEST_S = 20.0


@dataclass(frozen=True, slots=True)
class RoadTest:
    """What came of drives in ``worlds`` worlds: in ``clean`` of them the car never left the lane.

    >>> road_test = RoadTest(worlds=20, clean=17, departures=4, way_m=320.0)
    >>> road_test.departures_per_km
    12.5

    A car that is lost is put back and goes on; one that stands still counts as another departure.
    """

    worlds: int
    clean: int
    departures: int
    way_m: float

    @property
    def departures_per_km(self) -> float:
        """Departures per kilometre along the tracks; infinite for a pilot that leaves the lane and gets nowhere."""
        if not self.departures:
            return 0.0
        return self.departures / (self.way_m / 1000.0) if self.way_m > 0.0 else float("inf")

    def __str__(self) -> str:
        return f"{self.departures_per_km:.1f} departures per km, none in {self.clean} of {self.worlds} worlds"


def take_road_test(
    model: Path,
    config: CarConfig,
    worlds: Sequence[Scenario],
    progress: Callable[[float], None] = lambda _: None,
    seconds: float = ROAD_TEST_S,
) -> RoadTest:
    """Let ``model`` drive for ``seconds`` in each of ``worlds``, on all cores; raises what ``open_pilot`` raises."""
    results = work_on_all(partial(_drive, model, config, seconds), worlds, progress)
    return RoadTest(
        worlds=len(results),
        clean=sum(departures == 0 for departures, _ in results),
        departures=sum(departures for departures, _ in results),
        way_m=sum(way_m for _, way_m in results),
    )


def _drive(
    model: Path, config: CarConfig, seconds: float, world: Scenario, progress: Callable[[float], None]
) -> tuple[int, float]:
    rescuer = Rescuer()
    with open_pilot(model, config.camera.geometry)[0] as pilot:
        result = run_simulation(config, world, Goal(seconds=seconds), pilot=pilot, attendant=rescuer, progress=progress)
    # A drive that the gate ended is no clean one either.
    return result.lap_count.departures + rescuer.stalls + (result.trip is not None), result.lap_count.progress_m
