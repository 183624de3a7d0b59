"""How the laptop's models have passed the exam, by their cards."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from car.pilots.find import MODEL_SUFFIX
from car.pilots.view import exam_score, read_card_of_file
from models.errors import ModelError

MAX_KEPT = 256


@dataclass(frozen=True, slots=True)
class Score:
    """A model's score in the exam, 0 to 100, and the exam's version."""

    model: str
    score: float
    version: str


def scores_of(folder: Path) -> list[Score]:
    """Return the scores of the models in ``folder`` that have sat the exam, the best first."""
    found = (_score(path, path.stat().st_mtime_ns) for path in folder.glob(f"*{MODEL_SUFFIX}"))
    return sorted((score for score in found if score is not None), key=lambda score: -score.score)


@lru_cache(MAX_KEPT)
def _score(path: Path, _changed_ns: int) -> Score | None:
    try:
        card = read_card_of_file(path)
    except ModelError:
        return None
    sat = None if card is None else exam_score(card)
    return None if sat is None else Score(path.stem, *sat)
