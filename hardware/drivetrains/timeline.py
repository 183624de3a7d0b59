"""Drivetrains that remember every command: the mocks that ship, for tests, replays and faults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hardware.clock import Clock
from hardware.drivetrain import NEUTRAL, Command, Drivetrain
from hardware.errors import DrivetrainError
from hardware.neutral import TIMELINE_ENTRY, append_to_timeline


@dataclass(frozen=True, slots=True)
class Applied:
    """A command, the clock's time when it reached the wheels, and the process that sent it (0: this one).

    >>> drivetrain = TimelineDrivetrain(clock)
    >>> drivetrain.neutral()
    >>> drivetrain.timeline
    [Applied(time_ns=1000000000, command=Command(steering=0.0, throttle=0.0), process=0)]
    """

    time_ns: int
    command: Command
    process: int = 0


class TimelineDrivetrain(Drivetrain):
    """Keeps every command with its time, neutral ones included; it has no wheels, or those of another drivetrain.

    >>> with TimelineDrivetrain(clock) as drivetrain:
    ...     applied = drivetrain.apply(Command(steering=0.5, throttle=0.2))
    >>> [entry.command.throttle for entry in drivetrain.timeline]
    [0.2, 0.0]
    """

    def __init__(self, clock: Clock, drivetrain: Drivetrain | None = None) -> None:
        self._clock = clock
        self._drivetrain = drivetrain
        self.timeline: list[Applied] = []
        self.closed = False

    def apply(self, command: Command) -> Command:
        """Append what was applied to the timeline and return it: ``command``, unless other wheels change it.

        Raises ValueError when it is not finite or out of range, DrivetrainError when the drivetrain is closed.
        """
        command.check()
        if self.closed:
            raise DrivetrainError("The timeline is closed. Make a new one to go on.")
        return self._append(command if self._drivetrain is None else self._drivetrain.apply(command))

    def _append(self, command: Command) -> Command:
        self.timeline.append(Applied(self._clock.now_ns(), command))
        return command

    def neutral(self) -> None:
        """Go to neutral and append that to the timeline."""
        if self._drivetrain is not None:
            self._drivetrain.neutral()
        self._append(NEUTRAL)

    def close(self) -> None:
        """Go to neutral once more, once, and release the other drivetrain."""
        if not self.closed:
            self.closed = True
            self.neutral()
            if self._drivetrain is not None:
                self._drivetrain.close()


class TimelineFile(Drivetrain):
    """Passes commands on to another drivetrain and appends each to a file, for other processes to read.

    >>> with TimelineFile(TimelineDrivetrain(clock), folder / "wheels.timeline") as drivetrain:
    ...     applied = drivetrain.apply(Command(steering=0.5, throttle=0.2))
    >>> [entry.command.throttle for entry in read_timeline(folder / "wheels.timeline")]
    [0.0, 0.2, 0.0]

    The guard and ``car neutral`` write to the same file, so it shows from outside what the wheels were told, by whom
    and when; ``read_timeline`` reads it.
    """

    def __init__(self, drivetrain: Drivetrain, path: Path) -> None:
        self._drivetrain = drivetrain
        self._path = str(path)
        self._closed = False
        self.steering_step_us = drivetrain.steering_step_us
        try:
            self.neutral()
        # A name with a NUL in it is a ValueError.
        except (OSError, ValueError) as error:
            drivetrain.close()
            why = getattr(error, "strerror", None) or error
            raise DrivetrainError(
                f"The timeline {path} cannot be written ({why}). Name another file in car.toml."
            ) from error

    def apply(self, command: Command) -> Command:
        """Apply ``command`` and append what was applied; raises OSError when the file cannot be written."""
        applied = self._drivetrain.apply(command)
        append_to_timeline(self._path, applied.steering, applied.throttle)
        return applied

    def neutral(self) -> None:
        """Go to neutral and append that."""
        self._drivetrain.neutral()
        append_to_timeline(self._path, NEUTRAL.steering, NEUTRAL.throttle)

    def close(self) -> None:
        """Append a last neutral command, once, and release the other drivetrain."""
        if self._closed:
            return
        self._closed = True
        try:
            self.neutral()
        finally:
            self._drivetrain.close()


def read_timeline(path: Path) -> list[Applied]:
    """Return what ``TimelineFile``, the guard and ``car neutral`` have written to ``path``, oldest first."""
    data = path.read_bytes()
    whole = len(data) // TIMELINE_ENTRY.size * TIMELINE_ENTRY.size
    return [
        Applied(time_ns, Command(steering, throttle), process)
        for time_ns, steering, throttle, process in TIMELINE_ENTRY.iter_unpack(data[:whole])
    ]
