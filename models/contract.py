"""What a pilot model takes, gives and says about itself.

A pilot model is one ``.tflite`` file. Its default signature takes ``image``, uint8 ``[1, height, width, 3]`` RGB as the
camera delivers it, and gives ``steering`` and ``throttle``, float32 with one element each. One that knows what it does
not know also gives ``uncertainty``, float32 with one element: below 1 for a frame like those it learned from, more for
one unlike them. A recurrent one also takes and gives ``state``, the same float32 shape both ways, zeros at the start.
Its card is a JSON object in a zip entry
appended to the same file, where TFLite's own associated files live; runtimes ignore it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from models.errors import ModelError

SCHEMA_VERSION = 1
CARD_ENTRY = "pocketpilot.json"
IMAGE_INPUT = "image"
OUTPUTS = ("steering", "throttle")
UNCERTAINTY = "uncertainty"
STATE = "state"
MADE_BY = "made_by"
"""What a card's ``training`` calls the program that trained the model, where that is another one."""
MAX_MODEL_BYTES = 64 * 1024 * 1024

Tensors = Mapping[str, Mapping[str, Any]]
"""What a runtime says of a model's inputs or outputs, by name."""


@dataclass(frozen=True, slots=True)
class Wiring:
    """The shape of a model's frame (height, width, 3), and the indexes of its tensors.

    >>> Wiring(shape=(120, 160, 3), image=0, steering=11, throttle=12).state is None
    True

    ``donkey_type`` is which of Donkey Car's pilots it is, empty for one of the contract above; ``state`` has the
    indexes of input and output in a recurrent one, ``uncertainty`` that of the output in one that has it.
    """

    shape: tuple[int, ...]
    image: int
    steering: int
    throttle: int
    state: tuple[int, int] | None = None
    donkey_type: str = ""
    uncertainty: int | None = None


def shape_of(tensor: Mapping[str, Any]) -> tuple[int, ...]:
    """Return a tensor's shape."""
    return tuple(int(size) for size in tensor["shape"])


@dataclass(frozen=True, slots=True)
class TrainingSession:
    """One recording a model learned from: its name, the SHA-256 of its file, and how many of its frames were used.

    >>> import hashlib
    >>> TrainingSession("first", hashlib.sha256(path.read_bytes()).hexdigest(), frames=60).name
    'first'
    """

    name: str
    sha256: str
    frames: int


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Where a model comes from and what it was measured to do.

    >>> card = ModelCard(name="first", height=120, width=160, split="by session")
    >>> ModelCard.from_json(card.to_json()) == card
    True

    ``camera`` is the geometry it was trained with (``hardware.camera.CameraGeometry`` as a mapping), ``metrics`` maps
    ``"steering"`` and ``"throttle"`` to their figures beside those of baselines, ``variants`` maps the ways the network
    was exported to how they compare with it (``training.variants.VariantFigures`` as a mapping), ``closed_loop`` says
    how it drove on single tracks in the simulator, ``exam`` has its scores in the exam and what repeats it, ``command``
    is what was typed to make it, ``training`` how it was trained. ``model_sha256`` is the hash of the file without the
    card; ``models.loader.append_card`` fills it in.
    """

    name: str
    height: int
    width: int
    camera: Mapping[str, float | str] = field(default_factory=dict)
    sessions: tuple[TrainingSession, ...] = ()
    split: str = ""
    training: Mapping[str, float | str] = field(default_factory=dict)
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    variants: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    closed_loop: Mapping[str, float | str] = field(default_factory=dict)
    exam: Mapping[str, float | str] = field(default_factory=dict)
    software: Mapping[str, str] = field(default_factory=dict)
    command: str = ""
    created: str = ""
    model_sha256: str = ""
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """Return the card as indented JSON."""
        return json.dumps(asdict(self), indent=2, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelCard:
        """Read a card; raises ModelError when it is not one or is newer than this program."""
        try:
            content: dict[str, Any] = json.loads(text)
            if content["schema_version"] > SCHEMA_VERSION:
                raise ModelError(
                    f"The model card has schema version {content['schema_version']}; "
                    f"this program knows up to {SCHEMA_VERSION}. Update Pocketpilot."
                )
            known = {item.name for item in fields(cls)}
            content = {key: value for key, value in content.items() if key in known}
            content["sessions"] = tuple(TrainingSession(**session) for session in content.get("sessions", ()))
            card = cls(**content)
            card._check_types()
        except ModelError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            # A key may hold line breaks, and the sentence is one line.
            reason = " ".join(str(error).split())
            raise ModelError(f"The model card cannot be read ({reason}). Export the model again.") from error
        return card

    def _check_types(self) -> None:
        """Raise TypeError for a value of the wrong kind; readers of the card rely on it."""
        counts = (self.height, self.width, *(session.frames for session in self.sessions))
        texts = (self.name, self.split, self.command, self.created, self.model_sha256)
        tables = (self.camera, self.training, self.metrics, self.variants, self.closed_loop, self.exam, self.software)
        inner = (*self.metrics.values(), *self.variants.values())
        figures = [figure for table in inner for figure in table.values()]
        for values, kind in ((counts, int), (texts, str), ((*tables, *inner), dict), (figures, (int, float))):
            for value in values:
                if not isinstance(value, kind):
                    raise TypeError(f"{value!r} is of the wrong type")
