"""A search: what it tries, what it keeps, and how it goes on when it was interrupted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import pytest

from car.errors import TrainingError
from tests.system.car_process import assert_refused, run_car
from tests.training.drives import write_drive
from training.checkpoints import FOLDER
from training.cores import work_on_all
from training.dataset import Dataset, load_dataset
from training.fit import TrainSettings
from training.pipeline import train
from training.tune.command import tune_and_show
from training.tune.search import TRIALS, Choices, Search, rank, train_options
from training.tune.trial import Trial, TrialResult, checkpoints_of, run_trial

BASE = TrainSettings(epochs=2, batch_size=16)
CHOICES = Choices(networks=("small",), mirror=(False,), seeds=3, base=BASE)


def result_of(trial: Trial, r2: float | None = 0.5) -> TrialResult:
    return TrialResult(trial.key, asdict(trial.settings), cpu_s=1.0, mae=0.1, r2=r2)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return load_dataset([write_drive(tmp_path / "sessions" / "monday.mcap", frames=300)])


class Engine:
    """Does the trials in words alone; after so many of them it is interrupted."""

    def __init__(self, most: int = 99) -> None:
        self.most = most
        self.seeds: list[int] = []

    def __call__(self, work: object, jobs: Sequence[Trial], progress: object, done: object) -> list[TrialResult]:
        for trial in jobs:
            if len(self.seeds) == self.most:
                raise KeyboardInterrupt
            self.seeds.append(trial.settings.seed)
            assert callable(done)
            done(result_of(trial))
        return []


def test_each_choice_is_tried_with_each_and_with_every_seed_once() -> None:
    choices = Choices(networks=("small", "mobile", "small"), lead_ms=(0, 100), seeds=2, base=replace(BASE, seed=5))
    settings = choices.settings()
    assert len(settings) == len(set(settings)) == 2 * 2 * 2 * 2
    assert {each.seed for each in settings} == {5, 6}
    assert {each.epochs for each in settings} == {2}
    with pytest.raises(TrainingError, match="A lead of 9999 ms"):
        Choices(lead_ms=(9999,)).settings()


def test_an_interrupted_search_keeps_what_was_done_and_does_the_rest(tmp_path: Path, dataset: Dataset) -> None:
    folder = tmp_path / "tune"
    with Search.open(folder, dataset, CHOICES) as search, pytest.raises(KeyboardInterrupt):
        search.run(Engine(most=2), [])
    engine = Engine()
    with Search.open(folder, dataset, CHOICES) as search:
        assert [result.settings["seed"] for result in search.results] == [0, 1]
        results = search.run(engine, [])
    assert engine.seeds == [2]
    assert [result.settings["seed"] for result in results] == [0, 1, 2]
    # A larger search has those of the smaller one, and the file keeps all.
    more = Engine()
    with Search.open(folder, dataset, replace(CHOICES, mirror=(True, False), seeds=2)) as search:
        assert len(search.run(more, [])) == 4
    assert more.seeds == [0, 1]
    assert len(json.loads((folder / TRIALS).read_text())["trials"]) == 5
    assert sorted(path.name for path in folder.iterdir()) == [".lock", TRIALS]


def test_a_trial_of_other_frames_is_another_and_restart_forgets(tmp_path: Path, dataset: Dataset) -> None:
    folder = tmp_path / "tune"
    with Search.open(folder, dataset, CHOICES) as search:
        search.run(Engine(), [])
    other = load_dataset([write_drive(tmp_path / "sessions" / "tuesday.mcap", frames=300, seed=1)])
    with Search.open(folder, other, CHOICES) as search:
        assert not search.results
    checkpoint = checkpoints_of(search.trials[0].key, folder) / "state.fit"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    with Search.open(folder, other, CHOICES, restart=True) as search:
        assert not search.results
    assert not checkpoint.exists()
    with Search.open(folder, dataset, CHOICES) as search:
        assert len(search.results) == 3


def test_a_second_search_in_the_folder_and_a_file_that_is_none_are_refused(tmp_path: Path, dataset: Dataset) -> None:
    folder = tmp_path / "tune"
    with (
        Search.open(folder, dataset, CHOICES),
        pytest.raises(TrainingError, match="Another search works in"),
        Search.open(folder, dataset, CHOICES),
    ):
        pass
    for content in ('{"schema_version": 1, "trials": [{"key"', '{"schema_version": 9, "trials": []}', "[]", "{}"):
        (folder / TRIALS).write_text(content)
        with pytest.raises(TrainingError, match="Move it away"), Search.open(folder, dataset, CHOICES):
            pass
        assert (folder / TRIALS).read_text() == content
    (tmp_path / "file").touch()
    with (
        pytest.raises(TrainingError, match="another folder with --out"),
        Search.open(tmp_path / "file", dataset, CHOICES),
    ):
        pass


def test_the_mean_of_all_seeds_ranks_and_what_cannot_be_trained_is_last() -> None:
    def trial(network: str, seed: int, r2: float | None) -> TrialResult:
        settings = asdict(TrainSettings(seed=seed)) | {"network": network}
        return TrialResult(f"{network}{seed}", settings, cpu_s=1.0, r2=r2, error="" if r2 is not None else "No.")

    results = [trial("small", 0, 0.9), trial("small", 1, None), trial("wide", 0, 0.2), trial("wide", 1, 0.6)]
    results += [trial("mobile", 0, 0.5), trial("mobile", 1, 0.5)]
    ranked = rank(results)
    assert [each.trials[0].settings["network"] for each in ranked] == ["mobile", "wide", "small"]
    assert [each.trials[0].settings["seed"] for each in ranked] == [0, 1, 0]


def test_the_options_are_those_of_car_train() -> None:
    settings = TrainSettings(
        epochs=9, patience=3, seed=7, displaced_views=0.25, network="wide", mirror=True, loss="huber", lead_ms=None,
        balance=True,
    )  # fmt: skip
    options = " ".join(train_options(asdict(settings)))
    assert options == (
        "--seed 7 --network wide --mirror on --displaced-views 0.25 --lead-ms auto --loss huber --epochs 9 "
        "--patience 3 --balance"
    )
    assert train_options(asdict(TrainSettings())) == []


@pytest.mark.usefixtures("needs_keras")
def test_a_trial_is_the_training_that_its_command_repeats(
    tmp_path: Path, dataset: Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    session, folder = tmp_path / "sessions" / "monday.mcap", tmp_path / "tune"
    # These frames are too small for the second, which ends nothing.
    choices = replace(CHOICES, networks=("small", "donkey-linear"), seeds=1, base=replace(BASE, epochs=3))
    tune_and_show([session], folder, choices, train_command=["car", "train", "a drive.mcap"], workers=1)
    shown = capsys.readouterr().out
    assert "Could not be trained: " in shown
    assert "car train 'a drive.mcap' --mirror off --epochs 3\n" in shown
    with Search.open(folder, dataset, choices) as search:
        plain = search.results[0]
    assert plain.r2 is not None
    card = train([session], tmp_path / "pilot.tflite", replace(BASE, epochs=3, mirror=False))
    assert (card.training["epochs"], card.training["best epoch"]) == (plain.epochs, plain.best_epoch)
    assert not (folder / FOLDER).exists()
    tune_and_show([session], folder, choices, train_command=["car", "train"], workers=1)
    assert "2 of 2 trials were done before" in capsys.readouterr().out


@pytest.mark.usefixtures("needs_keras")
def test_a_trial_that_was_interrupted_goes_on_and_comes_to_the_same(tmp_path: Path, dataset: Dataset) -> None:
    session, folder = tmp_path / "sessions" / "monday.mcap", tmp_path / "tune"

    def interrupt(done: float) -> None:
        if done > 0.6:
            raise KeyboardInterrupt

    choices = replace(CHOICES, seeds=1, base=replace(BASE, epochs=3))
    with Search.open(folder, dataset, choices) as search, pytest.raises(KeyboardInterrupt):
        search.run(partial(work_on_all, cores=1), [session], None, interrupt)
    assert list(checkpoints_of(search.trials[0].key, folder).glob("*.fit"))
    told: list[float] = []
    with Search.open(folder, dataset, choices) as search:
        (again,) = search.run(partial(work_on_all, cores=1), [session], None, told.append)
    assert min(done for done in told if done) > 0.3
    assert [path.name for path in sorted(folder.iterdir())] == [".lock", TRIALS]
    undisturbed = run_trial(search.trials[0], told.append, [session], None, tmp_path / "other")
    assert replace(again, cpu_s=0.0) == replace(undisturbed, cpu_s=0.0)


@pytest.mark.usefixtures("needs_keras")
def test_a_worker_with_other_sessions_is_refused(tmp_path: Path, dataset: Dataset) -> None:
    other = write_drive(tmp_path / "other" / "monday.mcap", frames=300, seed=1)
    with Search.open(tmp_path / "tune", dataset, CHOICES) as search:
        work = partial(run_trial, sessions=[other], size=None, folder=tmp_path)
        with pytest.raises(TrainingError, match="A worker has other sessions"):
            work_on_all(work, search.trials, cores=1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--network", "huge"], ["There is no network huge"]),
        (["--mirror", "maybe"], ["--mirror is one of auto, on, off, not maybe"]),
        (["--lead-ms", "soon"], ["--lead-ms is a number"]),
        (["--cluster", "127.0.0.1:6379", "--workers", "2"], ["--workers or --cluster"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_cannot_be_tried_is_refused_at_once(tmp_path: Path, arguments: list[str], words: list[str]) -> None:
    assert_refused(run_car("tune", *arguments, cwd=tmp_path), *words)
    assert not (tmp_path / "tune").exists()
