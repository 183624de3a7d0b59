"""Which frames a model learns from and which it is judged by.

Neighbouring frames are all but equal, so a random choice of frames would put a copy of nearly every one of them on the
other side. Frames are kept apart by whole sessions, or by time with a guard gap; there is no third way here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from car.errors import TrainingError
from hardware.clock import NS_PER_S

GUARD_S = 2
VALIDATION_FRACTION = 0.2
SESSIONS_TO_HOLD_SOME_OUT = 5
"""With fewer, a session held out is more than the fifth that validation needs, and often the only one of its kind."""

Indexes = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Per recording the indexes of its training and of its validation frames, and in words how they were chosen.

    >>> captured_ns = np.arange(60) * NS_PER_S   # a minute, at one frame/s
    >>> split = split_recordings([captured_ns])
    >>> len(split.train[0]), len(split.validation[0])
    (47, 12)
    """

    train: tuple[Indexes, ...]
    validation: tuple[Indexes, ...]
    words: str


def split_recordings(captured_ns: Sequence[NDArray[np.int64]], seed: int = 0) -> Split:
    """Split recordings, each given by when its frames were captured.

    Five or more are split by session, ``seed`` choosing those held out; of fewer, each gives its last fifth to
    validation and loses the 2 s before it. Raises TrainingError when too few frames remain on either side.
    """
    many = len(captured_ns) >= SESSIONS_TO_HOLD_SOME_OUT
    split = _by_session(captured_ns, seed) if many else _by_time(captured_ns)
    if not any(len(part) for part in split.train) or not any(len(part) for part in split.validation):
        raise TrainingError(
            "The recordings are too short to keep training and validation apart. Record at least a minute of driving."
        )
    return split


def _by_session(captured_ns: Sequence[NDArray[np.int64]], seed: int) -> Split:
    wanted = VALIDATION_FRACTION * sum(len(times) for times in captured_ns)
    held_out: list[int] = []
    held_frames = 0
    for index in np.random.default_rng(seed).permutation(len(captured_ns)).tolist():
        # A session that would take twice the wanted share is worth more to learn from.
        if held_frames < wanted and held_frames + len(captured_ns[index]) <= 2 * wanted:
            held_out.append(index)
            held_frames += len(captured_ns[index])
    everything = [np.arange(len(times)) for times in captured_ns]
    nothing = np.arange(0)
    return Split(
        tuple(nothing if index in held_out else frames for index, frames in enumerate(everything)),
        tuple(frames if index in held_out else nothing for index, frames in enumerate(everything)),
        f"by session: {len(held_out)} of {len(captured_ns)} whole sessions held out for validation",
    )


def _by_time(captured_ns: Sequence[NDArray[np.int64]]) -> Split:
    parts = [_split_one(times) for times in captured_ns]
    return Split(
        tuple(train for train, _ in parts),
        tuple(validation for _, validation in parts),
        f"by time: the last {VALIDATION_FRACTION:.0%} of each session held out for validation, "
        f"{GUARD_S} s before it used for neither",
    )


def _split_one(captured_ns: NDArray[np.int64]) -> tuple[Indexes, Indexes]:
    order = np.argsort(captured_ns, kind="stable")
    first = round(len(order) * (1 - VALIDATION_FRACTION))
    validation = order[first:]
    if not len(validation):
        return order, validation
    last_train_ns = captured_ns[validation[0]] - GUARD_S * NS_PER_S
    return order[captured_ns[order] <= last_train_ns], validation
