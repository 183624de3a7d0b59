"""One gamepad, as evdev has opened it: what is held, and what was pressed."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from car.controls.layout import EV_KEY, Layout, Stick
from hardware.clock import NS_PER_MS
from hardware.closing import Closing
from hardware.drivetrain import Command

BUS_BLUETOOTH = 5
DEAD_ZONE = 0.08
MIDDLE = 0.25
"""How far from its middle a worn stick may rest."""
REST_NS = 1000 * NS_PER_MS
"""How long an axis that was not at its middle from the start has to be there to count as a stick that was let go of; a
trigger, which rests at its end, passes it faster."""
MOST_EVENTS = 1000


@dataclass(frozen=True, slots=True)
class PadState:
    """What is held, and which buttons went down since the last time; ``has_changed`` says that anything did.

    ``takes_hold`` is True when a hold button is among those that went down.
    """

    command: Command
    held: bool
    takes_hold: bool
    pressed: frozenset[int]
    has_changed: bool


class Pad(Closing):
    """A gamepad of which it is known what is where.

    Its throttle counts once its axis was seen at rest in the middle: one that rests at its end is a trigger, or a stick
    that somebody holds there, or belongs to a pad that has not said anything yet. Stop counts from the start.
    """

    def __init__(self, device: Any, layout: Layout) -> None:
        self._device = device
        self.layout = layout
        self.name = str(device.name)
        self.path = str(device.path)
        self.is_wireless = device.info.bustype == BUS_BLUETOOTH
        # What is pressed already was not pressed for us.
        self._keys = frozenset(device.active_keys())
        self.has_rested = abs(self._position(layout.throttle)) <= MIDDLE
        self._rests_since_ns: int | None = None

    def read(self, now_ns: int) -> PadState:
        """Return the state now; raises OSError once the pad is gone."""
        keys_down, has_changed = self._read_events()
        keys = frozenset(self._device.active_keys())
        # Events tell of a press that is over already, and the state of one whose event was lost.
        pressed, self._keys = frozenset(keys_down | (keys - self._keys)), keys
        throttle = self._position(self.layout.throttle)
        self._watch_for_rest(throttle, now_ns)
        command = Command(_without_middle(self._position(self.layout.steering)), -_without_middle(throttle))
        held, hold = self.has_rested and bool(keys & self.layout.hold), bool(pressed & self.layout.hold)
        return PadState(command, held, held and hold, pressed, has_changed)

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

    def _watch_for_rest(self, throttle: float, now_ns: int) -> None:
        if abs(throttle) > MIDDLE:
            self._rests_since_ns = None
        elif self._rests_since_ns is None:
            self._rests_since_ns = now_ns
        elif now_ns - self._rests_since_ns >= REST_NS:
            self.has_rested = True

    def _position(self, stick: Stick) -> float:
        """Return where an axis is, in −1 (left, up) … +1; one without a range is in its middle."""
        info = self._device.absinfo(stick.code)
        low, high, value = float(info.min), float(info.max), float(info.value)
        position = min(max((2 * value - low - high) / (high - low), -1.0), 1.0) if high > low else 0.0
        return -position if stick.is_inverted else position


def _without_middle(position: float) -> float:
    """Return 0 in the dead zone, and from there to the end all that there is."""
    size = max(abs(position) - DEAD_ZONE, 0.0) / (1 - DEAD_ZONE)
    return size if position > 0 else -size
