"""Fits a network to the training frames of a dataset."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from car.errors import TrainingError
from models.contract import OUTPUTS
from training.augment import augment, mirror
from training.backend import import_keras, import_tensorflow
from training.balance import balanced
from training.checkpoints import Checkpoints, SayCallback, fit_key, ignore_sentence
from training.course import Course, Stop
from training.dataset import Dataset
from training.displaced import displaced_views
from training.lead import MOST_LEAD_MS, measured_lead_ms, with_lead
from training.networks.binned import LOGITS, binned_loss
from training.networks.novelty import fit_novelty
from training.networks.recurrent import is_recurrent, over_stretches
from training.networks.steering import (
    CORE,
    STEERING,
    THROTTLE,
    NetworkName,
    join,
    make_core,
    make_shrink,
    network_names,
)
from training.progress import ProgressCallback, ignore_progress
from training.ridge import mirroring_suits
from training.split import Indexes, Split
from training.stretches import stretches_of
from training.variants import VariantChoice, variant_choices

LossName = Literal["mse", "huber", "binned"]
HUBER_DELTA = 0.2
"""Where the error of Huber's loss stops being squared: beyond a fifth of full lock a frame pulls no harder."""
WARM_LEARNING_RATE = 1e-3
"""So much at most for weights that have learned already: the first steps of a greater rate undo what they know."""
_SHRINK_BATCH = 256


def loss_names() -> tuple[str, ...]:
    """Return the losses there are to minimise, the usual one first."""
    return get_args(LossName)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train. ``patience`` is how many epochs may pass without a better validation loss.

    ``displaced_views`` is the share of the training frames that are shown from beside the path as well, 0 … 1.
    ``mirror`` says whether frames are shown left to right as well, None that the validation frames decide. ``lead_ms``
    is how much later what a frame teaches was driven, None as much as the car takes to answer. ``balance`` shows frames
    of rare steering more often. Frames that are ``augmented`` vary in light, sharpness and noise; a learning rate that
    ``decays`` falls to zero along a cosine. ``variant`` is what the network is exported as; for ``auto`` see
    ``training.variants``.

    >>> TrainSettings(epochs=10, seed=7).patience
    8

    Raises TrainingError for a number that no training can use.
    """

    epochs: int = 24
    batch_size: int = 64
    learning_rate: float = 2e-3
    patience: int = 8
    seed: int = 0
    displaced_views: float = 0.0
    network: NetworkName = "small"
    mirror: bool | None = None
    loss: LossName = "mse"
    lead_ms: int | None = 0
    balance: bool = False
    augmented: bool = True
    decays: bool = True
    variant: VariantChoice = "float32"

    def __post_init__(self) -> None:
        """Refuse what Keras would stumble over minutes later."""
        if min(self.epochs, self.batch_size, self.patience) < 1:
            raise TrainingError("Epochs, batch size and patience are counts. Give a number of 1 or more.")
        if not 0.0 < self.learning_rate < math.inf:
            raise TrainingError(f"A learning rate of {self.learning_rate} teaches nothing. Give one such as 0.002.")
        if not 0.0 <= self.displaced_views <= 1.0:
            raise TrainingError(f"{self.displaced_views} is no share of the frames. Give a number from 0 to 1.")
        if self.network not in network_names():
            raise TrainingError(f"There is no network {self.network}. Give one of {', '.join(network_names())}.")
        if self.network == "recurrent" and self.displaced_views:
            raise TrainingError(
                "The network recurrent learns from frames in a row, and a displaced view stands alone. Leave out "
                "--displaced-views, or train another network."
            )
        if self.loss not in loss_names():
            raise TrainingError(f"There is no loss {self.loss}. Give one of {', '.join(loss_names())}.")
        if self.lead_ms is not None and not 0 <= self.lead_ms <= MOST_LEAD_MS:
            raise TrainingError(f"A lead of {self.lead_ms} ms is out of range. Give a number from 0 to {MOST_LEAD_MS}.")
        if self.variant not in variant_choices():
            raise TrainingError(f"There is no variant {self.variant}. Give one of {', '.join(variant_choices())}.")
        if not 0 <= self.seed < 2**31:
            raise TrainingError(f"The seed {self.seed} is out of range. Give a number from 0 to 2147483647.")


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A trained pilot.

    ``network`` is a Keras model as ``models.contract`` wants it, with the weights of ``best_epoch`` of ``epochs``
    (both counted from 1); ``images_per_cpu_s`` counts the training images of all epochs per second of processor time.
    ``settings`` are those it was trained with, nothing in them left to be decided; ``dataset`` and ``split`` are what
    it learned from and is to be judged by: their labels lead as the settings say. One that ``was_stopped`` had epochs
    left to do.
    """

    network: Any
    epochs: int
    best_epoch: int
    validation_loss: float
    seconds: float
    images_per_cpu_s: float
    settings: TrainSettings
    dataset: Dataset
    split: Split
    was_stopped: bool = False


