"""Frames as they would look from beside the path, with the steering that leads back to it.

Somebody who drives well shows a pilot nothing of how to come back. A displaced view does, after the left and right
cameras of Bojarski and others ("End to end learning for self-driving cars", 2016), with one camera.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hardware.camera import Image
from simulator.reprojection import Displacement, Reprojection, Source
from training.dataset import Recording
from training.exam.driven_path import Response
from training.split import Indexes

LOOK_AHEAD_M = 0.8
"""About a second's way at the speeds at which such cars are driven; within it the car is back on the path."""
FURTHEST_ASIDE_M = 0.12
FURTHEST_TURNED_RAD = math.radians(8.0)
"""From further away too much is seen that the recorded frame does not show."""


def displaced(
    reprojection: Reprojection,
    image: Image,
    steering: float,
    displacement: Displacement,
    response: Response | None = None,
    look_ahead_m: float = LOOK_AHEAD_M,
) -> tuple[Image, float]:
    """Return what the camera would see of ``image`` when the car stood ``displacement`` away, and how to steer there.

    >>> from hardware.camera import CameraGeometry
    >>> reprojection = Reprojection(CameraGeometry())
    >>> _, steering = displaced(reprojection, frames[0].image, 0.0, Displacement(lateral_m=0.1))
    >>> steering < 0     # from the right of the path back to the left
    True

    The path ahead is the arc that ``steering`` drives, by the car's ``response``. The corrected steering drives the
    arc through the point that lies ``look_ahead_m`` along it, by pure pursuit: a curvature of 2 y / d², where y is how
    far to the left the point is of the displaced car and d how far away (Coulter, CMU-RI-TR-92-01).
    """
    view = reprojection.view([Source(image, displacement)])
    return view, corrected_steering(steering, displacement, response or Response(), look_ahead_m)


def corrected_steering(
    steering: float, displacement: Displacement, response: Response, look_ahead_m: float = LOOK_AHEAD_M
) -> float:
    """Return the steering, −1 … +1, that leads a displaced car back to the path that ``steering`` drives."""
    turned_rad = -steering * response.curvature_per_m * look_ahead_m
    # The chord of an arc stands at half its angle.
    chord_m = look_ahead_m * math.sin(0.5 * turned_rad) / (0.5 * turned_rad) if turned_rad else look_ahead_m
    ahead_m = chord_m * math.cos(0.5 * turned_rad) - displacement.forward_m
    left_m = chord_m * math.sin(0.5 * turned_rad) + displacement.lateral_m
    away = left_m * math.cos(displacement.heading_rad) - ahead_m * math.sin(displacement.heading_rad)
    curvature_per_m = 2.0 * away / max(ahead_m**2 + left_m**2, 1e-6)
    return min(max(-curvature_per_m / response.curvature_per_m, -1.0), 1.0)


def displaced_views(
    recording: Recording, frames: Indexes, share: float, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return displaced views of a ``share`` of some frames, and their labels: their steering corrected, as driven else.

    Images uint8 RGB, views × height × width × 3; labels float32, views × (steering, throttle). The same ``seed`` gives
    the same views.
    """
    rng = np.random.default_rng([seed, 7])
    chosen = np.sort(rng.choice(frames, round(share * len(frames)), replace=False))
    reprojection = Reprojection(recording.camera)
    images = np.empty((len(chosen), *recording.images.shape[1:]), np.uint8)
    labels = recording.labels[chosen].copy()
    for row, frame in enumerate(chosen.tolist()):
        aside_m, turned_rad = rng.uniform(-1.0, 1.0, 2) * (FURTHEST_ASIDE_M, FURTHEST_TURNED_RAD)
        displacement = Displacement(0.0, float(aside_m), float(turned_rad))
        images[row], labels[row, 0] = displaced(
            reprojection, recording.images[frame], float(labels[row, 0]), displacement
        )
    return images, labels
