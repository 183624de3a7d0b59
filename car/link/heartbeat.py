"""Signs of life that one process gives and another looks for."""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import c_int64
from multiprocessing.context import SpawnContext

ABSENT_NS = 0


class Heartbeats:
    """When each part of a process last came round, in shared memory; nobody ever waits for it.

    >>> beats = Heartbeats(context, ("keys", "pages"))
    >>> beats.beat("keys", clock.now_ns())                         # in the one process, again and again
    >>> beats.answer(clock.now_ns(), silence_ns=200_000_000)       # in the other one
    True

    A part that has never come round, or has left, is absent, and nobody waits for its beat; without any part there is
    no answer.
    """

    def __init__(self, context: SpawnContext, parts: Sequence[str]) -> None:
        self._numbers = {part: number for number, part in enumerate(parts)}
        # Each is written in one piece: no reader ever sees half a number.
        self._times_ns = context.RawArray(c_int64, len(parts))

    def beat(self, part: str, now_ns: int) -> None:
        """Say that ``part`` has come round."""
        self._times_ns[self._numbers[part]] = now_ns

    def leave(self, part: str) -> None:
        """Say that ``part`` will not come round any more, and is not missed."""
        self._times_ns[self._numbers[part]] = ABSENT_NS

    def clear(self) -> None:
        """Make every part absent, when their process is dead."""
        for part in self._numbers:
            self.leave(part)

    def answer(self, now_ns: int, silence_ns: int) -> bool:
        """Tell whether there is a part, and every part has come round within ``silence_ns``."""
        times_ns = [time_ns for time_ns in self._times_ns if time_ns != ABSENT_NS]
        return bool(times_ns) and now_ns - min(times_ns) <= silence_ns
