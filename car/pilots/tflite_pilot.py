"""The pilot that is a trained model."""

from __future__ import annotations

import math

from car.kinds.pilot import Pilot, PilotAnswer
from car.pilots.smoothed import Smoothed
from hardware.camera import Frame
from hardware.drivetrain import Command
from models.errors import ModelError
from models.runner import Model


class TflitePilot(Pilot):
    """Asks ``model`` what to do about each frame.

    >>> from models.loader import load_model
    >>> with TflitePilot(load_model(model_path)) as pilot:
    ...     output = pilot.drive(frame)
    >>> output.command.is_valid()
    True

    A network that has learned to steer to the stop overshoots it by a little, so finite outputs are clamped to −1 … +1.
    NaN and infinity are handed on as they are, for the gate to refuse and count.

    The uncertainty that it gives is a moving average (``car.pilots.smoothed``): one odd frame is no strange place.
    """

    def __init__(self, model: Model) -> None:
        self.name = model.name
        self._model: Model | None = model
        self._uncertainty = Smoothed()

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return the model's command for ``frame``; raises ModelError when it is of another size or after ``close``."""
        model = self._model
        if model is None:
            raise ModelError(f"The pilot {self.name} is closed. Load the model again.")
        steering, throttle = model.run(frame.image)
        uncertainty = self._uncertainty.add(model.uncertainty, frame.captured_ns)
        return PilotAnswer(Command(_clamp(steering), _clamp(throttle)), model.invoke_ns, uncertainty)

    def close(self) -> None:
        """Let go of the model."""
        self._model = None


def _clamp(value: float) -> float:
    return min(1.0, max(-1.0, value)) if math.isfinite(value) else value
