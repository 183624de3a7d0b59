"""Pilots that fail at a given time, to see the car stop: wrappers around another that works until then."""

from __future__ import annotations

import math

from car.kinds.pilot import Pilot, PilotAnswer
from hardware.camera import Frame
from hardware.clock import NS_PER_MS
from hardware.drivetrain import Command
from hardware.faults import Onset


class PilotFault(RuntimeError):
    """What a pilot raises that fails on purpose."""


class FaultyPilot(Pilot):
    """A pilot that passes on what another one says; subclasses decide what goes wrong.

    >>> class BoldPilot(FaultyPilot):
    ...     def drive(self, frame):
    ...         return PilotAnswer(Command(0.0, 1.0)) if self._onset.is_past else super().drive(frame)
    >>> BoldPilot(pilot, Onset(clock).past()).drive(frame).command.throttle
    1.0
    """

    def __init__(self, pilot: Pilot, onset: Onset) -> None:
        self.name = pilot.name
        self._pilot = pilot
        self._onset = onset

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return what the other pilot would do."""
        return self._pilot.drive(frame)

    def reset(self) -> None:
        """Let the other pilot forget what it has seen."""
        self._pilot.reset()

    def close(self) -> None:
        """Close the other pilot."""
        self._pilot.close()


class SlowPilot(FaultyPilot):
    """Takes ``duration_ms`` for each answer, or for one alone.

    >>> slow, asked_ns = SlowPilot(pilot, Onset(clock).past(), duration_ms=240), clock.now_ns()
    >>> output = slow.drive(frame)
    >>> (clock.now_ns() - asked_ns) / NS_PER_MS
    240.0
    """

    def __init__(self, pilot: Pilot, onset: Onset, duration_ms: float, *, once: bool = False) -> None:
        super().__init__(pilot, onset)
        self._duration_ns = round(duration_ms * NS_PER_MS)
        self._once = once
        self._is_slow = True

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return what the other pilot would do, late."""
        clock = self._onset.clock
        if self._onset.is_past and self._is_slow:
            self._is_slow = not self._once
            clock.sleep_until_ns(clock.now_ns() + self._duration_ns)
        return super().drive(frame)


class RaisingPilot(FaultyPilot):
    """Raises PilotFault.

    >>> RaisingPilot(pilot, Onset(clock).past()).drive(frame)
    Traceback (most recent call last):
    car.pilots.faulty.PilotFault: ...
    """

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return what the other pilot would do, or raise."""
        if self._onset.is_past:
            raise PilotFault("The pilot fails on purpose.")
        return super().drive(frame)


class NanPilot(FaultyPilot):
    """Answers with what is not a number, as a network does whose weights have been lost.

    >>> NanPilot(pilot, Onset(clock).past()).drive(frame).command
    Command(steering=nan, throttle=nan)
    """

    def drive(self, frame: Frame) -> PilotAnswer:
        """Return what the other pilot would do, or NaN."""
        return PilotAnswer(Command(math.nan, math.nan)) if self._onset.is_past else super().drive(frame)
