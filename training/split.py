"""Which frames a model learns from, which choose between its epochs, and which it is judged by.

Neighbouring frames are all but equal, so a random choice of frames would put a copy of nearly every one of them on the
other side. Frames are kept apart by whole sessions, or by time with a guard gap; there is no third way here. What chose
an epoch would flatter the model that it chose, so nothing is measured on those frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from car.errors import TrainingError
from hardware.clock import NS_PER_S
from training.dataset import Dataset

GUARD_S = 2
TEST_FRACTION = 0.2
VALIDATION_FRACTION = 0.1
SESSIONS_TO_TEST_ON_SOME = 5
"""With fewer, a session held out is more than the fifth that the test needs, and often the only one of its kind."""
SESSIONS_TO_VALIDATE_ON_SOME = 10
"""With fewer, those that are left to learn from are worth more than a whole one to choose an epoch by."""

Times = NDArray[np.int64]
Indexes = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """Per recording the indexes of its training, validation and test frames, and in words how they were chosen.

    >>> captured_ns = np.arange(60) * NS_PER_S   # a minute, at one frame/s
    >>> split = split_recordings([captured_ns])
    >>> len(split.train[0]), len(split.validation[0]), len(split.test[0])
    (41, 5, 12)

    Training stops by the validation frames; the test frames have no part in it.
    """

    train: tuple[Indexes, ...]
    validation: tuple[Indexes, ...]
    test: tuple[Indexes, ...]
    words: str


def split_dataset(dataset: Dataset, seed: int = 0) -> Split:
    """Return the ``split_recordings`` of all frames of ``dataset``."""
    return split_recordings([recording.captured_ns for recording in dataset.recordings], seed)


def split_recordings(captured_ns: Sequence[Times], seed: int = 0) -> Split:
    """Split recordings, each given by when its frames were captured.

    Of five or more whole sessions are for the test, which ``seed`` chooses; of fewer, each gives its last fifth. Of ten
    or more, others are for validation; of fewer, each gives the last tenth of what it has left. Ends it is too where
    nearly all was driven in a few long sessions, and those that could be held out have less than half of what is
    wanted. The 2 s before an end are for nothing. Raises TrainingError when too few frames remain for any of the three.
    """
    everything = tuple(np.argsort(times, kind="stable") for times in captured_ns)
    rng = np.random.default_rng(seed)
    rest, test, test_words = _held_out(everything, captured_ns, rng, TEST_FRACTION, SESSIONS_TO_TEST_ON_SOME)
    train, validation, validation_words = _held_out(
        rest, captured_ns, rng, VALIDATION_FRACTION, SESSIONS_TO_VALIDATE_ON_SOME
    )
    if not all(any(len(part) for part in parts) for parts in (train, validation, test)):
        raise TrainingError(
            "The recordings are too short to keep training, validation and test apart. Record at least a minute of "
            "driving."
        )
    return Split(train, validation, test, f"{test_words} for the test, {validation_words} for validation")


def held_out_end(captured_ns: Times, words: str, learned: int) -> Indexes:
    """Return the test frames of a recording that gave its end, by what a model's card says of its training.

    ``words`` are those of the split, ``learned`` is how many of the recording's frames were learned from: where it is
    not as many as a split of ``captured_ns`` learns from, the recording was edited or cut otherwise, and which frames
    were held out cannot be told. There are none then, nor where whole sessions were held out.
    """
    rest, test = _divided(np.argsort(captured_ns, kind="stable"), captured_ns, TEST_FRACTION)
    train, _ = _divided(rest, captured_ns, VALIDATION_FRACTION)
    is_as_said = words.startswith(f"{_end_words(TEST_FRACTION)} for the test") and learned in (len(train), len(rest))
    return test if is_as_said else test[:0]


def _held_out(
    parts: tuple[Indexes, ...], captured_ns: Sequence[Times], rng: np.random.Generator, fraction: float, many: int
) -> tuple[tuple[Indexes, ...], tuple[Indexes, ...], str]:
    """Return what is left of ``parts``, what is held out, and in words what that is."""
    frames = [len(part) for part in parts]
    chosen = _chosen(frames, rng, fraction) if len(parts) >= many else set()
    if not chosen or sum(frames[index] for index in chosen) < 0.5 * fraction * sum(frames):
        divided = [_divided(part, times, fraction) for part, times in zip(parts, captured_ns, strict=True)]
        return (
            tuple(rest for rest, _ in divided),
            tuple(last for _, last in divided),
            _end_words(fraction),
        )
    nothing = np.arange(0)
    return (
        tuple(nothing if index in chosen else part for index, part in enumerate(parts)),
        tuple(part if index in chosen else nothing for index, part in enumerate(parts)),
        f"{len(chosen)} of {len(parts)} whole sessions",
    )


def _end_words(fraction: float) -> str:
    return f"the last {fraction:.0%} of each session"


def _chosen(frames: Sequence[int], rng: np.random.Generator, fraction: float) -> set[int]:
    """Return the sessions that are held out whole."""
    wanted = fraction * sum(frames)
    chosen: set[int] = set()
    held = 0
    for index in rng.permutation(len(frames)).tolist():
        # A session that would take twice the wanted share is worth more to learn from.
        if frames[index] and held < wanted and held + frames[index] <= 2 * wanted:
            chosen.add(index)
            held += frames[index]
    return chosen


def _divided(part: Indexes, captured_ns: Times, fraction: float) -> tuple[Indexes, Indexes]:
    """Return the frames of ``part``, in the order of time, but for its end and the gap before that; and its end."""
    first = round(len(part) * (1 - fraction))
    end = part[first:]
    if not len(end):
        return part, end
    last_ns = captured_ns[end[0]] - GUARD_S * NS_PER_S
    return part[captured_ns[part] <= last_ns], end
