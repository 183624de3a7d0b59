"""The pulses that a servo and an ESC understand: how long, in µs, for which command."""

from __future__ import annotations

from dataclasses import dataclass

SHORTEST_PULSE_US = 500.0
LONGEST_PULSE_US = 2500.0
"""What a servo takes without harm; beyond it many run against their stop and burn."""


@dataclass(frozen=True, slots=True)
class ServoPulses:
    """A steering servo's pulses in µs; ``left_us`` is longer than ``right_us`` where it is mounted the other way.

    >>> servo = ServoPulses(left_us=1100, centre_us=1480, right_us=1900)
    >>> servo.pulse_us(steering=1.0)
    1900.0
    >>> servo.steering(pulse_us=1290)
    -0.5

    Raises ValueError when the centre is not between the ends, or a pulse is outside 500–2500 µs.
    """

    left_us: float = 1000.0
    centre_us: float = 1500.0
    right_us: float = 2000.0

    def __post_init__(self) -> None:
        _check_range(self.left_us, self.centre_us, self.right_us)
        if not (self.left_us < self.centre_us < self.right_us or self.left_us > self.centre_us > self.right_us):
            raise ValueError(
                f"the steering's centre, {self.centre_us:g} µs, must be between left, {self.left_us:g} µs, "
                f"and right, {self.right_us:g} µs: calibrate the steering again"
            )

    def pulse_us(self, steering: float) -> float:
        """Return the pulse for ``steering`` in −1 … +1, straight lines from the centre to each end."""
        return self.centre_us + abs(steering) * (self._end_us(steering) - self.centre_us)

    def steering(self, pulse_us: float) -> float:
        """Return the steering that ``pulse_us`` means, at most full lock."""
        is_left = (pulse_us < self.centre_us) == (self.left_us < self.centre_us)
        end_us = self.left_us if is_left else self.right_us
        size = min((pulse_us - self.centre_us) / (end_us - self.centre_us), 1.0)
        return -size if is_left else size

    def _end_us(self, steering: float) -> float:
        return self.left_us if steering < 0 else self.right_us


@dataclass(frozen=True, slots=True)
class EscPulses:
    """An ESC's pulses in µs: neutral, where the wheels begin to turn, and the most there shall be, each way.

    >>> esc = EscPulses(neutral_us=1500, forward_start_us=1560, forward_max_us=1960)
    >>> esc.pulse_us(throttle=0.0)
    1500
    >>> esc.pulse_us(throttle=0.5)
    1760.0

    Raises ValueError when they are not in order, or a pulse is outside 500–2500 µs.
    """

    neutral_us: float = 1500.0
    forward_start_us: float = 1500.0
    forward_max_us: float = 2000.0
    reverse_start_us: float = 1500.0
    reverse_max_us: float = 1000.0

    def __post_init__(self) -> None:
        pulses = (
            *(self.reverse_max_us, self.reverse_start_us, self.neutral_us),
            *(self.forward_start_us, self.forward_max_us),
        )
        _check_range(*pulses)
        ordered = tuple(sorted(pulses, reverse=self.reverse_max_us > self.forward_max_us))
        has_range = self.reverse_max_us != self.reverse_start_us and self.forward_start_us != self.forward_max_us
        if pulses != ordered or not has_range:
            listed = ", ".join(f"{pulse:g}" for pulse in pulses)
            raise ValueError(
                "the throttle's pulses must rise, or fall, from reverse_max over reverse_start, neutral and "
                f"forward_start to forward_max, and they are {listed} µs: calibrate the throttle again"
            )

    def pulse_us(self, throttle: float) -> float:
        """Return the pulse for ``throttle`` in −1 … +1: neutral for 0, else from where the wheels begin to turn."""
        if throttle == 0.0:
            return self.neutral_us
        start_us, max_us = self._way(is_forward=throttle > 0)
        return start_us + abs(throttle) * (max_us - start_us)

    def throttle(self, pulse_us: float) -> float:
        """Return the throttle that ``pulse_us`` means, at most full; 0 where the wheels do not turn yet."""
        is_forward = (pulse_us > self.neutral_us) == (self.forward_max_us > self.neutral_us)
        start_us, max_us = self._way(is_forward=is_forward)
        size = min(max((pulse_us - start_us) / (max_us - start_us), 0.0), 1.0)
        return size if is_forward else -size

    def _way(self, *, is_forward: bool) -> tuple[float, float]:
        if is_forward:
            return self.forward_start_us, self.forward_max_us
        return self.reverse_start_us, self.reverse_max_us


def _check_range(*pulses_us: float) -> None:
    for pulse_us in pulses_us:
        if not SHORTEST_PULSE_US <= pulse_us <= LONGEST_PULSE_US:
            raise ValueError(
                f"a pulse of {pulse_us:g} µs may harm the servo: keep to "
                f"{SHORTEST_PULSE_US:g} to {LONGEST_PULSE_US:g} µs"
            )
