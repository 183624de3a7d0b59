"""DAgger: the pilot drives, the expert says what it should have done, and the pilot learns from that too.

A pilot that only ever saw how a good driver drives does not know what to do where its own mistakes take it. Each round
lets the newest pilot drive, adds the expert's answer to every frame it met to all the data so far, and trains again:
Ross, Gordon and Bagnell, "A reduction of imitation learning and structured prediction to no-regret online learning",
AISTATS 2011.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from car.config.sections import CarConfig
from car.errors import SessionError, TrainingError
from car.files import reason, work_folder
from car.pilots.names import numbered
from car.runs.instructor import Instructor
from car.sessions.format import SUFFIX
from car.sessions.reader import Session
from models.contract import ModelCard
from training.backend import import_keras
from training.dataset import LeftOutCallback, LoadedCallback, ignore_left_out, ignore_loaded, load_dataset
from training.demonstrations import DRIVE_S, Drive, drives_for, record_drives
from training.evaluation.road_test import RoadTest, take_road_test
from training.fit import WARM_LEARNING_RATE, Fitted, TrainSettings, fit
from training.pipeline import EXPORT, check_place, export_pilot, publish_pilot
from training.progress import Progress, ProgressCallback, ignore_progress
from training.split import Split, split_dataset
from training.worlds import learning_worlds, trial_worlds

EXPERT_SHARE = 0.5
"""β of the first round; each later one has this share of the one before, so that the pilot gets ever further alone."""
FIRST_WORLD = 100_000
"""The worlds of the rounds come from this number on in the seed's row: the demonstrations are at its beginning."""
WARM_EPOCHS_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class DaggerSettings:
    """How many ``rounds`` there are beyond plain imitation, and how long the pilot drives in each of them.

    >>> DaggerSettings(rounds=3).expert_share(2)
    0.25

    ``minutes`` are of simulated time; ``drive_s`` is how long one drive is. After each round the pilot is tried in
    ``trials`` worlds, for ``trial_s`` each. Raises TrainingError for numbers that make no round.
    """

    rounds: int
    minutes: float = 4.0
    drive_s: float = DRIVE_S
    trials: int = 60
    trial_s: float = 20.0

    def __post_init__(self) -> None:
        """Refuse what makes no round."""
        if self.rounds < 1 or self.trials < 1 or not min(self.minutes, self.drive_s, self.trial_s) > 0.0:
            raise TrainingError("DAgger takes one round or more, of some minutes each. Give larger numbers.")

    def expert_share(self, number: int) -> float:
        """Return the share of round ``number`` that the expert drives itself: 1 in round 0, plain imitation."""
        return float(EXPERT_SHARE**number)


@dataclass(frozen=True, slots=True)
class Round:
    """What a round came to.

    ``frames`` are those trained on; ``steering_mae`` is on the frames held out from the sessions that the training
    began with, the same ones in every round; ``drive_s``, ``train_s`` and ``trial_s`` are what it took on this machine.
    """

    number: int
    model: Path
    card: ModelCard
    frames: int
    steering_mae: float
    road_test: RoadTest
    drive_s: float
    train_s: float
    trial_s: float


PublishedCallback = Callable[[ModelCard, Sequence[Round]], None]


def best_of(rounds: Sequence[Round]) -> Round:
    """Return the round whose pilot leaves the lane least often; of equals the one nearer to the expert."""
    return min(rounds, key=lambda done: (done.road_test.departures_per_km, done.steering_mae))


def is_of_real_car(path: Path) -> bool:
    """Tell whether a session is known to be of another world than the simulator's."""
    try:
        with Session.open(path) as session:
            return session.info.source != "simulator"
    except SessionError:
        return False


def folder_for(out: Path) -> Path:
    """Return the folder, not there yet, for the sessions and pilots of the rounds that lead to the model ``out``."""
    return next(path for path in numbered(out.with_name(f"{out.stem}-dagger")) if not path.exists())


def train_in_rounds(
    sessions: Sequence[Path],
    out: Path,
    config: CarConfig,
    dagger: DaggerSettings,
    settings: TrainSettings | None = None,
    progress: ProgressCallback = ignore_progress,
    *,
    command: str = "",
    replaces: bool = False,
    left_out: LeftOutCallback = ignore_left_out,
    loaded: LoadedCallback = ignore_loaded,
    finished: Callable[[Round], None] = lambda _: None,
    published: PublishedCallback = lambda _card, _rounds: None,
) -> ModelCard:
    """Train on ``sessions``, then in rounds; write the best pilot to ``out`` as ``train`` does and return its card.

    The sessions and the pilot of each round stay in ``folder_for(out)``. A Ctrl-C, or an error in a later round, leaves
    the best pilot so far in ``out``. ``loaded`` hears of the sessions when they are read, ``finished`` of each round,
    and ``published`` of what is in ``out`` and the rounds that led there. Raises what ``train`` raises, and
    RecordingError.
    """
    import_keras()
    check_place(out)
    folder = folder_for(out)
    check_place(folder / out.name)
    rounds = _Rounds(folder, config, dagger, settings or TrainSettings(), progress, command)
    done: list[Round] = []

    def publish() -> ModelCard:
        card = _publish_best(done, out, replaces=replaces)
        published(card, done)
        return card

    try:
        rounds.begin(sessions, left_out, loaded)
        for number in range(dagger.rounds + 1):
            done.append(rounds.run(number))
            finished(done[-1])
    except BaseException:
        if done:
            publish()
        else:
            shutil.rmtree(folder, ignore_errors=True)
        raise
    return publish()


