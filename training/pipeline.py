"""From sessions to a pilot model with its card, in one call."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from car.errors import TrainingError
from car.files import publish, publish_new, reason, work_folder
from car.pilots.names import numbered
from car.software import software_versions
from hardware.camera import Frame
from models.contract import ModelCard, TrainingSession
from models.loader import append_card, load_model
from training.backend import import_keras
from training.checkpoints import FOLDER, Checkpoints, SayCallback, ignore_sentence
from training.course import Stop
from training.dataset import (
    Dataset,
    LeftOutCallback,
    LoadedCallback,
    Recording,
    Size,
    ignore_left_out,
    ignore_loaded,
    load_dataset,
)
from training.evaluation.offline import Evaluation, Label, Values, evaluate_frames
from training.evaluation.uncertainty import unsure_share
from training.fit import WARM_LEARNING_RATE, Fitted, TrainSettings, fit
from training.networks.recurrent import STRETCH_FRAMES, UNITS, is_recurrent
from training.progress import Progress, ProgressCallback, ignore_progress
from training.ridge import Features, fit_ridge
from training.split import Indexes, Split, split_dataset
from training.takeovers import corrected
from training.transfer import Earlier, read_earlier
from training.variants import Judging, export_variants

EXPORT = ".export-"
"""How the folder's name begins in which a model is until it is whole; so ``car.pilots.trainer`` finds it."""


def train(
    sessions: Sequence[Path],
    out: Path,
    settings: TrainSettings | None = None,
    progress: ProgressCallback = ignore_progress,
    *,
    command: str = "",
    replaces: bool = False,
    size: Size | None = None,
    left_out: LeftOutCallback = ignore_left_out,
    loaded: LoadedCallback = ignore_loaded,
    from_takeovers: bool = False,
    start: Path | None = None,
    restart: bool = False,
    stop: Stop | None = None,
    say: SayCallback = ignore_sentence,
) -> ModelCard:
    """Train a pilot on ``sessions``, write it to the file ``out`` and return its card, whose name is the file's.

    Where there is such a file, the model is written beside it with a number, pilot-2.tflite, unless it ``replaces``
    that one. ``command`` is what was typed, for the card; for ``size`` and ``left_out`` see ``load_dataset``, and
    ``loaded`` hears of what that returned before the training begins. With ``from_takeovers`` a pilot's own driving in
    them is passed over, and what corrects it is shown more often (``training.takeovers``). With ``start``, an earlier
    pilot's file, the training begins with its weights, and at a rate of ``WARM_LEARNING_RATE`` at most. The figures in
    the card are those of the exported file on the test frames.

    A training that was interrupted goes on when it is begun again, unless it is to ``restart``: checkpoints are in the
    folder ``.checkpoints`` beside ``out``. ``stop`` may end it early, with the best epoch so far; that one can still be
    gone on with. ``say`` is told of all that. Raises TrainingError when the sessions cannot be trained on, ``start``
    cannot be begun from or ``out`` cannot be written, ModelError when ``start`` is no model, SessionError when the only
    session cannot be read, MissingPackage when Keras or TensorFlow is not installed.
    """
    settings = settings or TrainSettings()
    # Before minutes of decoding and training, not after them.
    import_keras()
    check_place(out)
    earlier = read_earlier(start, settings.network, binned=settings.loss == "binned") if start is not None else None
    dataset = load_dataset(sessions, progress, size=size, tell=left_out)
    if earlier is not None:
        earlier.check_fits(dataset)
        settings = replace(settings, learning_rate=min(settings.learning_rate, WARM_LEARNING_RATE))
    loaded(dataset)
    progress(Progress("train", 0, 1))
    lessons = corrected(dataset, settings.seed) if from_takeovers else None
    split = lessons.split if lessons else split_dataset(dataset, settings.seed)
    checkpoints = Checkpoints(out.parent / FOLDER, say, restart=restart)
    network = earlier.network if earlier is not None else None
    fitted = fit(dataset, split, settings, progress, start=network, checkpoints=checkpoints, stop=stop, say=say)
    if fitted.was_stopped:
        say(
            f"Stopped after epoch {fitted.epochs} of {settings.epochs}: epoch {fitted.best_epoch}, the best so far, "
            "becomes the model. Ctrl-C again ends without one."
        )
    if earlier is not None and (seen := earlier.seen_test_frames(fitted.dataset, fitted.split)):
        say(
            f"{earlier.card.name} may have learned from {seen} of the test frames, so the figures flatter. Record "
            "another drive to judge by, and run `car compare` on it."
        )
    progress(Progress("export", 0, 1))
    corrections = {"corrections": str(lessons)} if lessons else {}
    card = export_pilot(fitted, out, command, replaces=replaces, more=corrections, earlier=earlier)
    if not fitted.was_stopped:
        checkpoints.forget()
    progress(Progress("export", 1, 1))
    return card


