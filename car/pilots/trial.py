"""Tries a model out in a process of its own, so that one that crashes the runtime crashes nothing else."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from models.contract import ModelError
from models.loader import load_model
from models.runtime import TRIAL_TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a trial that went well: the file's SHA-256, the frame it takes, and what its user ought to know."""

    sha256: str
    height: int
    width: int
    warnings: tuple[str, ...]


def try_model(path: Path, name: str) -> Trial:
    """Load the model in ``path`` and run it once, elsewhere.

    Raises ModelError, which speaks of it as ``name``, when that does not end well.
    """
    # -P: a folder "models" where the user stands must not be taken for that package.
    command = [sys.executable, "-P", "-m", "car.pilots.trial", str(path)]
    try:
        done = subprocess.run(command, capture_output=True, timeout=TRIAL_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"{name} did not answer in {TRIAL_TIMEOUT_S} s; it is damaged. Copy it again.") from error
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise ModelError(f"{name} crashes the TFLite runtime; it is damaged. Copy it again.") from error
    if "error" in answer:
        raise ModelError(f"{name}: {answer['error']}")
    return Trial(answer["sha256"], answer["height"], answer["width"], tuple(answer["warnings"]))


def _try_here(path: Path) -> dict[str, object]:
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        model = load_model(path, tried_sha256=sha256)
    except (ModelError, OSError) as error:
        return {"error": str(error).removeprefix(f"{path}: ")}
    return asdict(Trial(sha256, model.height, model.width, model.warnings))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_try_here(Path(sys.argv[1]))))