class _Rounds:
    """All data so far, the newest network, and what a round does with them."""

    def __init__(
        self,
        folder: Path,
        config: CarConfig,
        dagger: DaggerSettings,
        settings: TrainSettings,
        progress: ProgressCallback,
        command: str,
    ) -> None:
        self._folder, self._config, self._dagger = folder, config, dagger
        self._settings, self._progress, self._command = settings, progress, command
        self._network: Any = None
        self._model: Path | None = None

    def begin(self, sessions: Sequence[Path], left_out: LeftOutCallback, loaded: LoadedCallback) -> None:
        camera = self._config.camera.geometry
        size = (camera.height, camera.width)
        dataset = load_dataset(sessions, self._progress, size=size, tell=left_out)
        if (dataset.height, dataset.width) != size:
            raise TrainingError(
                f"The sessions' frames are {dataset.width}x{dataset.height}, and the camera with which the pilot is to "
                f"drive has {camera.width}x{camera.height}. Set its size in car.toml, or name other sessions."
            )
        loaded(dataset)
        self._dataset = dataset
        self._split = split_dataset(dataset, self._settings.seed)

    def run(self, number: int) -> Round:
        """Drive, but for round 0, then train and try the new pilot."""
        started_s = time.perf_counter()
        if number > 0:
            self._add(self._drive(number))
        drive_s = time.perf_counter() - started_s
        model = self._folder / f"round-{number}.tflite"
        fitted = self._train()
        self._progress(Progress("export", 0, 1))
        card = export_pilot(fitted, model, self._command)
        self._progress(Progress("export", 1, 1))
        self._network, self._model = fitted.network, model
        train_s = time.perf_counter() - started_s - drive_s
        road_test = take_road_test(
            model, self._config, trial_worlds(self._dagger.trials), self._tell("try"), self._dagger.trial_s
        )
        return Round(
            number=number,
            model=model,
            card=card,
            frames=sum(map(len, self._split.train)),
            steering_mae=card.metrics["steering"]["mae"],
            road_test=road_test,
            drive_s=drive_s,
            train_s=train_s,
            trial_s=time.perf_counter() - started_s - drive_s - train_s,
        )

    def _drive(self, number: int) -> list[Path]:
        """Let the newest pilot drive with the expert beside it; return the sessions."""
        dagger, seed = self._dagger, self._settings.seed
        count = drives_for(dagger.minutes, dagger.drive_s)
        worlds = learning_worlds(count, seed, FIRST_WORLD + number * count)
        drives = [
            Drive(
                self._config,
                world,
                self._folder / f"round-{number}-{index:03}{SUFFIX}",
                self._model,
                Instructor(dagger.expert_share(number), seed=index),
                dagger.drive_s,
            )
            for index, world in enumerate(worlds)
        ]
        record_drives(drives, self._folder, self._tell("drive"))
        return [drive.path for drive in drives]

    def _add(self, sessions: Sequence[Path]) -> None:
        more = load_dataset(sessions, self._progress)
        self._dataset = replace(self._dataset, recordings=self._dataset.recordings + more.recordings)
        # All of it is learned from: what was held out of the first sessions still chooses epochs and is the test.
        none = tuple(np.arange(0) for _ in more.recordings)
        self._split = Split(
            self._split.train + tuple(np.arange(len(recording.images)) for recording in more.recordings),
            self._split.validation + none,
            self._split.test + none,
            self._split.words,
        )

    def _train(self) -> Fitted:
        settings = self._settings
        if self._network is not None:
            epochs = max(1, round(settings.epochs * WARM_EPOCHS_SHARE))
            settings = replace(settings, epochs=epochs, learning_rate=min(settings.learning_rate, WARM_LEARNING_RATE))
        fitted = fit(self._dataset, self._split, settings, self._progress, start=self._network)
        # What the first round decided holds for all: warm networks know no other way.
        self._settings = replace(self._settings, mirror=fitted.settings.mirror, lead_ms=fitted.settings.lead_ms)
        return fitted

    def _tell(self, stage: str) -> Callable[[float], None]:
        return lambda done: self._progress(Progress(stage, round(done * 1000), 1000))


def _publish_best(rounds: Sequence[Round], out: Path, *, replaces: bool) -> ModelCard:
    best = best_of(rounds)
    closed_loop = {f"DAgger round {done.number}": str(done.road_test) for done in rounds}
    try:
        with work_folder(out.parent, EXPORT) as folder:
            copy = Path(shutil.copy(best.model, folder / out.name))
            return publish_pilot(copy, replace(best.card, closed_loop=closed_loop), out, replaces=replaces)
    except OSError as error:
        raise TrainingError(
            f"{out} cannot be written ({reason(error)}). The best pilot is {best.model}; copy it to another place."
        ) from error
