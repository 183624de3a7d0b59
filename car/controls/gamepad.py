"""A gamepad on the car itself, by USB or Bluetooth, through Linux's input devices (evdev).

Linux passes on changes only, so that no event is no news: a pad that is held still and one that is gone look alike. So
the pad's state is asked for at every turn, stamped with the turn's own time, and a pad that is gone is no driver. It
drives while its hold button is pressed:

====================  ====================================================
left stick, sideways  steering
right stick, up       throttle
R1 or L1, held        drives; let go, the car is neutral
B (circle)            stop, whoever drives
Start                 arm; twice while another drives: take over
Select                disarm, and let another drive
X or Y                next mode: manual, assist, auto (square or triangle)
====================  ====================================================
"""

from __future__ import annotations

import contextlib
import threading
from dataclasses import dataclass
from typing import Any

from car.controls.hub import DriverHub, Seat
from car.gate import Mode
from hardware.clock import NS_PER_MS, Clock
from hardware.closing import Closing
from hardware.drivetrain import Command

POLL_PERIOD_S = 0.02
SEARCH_PERIOD_NS = 1000 * NS_PER_MS
RADIO_SILENCE_NS = 1000 * NS_PER_MS
"""A pad out of reach of Bluetooth stays connected, as it was, for up to 20 s. A thumb on a stick is never still for so
long, except at its stop; without any change the car is neutral until the throttle is let go."""
DEAD_ZONE = 0.08
MODES = (Mode.MANUAL, Mode.ASSIST, Mode.AUTO)
MOST_EVENTS = 1000

# linux/input-event-codes.h and linux/input.h; which button is where: Documentation/input/gamepad.rst in the kernel.
EV_KEY, EV_ABS = 1, 3
BTN_EAST, BTN_NORTH, BTN_WEST = 0x131, 0x133, 0x134
BTN_TL, BTN_TR, BTN_SELECT, BTN_START = 0x136, 0x137, 0x13A, 0x13B
ABS_X, ABS_Y, ABS_RY, ABS_RZ = 0, 1, 4, 5
BUS_BLUETOOTH = 5
HOLD_BUTTONS = frozenset((BTN_TL, BTN_TR))
MODE_BUTTONS = frozenset((BTN_NORTH, BTN_WEST))
"""Drivers do not agree which is which: on an Xbox pad, north is X and west is Y."""
THROTTLE_AXES = (ABS_RY, ABS_RZ, ABS_Y)
"""The right stick of pads that follow the kernel's rules, of others, and the left stick where it is alone."""


def import_evdev() -> Any:
    """Return the module evdev, None where it is not installed; it is apt's python3-evdev, and Linux's alone."""
    with contextlib.suppress(ImportError):
        import evdev

        return evdev
    return None


def find_pad(evdev: Any) -> Any:
    """Return the first gamepad that is connected, opened; None when there is none."""
    for path in evdev.list_devices():
        try:
            device = evdev.InputDevice(path)
        except OSError:
            continue  # It was unplugged just now.
        if _is_gamepad(device):
            return device
        device.close()
    return None


def _is_gamepad(device: Any) -> bool:
    try:
        capabilities = device.capabilities(absinfo=False)
    except OSError:
        return False
    buttons, axes = set(capabilities.get(EV_KEY, ())), set(capabilities.get(EV_ABS, ()))
    return BTN_EAST in buttons and bool(buttons & HOLD_BUTTONS) and {ABS_X, ABS_Y} <= axes


@dataclass(frozen=True, slots=True)
class PadState:
    """What is held, and which buttons went down since the last time; ``has_changed`` says that anything did."""

    command: Command
    held: bool
    pressed: frozenset[int]
    has_changed: bool


