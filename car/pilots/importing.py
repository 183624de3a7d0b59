"""Brings a model's file into a car: one of Donkey Car's gets the card that it lacks."""

from __future__ import annotations

import shutil
from dataclasses import replace as replaced
from datetime import datetime
from pathlib import Path

from car.files import reason
from car.pilots.check import ModelCheck, check_model
from car.pilots.library import ModelLibrary
from car.pilots.view import read_card_of_file
from models.contract import MADE_BY, ModelCard
from models.donkey import CATEGORICAL, DEFAULT_THROTTLE_RANGE, THROTTLE_RANGE
from models.errors import ModelError
from models.loader import append_card


def import_model(
    library: ModelLibrary,
    path: Path,
    name: str,
    now: datetime,
    *,
    throttle_range: float | None = None,
    replace: bool = False,
) -> ModelCheck:
    """Copy the model in ``path`` to the car's own as ``name``, if a check goes well; return what that found.

    A pilot of Donkey Car gets a card of ``now``; a categorical one's has ``throttle_range``, which is what
    MODEL_CATEGORICAL_MAX_THROTTLE_RANGE was when it was trained, by default 0.8. Raises ModelError, and
    ModelNameTaken unless the one of that name is to be replaced.
    """
    card = read_card_of_file(path)
    incoming = library.incoming(name, replace=replace)
    try:
        shutil.copyfile(path, incoming)
        check = check_model(incoming, name)
        if throttle_range is not None and check.donkey_type != CATEGORICAL:
            raise ModelError(
                f"{name} is no categorical pilot of Donkey Car, and its throttle has no range. "
                "Leave out --throttle-range."
            )
        if check.donkey_type and (card is None or throttle_range is not None):
            append_card(incoming, _donkey_card(card, name, check, throttle_range, now))
        library.accept(incoming, name, replace=replace)
    except OSError as error:
        raise ModelError(f"{path} cannot be copied ({reason(error)}). Check the file, and the disk's room.") from error
    finally:
        incoming.unlink(missing_ok=True)
    return check


def _donkey_card(
    card: ModelCard | None, name: str, check: ModelCheck, throttle_range: float | None, now: datetime
) -> ModelCard:
    made = now.isoformat(timespec="seconds")
    card = card or ModelCard(name, check.height, check.width, command="car models import", created=made)
    training: dict[str, float | str] = {**card.training, MADE_BY: f"Donkey Car, {check.donkey_type}"}
    if check.donkey_type == CATEGORICAL:
        training[THROTTLE_RANGE] = DEFAULT_THROTTLE_RANGE if throttle_range is None else throttle_range
    return replaced(card, training=training)
