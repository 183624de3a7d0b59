"""A fit that was interrupted goes on to the same weights, and nothing about a checkpoint ends a training."""

from __future__ import annotations

import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.drives import write_drive
from training.checkpoints import MOST, Checkpoints, FitState, fit_key
from training.course import Course, Stop
from training.dataset import Dataset, load_dataset
from training.fit import Fitted, TrainSettings, fit, training_batches
from training.progress import Progress, ProgressCallback
from training.split import Split, split_recordings

SHORT = TrainSettings(epochs=3, batch_size=32, mirror=False)
STATE = FitState([0.3, 0.2], [np.ones(3)], [np.zeros(3)], [np.array(7)])


@pytest.fixture(scope="module")
def drive(needs_keras: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, Split]:
    dataset = load_dataset([write_drive(tmp_path_factory.mktemp("car") / "monday.mcap", frames=200)])
    return dataset, split_recordings([recording.captured_ns for recording in dataset.recordings])


@pytest.fixture(scope="module")
def whole(drive: tuple[Dataset, Split]) -> Fitted:
    return fit(*drive, SHORT)


def after_epoch(number: int, stop: Stop | None = None) -> ProgressCallback:
    """Return what interrupts a fit after an epoch, or asks it to stop."""

    def hear(progress: Progress) -> None:
        if progress.note.startswith(f"epoch {number}:"):
            if stop is None:
                raise KeyboardInterrupt
            assert stop.ask()

    return hear


def weights(fitted: Fitted) -> bytes:
    return b"".join(array.tobytes() for array in fitted.network.get_weights())


def test_an_interrupted_fit_goes_on_to_the_same_weights_to_the_bit(
    drive: tuple[Dataset, Split], tmp_path: Path
) -> None:
    settings, said = replace(SHORT, mirror=True, balance=True, decays=False, displaced_views=0.3), list[str]()
    with pytest.raises(KeyboardInterrupt):
        fit(*drive, settings, after_epoch(1), checkpoints=Checkpoints(tmp_path))
    later = fit(*drive, settings, checkpoints=Checkpoints(tmp_path), say=said.append)
    assert said == ["Goes on after epoch 1 of 3 of a training that was interrupted."]
    assert weights(later) == weights(fit(*drive, settings))
    assert later.epochs == 3


def test_batches_begin_where_they_are_told_to(needs_keras: None) -> None:
    images = np.arange(50, dtype=np.uint8)[:, None, None, None] * np.ones((1, 8, 16, 3), np.uint8)
    labels = np.zeros((50, 2), np.float32)
    all_of_them, later = (
        [batch.tobytes() for batch, _ in training_batches(images, labels, SHORT, first).take(count).as_numpy_iterator()]
        for first, count in ((0, 7), (4, 3))
    )
    assert later == all_of_them[4:]


@pytest.mark.parametrize("ending", ["changed", "cut off", "empty"])
def test_a_checkpoint_that_is_not_whole_is_passed_over_with_a_sentence(ending: str, tmp_path: Path) -> None:
    keep(tmp_path, "a")
    (path,) = tmp_path.iterdir()
    content = path.read_bytes()
    changed = {"changed": content[:-200] + bytes(200), "cut off": content[:-1], "empty": b""}
    path.write_bytes(changed[ending])
    said: list[str] = []
    checkpoints = Checkpoints(tmp_path, said.append)
    assert checkpoints.find("a") is None
    assert len(said) == 1
    assert f"{path} is passed over" in said[0]
    checkpoints.keep(STATE)
    assert Checkpoints(tmp_path).find("a") is not None


def test_what_would_be_trained_tells_fits_apart(drive: tuple[Dataset, Split]) -> None:
    dataset, split = drive
    (recording,) = dataset.recordings
    other = replace(dataset, recordings=(replace(recording, labels=recording.labels + 0.1),))
    fewer = replace(split, train=(split.train[0][1:],))
    settings = asdict(SHORT)
    keys = [
        fit_key(dataset, split, settings),
        fit_key(other, split, settings),
        fit_key(dataset, fewer, settings),
        fit_key(dataset, split, asdict(replace(SHORT, seed=1))),
        fit_key(dataset, split, asdict(replace(SHORT, epochs=4))),
    ]
    assert len(set(keys)) == len(keys)
    assert fit_key(dataset, split, settings) == keys[0]


def test_a_fit_that_is_stopped_has_its_best_epoch_and_can_be_gone_on_with(
    drive: tuple[Dataset, Split], whole: Fitted, tmp_path: Path
) -> None:
    stop = Stop()
    assert not stop.ask()
    fitted = fit(*drive, SHORT, after_epoch(2, stop), checkpoints=Checkpoints(tmp_path), stop=stop)
    assert (fitted.was_stopped, fitted.epochs) == (True, 2)
    assert not stop.is_possible
    # The cosine of the rate is that of three epochs, so a fit of two is another one.
    assert fitted.best_epoch <= 2
    assert weights(fit(*drive, SHORT, checkpoints=Checkpoints(tmp_path))) == weights(whole)


