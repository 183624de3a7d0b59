"""Models to a car, which tries each out before it counts, and back to the one that drove before."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from car.errors import RemoteError
from car.files import reason
from car.pairing.printable import printable
from car.pilots.view import read_card_of_file
from car.remote.client import Answer, CarClient, Upload
from models.contract import ModelCard
from models.errors import ModelError
from models.runtime import CHECK_TIMEOUT_S

Kind = TypeVar("Kind", bound=BaseModel)
GUESSES = ("predict_mean_", "predict_zero_")
TRIAL_S = CHECK_TIMEOUT_S + 15.0
"""How long a car may take to try a model out, or to load it, and say what came of it."""


class Pushed(BaseModel):
    """What a model is called on the car, and in words why the car cannot drive with it, empty if it can."""

    name: str
    why: str


class Activated(BaseModel):
    """Which model drives now, and which drove before it, empty if none did."""

    name: str
    previous: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """A model's file that may be pushed: its digest and size."""

    path: Path
    name: str
    sha256: str
    size: int


def pack(path: Path, name: str, *, force: bool = False) -> Parcel:
    """Look at the model in ``path``, which will be called ``name``.

    Raises ModelError when it is none, is too large, or, unless by ``force``, steers no better than a guess by its card.
    """
    card = read_card_of_file(path)
    if not force and card is not None and (why := loses_by(card)):
        raise ModelError(f"{name} was not pushed: {why} Train it with more driving, or push it with --force.")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({reason(error)}). Check the file.") from error
    return Parcel(path, name, digest, size)


def loses_by(card: ModelCard) -> str:
    """Return in a sentence by what figures a model loses to a guess that never looks, empty if it does not.

    >>> loses_by(ModelCard("a", 120, 160, metrics={"steering": {"r2": -0.1, "predict_mean_r2": -0.02}}))
    'it steers worse than a guess that never looks (R² -0.10 against -0.02).'
    """
    steering = card.metrics.get("steering", {})
    guesses = [steering[f"{guess}r2"] for guess in GUESSES if f"{guess}r2" in steering]
    own = steering.get("r2")
    if own is None or not guesses or own > max(guesses):
        return ""
    return f"it steers worse than a guess that never looks (R² {own:.2f} against {max(guesses):.2f})."


def push(
    client: CarClient, parcel: Parcel, *, force: bool = False, progress: Callable[[float], None] = lambda _: None
) -> Pushed:
    """Send a model; return what the car calls it. Raises RemoteError; the car keeps nothing then."""
    with parcel.path.open("rb") as file:
        answer = client.post(
            "models",
            "versions",
            body=Upload(file, parcel.size, progress),
            patience_s=TRIAL_S,
            name=parcel.name,
            sha256=parcel.sha256,
            force=str(force).lower(),
        )
    return _parsed(Pushed, answer, client)


def activate(client: CarClient, name: str) -> Activated:
    """Let a model on the car drive from the next frame on; raises RemoteError."""
    return _parsed(Activated, client.post("models", name, "activate", patience_s=TRIAL_S), client)


def roll_back(client: CarClient) -> Activated:
    """Let the model drive that drove before; raises RemoteError."""
    return _parsed(Activated, client.post("models", "previous", patience_s=TRIAL_S), client)


def _parsed(kind: type[Kind], answer: Answer, client: CarClient) -> Kind:
    try:
        said = kind.model_validate_json(answer.content)
        return said.model_copy(update={name: printable(words) for name, words in said})
    except ValidationError as error:
        raise RemoteError(
            f"{client.place} answers with something else than a model. Install the same version of Pocketpilot on both."
        ) from error
