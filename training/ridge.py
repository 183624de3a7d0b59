"""What a linear model reaches in seconds: the least that a network has to beat.

A ridge regression on features of a small picture for which nothing was learned: its grey values, or what random
convolutions answer to it. On recorded drives the second comes close to a trained network, so a network that stays below
it has learned little.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.clock import NS_PER_S
from models.contract import OUTPUTS
from training.dataset import Dataset, Recording, batches
from training.evaluation.offline import Values, score
from training.split import GUARD_S, Indexes

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
PARTS = 5
LEAST_FRAMES = 100
"""Of fewer in a fifth of the recordings a regression learns nothing that is worth comparing with."""
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
        return np.concatenate([self.predict(images) for images, _ in batches(dataset.recordings, parts, _BATCH)])


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
    moments = _moments(dataset.recordings, [part[::every] for part in train], features, mirrored=mirrored)
    held_out = [
        (_inputs(features, images), labels[:, 0]) for images, labels in batches(dataset.recordings, validation, _BATCH)
    ]
    inputs, steering = (np.concatenate(parts) for parts in zip(*held_out, strict=True))
    tried = [_solved(moments, penalty) for penalty in PENALTIES]
    scores = [score(np.clip(inputs @ weights[:, 0], -1.0, 1.0), steering) for weights in tried]
    best = int(np.argmin([one.rmse for one in scores]))
    return Ridge(features, tried[best], scores[best].r2)


def predict_by_the_rest(
    recordings: Sequence[Recording], judged: Sequence[Indexes], features: Features = "random convolutions"
) -> Values | None:
    """Return what ridge regressions give for the frames ``judged`` of each recording, each fitted on other frames.

    Every recording is cut in five equal parts in the order of time. A frame is predicted by a regression on the other
    four parts of all recordings, but for the 2 s before and after any cut. The penalty is chosen once, without the last
    part. None where too little is left to learn from.
    """
    parts = [np.array_split(np.argsort(one.captured_ns, kind="stable"), PARTS) for one in recordings]
    inner = [[_without_ends(part, one.captured_ns) for part in cut] for one, cut in zip(recordings, parts, strict=True)]
    every = math.ceil(max(1, sum(len(part) for cut in inner for part in cut)) / MOST_FRAMES)
    moments = [_moments(recordings, [cut[place][::every] for cut in inner], features) for place in range(PARTS)]
    if min(one.frames for one in moments) < LEAST_FRAMES:
        return None
    penalty = _penalty(moments)
    predicted = [np.zeros((len(one), len(OUTPUTS))) for one in judged]
    for place in range(PARTS):
        asked = [np.isin(one, cut[place]) for one, cut in zip(judged, parts, strict=True)]
        if not any(mask.any() for mask in asked):
            continue
        rest = functools.reduce(operator.add, [one for number, one in enumerate(moments) if number != place])
        ridge = Ridge(features, _solved(rest, penalty), math.nan)
        for answers, one, mask, recording in zip(predicted, judged, asked, recordings, strict=True):
            asked_for = batches([recording], [one[mask]], _BATCH)
            answers[mask] = np.concatenate([ridge.predict(images) for images, _ in asked_for] or [answers[:0]])
    return np.concatenate(predicted)


@dataclass(frozen=True, slots=True, eq=False)
class _Moments:
    """All that a ridge regression needs to know of some frames: sums of products, of inputs and of labels."""

    squares: Values
    products: Values
    labels: Values
    frames: int

    def __add__(self, other: _Moments) -> _Moments:
        return _Moments(
            self.squares + other.squares,
            self.products + other.products,
            self.labels + other.labels,
            self.frames + other.frames,
        )

    def squared_error(self, weights: Values) -> float:
        """Return the sum of the squared errors of the steering."""
        steering = weights[:, 0]
        error = steering @ self.squares @ steering - 2.0 * steering @ self.products[:, 0] + self.labels[0]
        return float(error)


def _moments(
    recordings: Sequence[Recording], parts: Sequence[Indexes], features: Features, *, mirrored: bool = False
) -> _Moments:
    total = _Moments(np.zeros(()), np.zeros(()), np.zeros(2), 0)
    for images, labels in batches(recordings, parts, _BATCH):
        views = [(images, labels), (images[:, :, ::-1], labels * (-1.0, 1.0))] if mirrored else [(images, labels)]
        for view, answers in views:
            inputs = _inputs(features, view)
            total += _Moments(inputs.T @ inputs, inputs.T @ answers, (answers**2).sum(axis=0), len(answers))
    return total


def _penalty(moments: Sequence[_Moments]) -> float:
    """Return the penalty of the regression on the middle parts that suits the first part best: the last has no say."""
    judge, *learned, _ = moments
    middle = functools.reduce(operator.add, learned)
    errors = [judge.squared_error(_solved(middle, penalty)) for penalty in PENALTIES]
    return PENALTIES[int(np.argmin(errors))]


def _without_ends(part: Indexes, captured_ns: NDArray[np.int64]) -> Indexes:
    """Return ``part``, in the order of time, without its first and its last 2 s."""
    times_ns, guard_ns = captured_ns[part], GUARD_S * NS_PER_S
    inside = (times_ns >= times_ns[:1] + guard_ns) & (times_ns <= times_ns[-1:] - guard_ns)
    return part[inside]


def mirroring_suits(dataset: Dataset, train: Sequence[Indexes], validation: Sequence[Indexes]) -> bool:
    """Tell whether training should mirror frames, by the R² of two ridge regressions on the validation frames.

    They help where tracks are driven one way round and the car is to know both. They harm where it is to drive on one
    track alone, whose surroundings tell the way as much as its lane does. Where the steering never changes nothing
    speaks against them.
    """
    plain, mirrored = (fit_ridge(dataset, train, validation, mirrored=mirrored) for mirrored in (False, True))
    return not mirrored.validation_r2 <= plain.validation_r2 - MIRRORING_MAY_COST_R2


def _solved(moments: _Moments, penalty: float) -> Values:
    squares, products = moments.squares, moments.products
    scale = penalty * np.trace(squares) / len(squares)
    # The last input is the constant one, whose weight nothing holds down.
    solved: Values = np.linalg.solve(squares + scale * np.diag(np.append(np.ones(len(squares) - 1), 1e-9)), products)
    return solved


def _inputs(features: Features, images: NDArray[np.uint8]) -> Values:
    """Return what the regression sees of each image, and a constant one."""
    small = [cv2.resize(image, (SMALL_WIDTH, SMALL_HEIGHT), interpolation=cv2.INTER_AREA) for image in images]
    if features == "grey":
        found = np.array([cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).ravel() for image in small]) / 127.5 - 1.0
    else:
        found = _answers(np.array(small)).astype(np.float64)
    return np.hstack((found, np.ones((len(found), 1))))


def _answers(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return how strongly random filters answer in each part of each image."""
    levels = images.astype(np.float32)
    levels = (levels - levels.mean((1, 2, 3), keepdims=True)) / (levels.std((1, 2, 3), keepdims=True) + 12.0)
    windows = np.lib.stride_tricks.sliding_window_view(levels, (FILTER_SIDE, FILTER_SIDE), axis=(1, 2))
    windows = windows[:, ::STRIDE, ::STRIDE]
    count, rows, columns = windows.shape[:3]
    # All at once: a product for each image would spend its time on threads that wait for each other.
    answers = np.maximum(windows.reshape(count * rows * columns, -1) @ _FILTERS, 0.0)
    answers = answers.reshape(count, rows, columns, FILTERS)
    for axis, parts in ((1, POOLED_ROWS), (2, POOLED_COLUMNS)):
        edges = np.linspace(0, answers.shape[axis], parts + 1).astype(int)
        answers = np.add.reduceat(answers, edges[:-1], axis)
    share = np.float32(POOLED_ROWS * POOLED_COLUMNS / (rows * columns))
    means: NDArray[np.float32] = answers.reshape(count, -1) * share
    return means


def _random_filters() -> NDArray[np.float32]:
    filters = np.random.default_rng(0).standard_normal((3, FILTER_SIDE, FILTER_SIDE, FILTERS))
    filters -= filters.mean((1, 2), keepdims=True)
    filters /= np.sqrt((filters**2).sum((0, 1, 2)))
    return filters.reshape(-1, FILTERS).astype(np.float32)


_FILTERS = _random_filters()
