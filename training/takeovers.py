"""Learning from takeovers: what a driver did where the pilot went wrong, beside what was driven by hand before.

A pilot's own driving is no lesson to it, and its mistakes least of all. What is learned from is every stretch in which
somebody has taken over, until the pilot had the car again, as in HG-DAgger: Kelly and others, "HG-DAgger: interactive
imitation learning with human experts", ICRA 2019.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from car.errors import TrainingError
from car.sessions.labels import LED_ASTRAY_NS, Origin
from training.dataset import Dataset, Recording
from training.split import Indexes, Split, split_recordings

CORRECTIONS_SHARE = 0.25
"""Of the frames of a training, at least this share is corrections, shown more than once where they are fewer."""
LEAST_FRAMES = 300
"""Of fewer, a quarter of a minute, a pilot learns what to do in a few places, and nothing of the rest of the lap."""
MAX_REPEATS = 8
"""More often than that, a few seconds would be learned by heart."""


@dataclass(frozen=True, slots=True, eq=False)
class Corrected:
    """How to train on sessions in which a pilot was corrected: the ``split``, and how many takeovers are learned from.

    >>> part = (np.arange(90),)
    >>> print(Corrected(Split(part, part, part, "an example"), takeovers=3, frames=90, repeats=2))
    3 takeovers, 90 frames of them learned from, each 2 times

    ``frames`` counts the corrections' frames that are learned from, each once; ``repeats`` is how often each is shown.
    """

    split: Split
    takeovers: int
    frames: int
    repeats: int

    def __str__(self) -> str:
        """Say in words what is learned from."""
        return f"{self.takeovers} takeovers, {self.frames} frames of them learned from, each {self.repeats} times"


def corrected(dataset: Dataset, seed: int = 0) -> Corrected:
    """Return how to train on ``dataset``, without a pilot's own driving in it.

    Sessions without takeovers are split as ever. All corrections are learned from, since there are never enough; where
    there is no other session, those with takeovers are split too. Raises TrainingError when nobody has taken over, or
    too little is left.
    """
    kept = tuple(np.flatnonzero(recording.origins != Origin.PILOT) for recording in dataset.recordings)
    takeovers = sum(map(_count_takeovers, dataset.recordings))
    if not takeovers:
        raise TrainingError(
            "Nobody took over from a pilot in these sessions. Drive in auto, change to manual where it goes wrong, and "
            "back to auto; or leave out --from-takeovers."
        )
    split = _split(dataset.recordings, kept, seed)
    corrections = [
        part[recording.origins[part] == Origin.CORRECTION]
        for recording, part in zip(dataset.recordings, split.train, strict=True)
    ]
    frames = sum(map(len, corrections))
    others = sum(map(len, split.train)) - frames
    if frames + others < LEAST_FRAMES:
        raise TrainingError(
            f"Beside a pilot's own driving there are {frames + others} frames to learn from: too few. Drive a lap or "
            "two by hand too."
        )
    wanted = CORRECTIONS_SHARE / (1 - CORRECTIONS_SHARE) * others
    repeats = min(max(1, math.ceil(wanted / max(1, frames))), MAX_REPEATS)
    train = tuple(
        np.concatenate([part, *[again] * (repeats - 1)]) for part, again in zip(split.train, corrections, strict=True)
    )
    return Corrected(replace(split, train=train), takeovers, frames, repeats)


def _count_takeovers(recording: Recording) -> int:
    """Count the stretches of corrections, between which a pilot drove."""
    is_correction = recording.origins == Origin.CORRECTION
    gaps_ns = np.diff(recording.captured_ns[is_correction])
    return int(is_correction.any()) + int(np.count_nonzero(gaps_ns > LED_ASTRAY_NS))


def _split(recordings: Sequence[Recording], kept: Sequence[Indexes], seed: int) -> Split:
    """Split ``kept`` of the sessions without corrections, and learn from all that is kept of the others."""
    by_hand = [not np.any(recording.origins == Origin.CORRECTION) for recording in recordings]
    if not any(is_by_hand and len(part) for is_by_hand, part in zip(by_hand, kept, strict=True)):
        by_hand = [True] * len(recordings)
    shared = [number for number, is_by_hand in enumerate(by_hand) if is_by_hand]
    split = split_recordings([recordings[number].captured_ns[kept[number]] for number in shared], seed)
    places = {number: place for place, number in enumerate(shared)}

    def of_all(parts: tuple[Indexes, ...], *, learns: bool = False) -> tuple[Indexes, ...]:
        return tuple(
            part[parts[places[number]]] if number in places else part if learns else part[:0]
            for number, part in enumerate(kept)
        )

    more = len(recordings) - len(shared)
    words = f"{split.words}, {more} sessions with takeovers learned from whole" if more else split.words
    return Split(of_all(split.train, learns=True), of_all(split.validation), of_all(split.test), words)