def check_place(out: Path) -> None:
    """Raise TrainingError when no model can be written to ``out``; its folder is made where there is none."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out.parent):
            pass
    except OSError as error:
        raise _unwritable(out, error) from error


def _unwritable(out: Path, error: OSError) -> TrainingError:
    return TrainingError(f"{out} cannot be written ({reason(error)}). Choose another place with --out.")


def export_pilot(
    fitted: Fitted,
    out: Path,
    command: str = "",
    *,
    replaces: bool = False,
    more: Mapping[str, str] | None = None,
    earlier: Earlier | None = None,
) -> ModelCard:
    """Write the network, measured and described, to ``out`` in one step and return its card; see ``train``.

    ``more`` is what else the card says of the training, ``earlier`` the pilot that it began from. Raises TrainingError
    when ``out`` cannot be written.
    """
    dataset, split = fitted.dataset, fitted.split
    try:
        with work_folder(out.parent, EXPORT) as folder:
            unfinished = folder / out.name
            settings = fitted.settings
            judging = Judging.of(dataset, split, settings.seed, in_a_row=is_recurrent(fitted.network))
            variant, variants = export_variants(fitted.network, unfinished, settings.variant, judging)
            evaluation = evaluate_held_out(unfinished, dataset, split, _ridges(dataset, split))
            card = _describe(fitted, out.stem, command)
            if earlier is not None:
                card = _descended(card, earlier, fitted)
            unsure = unsure_share(unfinished, dataset, split.test)
            uncertainty = {} if unsure is None else {"unsure of test frames": f"{unsure:.1%}"}
            card = replace(
                card,
                training={**card.training, "variant": variant, **uncertainty, **(more or {})},
                metrics=evaluation.to_metrics(),
                variants={name: figures.to_card() for name, figures in variants.items()},
            )
            return publish_pilot(unfinished, card, out, replaces=replaces)
    except OSError as error:
        raise _unwritable(out, error) from error


def evaluate_held_out(
    model: Path, dataset: Dataset, split: Split, others: Mapping[str, Values] | None = None
) -> Evaluation:
    """Return how far ``model``, and ``others`` beside it, are from what was driven on the test frames of ``split``."""
    return evaluate_frames(load_model(model), _drives(dataset, split.test), _training_means(dataset, split), others)


def _ridges(dataset: Dataset, split: Split) -> dict[str, Values]:
    """Return what linear models of the training frames give for the test frames, by their names in a card."""
    kinds: dict[str, Features] = {"ridge": "random convolutions", "grey_ridge": "grey"}
    return {
        name: fit_ridge(dataset, split.train, split.validation, features).predict_all(dataset, split.test)
        for name, features in kinds.items()
    }


def publish_pilot(unfinished: Path, card: ModelCard, out: Path, *, replaces: bool) -> ModelCard:
    """Give a finished model its card and its name, tried now: another training may have taken that meanwhile."""
    for path in numbered(out):
        described = append_card(unfinished, replace(card, name=path.stem))
        try:
            (publish if replaces else publish_new)(unfinished, path)
        except FileExistsError:
            continue
        break
    return described


def _describe(fitted: Fitted, name: str, command: str) -> ModelCard:
    dataset, split, settings = fitted.dataset, fitted.split, fitted.settings
    used = list(zip(dataset.recordings, split.train, strict=True))
    held_out = ", ".join(recording.name for recording, train in used if not len(train))
    return ModelCard(
        name=name,
        height=dataset.height,
        width=dataset.width,
        camera=_common([asdict(recording.camera) for recording in dataset.recordings]),
        sessions=tuple(
            TrainingSession(recording.name, recording.sha256, len(np.unique(train)))
            for recording, train in used
            if len(train)
        ),
        split=split.words + (f" (not learned from: {held_out})" if held_out else ""),
        training={
            "network": settings.network,
            **(
                {"state": f"{UNITS} values, from stretches of {STRETCH_FRAMES} frames"}
                if is_recurrent(fitted.network)
                else {}
            ),
            "loss": settings.loss,
            "label lead": f"{settings.lead_ms} ms",
            "balanced": "yes" if settings.balance else "no",
            "mirrored": "yes" if settings.mirror else "no",
            "augmented": "yes" if settings.augmented else "no",
            "epochs": fitted.epochs,
            "best epoch": fitted.best_epoch,
            **(
                {"stopped": f"by hand, after {fitted.epochs} of {settings.epochs} epochs"} if fitted.was_stopped else {}
            ),
            "seed": settings.seed,
        },
        software=software_versions("keras", "tensorflow"),
        command=command,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _descended(card: ModelCard, earlier: Earlier, fitted: Fitted) -> ModelCard:
    """Return ``card`` with what the pilot came from, and with what that one had learned from."""
    seen = earlier.seen_test_frames(fitted.dataset, fitted.split)
    told = {"begun from": earlier.words} | ({"test frames it had learned from": seen} if seen else {})
    return replace(card, sessions=earlier.with_its_sessions(card.sessions), training={**card.training, **told})


def _common(cameras: Sequence[Mapping[str, float | str]]) -> dict[str, float | str]:
    """Return what all cameras agree on: a model that has seen several mounts fits any of them."""
    first, *others = cameras
    return {key: value for key, value in first.items() if all(camera[key] == value for camera in others)}


def _drives(dataset: Dataset, parts: Sequence[Indexes]) -> Iterator[Iterator[tuple[Frame, Label]]]:
    """Yield the frames of each recording's part, as they were driven."""
    for recording, part in zip(dataset.recordings, parts, strict=True):
        yield _frames(recording, part)


def _frames(recording: Recording, part: Indexes) -> Iterator[tuple[Frame, Label]]:
    for index in part.tolist():
        steering, throttle = recording.labels[index].tolist()
        yield Frame(recording.images[index], int(recording.captured_ns[index]), index), (steering, throttle)


def _training_means(dataset: Dataset, split: Split) -> list[float]:
    labels = [recording.labels[part] for recording, part in zip(dataset.recordings, split.train, strict=True)]
    means: list[float] = np.concatenate(labels).mean(axis=0, dtype=np.float64).tolist()
    return means