class Pad(Closing):
    """A gamepad as evdev has opened it."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self.name = str(device.name)
        self.is_wireless = device.info.bustype == BUS_BLUETOOTH
        axes = device.capabilities(absinfo=False)[EV_ABS]
        self._throttle_axis = next(axis for axis in THROTTLE_AXES if axis in axes)
        # What is pressed already was not pressed for us.
        self._keys = frozenset(device.active_keys())

    def read(self) -> PadState:
        """Return the state now; raises OSError once the pad is gone."""
        keys_down, has_changed = self._read_events()
        keys = frozenset(self._device.active_keys())
        # Events tell of a press that is over already, and the state of one whose event was lost.
        pressed, self._keys = keys_down | (keys - self._keys), keys
        command = Command(self._axis(ABS_X), -self._axis(self._throttle_axis))
        return PadState(command, bool(keys & HOLD_BUTTONS), frozenset(pressed), has_changed)

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

    def _axis(self, code: int) -> float:
        """Return an axis in −1 … +1, 0 in the dead zone around its middle."""
        info = self._device.absinfo(code)
        low, high, value = float(info.min), float(info.max), float(info.value)
        position = min(max((2 * value - low - high) / (high - low), -1.0), 1.0) if high > low else 0.0
        size = max(abs(position) - DEAD_ZONE, 0.0) / (1 - DEAD_ZONE)
        return size if position > 0 else -size


class GamepadDriver:
    """Has a pad drive, by the same rules as everybody; looks for one as long as there is none.

    ``throttle_limit`` is what the stick's end means. ``evdev`` is the module.
    """

    def __init__(self, hub: DriverHub, clock: Clock, evdev: Any, throttle_limit: float) -> None:
        self._hub = hub
        self._clock = clock
        self._evdev = evdev
        self._throttle_limit = throttle_limit
        self._pad: Pad | None = None
        self._seat: Seat | None = None
        self._mode = Mode.MANUAL
        self._searched_ns: int | None = None
        self._changed_ns = 0

    def run(self, ended: threading.Event) -> None:
        """Turn until ended; whatever goes wrong, the pad is no driver any more."""
        try:
            while not ended.wait(POLL_PERIOD_S):
                self.turn()
        finally:
            self._part()

    def turn(self) -> None:
        """Pass on what the pad says now, or look for one."""
        if self._pad is None or self._seat is None:
            self._search()
            return
        now_ns = self._clock.now_ns()
        try:
            state = self._pad.read()
        except OSError:
            self._part()
            return
        self._pass_on(self._pad, self._seat, state, now_ns)

    def _search(self) -> None:
        now_ns = self._clock.now_ns()
        if self._searched_ns is not None and now_ns - self._searched_ns < SEARCH_PERIOD_NS:
            return
        self._searched_ns = now_ns
        with contextlib.suppress(OSError):
            if (device := find_pad(self._evdev)) is not None:
                self._pad = Pad(device)
                self._seat = self._hub.join(self._pad.name)
                self._mode, self._changed_ns = Mode.MANUAL, now_ns

    def _part(self) -> None:
        pad, seat, self._pad, self._seat = self._pad, self._seat, None, None
        if seat is not None:
            seat.leave()
        if pad is not None:
            pad.close()

    def _pass_on(self, pad: Pad, seat: Seat, state: PadState, now_ns: int) -> None:
        if state.has_changed:
            self._changed_ns = now_ns
        is_heard = not pad.is_wireless or now_ns - self._changed_ns <= RADIO_SILENCE_NS
        held = state.held and is_heard
        # A pad that merely lies there does not take the car from those who want to drive.
        if held or seat.drives:
            command = Command(state.command.steering, state.command.throttle * self._throttle_limit)
            seat.sample(command, now_ns, held=held)
        self._do(seat, state.pressed)

    def _do(self, seat: Seat, pressed: frozenset[int]) -> None:
        if pressed & MODE_BUTTONS and seat.drives:
            self._mode = MODES[(MODES.index(self._mode) + 1) % len(MODES)]
            seat.change_mode(self._mode)
        if BTN_START in pressed and not seat.arm(self._mode):
            seat.take_over()
        if BTN_SELECT in pressed and seat.disarm():
            seat.let_go()
        if BTN_EAST in pressed:
            seat.stop()
