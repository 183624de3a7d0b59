"""The driver's end of the link in a trial: it drives well until it is told to fail."""

from __future__ import annotations

from abc import ABC, abstractmethod

from hardware.drivetrain import Command

STICK = Command(steering=0.1, throttle=0.6)
"""What the driver holds; calibration lets a third of it through."""
SAMPLE_HZ = 40.0


class Controls(ABC):
    """Somebody who holds the stick at ``STICK``, sampled at ``SAMPLE_HZ``, over a link that can fail."""

    @abstractmethod
    def vanish(self) -> None:
        """Let nothing more through; what is sampled from here on waits."""

    @abstractmethod
    def come_back(self) -> None:
        """Let all that has waited through at once, and then what is sampled from here on."""

    @abstractmethod
    def unplug(self) -> None:
        """Pull the gamepad: the link lives, the stick stays as it was, and no hand holds it."""

    @abstractmethod
    def stop(self) -> None:
        """Press the stop button."""