def fit(
    dataset: Dataset,
    split: Split,
    settings: TrainSettings | None = None,
    progress: ProgressCallback = ignore_progress,
    *,
    start: Any = None,
    checkpoints: Checkpoints | None = None,
    stop: Stop | None = None,
    say: SayCallback = ignore_sentence,
) -> Fitted:
    """Train a network on the training frames of ``split``, stopping by its validation frames.

    It begins with the weights of ``start``, where that is given: the network of an earlier fit by the same name, to
    frames of this size. It goes on from the checkpoint of the same fit, where ``checkpoints`` have one, which ``say``
    is told, and keeps its own there. Of one that ``stop`` ends, the best epoch so far is returned.

    By default the squared error is minimised: where drivers tap full lock and let go, its minimum is the steering they
    mean, while the absolute error's is the zero they show most of the time, and Huber's lies between; that of the
    binned one is the steering they mean too. Raises TrainingError when the training diverges, the frames are too small
    for the network, or no label is as much later as the settings say; MissingPackage when Keras or TensorFlow is not
    installed.
    """
    settings = settings or TrainSettings()
    keras = import_keras()
    keras.utils.set_random_seed(settings.seed)
    # It refuses frames that are too small, before seconds of work on them.
    shrink = make_shrink(dataset.height, dataset.width, settings.network)
    lead_ms = measured_lead_ms(dataset) if settings.lead_ms is None else settings.lead_ms
    dataset, split = with_lead(dataset, split, lead_ms)
    settings = replace(settings, lead_ms=lead_ms)
    if settings.mirror is None:
        settings = replace(settings, mirror=mirroring_suits(dataset, split.train, split.validation))
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    train = _gather(dataset, split.train, shrink)
    if settings.displaced_views:
        train = _with_displaced(train, dataset, split, settings, shrink)
    validation = _gather(dataset, split.validation, shrink)
    core = make_core(train[0].shape[1:], settings.network, binned=settings.loss == "binned")
    begins_with = start.get_layer(CORE).get_weights() if start is not None else []
    if begins_with:
        core.set_weights(begins_with)
    rows, judged = None, validation
    learned, batch_frames = len(train[0]), settings.batch_size
    if is_recurrent(core):
        rows = stretches_of(dataset, split.train)
        chosen = stretches_of(dataset, split.validation, apart=True)
        judged = validation[0][chosen], validation[1][chosen]
        learned, batch_frames = len(np.unique(rows)), rows.shape[1] * _batch_rows(rows, settings)
    steps = math.ceil(learned / batch_frames)
    rate = settings.learning_rate
    if settings.decays:
        rate = keras.optimizers.schedules.CosineDecay(rate, steps * settings.epochs)
    learner = _learner(core, settings.loss)
    learner.compile(keras.optimizers.Adam(rate), loss=_losses(settings.loss))
    checkpoints = checkpoints or Checkpoints(None)
    state = checkpoints.find(fit_key(dataset, split, asdict(replace(settings, variant="float32")), begins_with))
    begun = len(state.losses) if state else 0
    if begun:
        say(f"Goes on after epoch {begun} of {settings.epochs} of a training that was interrupted.")
    course = Course(settings.epochs, settings.patience, state, checkpoints.keep, stop)
    shown = training_batches(*train, settings, begun * steps, rows)
    course.run(learner, shown, steps, _plain_batches(*judged), progress)
    if course.has_diverged:
        checkpoints.forget()
        raise TrainingError("The training diverged. Train again with a lower learning rate.")
    novelty = fit_novelty(train[0], _runs(dataset, split.validation, validation[0]), mirror=bool(settings.mirror))
    losses = course.losses
    return Fitted(
        network=join(shrink, core, novelty),
        epochs=len(losses),
        best_epoch=course.best_epoch,
        validation_loss=min(losses),
        seconds=time.perf_counter() - started_s,
        images_per_cpu_s=(len(losses) - begun) * learned / (time.process_time() - started_cpu_s),
        settings=settings,
        dataset=dataset,
        split=split,
        was_stopped=course.was_stopped,
    )


