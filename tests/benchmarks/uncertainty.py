"""What a pilot's uncertainty foretells; run by hand, it takes minutes: ``python -m tests.benchmarks uncertainty``.

A pilot learns as in ``car demo``. Then it drives on tracks and in looks like those, and where light, floor, lines, the
camera's tilt, blur or the whole track are others, and is put back into its lane wherever it leaves it. A departure
counts as foretold when the uncertainty was above 1 at some time from 3 to 1 s before, from then on
not. Every alarm of a drive without a departure is a false one; alarms less than 2 s apart are one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.gate import SURE
from car.kinds.pilot import Pilot, PilotAnswer
from car.pilots.loading import open_pilot
from car.runs.instructor import Rescuer
from car.runs.simulation import Goal, run_simulation
from hardware.camera import Frame
from hardware.clock import NS_PER_S
from simulator.appearance import LIGHTS, Colour, Material, nominal
from simulator.scenario import Scenario
from simulator.track import Style
from tests.benchmarks.figures import Figure, show
from training.cores import ProgressCallback, work_on_all
from training.demo import LESSON_S, LESSONS
from training.pipeline import train

CONFIG = CarConfig()
DRIVE_S = 60.0
SAME_DRIVES = 12
AHEAD_S, EARLIEST_S = 1.0, 3.0
ONE_ALARM_S = 2.0

FLOORS: tuple[tuple[Material, Colour], ...] = (
    ("wood", (112.0, 76.0, 48.0)),
    ("carpet", (60.0, 70.0, 66.0)),
    ("tarmac", (84.0, 82.0, 80.0)),
    ("tile", (112.0, 114.0, 116.0)),
)


FOREIGN: tuple[Style, ...] = ("line", "walls", "tape", "road", "line", "walls", "line")


def _strange(track: str, **changes: object) -> Scenario:
    return Scenario(track, appearance=replace(nominal("robocars"), **changes))  # type: ignore[arg-type]


KINDS: dict[str, tuple[Scenario, ...]] = {
    "as it learned": tuple(Scenario(f"random-{300 + number}", seed=7000 + number) for number in range(SAME_DRIVES)),
    "light": tuple(
        _strange(f"random-{320 + number}", light=LIGHTS[name]) for number, name in enumerate(sorted(LIGHTS))
    ),
    "floor": tuple(
        _strange(f"random-{330 + number}", material=material, floor=floor)
        for number, (material, floor) in enumerate(FLOORS)
    ),
    "worn tape": tuple(_strange(f"random-{340 + number}", wear=wear) for number, wear in enumerate((0.3, 0.5, 0.7))),
    "tilt": tuple(
        _strange(f"random-{350 + n}", pitch_error_deg=tilt) for n, tilt in enumerate((-12.0, -8.0, 8.0, 12.0))
    ),
    "blur": tuple(_strange(f"random-{360 + number}", exposure_ms=ms) for number, ms in enumerate((40.0, 80.0))),
    "foreign track": tuple(
        Scenario(f"random-{370 + number}", style=style, seed=7100 + number) for number, style in enumerate(FOREIGN)
    ),
}


@dataclass(frozen=True, slots=True)
class Watched:
    """A drive, frame by frame: the uncertainty, and how often the car had left its lane until then."""

    times_s: np.ndarray
    uncertainty: np.ndarray
    departures: np.ndarray

    @property
    def alarms_s(self) -> list[float]:
        """When alarms began."""
        alarms, last_s = [], -ONE_ALARM_S
        for time_s in self.times_s[self.uncertainty > SURE].tolist():
            if time_s - last_s >= ONE_ALARM_S:
                alarms.append(time_s)
            last_s = time_s
        return alarms

    @property
    def departures_s(self) -> list[float]:
        """When the car left its lane."""
        times: list[float] = self.times_s[1:][np.diff(self.departures) > 0].tolist()
        return times

    def is_foretold(self, departure_s: float) -> bool:
        """Tell whether there was an alarm early enough."""
        before_s = departure_s - self.times_s
        return bool(np.any(self.uncertainty[(before_s >= AHEAD_S) & (before_s <= EARLIEST_S)] > SURE))


class Careless(Pilot):
    """A pilot that does not say how little it knows, so that nothing slows it down."""

    def __init__(self, pilot: Pilot) -> None:
        self.name, self._pilot = pilot.name, pilot

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return the pilot's answer, as if it were sure."""
        return replace(self._pilot.drive(frame), uncertainty=0.0)

    def close(self) -> None:
        """Close the pilot."""
        self._pilot.close()


def measure() -> None:
    """Print which departures were foretold, how many alarms were false, and what slowing down spares."""
    with TemporaryDirectory() as folder:
        model = _learn(Path(folder))
        rows = []
        everything: list[Watched] = []
        for kind, worlds in KINDS.items():
            drives = work_on_all(partial(_drive, model, False), worlds, lambda _: None)
            careless = work_on_all(partial(_drive, model, True), worlds, lambda _: None)
            rows.append(Figure(kind, f"{_summary(drives)}; {_count(careless)} departures when not slowed down"))
            everything += drives
        rows.append(Figure("all", _summary(everything)))
        show("What a pilot's uncertainty foretells", rows)


def _learn(folder: Path) -> Path:
    sessions = [folder / f"{scenario.track}.mcap" for scenario in LESSONS]
    for scenario, path in zip(LESSONS, sessions, strict=True):
        run_simulation(CONFIG, scenario, Goal(seconds=LESSON_S), record=path)
    train(sessions, folder / "pilot.tflite")
    return folder / "pilot.tflite"


def _drive(model: Path, is_careless: bool, world: Scenario, progress: ProgressCallback) -> Watched:
    seen: list[tuple[float, float, int]] = []

    def watch(record: DriveRecord, frame: Frame | None) -> None:
        if frame is not None and record.lap_count is not None:
            seen.append((record.captured_ns / NS_PER_S, record.uncertainty, record.lap_count.departures))

    with open_pilot(model, CONFIG.camera.geometry)[0] as opened:
        pilot = Careless(opened) if is_careless else opened
        run_simulation(
            CONFIG, world, Goal(seconds=DRIVE_S), pilot=pilot, observer=watch, attendant=Rescuer(), progress=progress
        )
    return Watched(*(np.array(values) for values in zip(*seen, strict=True)))


def _count(drives: Iterable[Watched]) -> int:
    return sum(len(drive.departures_s) for drive in drives)


def _summary(drives: list[Watched]) -> str:
    departures = _count(drives)
    foretold = sum(drive.is_foretold(time_s) for drive in drives for time_s in drive.departures_s)
    clean = [drive for drive in drives if not drive.departures_s]
    false, minutes = sum(len(drive.alarms_s) for drive in clean), len(clean) * DRIVE_S / 60
    return f"{foretold} of {departures} departures foretold, {false} false alarms in {minutes:.0f} minutes"
