"""What a model may be called, and what it is called where that name is taken."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

from car.pilots.find import MODEL_SUFFIX
from models.errors import ModelError

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAME_RULE = "letters, digits, dots, dashes and underscores, at most 64, a letter or digit first"


def check_name(name: str) -> None:
    """Raise ModelError when a model cannot be called ``name``."""
    if not NAME.fullmatch(name) or name.endswith(MODEL_SUFFIX):
        raise ModelError(f"A model cannot be called {name!r}. Use {NAME_RULE}, and leave out {MODEL_SUFFIX}.")


def numbered(path: Path) -> Iterator[Path]:
    """Yield ``path``, and then the names it gets where that is taken: pilot.tflite, pilot-2.tflite, pilot-3.tflite."""
    yield path
    for number in itertools.count(2):
        yield path.with_stem(f"{path.stem}-{number}")
