"""How often a pilot would have been unsure of frames that it did not learn from, though they are of the same drives."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from car.gate import SURE
from car.pilots.smoothed import Smoothed
from models.loader import load_model
from training.dataset import Dataset
from training.split import Indexes


def unsure_share(model: Path, dataset: Dataset, parts: Sequence[Indexes]) -> float | None:
    """Return on which share of the frames of ``parts`` the uncertainty is above 1, averaged over time as on the car.

    It is None for a model that cannot tell, and 0 where there are no frames.
    """
    pilot, unsure = load_model(model), 0
    if not pilot.tells_uncertainty:
        return None
    for recording, part in zip(dataset.recordings, parts, strict=True):
        smoothed = Smoothed()
        for index in part.tolist():
            pilot.run(recording.images[index])
            unsure += smoothed.add(pilot.uncertainty, now_ns=int(recording.captured_ns[index])) > SURE
    return unsure / max(1, sum(map(len, parts)))
