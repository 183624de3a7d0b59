"""The pilot of a car that has none, or none that fits it: it is driven by hand until one is activated."""

from __future__ import annotations

from car.kinds.pilot import Pilot, PilotAnswer
from hardware.camera import Frame
from hardware.drivetrain import NEUTRAL


class AbsentPilot(Pilot):
    """Stands where a pilot would be; the gate lets nobody choose a mode that asks it. ``why`` is a sentence.

    >>> absent = AbsentPilot("No pilot here takes frames of 64x48.")
    >>> absent.drive(frame).command
    Command(steering=0.0, throttle=0.0)
    """

    name = "none"

    def __init__(self, why: str) -> None:
        self.why = why

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return neutral."""
        return PilotAnswer(NEUTRAL)

    def close(self) -> None:
        """Have nothing to release."""
