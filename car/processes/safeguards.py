"""Whether all that could stop the car answers, for the gate."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from car.gate import Event, Safeguard, Safeguards

ALL_SAFEGUARDS = frozenset(Safeguard)


class SafeguardWatch:
    """Tells the gate which safeguards are missing, whenever that changes; the first among a loop's sources.

    ``answers`` has a function for each safeguard, which is given the time and tells whether it is alive.
    """

    def __init__(self, answers: Mapping[Safeguard, Callable[[int], bool]]) -> None:
        self._answers = answers
        self._told = ALL_SAFEGUARDS

    def events(self, now_ns: int) -> Iterator[Event]:
        """Yield what has changed since the last call."""
        missing = frozenset(safeguard for safeguard, answers in self._answers.items() if not answers(now_ns))
        if missing != self._told:
            self._told = missing
            yield Safeguards(missing)
