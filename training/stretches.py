"""Frames that follow each other, as a car sees them: what a network with a memory learns from, and is judged by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from car.errors import TrainingError
from training.dataset import Dataset
from training.networks.recurrent import STRETCH_FRAMES
from training.split import Indexes, Times

MOST_PERIODS = 1.5
"""Where two frames are further apart than this many times the usual, one between them is missing."""


def stretches_of(
    dataset: Dataset, parts: Sequence[Indexes], *, apart: bool = False, frames: int = STRETCH_FRAMES
) -> Indexes:
    """Return all stretches of ``frames`` in the ``parts`` of each recording, or those that have no frame in common.

    They are stretches × frames, places among the frames of all parts in a row, those of a stretch in the order of time.
    None goes across the end of a recording or a gap in it, or over a frame that is not in the part. Where a part has a
    frame several times, the stretches that end there are returned as often. Raises TrainingError when there is none.
    """
    found, before = [], 0
    for recording, part in zip(dataset.recordings, parts, strict=True):
        for run, times in _runs(recording.captured_ns, part):
            starts = np.arange(0, len(run) - frames + 1, frames if apart else 1)
            places = run[starts[:, None] + np.arange(frames)] + before
            found.append(places if apart else np.repeat(places, times[starts + frames - 1], axis=0))
        before += len(part)
    stretches = np.concatenate(found or [np.empty((0, frames), np.intp)])
    if not len(stretches):
        raise TrainingError(
            f"There are no {frames} frames in a row to learn a memory from. Record longer drives, or train another "
            "network than recurrent."
        )
    return stretches


def begins(captured_ns: Times, part: Indexes) -> NDArray[np.bool_]:
    """Return for each frame of ``part``, which is in the order of time, whether it does not follow the one before it.

    >>> times_ns = np.array([0, 50, 100, 200, 250], np.int64) * 1_000_000
    >>> begins(times_ns, np.arange(5)).tolist()   # one is missing at 150 ms
    [True, False, False, True, False]
    """
    if not len(part):
        return np.empty(0, np.bool_)
    order = np.argsort(captured_ns, kind="stable")
    steps_ns = np.diff(captured_ns[order])
    usual_ns = float(np.median(steps_ns)) if len(steps_ns) else 0.0
    place = np.empty(len(order), np.intp)
    place[order] = np.arange(len(order))
    gaps_ns = np.diff(captured_ns[part])
    follows = (np.diff(place[part]) == 1) & (gaps_ns > 0) & (gaps_ns <= MOST_PERIODS * usual_ns)
    return np.concatenate(([True], ~follows))


def _runs(captured_ns: Times, part: Indexes) -> list[tuple[Indexes, Indexes]]:
    """Return the places in ``part`` of frames that follow each other, run by run, and how often each frame is in it."""
    frames, places, times = np.unique(part, return_index=True, return_counts=True)
    order = np.argsort(captured_ns[frames], kind="stable")
    cuts = np.flatnonzero(begins(captured_ns, frames[order]))[1:]
    return list(zip(np.split(places[order], cuts), np.split(times[order], cuts), strict=True))
