"""A drivetrain without wheels that remembers every command: the mock that ships, for tests and replays."""

from __future__ import annotations

from dataclasses import dataclass

from hardware.clock import Clock
from hardware.drivetrain import NEUTRAL, Command, Drivetrain


@dataclass(frozen=True, slots=True)
class Applied:
    """A command and the clock's time when it reached the wheels."""

    time_ns: int
    command: Command


class TimelineDrivetrain(Drivetrain):
    """Keeps every command with its time, neutral ones included.

    ::

        drivetrain = TimelineDrivetrain(clock)
        drivetrain.apply(Command(steering=0.5, throttle=0.2))
        assert drivetrain.timeline[-1].command.throttle == 0.2
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.timeline: list[Applied] = []
        self.closed = False

    def apply(self, command: Command) -> Command:
        """Append ``command`` to the timeline and return it unchanged."""
        self.timeline.append(Applied(self._clock.now_ns(), command))
        return command

    def neutral(self) -> None:
        """Append a neutral command to the timeline."""
        self.apply(NEUTRAL)

    def close(self) -> None:
        """Append a last neutral command, once."""
        if not self.closed:
            self.closed = True
            self.neutral()
