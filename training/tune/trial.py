"""One trial of a search: a whole training, judged by its validation frames and not exported."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from car.errors import TrainingError
from training.backend import import_keras
from training.checkpoints import FOLDER, Checkpoints, fit_key
from training.cores import ProgressCallback
from training.dataset import Dataset, Size, load_dataset
from training.evaluation.offline import compare
from training.export import network_values
from training.fit import Fitted, TrainSettings, fit
from training.progress import Progress
from training.split import Split, split_dataset
from training.stretches import begins

_FIT_SHARE = 0.98
"""So much of a trial is its fit; what is left is judging it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """Settings to be tried, and the ``key`` by which a trial that comes to the same is known.

    >>> Trial(TrainSettings(network="mobile"), key="5a5e25b6").settings.seed
    0
    """

    settings: TrainSettings
    key: str


@dataclass(frozen=True, slots=True)
class TrialResult:
    """What became of a trial.

    >>> result = TrialResult("5a5e25b6", asdict(TrainSettings(seed=1)), cpu_s=80.0, r2=0.52, r2_low=0.4, r2_high=0.6)
    >>> TrialResult.from_dict(result.to_dict()) == result
    True

    The figures are of the steering on the validation frames: ``mae``, ``r2`` with what it lies between with 95 %
    confidence, None where there is none; see ``training.evaluation.offline``. ``epochs`` were trained, of which
    ``best_epoch`` counts, with ``validation_loss``. ``mirrored`` says what was decided where the settings left it
    open, ``lead_ms`` too. ``cpu_s`` is the processor time; of a trial that was interrupted, that since it went on. One
    that cannot be trained has an ``error``, a sentence, and no figures.
    """

    key: str
    settings: dict[str, Any]
    cpu_s: float
    mae: float | None = None
    r2: float | None = None
    r2_low: float | None = None
    r2_high: float | None = None
    epochs: int = 0
    best_epoch: int = 0
    validation_loss: float | None = None
    mirrored: bool | None = None
    lead_ms: int | None = None
    error: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrialResult:
        """Return what ``to_dict`` was called on; raises TypeError for other keys."""
        return cls(**values)


def trial_key(dataset: Dataset, split: Split, settings: TrainSettings) -> str:
    """Return what tells trials apart that come to something else; see ``training.checkpoints.fit_key``."""
    return fit_key(dataset, split, {"trial": asdict(settings)})


def checkpoints_of(key: str, folder: Path) -> Path:
    """Return where the checkpoints of the trial with ``key`` are; a folder each, so that none pushes out another's."""
    return folder / FOLDER / key


def run_trial(
    trial: Trial, progress: ProgressCallback, sessions: Sequence[Path], size: Size | None, folder: Path
) -> TrialResult:
    """Train with the trial's settings, going on from its checkpoint in ``folder``, and return how good it is.

    Raises TrainingError when what is here is not what the trial's key was made of.
    """
    started_cpu_s = time.process_time()
    # To decode on another machine may take minutes, in which it is not to pass for frozen.
    dataset = load_dataset(sessions, lambda _: progress(0.0), size=size)
    split = split_dataset(dataset, trial.settings.seed)
    if trial_key(dataset, split, trial.settings) != trial.key:
        raise TrainingError(
            "A worker has other sessions than this machine, or another version of Pocketpilot or its packages. Give "
            "every machine of the cluster the same, at the same paths."
        )
    import_keras().backend.clear_session()  # The trial before, in this process.
    checkpoints = Checkpoints(checkpoints_of(trial.key, folder))

    def tell(told: Progress) -> None:
        progress(_FIT_SHARE * told.done / max(1, told.total))

    try:
        fitted = fit(dataset, split, trial.settings, tell, checkpoints=checkpoints)
    except TrainingError as error:
        return TrialResult(
            trial.key, asdict(trial.settings), cpu_s=time.process_time() - started_cpu_s, error=str(error)
        )
    figures = _validation_figures(fitted)
    return TrialResult(
        trial.key,
        asdict(trial.settings),
        cpu_s=time.process_time() - started_cpu_s,
        mae=figures["mae"],
        r2=figures.get("r2"),
        r2_low=figures.get("r2_low"),
        r2_high=figures.get("r2_high"),
        epochs=fitted.epochs,
        best_epoch=fitted.best_epoch,
        validation_loss=fitted.validation_loss,
        mirrored=fitted.settings.mirror,
        lead_ms=fitted.settings.lead_ms,
    )


def _validation_figures(fitted: Fitted) -> dict[str, float]:
    """Return the steering's figures on the validation frames, as a model card holds them."""
    judged = []
    for recording, part in zip(fitted.dataset.recordings, fitted.split.validation, strict=True):
        if len(part):
            images = [recording.images[index] for index in part.tolist()]
            values = network_values(fitted.network, images, begins(recording.captured_ns, part))
            judged.append((values, recording.labels[part]))
    given, driven = (np.concatenate(values)[:, 0].astype(np.float64) for values in zip(*judged, strict=True))
    return compare(given, driven, None).to_metrics()
