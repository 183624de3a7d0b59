"""What the drivetrains on real pins share: one writer at a time, neutral first and last, nothing after the end."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from gpiozero import GPIOZeroError

from hardware.clock import NS_PER_S, Clock
from hardware.drivetrain import Command, Drivetrain
from hardware.errors import DrivetrainError

NEUTRAL_PERIODS = 3
"""How many periods of neutral an ESC sees before its pulses end; cut in the middle of a command, it twitches."""


class LockedDrivetrain(Drivetrain):
    """Lets ``neutral`` be called from any thread, even while a command is on its way to the pins.

    A command that was waiting when somebody called for neutral is not carried out any more: neutral is. A kind of
    drivetrain gives ``_drive``, ``_stop`` and ``_release``, which are never called at the same time; its constructor
    ends with outputs at neutral.
    """

    def __init__(self, clock: Clock, period_s: float) -> None:
        self._clock = clock
        self._settling_ns = round(NEUTRAL_PERIODS * period_s * NS_PER_S)
        self._lock = threading.Lock()
        self._neutrals = 0
        self._closed = False

    def apply(self, command: Command) -> Command:
        """Carry out ``command``; return what the pins were really set to, as a command.

        Raises ValueError when it is not finite or out of range, DrivetrainError when it is closed or the pins cannot
        be written.
        """
        command.check()
        neutrals = self._neutrals
        with self._lock, _in_words():
            if self._closed:
                raise _closed()
            return self._drive(command) if neutrals == self._neutrals else self._stop()

    def neutral(self) -> None:
        """Stop the motor and centre the steering, now; once closed there is nothing left to do."""
        self._neutrals += 1
        with self._lock, _in_words():
            if not self._closed:
                self._stop()

    def close(self) -> None:
        """Go to neutral, hold it for some periods, then turn the outputs off and release them; once."""
        self._neutrals += 1
        with self._lock, _in_words():
            if self._closed:
                return
            self._closed = True
            try:
                self._stop()
                self._clock.sleep_until_ns(self._clock.now_ns() + self._settling_ns)
            finally:
                self._release()

    @contextmanager
    def _standing(self) -> Iterator[None]:
        """Change what neutral and the commands mean: neutral before by the old meaning, and after by the new one."""
        self._neutrals += 1
        with self._lock, _in_words():
            if self._closed:
                raise _closed()
            self._stop()
            yield
            self._stop()

    @abstractmethod
    def _drive(self, command: Command) -> Command:
        """Set the pins by ``command`` and return what they were really set to."""

    @abstractmethod
    def _stop(self) -> Command:
        """Set the pins to neutral and return that."""

    @abstractmethod
    def _release(self) -> None:
        """Turn the outputs off and let go of them."""


def _closed() -> DrivetrainError:
    return DrivetrainError("The drivetrain is closed. Open the car again to go on.")


class _in_words:  # noqa: N801 - used as a function, in every cycle, where a generator would cost more
    """Turns what gpiozero and the pins raise into a DrivetrainError."""

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError | GPIOZeroError) and not isinstance(error, DrivetrainError):
            raise DrivetrainError(
                f"The wheels cannot be commanded ({error}). Check the drivetrain's wiring and power."
            ) from error
