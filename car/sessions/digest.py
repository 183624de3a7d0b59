"""The events of a session in a few rows, however many there are."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from car.sessions.format import SessionEvent
from hardware.clock import NS_PER_S

SHOWN_OF_A_KIND = 5
"""So many events of one kind are shown one by one; the rest of that kind become one row."""

_COUNT = re.compile(r"(\d+) ")


def digest(events: Iterable[SessionEvent]) -> list[tuple[str, str]]:
    """Return the kind and text of each row to show, in the order of the events.

    A kind of which there are many keeps its first few events; one row says how many more there are, from when to when
    after the first event, and what they count together where each begins with a count.
    """
    listed = list(events)
    start_ns = listed[0].time_ns if listed else 0
    total, seen = Counter(event.kind for event in listed), Counter[str]()
    rows = []
    for event in listed:
        seen[event.kind] += 1
        if seen[event.kind] <= SHOWN_OF_A_KIND or total[event.kind] == SHOWN_OF_A_KIND + 1:
            rows.append((event.kind, event.text))
        elif seen[event.kind] == SHOWN_OF_A_KIND + 1:
            rest = [other for other in listed if other.kind == event.kind][SHOWN_OF_A_KIND:]
            rows.append((event.kind, _rest(rest, start_ns)))
    return rows


def _rest(events: list[SessionEvent], start_ns: int) -> str:
    first_s, last_s = ((event.time_ns - start_ns) / NS_PER_S for event in (events[0], events[-1]))
    counts = [int(match[1]) for event in events if (match := _COUNT.match(event.text))]
    together = f", together {sum(counts)}" if len(counts) == len(events) else ""
    return f"… and {len(events)} more from {first_s:.1f} s to {last_s:.1f} s{together}"
