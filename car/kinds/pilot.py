"""What a pilot is: it turns a frame into a command."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

from hardware.camera import Frame
from hardware.closing import Closing
from hardware.drivetrain import Command


@dataclass(frozen=True, slots=True)
class PilotOutput:
    """The command a pilot asks for, and how long its network's own invoke took (0 for a pilot without one)."""

    command: Command
    inference_ns: int = 0


class Pilot(Closing):
    """Turns frames into commands, from one thread; the gate decides what becomes of them.

    Use it as a context manager; ``close`` may be called twice. ``name`` is shown to the driver::

        with TflitePilot(load_model(path)) as pilot:
            output = pilot.drive(frame)
    """

    name: str

    @abstractmethod
    def drive(self, frame: Frame) -> PilotOutput:
        """Return what the pilot would do on seeing ``frame``."""

    @abstractmethod
    def close(self) -> None:
        """Release what the pilot holds."""
