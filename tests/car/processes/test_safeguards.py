"""The gate hears of a safeguard that is lost, or found, once each time."""

from __future__ import annotations

from car.gate import Safeguard, Safeguards
from car.processes.safeguards import ALL_SAFEGUARDS, SafeguardWatch


def test_the_gate_hears_what_is_missing_whenever_that_changes() -> None:
    alive = {Safeguard.CONTROLS: False, Safeguard.GUARD: False}
    watch = SafeguardWatch({safeguard: lambda _now, it=safeguard: alive[it] for safeguard in alive})  # type: ignore[misc]

    def heard() -> list[frozenset[Safeguard]]:
        return [event.missing for event in watch.events(0) if isinstance(event, Safeguards)]

    assert heard() == []
    alive[Safeguard.GUARD] = True
    assert heard() == [frozenset({Safeguard.CONTROLS})]
    assert heard() == []
    alive[Safeguard.CONTROLS] = True
    assert heard() == [frozenset()]
    alive.update(dict.fromkeys(alive, False))
    assert heard() == [ALL_SAFEGUARDS]


def test_a_safeguard_is_judged_by_the_time_of_the_cycle() -> None:
    watch = SafeguardWatch({Safeguard.GUARD: lambda now_ns: now_ns <= 7})
    assert list(watch.events(7)) == [Safeguards()]
    assert list(watch.events(8)) == [Safeguards(frozenset({Safeguard.GUARD}))]
