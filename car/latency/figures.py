"""What the blinking says: from the light to the frame, and on to the pulse."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from car.latency.measurement import Change, Measurement
from hardware.clock import NS_PER_MS

SCHEMA = 1
"""The version of the JSON: raised when a key changes its meaning or goes; keys may be added at any time."""
FAST_CAMERA_HZ, FAST_SERVO_HZ = 50.0, 200.0
PULSE_PHASES = 50
"""In so many parts is a pulse's period divided, at each of which a command may come."""
LATE_STAMPS_MS = 10.0


@dataclass(frozen=True, slots=True)
class Spread:
    """Of many times, in milliseconds, the middle one, the one that 95 % are below, and the longest."""

    median_ms: float
    p95_ms: float
    max_ms: float

    @classmethod
    def of(cls, times_ms: Sequence[float]) -> Spread:
        """Return the spread of ``times_ms``.

        >>> Spread.of([1.0, 2.0, 3.0]).median_ms
        2.0
        """
        median, p95, longest = (round(float(value), 1) for value in np.percentile(times_ms, (50, 95, 100)))
        return cls(median, p95, longest)


@dataclass(frozen=True, slots=True)
class Latency:
    """The latency of a car, in milliseconds.

    ``light_to_frame`` is from a change of the light until the program has the first frame that shows it; it has the
    wait for the next exposure in it. ``camera_delay_ms`` is without that wait: from the middle of an exposure until the
    program has the frame. ``by_stamps`` is what the frames' own stamps say of that. ``light_to_pulse`` has the wait for
    the next pulse to the servo or the motors on top, and not the pilot's time, which `car drive` prints.
    """

    car: str
    camera: str
    width: int
    height: int
    rate_hz: float
    changes: int
    missed: int
    camera_delay_ms: float
    by_stamps: Spread
    light_to_frame: Spread
    pulse_hz: float
    light_to_pulse: Spread
    light_to_frame_ms: tuple[float, ...]
    advice: tuple[str, ...]
    simulated: bool

    def to_json(self) -> str:
        """Return it as JSON: the fields above, and ``schema``."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, ensure_ascii=False, indent=2)


def camera_delay_ms(changes: Sequence[Change]) -> float:
    """Return the delay that most of ``changes`` allow.

    It is longer than until the last frame without the change, and not longer than until the first with it: of many
    changes at random moments that leaves a small part of a frame's period.

    >>> camera_delay_ms([Change(0, 30_000_000), Change(20_000_000, 50_000_000)])
    25.0
    """
    ends = sorted([(change.before_ns, 1) for change in changes] + [(change.seen_ns, -1) for change in changes])
    most, count, best = 0, 0, (0, 0)
    for (at_ns, step), (next_ns, _) in itertools.pairwise(ends):
        count += step
        if count > most:
            most, best = count, (at_ns, next_ns)
    return round(sum(best) / 2 / NS_PER_MS, 1)


def light_to_pulse_ms(light_to_frame_ms: Sequence[float], pulse_hz: float) -> list[float]:
    """Return how long it is to the next pulse, for each frame and each part of a pulse's period that it may come in.

    ``pulse_hz`` 0 is a drivetrain that does not wait for a pulse.

    >>> light_to_pulse_ms([10.0], pulse_hz=50.0)[-1]
    29.8
    """
    waits_ms = [0.0] if pulse_hz == 0 else (np.arange(PULSE_PHASES) + 0.5) * 1000.0 / pulse_hz / PULSE_PHASES
    return [round(float(value), 3) for value in np.add.outer(np.asarray(light_to_frame_ms), waits_ms).ravel()]


def seen_ms(measurement: Measurement) -> tuple[float, ...]:
    """Return how long after each change the first frame with it came."""
    return tuple(round(change.seen_ns / NS_PER_MS, 2) for change in measurement.changes)


def advise(rate_hz: float, delay_ms: float, stamps_ms: float, pulse_hz: float, *, has_servo: bool) -> tuple[str, ...]:
    """Return what would make it shorter, and by how much, in sentences.

    >>> advise(60.0, 20.0, 19.0, 200.0, has_servo=True)
    ()
    """
    period_ms = 1000.0 / rate_hz
    said = []
    if rate_hz < FAST_CAMERA_HZ:
        saved_ms = (period_ms - 1000.0 / 60) / 2
        said.append(
            f"At {rate_hz:.0f} frames/s the light waits up to {period_ms:.0f} ms for its exposure. Where the camera "
            f"has a mode of 60 frames/s, rate_hz = 60 under [camera] saves {saved_ms:.0f} ms in the middle, "
            f"{2 * saved_ms:.0f} ms at most."
        )
    if delay_ms > 2 * period_ms:
        said.append(
            f"A frame is {delay_ms / period_ms:.1f} frames late when it comes. A camera at the board's CSI socket, or "
            "a mode that reads its sensor faster, has less."
        )
    if delay_ms - stamps_ms > LATE_STAMPS_MS:
        said.append(
            f"The stamps of the frames say {stamps_ms:.0f} ms: each is {delay_ms - stamps_ms:.0f} ms older than the "
            "car takes it to be."
        )
    if has_servo and 0 < pulse_hz < FAST_SERVO_HZ:
        saved_ms = (1000.0 / pulse_hz - 1000.0 / FAST_SERVO_HZ) / 2
        said.append(
            f"At {pulse_hz:.0f} pulses/s a command waits up to {1000.0 / pulse_hz:.0f} ms. A digital servo that takes "
            f"200 Hz, and an ESC that does, save {saved_ms:.1f} ms in the middle: frequency_hz = 200 under "
            "[drivetrain]."
        )
    return tuple(said)
