"""However often something happened in a session, showing it takes a few rows."""

from __future__ import annotations

from car.sessions import SessionEvent
from car.sessions.digest import SHOWN_OF_A_KIND, digest
from hardware.clock import NS_PER_S


def test_few_events_are_shown_as_they_are() -> None:
    events = [SessionEvent(0, "start", "hello"), *(SessionEvent(n, "gate", f"gate {n}") for n in range(6))]
    assert digest(events) == [(event.kind, event.text) for event in events]
    assert digest([]) == []


def test_1400_times_missed_become_a_few_rows_that_say_how_many_cycles_were_missed() -> None:
    events = [SessionEvent(n * NS_PER_S, "missed", f"{n + 1} cycles came too late to record") for n in range(1400)]
    rows = digest([*events, SessionEvent(1400 * NS_PER_S, "end", "bye")])
    assert len(rows) == SHOWN_OF_A_KIND + 2
    assert rows[0] == ("missed", "1 cycles came too late to record")
    assert rows[-2] == ("missed", f"… and 1395 more from 5.0 s to 1399.0 s, together {1400 * 1401 // 2 - 15}")
    assert rows[-1] == ("end", "bye")


def test_a_gate_that_flapped_all_the_time_hides_nothing_else() -> None:
    events = [SessionEvent(n, "gate", "armed" if n % 2 else "tripped") for n in range(500)]
    events[400:400] = [SessionEvent(400, "pilot", "evening from here on")]
    rows = digest(events)
    assert ("pilot", "evening from here on") in rows
    assert ("gate", "… and 495 more from 0.0 s to 0.0 s") in rows
    assert len(rows) == SHOWN_OF_A_KIND + 2
