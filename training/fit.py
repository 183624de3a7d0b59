"""Fits a network to the training frames of a dataset."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from car.errors import TrainingError
from models.contract import OUTPUTS
from training.augment import augment
from training.backend import import_keras, import_tensorflow
from training.dataset import Dataset
from training.displaced import displaced_views
from training.networks.steering import CORE, NetworkName, join, make_core, make_shrink, network_names
from training.progress import Progress, ProgressCallback, ignore_progress
from training.ridge import mirroring_suits
from training.split import Indexes, Split
from training.variants import VariantChoice, variant_choices

_SHRINK_BATCH = 256


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How to train. ``patience`` is how many epochs may pass without a better validation loss.

    ``displaced_views`` is the share of the training frames that are shown from beside the path as well, 0 … 1.
    ``mirror`` says whether frames are shown left to right as well, None that the validation frames decide. ``variant``
    is what the network is exported as; for ``auto`` see ``training.variants``.

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
        if self.variant not in variant_choices():
            raise TrainingError(f"There is no variant {self.variant}. Give one of {', '.join(variant_choices())}.")
        if not 0 <= self.seed < 2**31:
            raise TrainingError(f"The seed {self.seed} is out of range. Give a number from 0 to 2147483647.")


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A trained pilot.

    ``network`` is a Keras model as ``models.contract`` wants it, with the weights of ``best_epoch`` of ``epochs``
    (both counted from 1); ``images_per_cpu_s`` counts the training images of all epochs per second of processor time.
    ``settings`` are those it was trained with, nothing in them left to be decided.
    """

    network: Any
    epochs: int
    best_epoch: int
    validation_loss: float
    seconds: float
    images_per_cpu_s: float
    settings: TrainSettings


def fit(
    dataset: Dataset,
    split: Split,
    settings: TrainSettings | None = None,
    progress: ProgressCallback = ignore_progress,
    *,
    start: Any = None,
) -> Fitted:
    """Train a network on the training frames of ``split``, stopping by its validation frames.

    It goes on from the weights of ``start``, the network of an earlier fit to frames of this size, where that is given.

    The squared error is minimised: where drivers tap full lock and let go, its minimum is the steering they mean, while
    the absolute error's is the zero they show most of the time. Raises TrainingError when the training diverges,
    MissingPackage when Keras or TensorFlow is not installed.
    """
    settings = settings or TrainSettings()
    keras = import_keras()
    keras.utils.set_random_seed(settings.seed)
    # It refuses frames that are too small, before seconds of work on them.
    shrink = make_shrink(dataset.height, dataset.width)
    if settings.mirror is None:
        settings = replace(settings, mirror=mirroring_suits(dataset, split.train, split.validation))
    started_s, started_cpu_s = time.perf_counter(), time.process_time()
    train = _gather(dataset, split.train, shrink)
    if settings.displaced_views:
        train = _with_displaced(train, dataset, split, settings, shrink)
    validation = _gather(dataset, split.validation, shrink)
    core = make_core(train[0].shape[1:], settings.network)
    if start is not None:
        core.set_weights(start.get_layer(CORE).get_weights())
    steps = math.ceil(len(train[0]) / settings.batch_size)
    rate = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps * settings.epochs)
    core.compile(keras.optimizers.Adam(rate), loss=dict.fromkeys(OUTPUTS, "mse"))
    stopping = keras.callbacks.EarlyStopping(patience=settings.patience, restore_best_weights=True)
    history = core.fit(
        _training_batches(*train, settings),
        validation_data=_plain_batches(*validation),
        epochs=settings.epochs,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        callbacks=[stopping, keras.callbacks.TerminateOnNaN(), _reporter(progress, steps * settings.epochs)],
    ).history
    losses = history.get("val_loss", [math.nan])
    if not all(map(math.isfinite, losses)):
        raise TrainingError("The training diverged. Train again with a lower learning rate.")
    return Fitted(
        network=join(shrink, core),
        epochs=len(losses),
        best_epoch=int(np.argmin(losses)) + 1,
        validation_loss=min(losses),
        seconds=time.perf_counter() - started_s,
        images_per_cpu_s=len(losses) * len(train[0]) / (time.process_time() - started_cpu_s),
        settings=settings,
    )


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


def _training_batches(images: NDArray[np.uint8], labels: NDArray[np.float32], settings: TrainSettings) -> Any:
    """Return an endless tf.data.Dataset of shuffled, augmented batches."""
    tf = import_tensorflow()
    all_images, all_labels = tf.constant(images), tf.constant(labels)

    def load(number: Any, indexes: Any) -> tuple[Any, dict[str, Any]]:
        seed = tf.stack([tf.constant(settings.seed, tf.int32), tf.cast(number, tf.int32)])
        chosen, answers = tf.gather(all_images, indexes), tf.gather(all_labels, indexes)
        batch, targets = augment(chosen, answers, seed, mirrored=bool(settings.mirror))
        return batch, _named(targets)

    indexes = tf.data.Dataset.range(len(images)).shuffle(len(images), seed=settings.seed).repeat()
    batches = indexes.batch(settings.batch_size, drop_remainder=True).enumerate()
    return batches.map(load, num_parallel_calls=2).prefetch(2)


def _plain_batches(images: NDArray[np.uint8], labels: NDArray[np.float32]) -> Any:
    tf = import_tensorflow()
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).batch(_SHRINK_BATCH)
    return batches.map(lambda batch, targets: (tf.cast(batch, tf.float32), _named(targets)))


def _named(targets: Any) -> dict[str, Any]:
    return {name: targets[:, index : index + 1] for index, name in enumerate(OUTPUTS)}


def _reporter(progress: ProgressCallback, total_steps: int) -> Any:
    """Return a Keras callback that reports steps, time left and, after each epoch, its losses."""
    keras = import_keras()
    done = 0
    note = ""
    started_s = time.perf_counter()

    def report() -> None:
        elapsed_s = time.perf_counter() - started_s
        progress(Progress("train", done, total_steps, elapsed_s / max(1, done) * (total_steps - done), note))

    def after_batch(*_: object, **__: object) -> None:
        nonlocal done
        done += 1
        if done % 20 == 0:
            report()

    def after_epoch(epoch: int, logs: dict[str, float]) -> None:
        nonlocal note
        note = f"epoch {epoch + 1}: loss {logs['loss']:.4f}, validation {logs['val_loss']:.4f}"
        report()

    callbacks: dict[str, Callable[..., None]] = {"on_train_batch_end": after_batch, "on_epoch_end": after_epoch}
    # LambdaCallback keeps to the batches' protocol of Keras and spares a class made inside a function.
    return keras.callbacks.LambdaCallback(**callbacks)
