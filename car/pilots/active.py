"""The pilot that drives; another one can be activated between two frames."""

from __future__ import annotations

from car.kinds.pilot import Pilot, PilotAnswer
from car.pilots.absent import AbsentPilot
from hardware.camera import Frame


class ActivePilot(Pilot):
    """Drives as the pilot in it does, in whose place another thread may activate another one between two frames.

    >>> active = ActivePilot(pilot)
    >>> output = active.drive(frame)
    >>> active.activate(ActivePilot(pilot))   # from any thread, once the new one has been warmed up

    The frame that the old one is looking at is still its own, the next one is the new one's: no frame is without a
    pilot. To the gate nothing has changed. What the old one said is valid for as long as ever, and a new one that does
    not answer in time trips it like any other.
    """

    def __init__(self, pilot: Pilot) -> None:
        self.name = pilot.name
        self._pilot = pilot

    @property
    def is_there(self) -> bool:
        """Whether there is a pilot in it that can drive."""
        return not isinstance(self._pilot, AbsentPilot)

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return what the pilot in it would do on seeing ``frame``."""
        return self._pilot.drive(frame)

    def reset(self) -> None:
        """Let the pilot in it forget what it has seen."""
        self._pilot.reset()

    def activate(self, pilot: Pilot) -> None:
        """Let ``pilot`` drive from the next frame on."""
        # The one before is not closed: the loop may be in the middle of it. It goes with whoever still holds it.
        self._pilot, self.name = pilot, pilot.name

    def close(self) -> None:
        """Close the pilot that drives now."""
        self._pilot.close()