def test_a_stop_after_the_last_epoch_is_none(drive: tuple[Dataset, Split], whole: Fitted) -> None:
    stop = Stop()
    fitted = fit(*drive, SHORT, after_epoch(3, stop), stop=stop)
    assert not fitted.was_stopped
    assert weights(fitted) == weights(whole)


def test_a_folder_that_cannot_be_made_is_said_once_and_the_training_goes_on(
    drive: tuple[Dataset, Split], whole: Fitted, tmp_path: Path
) -> None:
    said: list[str] = []
    (tmp_path / "file").write_text("in the way")
    fitted = fit(*drive, SHORT, checkpoints=Checkpoints(tmp_path / "file" / "folder", said.append))
    assert len(said) == 1
    assert said[0].startswith("No checkpoint can be kept in ")
    assert weights(fitted) == weights(whole)


def test_a_fit_that_began_from_an_earlier_pilot_goes_on_as_that_and_is_no_other(
    drive: tuple[Dataset, Split], whole: Fitted, tmp_path: Path
) -> None:
    stop = Stop()
    settings = replace(SHORT, epochs=2)
    fit(*drive, settings, after_epoch(1, stop), start=whole.network, checkpoints=Checkpoints(tmp_path), stop=stop)
    said: list[str] = []
    key = fit_key(*drive, asdict(settings))
    assert Checkpoints(tmp_path).find(key) is None
    assert key != fit_key(*drive, asdict(settings), [np.zeros(3)]) != fit_key(*drive, asdict(settings), [np.ones(3)])
    went_on = fit(*drive, settings, start=whole.network, checkpoints=Checkpoints(tmp_path), say=said.append)
    assert len(said) == 1
    assert weights(went_on) == weights(fit(*drive, settings, start=whole.network))


def keep(folder: Path, key: str, state: FitState = STATE) -> None:
    checkpoints = Checkpoints(folder)
    checkpoints.find(key)
    checkpoints.keep(state)


def test_a_restart_finds_nothing_and_removes_what_was_there(tmp_path: Path) -> None:
    keep(tmp_path / "folder", "a")
    assert Checkpoints(tmp_path / "folder", restart=True).find("a") is None
    assert not (tmp_path / "folder").exists()


def test_the_furthest_of_two_is_gone_on_with_and_both_end_with_the_training(tmp_path: Path) -> None:
    keep(tmp_path / "folder", "a")
    (ours,) = (tmp_path / "folder").iterdir()
    ours.rename(ours.with_name("a-1.fit"))
    keep(tmp_path / "folder", "b")
    (tmp_path / "folder" / "a-2.fit").write_bytes(FitState([0.3], [], [], []).to_bytes())
    checkpoints = Checkpoints(tmp_path / "folder")
    state = checkpoints.find("a")
    assert state is not None
    assert state.losses == [0.3, 0.2]
    assert [array.tolist() for array in (*state.best, *state.variables, *state.optimizer)] == [[1] * 3, [0] * 3, 7]
    checkpoints.keep(state)
    names = {f"{key}-{os.getpid()}.fit" for key in "ab"}
    assert {path.name for path in (tmp_path / "folder").iterdir()} == names
    (tmp_path / "folder" / ".part-1-killed").mkdir()
    checkpoints.forget()
    assert [path.name for path in (tmp_path / "folder").iterdir()] == [f"b-{os.getpid()}.fit"]


def test_the_oldest_of_too_many_is_forgotten(tmp_path: Path) -> None:
    for age, key in enumerate("abcde"):
        keep(tmp_path, key)
        path = tmp_path / f"{key}-{os.getpid()}.fit"
        if path.exists():
            os.utime(path, (1000 + age, 1000 + age))
    keep(tmp_path, "f")
    assert [Checkpoints(tmp_path).find(key) is not None for key in "abcdef"] == [False] * 3 + [True] * MOST


def test_where_writing_is_slow_epochs_are_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = [0.0]
    monkeypatch.setattr("training.checkpoints.time.monotonic", lambda: now_s[0])
    checkpoints, written = Checkpoints(tmp_path), list[float]()
    write = checkpoints._write

    def write_slowly(folder: Path, state: FitState) -> None:
        written.append(now_s[0])
        now_s[0] += 3.0
        write(folder, state)

    monkeypatch.setattr(checkpoints, "_write", write_slowly)
    for _ in range(40):
        now_s[0] += 10.0
        checkpoints.keep(STATE)
    # 3 s are 2 % of 150 s.
    assert np.diff(written).min() >= 150.0
    assert len(written) == 3


def test_patience_that_was_lost_before_an_interruption_stays_lost() -> None:
    assert not Course(9, 2, FitState([0.1, 0.2], [], [], [])).is_over
    assert Course(9, 2, FitState([0.1, 0.2, 0.2], [], [], [])).is_over
    assert Course(3, 9, FitState([0.3, 0.2, 0.1], [], [], [])).is_over
