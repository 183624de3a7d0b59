"""Tries a model out in a process of its own, so that one that crashes the runtime crashes nothing else."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from car.elsewhere import NoAnswer, answer, run_elsewhere
from models.errors import ModelError
from models.loader import load_model
from models.runtime import CHECK_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """What came of a check that went well: the file's SHA-256, the frame it takes, and what its user ought to know.

    ``donkey_type`` is as a ``models.runner.Model`` has it.
    """

    sha256: str
    height: int
    width: int
    warnings: tuple[str, ...]
    donkey_type: str = ""


def check_model(path: Path, name: str) -> ModelCheck:
    """Load the model in ``path`` and run it once, elsewhere.

    Raises ModelError, which speaks of it as ``name``, when that does not end well.
    """
    try:
        done = run_elsewhere("car.pilots.check", str(path), CHECK_TIMEOUT_S)
    except TimeoutError as error:
        raise ModelError(f"{name} did not answer in {CHECK_TIMEOUT_S} s; it is damaged. Copy it again.") from error
    except NoAnswer as error:
        raise ModelError(f"{name} crashes the TFLite runtime; it is damaged. Copy it again.") from error
    if "error" in done:
        raise ModelError(f"{name}: {done['error']}")
    return ModelCheck(done["sha256"], done["height"], done["width"], tuple(done["warnings"]), done["donkey_type"])


def _try_here(path: Path) -> dict[str, object]:
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        model = load_model(path, tried_sha256=sha256)
    except (ModelError, OSError) as error:
        return {"error": str(error).removeprefix(f"{path}: ")}
    return asdict(ModelCheck(sha256, model.height, model.width, model.warnings, model.donkey_type))


if __name__ == "__main__":
    answer(_try_here(Path(sys.argv[1])))
