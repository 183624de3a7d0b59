"""Labels that lead: what a frame teaches is what was driven a little later, about when the car answers a command.

A driver steers by what is to be seen when the command arrives, and a car is late: what was asked for at a frame belongs
to a place further on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from car.errors import TrainingError
from hardware.clock import NS_PER_MS, NS_PER_S
from training.dataset import Dataset
from training.report.delay import LONGEST_STEP_S
from training.report.figures import figures_of
from training.split import Split

MOST_LEAD_MS = 1000
"""Half of the gap before frames that are held out: a label comes from no other part than its frame."""


def measured_lead_ms(dataset: Dataset) -> int:
    """Return how long the scene takes to answer the steering, the median of the sessions that tell.

    Raises TrainingError when none does.
    """
    delays = [figures_of(recording).delay for recording in dataset.recordings]
    known = [delay.lag_ms for delay in delays if delay is not None and delay.is_sure and not delay.is_reversed]
    if not known:
        raise TrainingError(
            "These sessions do not tell how long the car takes to answer. Give --lead-ms a number, such as 200."
        )
    return max(0, round(float(np.median(known))))


def with_lead(dataset: Dataset, split: Split, lead_ms: int) -> tuple[Dataset, Split]:
    """Return ``dataset`` with the labels of ``lead_ms`` later, and ``split`` without the frames that then have none.

    How many those are is in the split's words. Raises TrainingError when too few frames are left.
    """
    if not lead_ms:
        return dataset, split
    led = [lead_labels(each.captured_ns, each.labels, each.origins, lead_ms * NS_PER_MS) for each in dataset.recordings]
    recordings = [replace(each, labels=labels) for each, (labels, _) in zip(dataset.recordings, led, strict=True)]
    before = (split.train, split.validation, split.test)
    train, validation, test = (
        tuple(part[known[part]] for part, (_, known) in zip(parts, led, strict=True)) for parts in before
    )
    if not all(any(map(len, parts)) for parts in (train, validation, test)):
        raise TrainingError(
            f"Too few frames have a label {lead_ms} ms later. Record longer drives, or give a smaller --lead-ms."
        )
    # A part may have a frame more than once.
    lost = sum(
        len(np.unique(part[~known[part]])) for parts in before for part, (_, known) in zip(parts, led, strict=True)
    )
    words = f"{split.words}, without {lost} frames that have no label {lead_ms} ms later"
    return replace(dataset, recordings=tuple(recordings)), Split(train, validation, test, words)


def lead_labels(
    captured_ns: NDArray[np.int64], labels: NDArray[np.float32], origins: NDArray[np.uint8], lead_ns: int
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Return for each frame the label of ``lead_ns`` later, and whether there is one.

    Between two frames a label is on the straight line between theirs. There is none after the last frame, nor beyond
    two frames that are more than ``LONGEST_STEP_S`` apart, between which nothing was recorded, or whose labels are of
    different ``origins``: what a pilot did next is no lesson of the driver's.

    >>> labels = np.array([[0.0, 0.5], [0.5, 0.5], [1.0, 0.5], [0.0, 0.5]], np.float32)
    >>> times_ns = np.array([0, 50, 100, 900], np.int64) * 1_000_000
    >>> led, known = lead_labels(times_ns, labels, np.zeros(4, np.uint8), lead_ns=75_000_000)
    >>> led[known].tolist(), known.tolist()
    ([[0.75, 0.5]], [True, False, False, False])
    """
    # A clock that went back is no reason to take frames in another order than they were seen.
    order = np.argsort(captured_ns, kind="stable")
    times_ns, sorted_labels = captured_ns[order], labels[order]
    is_break = (np.diff(times_ns) > LONGEST_STEP_S * NS_PER_S) | (np.diff(origins[order].astype(int)) != 0)
    stretch = np.concatenate(([0], np.cumsum(is_break)))
    wanted_ns = times_ns + lead_ns
    after = np.minimum(np.searchsorted(times_ns, wanted_ns), len(times_ns) - 1)
    before = np.maximum(after - 1, 0)
    between_ns = np.maximum(times_ns[after] - times_ns[before], 1)
    share = np.clip((wanted_ns - times_ns[before]) / between_ns, 0.0, 1.0)[:, None]
    led, known = np.empty_like(labels), np.empty(len(labels), np.bool_)
    led[order] = (1.0 - share) * sorted_labels[before] + share * sorted_labels[after]
    known[order] = (times_ns[after] >= wanted_ns) & (stretch[after] == stretch)
    return led, known
