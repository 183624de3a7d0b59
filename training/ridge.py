"""What a linear model reaches in seconds: the least that a network has to beat.

A ridge regression on features of a small picture for which nothing was learned: its grey values, or what random
convolutions answer to it. On recorded drives the second comes close to a trained network, so a network that stays below
it has learned little.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from training.dataset import Dataset
from training.evaluation.offline import Values, score
from training.split import Indexes

Features = Literal["grey", "random convolutions"]

SMALL_HEIGHT, SMALL_WIDTH = 30, 40
FILTERS = 40
FILTER_SIDE = 5
STRIDE = 2
POOLED_ROWS, POOLED_COLUMNS = 5, 8
"""The picture's parts over which each filter's answers are averaged: finer parts did not help on a real drive."""
PENALTIES = tuple(10.0**power for power in range(-3, 4))
"""Tried in turn, in units of the features' mean square; the one that suits the validation frames best is kept."""
MOST_FRAMES = 20_000
"""Of more training frames every second, third and so on is taken: a linear model gains nothing from the others."""
MIRRORING_MAY_COST_R2 = 0.03
"""Mirrored frames are given up for a clear loss only: the tracks on which they help are not in the recordings."""
_BATCH = 512


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """A fitted regression from the features of an image to steering and throttle.

    >>> from training.dataset import load_dataset
    >>> dataset = load_dataset([path])
    >>> ridge = fit_ridge(dataset, train=[np.arange(40)], validation=[np.arange(45, 60)])
    >>> ridge.predict(dataset.recordings[0].images[:7]).shape
    (7, 2)
    """

    features: Features
    weights: Values
    validation_r2: float

    def predict(self, images: NDArray[np.uint8]) -> Values:
        """Return steering and throttle, −1 … 1, for ``images`` (uint8 RGB, count × height × width × 3)."""
        return np.clip(_inputs(self.features, images) @ self.weights, -1.0, 1.0)

    def predict_all(self, dataset: Dataset, parts: Sequence[Indexes]) -> Values:
        """Return the same for the frames ``parts`` of each recording; of many, few are in memory at a time."""
        return np.concatenate([self.predict(images) for images, _ in _batches(dataset, parts)])


def fit_ridge(
    dataset: Dataset,
    train: Sequence[Indexes],
    validation: Sequence[Indexes],
    features: Features = "random convolutions",
    *,
    mirrored: bool = False,
) -> Ridge:
    """Return the ridge regression of the training frames whose penalty suits the validation frames best.

    ``train`` and ``validation`` are the frames of each recording. ``mirrored`` learns from every training frame twice:
    as it is, and left to right with its steering negated. ``validation_r2`` is that of the steering, NaN where it never
    changes.
    """
    every = math.ceil(sum(map(len, train)) / MOST_FRAMES)
    squares, products = np.zeros(()), np.zeros(())
    for images, labels in _batches(dataset, [part[::every] for part in train]):
        views = [(images, labels), (images[:, :, ::-1], labels * (-1.0, 1.0))] if mirrored else [(images, labels)]
        for view, answers in views:
            inputs = _inputs(features, view)
            squares, products = squares + inputs.T @ inputs, products + inputs.T @ answers
    held_out = [(_inputs(features, images), labels[:, 0]) for images, labels in _batches(dataset, validation)]
    inputs, steering = (np.concatenate(parts) for parts in zip(*held_out, strict=True))
    tried = [_solved(squares, products, penalty) for penalty in PENALTIES]
    scores = [score(np.clip(inputs @ weights[:, 0], -1.0, 1.0), steering) for weights in tried]
    best = int(np.argmin([one.rmse for one in scores]))
    return Ridge(features, tried[best], scores[best].r2)


def mirroring_suits(dataset: Dataset, train: Sequence[Indexes], validation: Sequence[Indexes]) -> bool:
    """Tell whether training should mirror frames, by the R² of two ridge regressions on the validation frames.

    They help where tracks are driven one way round and the car is to know both. They harm where it is to drive on one
    track alone, whose surroundings tell the way as much as its lane does. Where the steering never changes nothing
    speaks against them.
    """
    plain, mirrored = (fit_ridge(dataset, train, validation, mirrored=mirrored) for mirrored in (False, True))
    return not mirrored.validation_r2 <= plain.validation_r2 - MIRRORING_MAY_COST_R2


def _solved(squares: Values, products: Values, penalty: float) -> Values:
    scale = penalty * np.trace(squares) / len(squares)
    # The last input is the constant one, whose weight nothing holds down.
    solved: Values = np.linalg.solve(squares + scale * np.diag(np.append(np.ones(len(squares) - 1), 1e-9)), products)
    return solved


def _batches(dataset: Dataset, parts: Sequence[Indexes]) -> Iterator[tuple[NDArray[np.uint8], Values]]:
    for recording, part in zip(dataset.recordings, parts, strict=True):
        for start in range(0, len(part), _BATCH):
            chosen = part[start : start + _BATCH]
            yield recording.images[chosen], recording.labels[chosen].astype(np.float64)


def _inputs(features: Features, images: NDArray[np.uint8]) -> Values:
    """Return what the regression sees of each image, and a constant one."""
    small = [cv2.resize(image, (SMALL_WIDTH, SMALL_HEIGHT), interpolation=cv2.INTER_AREA) for image in images]
    if features == "grey":
        found = np.array([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).ravel() for image in small]) / 127.5 - 1.0
    else:
        found = np.array([_answers(image) for image in small], np.float64)
    return np.hstack((found, np.ones((len(found), 1))))


def _answers(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how strongly random filters answer in each part of ``image``."""
    levels = image.astype(np.float32)
    levels = (levels - levels.mean()) / (levels.std() + 12.0)
    windows = np.lib.stride_tricks.sliding_window_view(levels, (FILTER_SIDE, FILTER_SIDE), axis=(0, 1))
    windows = windows[::STRIDE, ::STRIDE]
    rows, columns = windows.shape[:2]
    answers = np.maximum(windows.reshape(rows * columns, -1) @ _FILTERS, 0.0).reshape(rows, columns, FILTERS)
    for axis, parts in enumerate((POOLED_ROWS, POOLED_COLUMNS)):
        edges = np.linspace(0, answers.shape[axis], parts + 1).astype(int)
        answers = np.add.reduceat(answers, edges[:-1], axis)
    means: NDArray[np.float32] = answers.ravel() * np.float32(POOLED_ROWS * POOLED_COLUMNS / (rows * columns))
    return means


def _random_filters() -> NDArray[np.float32]:
    filters = np.random.default_rng(0).standard_normal((3, FILTER_SIDE, FILTER_SIDE, FILTERS))
    filters -= filters.mean((1, 2), keepdims=True)
    filters /= np.sqrt((filters**2).sum((0, 1, 2)))
    return filters.reshape(-1, FILTERS).astype(np.float32)


_FILTERS = _random_filters()
