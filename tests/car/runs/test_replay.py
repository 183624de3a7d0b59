"""A replay gives the same commands each time, and says how far they are from what was recorded."""

from pathlib import Path

import pytest

from car.config.sections import CarConfig
from car.errors import SessionError
from car.gate import Limits
from car.kinds.pilot import SHIPPED_PILOT, Pilot
from car.pilots.find import find_model
from car.pilots.loading import open_pilot
from car.runs.replay import replay
from car.runs.simulation import Goal, run_simulation
from car.sessions.reader import Session
from simulator.scenario import Scenario


@pytest.fixture
def pilot(tmp_path: Path) -> Pilot:
    opened, _ = open_pilot(find_model(SHIPPED_PILOT, tmp_path), CarConfig().camera.geometry)
    return opened


@pytest.fixture
def recorded(tmp_path: Path, pilot: Pilot) -> Path:
    path = tmp_path / "drive.mcap"
    run_simulation(CarConfig(), Scenario("oval"), Goal(seconds=10), pilot=pilot, record=path)
    return path


def test_two_replays_give_the_same_commands_bit_for_bit(recorded: Path, pilot: Pilot) -> None:
    with Session.open(recorded) as session:
        first, second = (replay(session, pilot, Limits()) for _ in range(2))
    assert first == second
    assert first.frames > 250


def test_the_pilot_that_recorded_differs_only_by_what_jpeg_loses(recorded: Path, pilot: Pilot) -> None:
    with Session.open(recorded) as session:
        result = replay(session, pilot, Limits())
    assert result.from_pilot is not None
    assert 0 < result.from_pilot.steering_mean < 0.05
    assert result.from_driver is None
    assert result.trips == 0


def test_progress_ends_at_one(recorded: Path, pilot: Pilot) -> None:
    told: list[float] = []
    with Session.open(recorded) as session:
        replay(session, pilot, Limits(), told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1.0, abs=0.02)


def test_a_session_whose_frames_are_all_left_out_says_so(recorded: Path, pilot: Pilot) -> None:
    from car.sessions.edits import Edits, FrameRange

    Edits.of([FrameRange(0, 10_000)]).save(recorded)
    with Session.open(recorded) as session, pytest.raises(SessionError, match="no frame to play"):
        replay(session, pilot, Limits())
