"""The pilot that is a trained model."""

from __future__ import annotations

import math

from car.kinds.pilot import Pilot, PilotAnswer
from car.pilots.smoothed import Smoothed
from hardware.camera import Frame
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command
from models.errors import ModelError
from models.runner import Model

FORGETS_AFTER_S = 0.3
"""A few frames may be dropped; after a camera that froze, or driving by hand, the car is elsewhere."""


class TflitePilot(Pilot):
    """Asks ``model`` what to do about each frame.

    >>> from models.loader import load_model
    >>> with TflitePilot(load_model(model_path)) as pilot:
    ...     output = pilot.drive(frame)
    >>> output.command.is_valid()
    True

    A network that has learned to steer to the stop overshoots it by a little, so finite outputs are clamped to −1 … +1.
    NaN and infinity are handed on as they are, for the gate to refuse and count.

    A recurrent model forgets what it has seen when it is told to, and where two frames are more than
    ``FORGETS_AFTER_S`` apart, or the clock goes back: the first of them says nothing of the scene of the second.

    The uncertainty that it gives is a moving average (``car.pilots.smoothed``): one odd frame is no strange place.
    """

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self._model: Model | None = model
        self._uncertainty = Smoothed()
        self._seen_ns = 0

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return the model's command for ``frame``; raises ModelError when it is of another size or after ``close``."""
        model = self._model
        if model is None:
            raise ModelError(f"The pilot {self.name} is closed. Load the model again.")
        if not 0 <= frame.captured_ns - self._seen_ns <= FORGETS_AFTER_S * NS_PER_S:
            model.reset()
        self._seen_ns = frame.captured_ns
        steering, throttle = model.run(frame.image)
        uncertainty = self._uncertainty.add(model.uncertainty, frame.captured_ns)
        return PilotAnswer(Command(_clamp(steering), _clamp(throttle)), model.invoke_ns, uncertainty)

    def reset(self) -> None:
        """Make a recurrent model forget what it has seen."""
        if self._model is not None:
            self._model.reset()

    def close(self) -> None:
        """Let go of the model."""
        self._model = None


def _clamp(value: float) -> float:
    return min(1.0, max(-1.0, value)) if math.isfinite(value) else value
