"""Readings of the car's sensors for the drive loop: read beside it, and made of nothing but plain values."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Iterator

from hardware.clock import Clock
from hardware.sensor import DISTANCE, SPEED, UNSIGNED_SPEED, Reading, Sensor

POLL_S = 0.01
END_TIMEOUT_S = 1.0
OF_USE = frozenset({DISTANCE, SPEED, UNSIGNED_SPEED})
"""What the program does something with."""

Newest = Callable[[], Reading | None]
"""Whoever knows a sensor's newest reading that is in order, and answers at once; None where there is none."""


def asked(sensor: Sensor, clock: Clock) -> Newest:
    """Return what asks ``sensor`` itself, for a loop in lock-step with it; one that has failed has no reading."""
    return lambda: _read(sensor, clock)


@contextlib.contextmanager
def polling(sensor: Sensor, clock: Clock) -> Iterator[Newest]:
    """Read ``sensor`` in a thread of its own for the ``with`` block; what waits there or fails there holds up nobody.

    A sensor that has failed is asked on: it may come back. One that has never measured anything of use, and now
    measures something else, is asked no more.
    """
    found: list[Reading | None] = [None]
    ended = threading.Event()

    def poll() -> None:
        was_of_use = False
        while not ended.wait(POLL_S):
            found[0] = reading = _read(sensor, clock)
            was_of_use |= reading is not None and not OF_USE.isdisjoint(reading.values)
            if reading is not None and reading.values and not was_of_use:
                return

    thread = threading.Thread(target=poll, name="sensor readings", daemon=True)
    thread.start()
    try:
        yield lambda: found[0]
    finally:
        ended.set()
        thread.join(END_TIMEOUT_S)


def nothing() -> Reading | None:
    """Return None, as a sensor does that nobody has opened."""
    return None


def _read(sensor: Sensor, clock: Clock) -> Reading | None:
    """Return what ``sensor`` answers, made of nothing but plain values, so that the loop may look at it.

    It is None where there is no answer, and for whatever is no reading: a stranger's sensor may answer or raise
    anything, and is lost then.
    """
    try:
        return _in_order(sensor.read(), clock)
    except Exception:  # noqa: BLE001 - as said above
        return None


def _in_order(answer: object, clock: Clock) -> Reading | None:
    # The time is looked at after the answer: a measurement that is made meanwhile is not from a time yet to come.
    if not (
        isinstance(answer, Reading) and isinstance(answer.measured_ns, int) and answer.measured_ns <= clock.now_ns()
    ):
        return None
    return Reading({str(name): _number(value) for name, value in dict(answer.values).items()}, answer.measured_ns)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
