"""A training in rounds: the data grow by what the expert says where the pilot gets to, and the best pilot is kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from car.errors import TrainingError
from car.sessions.labels import has_teacher
from car.sessions.reader import Session
from models.contract import ModelCard
from models.loader import read_card
from tests.car.runs.test_instructor import CONFIG
from tests.system.car_process import assert_refused, run_car
from tests.training.drives import write_drive
from training.dagger import DaggerSettings, Round, best_of, folder_for, is_of_real_car, train_in_rounds
from training.dagger_view import gain_in_words
from training.demonstrations import Drive, record_drives
from training.evaluation.road_test import RoadTest
from training.fit import TrainSettings
from training.worlds import learning_worlds

BRIEF = TrainSettings(epochs=2, batch_size=32)
SHORT = DaggerSettings(rounds=1, minutes=0.1, drive_s=3.0, trials=2, trial_s=2.0)


@dataclass(frozen=True, slots=True)
class Finished:
    """A training in rounds, its sessions, its model file and what it told."""

    sessions: list[Path]
    model: Path
    card: ModelCard
    rounds: list[Round]


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("lessons")
    paths = [folder / f"{number}.mcap" for number in range(2)]
    worlds = learning_worlds(len(paths), seed=1)
    drives = [Drive(CONFIG, world, path, seconds=15.0) for world, path in zip(worlds, paths, strict=True)]
    record_drives(drives, folder)
    return paths


@pytest.fixture(scope="module")
def finished(needs_keras: None, sessions: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Finished:
    model = tmp_path_factory.mktemp("models") / "new.tflite"
    rounds: list[Round] = []
    card = train_in_rounds(sessions, model, CONFIG, SHORT, BRIEF, command="car train", finished=rounds.append)
    return Finished(sessions, model, card, rounds)


def test_each_round_adds_what_the_expert_says_where_the_pilot_got_to(finished: Finished) -> None:
    first, second = finished.rounds
    assert (first.number, second.number) == (0, 1)
    assert second.frames > first.frames
    recorded = sorted(folder_of(finished).glob("*.mcap"))
    assert [path.name for path in recorded] == ["round-1-000.mcap", "round-1-001.mcap"]
    for path in recorded:
        with Session.open(path) as session:
            assert has_teacher(session.info)
            taught = [record for record in session.records() if record.driver is not None and record.pilot is not None]
            assert any(record.driver != record.pilot for record in taught)


def test_the_best_pilot_is_the_result_and_its_card_tells_of_the_rounds(finished: Finished) -> None:
    best = best_of(finished.rounds)
    assert read_card(finished.model) == finished.card
    assert finished.card.name == "new"
    assert finished.card.model_sha256 == best.card.model_sha256
    assert list(finished.card.closed_loop) == ["DAgger round 0", "DAgger round 1"]
    names = {session.name for session in finished.rounds[1].card.sessions}
    assert {"0", "1", "round-1-000", "round-1-001"} == names


def test_every_round_is_judged_by_the_same_frames(finished: Finished) -> None:
    # Warm networks must not have learned, in a later round, what an earlier one was judged by.
    frames = {session.name: session.frames for session in finished.rounds[0].card.sessions}
    later = {session.name: session.frames for session in finished.rounds[1].card.sessions}
    assert {name: later[name] for name in frames} == frames


def test_a_ctrl_c_leaves_the_best_pilot_so_far(needs_keras: None, sessions: list[Path], tmp_path: Path) -> None:
    told: list[ModelCard] = []

    def interrupt(_: Round) -> None:
        raise KeyboardInterrupt

    out = tmp_path / "new.tflite"
    with pytest.raises(KeyboardInterrupt):
        train_in_rounds(
            sessions,
            out,
            CONFIG,
            SHORT,
            replace(BRIEF, epochs=1),
            finished=interrupt,
            published=lambda card, _: told.append(card),
        )
    assert told == [read_card(out)]


def test_what_came_to_nothing_leaves_nothing(needs_keras: None, tmp_path: Path) -> None:
    # Its frames are no larger than 48x36, and this camera's are.
    session = write_drive(tmp_path / "sessions" / "odd.mcap", frames=200)
    config = CONFIG.model_copy(update={"camera": CONFIG.camera.model_copy(update={"width": 64})})
    with pytest.raises(TrainingError, match=r"48x36.*64x36"):
        train_in_rounds([session], tmp_path / "models" / "new.tflite", config, SHORT, BRIEF)
    assert list((tmp_path / "models").iterdir()) == []


def folder_of(finished: Finished) -> Path:
    return finished.model.with_name("new-dagger")


def test_a_folder_of_rounds_is_never_used_twice(tmp_path: Path) -> None:
    assert folder_for(tmp_path / "a.tflite") == tmp_path / "a-dagger"
    (tmp_path / "a-dagger").mkdir()
    assert folder_for(tmp_path / "a.tflite") == tmp_path / "a-dagger-2"


def round_of(number: int, departures: int, mae: float) -> Round:
    road_test = RoadTest(worlds=20, clean=9, departures=departures, way_m=100.0)
    return Round(number, Path("m.tflite"), ModelCard("m", 36, 48), 100, mae, road_test, 1.0, 1.0, 1.0)


def test_the_best_round_leaves_the_lane_least_and_then_is_nearest_to_the_expert() -> None:
    rounds = [round_of(0, 9, 0.01), round_of(1, 3, 0.3), round_of(2, 3, 0.2)]
    assert best_of(rounds).number == 2
    assert "90.0 departures per km down to 30.0" in gain_in_words(rounds)
    assert "No round did better" in gain_in_words(rounds[:1])


def test_a_pilot_that_leaves_the_lane_and_gets_nowhere_is_the_worst() -> None:
    assert RoadTest(worlds=1, clean=0, departures=1, way_m=0.0).departures_per_km == float("inf")
    assert RoadTest(worlds=1, clean=1, departures=0, way_m=0.0).departures_per_km == 0.0


def test_real_and_broken_sessions_are_told_apart_from_the_simulators(sessions: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.mcap"
    broken.write_bytes(b"no session")
    real = write_drive(tmp_path / "real.mcap", frames=10)
    assert [is_of_real_car(path) for path in (sessions[0], broken, real)] == [False, False, True]


def test_the_expert_drives_less_in_every_round() -> None:
    assert [SHORT.expert_share(number) for number in range(4)] == [1.0, 0.5, 0.25, 0.125]


@pytest.mark.parametrize(
    "wrong", [{"rounds": 0}, {"rounds": 1, "minutes": 0.0}, {"rounds": 1, "minutes": float("nan")}]
)
def test_no_round_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(TrainingError, match="one round or more"):
        DaggerSettings(**wrong)  # type: ignore[arg-type]


def test_minutes_of_no_round_are_refused(tmp_path: Path) -> None:
    assert_refused(run_car("train", "--minutes", "3", cwd=tmp_path), "--minutes", "--dagger")
