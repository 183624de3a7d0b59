"""Reading from a timeline whether a promise was held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hardware.clock import NS_PER_MS, NS_PER_S
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import Applied

BORN_BEFORE_S = 0.5
SIGN_OF_LIFE_MS = 200
"""A car that drives is told so at least this often."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial showed: ``neutral_ms`` after the fault the wheels were neutral for good, or what else, in words.

    ``is_void`` says that it showed nothing, because the car stood already when the fault set in.
    """

    held: bool
    words: str = ""
    neutral_ms: float | None = None
    is_void: bool = False

    def __str__(self) -> str:
        """Return what was measured."""
        return self.words if self.neutral_ms is None else f"{self.neutral_ms:.0f} ms"


def slowest(outcomes: Sequence[Outcome]) -> Outcome:
    """Return the outcome that is furthest from the promise."""
    return min(outcomes, key=lambda outcome: (outcome.held, -(outcome.neutral_ms or 0.0)))


@dataclass(frozen=True, slots=True)
class Trial:
    """What was seen from outside: every command to the wheels, when the fault set in and how long one watched.

    >>> from hardware.drivetrain import Command
    >>> commands = {0: NEUTRAL, 900: Command(0.0, 0.2), 1100: NEUTRAL}   # by their time in ms
    >>> timeline = [Applied(time_ms * NS_PER_MS, command) for time_ms, command in commands.items()]
    >>> outcome = Trial(timeline, onset_ns=1000 * NS_PER_MS, end_ns=2000 * NS_PER_MS).judge(allowed_ms=200)
    >>> outcome.held, str(outcome)
    (True, '100 ms')
    """

    timeline: Sequence[Applied]
    onset_ns: int
    end_ns: int

    def judge(self, allowed_ms: float | None) -> Outcome:
        """Return whether the wheels were neutral within ``allowed_ms`` and stayed so; None asks that they drive on.

        A wheel is taken to be neutral when the motor is: the steering goes back to the middle at its own pace.
        """
        if not any(
            _moves(entry) for entry in self._between(self.onset_ns - SIGN_OF_LIFE_MS * NS_PER_MS, self.onset_ns)
        ):
            return Outcome(False, "stood already when the fault set in", is_void=True)
        if not all(entry.command.is_valid() for entry in self.timeline):
            return Outcome(False, "a command was not a number, or out of range")
        if self.timeline[0].command != NEUTRAL:
            return Outcome(False, "the first command was not neutral")
        return self._judge_driving() if allowed_ms is None else self._judge_stop(allowed_ms)

    def judge_standing(self) -> Outcome:
        """Return whether no wheel has turned at all, and somebody was there to turn it."""
        if any(_moves(entry) for entry in self.timeline):
            return Outcome(False, "moved")
        return Outcome(bool(self.timeline), "stood")

    def judge_waiting(self, wait_s: float) -> Outcome:
        """Return whether no wheel has turned for ``wait_s``, and one did later.

        The wait begins with whoever keeps the car waiting, up to ``BORN_BEFORE_S`` before the first output.
        """
        moving = [entry.time_ns for entry in self.timeline if _moves(entry)]
        if not moving:
            return Outcome(False, "never moved")
        waited_s = (moving[0] - self.timeline[0].time_ns) / NS_PER_S
        return Outcome(waited_s > wait_s - BORN_BEFORE_S, f"stood for {waited_s:.1f} s")

    def _judge_stop(self, allowed_ms: float) -> Outcome:
        watched = self._between(self.onset_ns, self.end_ns)
        last_moving = max((at for at, entry in enumerate(watched) if _moves(entry)), default=-1)
        if last_moving + 1 == len(watched):
            return Outcome(False, "never neutral for good")
        neutral_ms = (watched[last_moving + 1].time_ns - self.onset_ns) / NS_PER_MS
        return Outcome(neutral_ms <= allowed_ms, neutral_ms=neutral_ms)

    def _judge_driving(self) -> Outcome:
        watched = self._between(self.onset_ns, self.end_ns)
        if not all(_moves(entry) for entry in watched):
            return Outcome(False, "stopped")
        last_ns = watched[-1].time_ns if watched else self.onset_ns
        if self.end_ns - last_ns > SIGN_OF_LIFE_MS * NS_PER_MS:
            return Outcome(False, "was told nothing more")
        return Outcome(True, "drove on")

    def _between(self, start_ns: int, end_ns: int) -> list[Applied]:
        return [entry for entry in self.timeline if start_ns <= entry.time_ns < end_ns]


def _moves(entry: Applied) -> bool:
    return entry.command.throttle != 0.0
