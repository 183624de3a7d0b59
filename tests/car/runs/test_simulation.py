"""Lock-step driving: always the same, and it ends when its goal is reached."""

import itertools
from pathlib import Path

import pytest

from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.gate import Limits
from car.kinds.pilot import SHIPPED_PILOT, Pilot, PilotAnswer
from car.pilots.find import find_model
from car.pilots.loading import open_pilot
from car.runs.simulation import Goal, run_simulation
from car.sessions.reader import Session
from hardware.camera import Frame
from hardware.drivetrain import Command
from hardware.errors import TrackError
from simulator.scenario import Scenario
from simulator.world import World

CONFIG = CarConfig()


def test_the_expert_laps_and_is_recorded_as_a_driver(tmp_path: Path) -> None:
    path = tmp_path / "expert.mcap"
    result = run_simulation(CONFIG, Scenario("oval"), Goal(laps=1), record=path)
    assert (result.lap_count.laps, result.lap_count.departures, result.trip) == (1, 0, None)
    with Session.open(path) as session:
        assert session.info.source == "simulator"
        assert session.frame_count == result.frames
        drives = [record for record in session.records() if record.driver is not None]
        assert len(drives) > 0.9 * result.frames
        assert all(record.pilot is None for record in drives)
        assert max(record.applied.throttle for record in drives) > 0.1


def test_two_simulations_are_equal() -> None:
    first, second = (run_simulation(CONFIG, Scenario("bean", seed=3, disturb=True), Goal(seconds=8)) for _ in range(2))
    assert first.trajectory == second.trajectory


def test_a_disturbed_car_is_pushed_about_and_comes_back() -> None:
    scenarios = [Scenario("oval", disturb=disturb) for disturb in (False, True)]
    calm, pushed = (run_simulation(CONFIG, scenario, Goal(laps=1)) for scenario in scenarios)
    assert calm.trajectory != pushed.trajectory
    assert pushed.lap_count.laps == 1


def test_time_ends_a_drive_as_well_as_laps() -> None:
    result = run_simulation(CONFIG, Scenario("oval"), Goal(seconds=2))
    assert result.simulated_s == pytest.approx(2, abs=0.1)


def test_progress_rises_to_one() -> None:
    told: list[float] = []
    run_simulation(CONFIG, Scenario("oval"), Goal(laps=1), progress=told.append)
    assert told[0] < 0.01
    assert told[-1] == 1.0
    assert all(earlier <= later for earlier, later in itertools.pairwise(told))


def test_the_shipped_pilot_laps_an_unseen_track_within_the_cap() -> None:
    pilot, _ = open_pilot(find_model(SHIPPED_PILOT, Path()), CONFIG.camera.geometry)
    throttles: list[float] = []
    result = run_simulation(
        CONFIG,
        Scenario("hairpin"),
        Goal(laps=1),
        pilot=pilot,
        observer=lambda record, _: throttles.append(record.applied.throttle),
    )
    assert (result.lap_count.laps, result.lap_count.departures, result.trip) == (1, 0, None)
    assert max(throttles) <= Limits().autopilot_throttle_cap


def test_an_unknown_track_is_named_with_the_known_ones() -> None:
    with pytest.raises(TrackError, match=r"nowhere.*oval"):
        run_simulation(CONFIG, Scenario("nowhere"), Goal(laps=1))


class Counting(Pilot):
    """Drives slowly, and counts the frames since it was told to forget."""

    name = "counting"

    def __init__(self) -> None:
        self.counts: list[int] = [0]

    def drive(self, frame: Frame) -> PilotAnswer:
        self.counts[-1] += 1
        return PilotAnswer(Command(0.0, 0.1))

    def reset(self) -> None:
        self.counts.append(0)

    def close(self) -> None: ...


def test_a_pilot_forgets_where_its_car_was_before_it_was_put_back() -> None:
    pilot = Counting()

    def attendant(world: World, record: DriveRecord) -> bool:
        if record.frame_number in left:
            left.remove(record.frame_number)
            world.place(3.0)
        return False

    left = [30, 50]
    run_simulation(CONFIG, Scenario("oval"), Goal(seconds=4.0), pilot=pilot, attendant=attendant)
    before, first, second, rest = pilot.counts
    assert before <= 1
    assert before + first == 31
    assert second == 20
    assert rest > 10
