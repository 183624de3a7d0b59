"""One gamepad, as evdev has opened it: what is held, and what was pressed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from car.controls.layout import EV_KEY, Layout, Stick
from car.controls.local import DEAD_ZONE, Held, LocalDevice, Rest, without_middle
from hardware.clock import NS_PER_MS
from hardware.drivetrain import Command

BUS_BLUETOOTH = 5
RADIO_SILENCE_NS = 1000 * NS_PER_MS
"""A pad out of reach of Bluetooth stays connected, as it was, for up to 20 s. A thumb on a stick is never still for so
long, except at its stop; without any change the car is neutral until the throttle is let go."""
MOST_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class PadState(Held):
    """What is held, and which buttons went down since the last time: with ``takes_hold``, one to hold among them."""

    pressed: frozenset[int]


class Pad(LocalDevice[PadState]):
    """A gamepad of which it is known what is where.

    Its throttle counts once its axis was seen at rest in the middle: one that rests at its end is a trigger, or a stick
    that somebody holds there, or belongs to a pad that has not said anything yet. Stop counts from the start.
    """

    def __init__(self, device: Any, layout: Layout) -> None:
        self._device = device
        self.layout = layout
        self.name = str(device.name)
        self.path = str(device.path)
        self.still_ns = RADIO_SILENCE_NS if device.info.bustype == BUS_BLUETOOTH else None
        # What is pressed already was not pressed for us.
        self._keys = frozenset(device.active_keys())
        self._rest = Rest(self._position(layout.throttle))

    def read(self, now_ns: int) -> PadState:
        """Return the state now; raises OSError once the pad is gone."""
        keys_down, has_changed = self._read_events()
        keys = frozenset(self._device.active_keys())
        # Events tell of a press that is over already, and the state of one whose event was lost.
        pressed, self._keys = frozenset(keys_down | (keys - self._keys)), keys
        throttle = self._position(self.layout.throttle)
        self._rest.watch(throttle, now_ns)
        steering = self._position(self.layout.steering)
        command = Command(without_middle(steering, DEAD_ZONE), -without_middle(throttle, DEAD_ZONE))
        held, hold = self._rest.has_been and bool(keys & self.layout.hold), bool(pressed & self.layout.hold)
        return PadState(command, held, held and hold, has_changed, pressed)

    def close(self) -> None:
        """Let go of the device."""
        with contextlib.suppress(OSError):
            self._device.close()

    def _read_events(self) -> tuple[set[int], bool]:
        keys_down: set[int] = set()
        for count in range(MOST_EVENTS):
            event = self._device.read_one()
            if event is None:
                return keys_down, count > 0
            if event.type == EV_KEY and event.value == 1:
                keys_down.add(event.code)
        return keys_down, True

    def _position(self, stick: Stick) -> float:
        """Return where an axis is, in −1 (left, up) … +1; one without a range is in its middle."""
        info = self._device.absinfo(stick.code)
        low, high, value = float(info.min), float(info.max), float(info.value)
        position = min(max((2 * value - low - high) / (high - low), -1.0), 1.0) if high > low else 0.0
        return -position if stick.is_inverted else position
