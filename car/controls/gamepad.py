"""Gamepads on the car itself, by USB or Bluetooth, through Linux's input devices (evdev).

Linux passes on changes only, so that no event is no news: a pad that is held still and one that is gone look alike. So
a pad's state is asked for at every turn, stamped with the turn's own time, and a pad that is gone is no driver. It
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

Every pad is read. The car is the first pad's whose hold button is pressed; another takes it by taking hold while that
one is let go of.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from car.controls.hub import DriverHub, Seat
from car.controls.local import LocalDriver, LocalDrivers
from car.controls.pad import Pad, PadState
from car.controls.pad_search import PadSearch
from car.controls.sdl_table import Ask, ask_sdl
from car.gate import Mode
from hardware.clock import Clock
from hardware.health import ROOT

MODES = (Mode.MANUAL, Mode.ASSIST, Mode.AUTO)


def import_evdev() -> Any:
    """Return the module evdev, None where it is not installed; it is apt's python3-evdev, and Linux's alone."""
    with contextlib.suppress(ImportError):
        import evdev

        return evdev
    return None


class PadDriver(LocalDriver[PadState]):
    """Who drives by one pad, while its hold button is pressed."""

    def __init__(self, pad: Pad, seat: Seat, throttle_limit: float, now_ns: int) -> None:
        super().__init__(pad, seat, throttle_limit, now_ns)
        self._layout = pad.layout

    @property
    def wants_to_drive(self) -> bool:
        """A pad that merely lies there does not take the car from those who want to drive."""
        return self.held

    def take_from(self, other: LocalDriver[Any]) -> None:
        """Have the car that ``other`` has, in the mode it is in."""
        self.mode = other.mode
        self.seat.take_over()
        other.seat.let_go()

    def _act(self, state: PadState, now_ns: int) -> None:
        layout, pressed = self._layout, state.pressed
        if pressed & layout.mode and self.seat.drives:
            self.mode = MODES[(MODES.index(self.mode) + 1) % len(MODES)]
            self.seat.change_mode(self.mode)
        if pressed & layout.start and not self.seat.arm(self.mode):
            self.seat.take_over()
        if pressed & layout.select and self.seat.disarm():
            self.seat.let_go()
        # Last, so that it is what counts of everything pressed at once.
        if pressed & layout.stop:
            self.seat.stop()


class GamepadDriver(LocalDrivers):
    """Has pads drive; ``evdev`` is the module, and ``ask`` asks the table of gamepads."""

    sort = "gamepad"

    def __init__(
        self, hub: DriverHub, clock: Clock, evdev: Any, throttle_limit: float, *, ask: Ask = ask_sdl, root: Path = ROOT
    ) -> None:
        super().__init__(hub, clock, PadSearch(evdev, ask, root), throttle_limit)

    def _make_driver(self, device: Pad, seat: Seat) -> PadDriver:
        return PadDriver(device, seat, self._throttle_limit, self._clock.now_ns())
