"""From a pilot's file, which ``models.loader`` checks, to a pilot that fits the camera and is warmed up."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from car.kinds.pilot import Pilot
from car.pilots.tflite_pilot import TflitePilot
from hardware.camera import CameraGeometry, Frame
from models.errors import ModelError
from models.loader import load_model

WARM_UP_CALLS = 5
MAX_ACTIVATED_BYTES = 8 * 1024 * 1024
"""How large a model may be that is loaded beside the loop.

The runtime lets no other thread run while it prepares one, 3 ms per MB on a laptop, and a Raspberry Pi takes four times
as long; after 200 ms without a heartbeat the guard would end the drive.
"""


def open_pilot(path: Path, camera: CameraGeometry) -> tuple[TflitePilot, tuple[str, ...]]:
    """Load the pilot in ``path`` for a camera; return it, and in sentences what its user ought to know.

    Raises ModelError when it is not a pilot model or takes frames of another size.
    """
    model = load_model(path)
    model.check_fits(camera.height, camera.width)
    return TflitePilot(model), (*model.warnings, *model.camera_differences(asdict(camera)))


def load_pilot(geometry: CameraGeometry, path: Path, sha256: str) -> Pilot:
    """Return the pilot in ``path``, which was tried out when its hash was ``sha256``, ready for its first real frame.

    Raises ModelError when it cannot be loaded, is another one by now, takes frames of another size, or is larger than
    ``MAX_ACTIVATED_BYTES``.
    """
    if path.is_file() and path.stat().st_size > MAX_ACTIVATED_BYTES:
        raise ModelError(
            f"{path.name} is too large to be loaded while the car may be driving. "
            "Name it in [pilot] of car.toml, and start the car again."
        )
    model = load_model(path, tried_sha256=sha256)
    model.check_fits(geometry.height, geometry.width)
    pilot = TflitePilot(model)
    warm_up(pilot, geometry)
    return pilot


def warm_up(pilot: Pilot, geometry: CameraGeometry) -> None:
    """Let the pilot see a few blank frames, so that its first real one is not its slowest."""
    blank = np.zeros((geometry.height, geometry.width, 3), np.uint8)
    blank.flags.writeable = False
    for _ in range(WARM_UP_CALLS):
        pilot.drive(Frame(blank, 0, 0))
    pilot.reset()
