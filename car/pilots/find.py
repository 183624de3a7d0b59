"""Which file a pilot's name means."""

from __future__ import annotations

import contextlib
from pathlib import Path

import models
from models.errors import ModelError

MODEL_SUFFIX = ".tflite"


def model_files(car_dir: Path) -> list[Path]:
    """Return the car's own models and the pilots that ship."""
    folders = (car_dir / "models", Path(models.__file__).parent)
    return [path for folder in folders for path in sorted(folder.glob(f"*{MODEL_SUFFIX}"))]


def find_model(name: str, car_dir: Path) -> Path:
    """Return the file that ``name`` means: a path, or the name of one of ``model_files``.

    Raises ModelError with what there is when it means none of them.
    """
    if not name:
        raise ModelError("No pilot is chosen: [pilot] model is empty. Name one there, or with --model.")
    known = model_files(car_dir)
    for path in (Path(name), Path(name + MODEL_SUFFIX), *(path for path in known if name in {path.name, path.stem})):
        with contextlib.suppress(OSError):  # A name too long for a file is the name of none.
            if path.is_file():
                return path
    names = ", ".join(path.stem for path in known) or "none yet"
    raise ModelError(f"There is no model {name}. Give a {MODEL_SUFFIX} file, or one of: {names}.")