def _runs(
    dataset: Dataset, parts: Sequence[Indexes], pictures: NDArray[np.uint8]
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Yield of each recording the pictures of its part, which are in ``pictures`` in a row, and their times in ns."""
    start = 0
    for recording, part in zip(dataset.recordings, parts, strict=True):
        if len(part):
            yield pictures[start : start + len(part)], recording.captured_ns[part]
        start += len(part)


def _learner(core: Any, loss: LossName) -> Any:
    """Return the Keras model with the weights of ``core`` whose outputs the losses judge."""
    if is_recurrent(core):
        return over_stretches(core, {STEERING: LOGITS if loss == "binned" else STEERING, THROTTLE: THROTTLE})
    if loss != "binned":
        return core
    return import_keras().Model(core.input, {**core.output, STEERING: core.get_layer(LOGITS).output}, name="learner")


def _losses(name: LossName) -> dict[str, Any]:
    """Return the loss of each output; bins are of the steering alone."""
    losses = import_keras().losses
    alike = losses.Huber(HUBER_DELTA) if name == "huber" else losses.MeanSquaredError()
    return dict.fromkeys(OUTPUTS, alike) | ({STEERING: binned_loss} if name == "binned" else {})


def _gather(dataset: Dataset, parts: Sequence[Indexes], shrink: Any) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the frames of ``parts``, shrunk once and for all by the network's own layers, and their labels."""
    images = [
        np.rint(shrink(recording.images[part[start : start + _SHRINK_BATCH]]).numpy()).astype(np.uint8)
        for recording, part in zip(dataset.recordings, parts, strict=True)
        for start in range(0, len(part), _SHRINK_BATCH)
    ]
    labels = [recording.labels[part] for recording, part in zip(dataset.recordings, parts, strict=True)]
    return np.concatenate(images), np.concatenate(labels)


def _with_displaced(
    train: tuple[NDArray[np.uint8], NDArray[np.float32]],
    dataset: Dataset,
    split: Split,
    settings: TrainSettings,
    shrink: Any,
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the training frames and labels, and after them those of a share of them seen from beside the path."""
    images, labels = [train[0]], [train[1]]
    for recording, part in zip(dataset.recordings, split.train, strict=True):
        for start in range(0, len(part), _SHRINK_BATCH):
            frames = part[start : start + _SHRINK_BATCH]
            views, steered = displaced_views(recording, frames, settings.displaced_views, settings.seed + start)
            images.append(np.rint(shrink(views).numpy()).astype(np.uint8))
            labels.append(steered)
    return np.concatenate(images), np.concatenate(labels)


def training_batches(
    images: NDArray[np.uint8],
    labels: NDArray[np.float32],
    settings: TrainSettings,
    first: int = 0,
    rows: Indexes | None = None,
) -> Any:
    """Return an endless tf.data.Dataset of shuffled batches, mirrored, balanced and augmented as the settings say.

    A batch is images (float32, 0 … 255) and their labels by the names of the outputs (float32, batch × 1). It begins
    with number ``first`` of them, as if those before it had been drawn. ``rows`` are the frames to draw from, each
    once where it is None; of stretches, rows × frames, a batch is batch × frames × height × width × 3 and its labels
    batch × frames × 1, and all frames of one are varied alike.
    """
    tf = import_tensorflow()
    all_images, all_labels = tf.constant(images), tf.constant(labels)
    rows = np.arange(len(images)) if rows is None else rows
    each = rows.shape[1:]
    frames = math.prod(each)
    height, width, channels = images.shape[1:]

    def load(number: Any, indexes: Any) -> tuple[Any, dict[str, Any]]:
        seed = tf.stack([tf.constant(settings.seed, tf.int32), tf.cast(number, tf.int32)])
        chosen, answers = tf.gather(all_images, indexes), tf.gather(all_labels, indexes)
        # One below the other: what is drawn for a picture is then the same for all frames of a stretch.
        chosen = tf.reshape(chosen, (-1, frames * height, width, channels))
        mirror_seed, augment_seed = tf.unstack(tf.random.split(seed))
        if settings.mirror:
            chosen, answers = mirror(chosen, answers, mirror_seed)
        batch = augment(chosen, augment_seed, frames) if settings.augmented else tf.cast(chosen, tf.float32)
        return tf.reshape(batch, (-1, *each, height, width, channels)), _named(answers)

    if settings.balance:
        # A stretch is as rare as its last frame.
        last = rows if rows.ndim == 1 else rows[:, -1]
        rows = rows[balanced(labels[last, 0], mirrored=bool(settings.mirror))]
    size = _batch_rows(rows, settings)
    indexes = tf.data.Dataset.from_tensor_slices(rows).shuffle(len(rows), seed=settings.seed).repeat()
    batches = indexes.skip(first * size).batch(size, drop_remainder=True).enumerate(first)
    return batches.map(load, num_parallel_calls=2).prefetch(2)


def _batch_rows(rows: Indexes, settings: TrainSettings) -> int:
    """Return how many ``rows``, frames or stretches, a batch has: of either as many as make its frames."""
    return max(1, round(settings.batch_size / math.prod(rows.shape[1:])))


def _plain_batches(images: NDArray[np.uint8], labels: NDArray[np.float32]) -> Any:
    tf = import_tensorflow()
    frames = math.prod(labels.shape[1:-1])
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(_SHRINK_BATCH // frames)
    return batches.map(lambda batch, targets: (tf.cast(batch, tf.float32), _named(targets)))


def _named(targets: Any) -> dict[str, Any]:
    return {name: targets[..., index : index + 1] for index, name in enumerate(OUTPUTS)}
