"""What is learned from drives in which somebody took over from a pilot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from car.errors import TrainingError
from car.gate import Mode
from car.sessions.labels import Origin
from hardware.camera import CameraGeometry, Frame
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command
from models.loader import read_card
from tests.system.car_process import assert_refused, run_car
from tests.training.drives import draw, record, steer, write_drive, write_rows
from training.dataset import Dataset, Recording
from training.takeovers import CORRECTIONS_SHARE, MAX_REPEATS, corrected

PERIOD_NS = NS_PER_S // 20


def recording(origins: list[Origin], number: int = 0) -> Recording:
    """Return a recording whose frames have ``origins``, at 20 frames/s."""
    count = len(origins)
    return Recording(
        f"drive-{number}",
        f"{number:064x}",
        CameraGeometry(width=2, height=2),
        np.zeros((count, 2, 2, 3), np.uint8),
        np.zeros((count, 2), np.float32),
        np.arange(count, dtype=np.int64) * PERIOD_NS,
        np.array(origins, np.uint8),
    )


def dataset(*recordings: list[Origin]) -> Dataset:
    return Dataset(tuple(recording(origins, number) for number, origins in enumerate(recordings)), 2, 2)


BY_HAND = [Origin.DRIVER] * 1200
TAKEN_OVER = [*[Origin.PILOT] * 400, *[Origin.CORRECTION] * 50, *[Origin.PILOT] * 200, *[Origin.CORRECTION] * 30]


def test_corrections_are_all_learned_from_and_a_pilots_own_driving_is_not() -> None:
    made = corrected(dataset(BY_HAND, TAKEN_OVER))
    assert set(made.split.train[1].tolist()) == {*range(400, 450), *range(650, 680)}
    assert len(made.split.validation[1]) == len(made.split.test[1]) == 0
    assert len(made.split.test[0]) == 240
    assert (made.takeovers, made.frames) == (2, 80)


def test_few_corrections_are_shown_more_often_and_many_once() -> None:
    few = corrected(dataset(BY_HAND, TAKEN_OVER))
    _, times = np.unique(few.split.train[1], return_counts=True)
    assert set(times.tolist()) == {few.repeats}
    shown = few.repeats * few.frames
    assert shown / (shown + len(few.split.train[0])) >= CORRECTIONS_SHARE
    assert corrected(dataset(BY_HAND, [Origin.CORRECTION] * 1000)).repeats == 1
    assert corrected(dataset(BY_HAND * 20, TAKEN_OVER)).repeats == MAX_REPEATS


def test_where_there_is_nothing_else_the_sessions_with_takeovers_are_split() -> None:
    made = corrected(dataset([*BY_HAND, *TAKEN_OVER], [Origin.PILOT] * 100))
    for parts in (made.split.train, made.split.validation, made.split.test):
        assert len(parts[0]) > 0
        assert len(parts[1]) == 0
        assert not set(range(1200, 1600)) & set(parts[0].tolist())


def test_without_a_takeover_it_is_said_how_to_take_over() -> None:
    with pytest.raises(TrainingError, match="change to manual"):
        corrected(dataset(BY_HAND, [Origin.PILOT] * 400))


def test_a_few_seconds_are_not_a_pilots_schooling() -> None:
    with pytest.raises(TrainingError, match="Drive a lap or two by hand"):
        corrected(dataset([*[Origin.DRIVER] * 200, *TAKEN_OVER]))


@settings(deadline=None)
@given(
    recordings=st.lists(
        st.lists(st.tuples(st.sampled_from(Origin), st.integers(1, 300)), min_size=1, max_size=6),
        min_size=1,
        max_size=8,
    ),
    seed=st.integers(0, 99),
)
def test_no_frame_is_in_two_parts_and_none_is_the_pilots(recordings: list[list[tuple[Origin, int]]], seed: int) -> None:
    data = dataset(*([origin for origin, count in stretches for _ in range(count)] for stretches in recordings))
    try:
        made = corrected(data, seed)
    except TrainingError:
        assume(False)
    for one, *parts in zip(data.recordings, made.split.train, made.split.validation, made.split.test, strict=True):
        sets = [set(part.tolist()) for part in parts]
        assert len(set.union(*sets)) == sum(map(len, sets))
        assert all(one.origins[number] != Origin.PILOT for number in set.union(*sets))


def write_takeovers(path: Path) -> Path:
    """Record a drive in which a pilot drives for 4 s, and somebody takes over for 2 s, again and again."""
    rows = []
    for number, steering in enumerate(steer(480, seed=5)):
        frame = Frame(draw(steering), number * PERIOD_NS, number)
        rows.append((frame, record(frame, Command(steering, 0.4), Mode.AUTO if number % 120 < 80 else Mode.MANUAL)))
    return write_rows(path, rows)


@pytest.fixture
def car_dir(tmp_path: Path) -> Path:
    """Return a car with small frames, a drive by hand and one with takeovers."""
    assert run_car("init", "mycar", cwd=tmp_path).returncode == 0
    (tmp_path / "mycar" / "car.toml").write_text("# mine\n[camera]\nwidth = 48\nheight = 36\n")
    write_drive(tmp_path / "mycar" / "sessions" / "monday.mcap", frames=400)
    return tmp_path / "mycar"


@pytest.mark.usefixtures("needs_keras")
def test_the_car_drives_with_what_was_learned_from_takeovers(car_dir: Path) -> None:
    write_takeovers(car_dir / "sessions" / "tuesday.mcap")
    done = run_car("train", "--from-takeovers", "--epochs", "1", cwd=car_dir)
    assert done.returncode == 0, done.stderr
    assert 'drives with pilot from its next start on. Before it was [pilot] model = "simulated-lane".' in done.stdout
    assert (car_dir / "car.toml").read_text().startswith("# mine\n[camera]\nwidth = 48\nheight = 36\n")
    assert 'model = "pilot"' in (car_dir / "car.toml").read_text()
    card = read_card(car_dir / "models" / "pilot.tflite")
    assert card is not None
    assert str(card.training["corrections"]).startswith("4 takeovers, 160 frames")
    assert {session.name: session.frames for session in card.sessions}["tuesday"] == 160


@pytest.mark.usefixtures("needs_keras")
def test_sessions_without_takeovers_are_refused_and_the_car_drives_as_before(car_dir: Path) -> None:
    before = (car_dir / "car.toml").read_text()
    assert_refused(run_car("train", "--from-takeovers", cwd=car_dir), "Nobody took over", "--from-takeovers")
    assert (car_dir / "car.toml").read_text() == before
    assert list((car_dir / "models").iterdir()) == []


def test_rounds_with_the_expert_need_no_takeovers(car_dir: Path) -> None:
    done = run_car("train", "--from-takeovers", "--dagger", "1", cwd=car_dir)
    assert_refused(done, "--from-takeovers", "--dagger")
