"""How long each ``.tflite`` file of a folder takes for a frame on one runtime; a program of its own, with few imports.

``python -m tests.benchmarks.invokes FOLDER RUNTIME`` prints the times of each file in nanoseconds, as JSON. The files
take turns, so that whatever else the machine does slows them alike.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from models.loader import load_model

ROUNDS = 40
CALLS = 100


def main(folder: str, runtime: str) -> None:
    """Print the times."""
    models = {path.stem: load_model(path, runtime) for path in sorted(Path(folder).glob("*.tflite"))}
    rng = np.random.default_rng(0)
    times_ns: dict[str, list[int]] = {name: [] for name in models}
    for _ in range(ROUNDS):
        for name, model in models.items():
            image = rng.integers(0, 256, (model.height, model.width, 3), np.uint8)
            for _ in range(CALLS):
                model.run(image)
                times_ns[name].append(model.invoke_ns)
    sys.stdout.write(json.dumps(times_ns))


if __name__ == "__main__":
    main(*sys.argv[1:])
