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
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from car.controls.hub import DriverHub, Seat
from car.controls.pad import Pad, PadState
from car.controls.pad_search import PadSearch, Refusal, forbidden_pads
from car.controls.sdl_table import Ask, ask_sdl
from car.gate import Mode
from hardware.clock import NS_PER_MS, Clock
from hardware.drivetrain import Command
from hardware.health import ROOT

POLL_PERIOD_S = 0.02
SEARCH_PERIOD_S = 1.0
RADIO_SILENCE_NS = 1000 * NS_PER_MS
"""A pad out of reach of Bluetooth stays connected, as it was, for up to 20 s. A thumb on a stick is never still for so
long, except at its stop; without any change the car is neutral until the throttle is let go."""
MODES = (Mode.MANUAL, Mode.ASSIST, Mode.AUTO)

_log = logging.getLogger(__name__)


def import_evdev() -> Any:
    """Return the module evdev, None where it is not installed; it is apt's python3-evdev, and Linux's alone."""
    with contextlib.suppress(ImportError):
        import evdev

        return evdev
    return None


class PadDriver:
    """Who drives by one pad, from a seat of its own."""

    def __init__(self, pad: Pad, seat: Seat, throttle_limit: float, now_ns: int) -> None:
        self.pad = pad
        self.seat = seat
        self.held = False
        self.mode = Mode.MANUAL
        self._throttle_limit = throttle_limit
        self._changed_ns = now_ns

    def pass_on(self, state: PadState, now_ns: int) -> None:
        """Say what the pad says now."""
        if state.has_changed:
            self._changed_ns = now_ns
        is_heard = not self.pad.is_wireless or now_ns - self._changed_ns <= RADIO_SILENCE_NS
        self.held = state.held and is_heard
        # A pad that merely lies there does not take the car from those who want to drive.
        if self.held or self.seat.drives:
            command = Command(state.command.steering, state.command.throttle * self._throttle_limit)
            self.seat.sample(command, now_ns, held=self.held)
        self._do(state.pressed)

    def take_from(self, other: PadDriver) -> None:
        """Have the car that ``other`` has, in the mode it is in."""
        self.mode = other.mode
        self.seat.take_over()
        other.seat.let_go()

    def leave(self) -> None:
        """Be gone: neutral at once if this one had the car."""
        self.seat.leave()
        self.pad.close()

    def _do(self, pressed: frozenset[int]) -> None:
        layout = self.pad.layout
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


class GamepadDriver:
    """Has pads drive, by the same rules as everybody; goes on looking for more.

    ``throttle_limit`` is what the stick's end means. ``evdev`` is the module, and ``ask`` asks the table of gamepads.
    ``beat`` is called once per turn, with whether there is a pad, so that others can see that this loop is alive.
    """

    def __init__(
        self, hub: DriverHub, clock: Clock, evdev: Any, throttle_limit: float, *, ask: Ask = ask_sdl, root: Path = ROOT
    ) -> None:
        self.beat: Callable[[bool], None] = lambda _there: None
        self.tell: Callable[[str], None] = _log.warning
        self._hub = hub
        self._clock = clock
        self._throttle_limit = throttle_limit
        self._root = root
        self._search = PadSearch(evdev, ask)
        self._found: SimpleQueue[Pad] = SimpleQueue()
        self._lost: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._told: set[Refusal] = set()
        self._drivers: list[PadDriver] = []

    def run(self, ended: threading.Event) -> None:
        """Turn until ended; whatever goes wrong, no pad is a driver any more.

        A thread of its own looks for pads: opening a device takes its time, and what is printed waits for a terminal.
        """
        searching = threading.Thread(target=self._search_on, args=(ended,), name="gamepad search", daemon=True)
        searching.start()
        try:
            while not ended.wait(POLL_PERIOD_S):
                self.turn()
        finally:
            self._end()

    def turn(self) -> None:
        """Pass on what the pads say now."""
        self._welcome()
        for driver in [*self._drivers]:
            now_ns = self._clock.now_ns()
            state = self._read(driver, now_ns)
            if state is not None:
                if state.takes_hold:
                    self._give_car(driver)
                driver.pass_on(state, now_ns)
        self.beat(bool(self._drivers))

    def look(self) -> None:
        """Look for pads that are new, and tell why one is left alone."""
        with contextlib.suppress(Empty):
            while True:
                self._lost.get_nowait()()
        for pad in self._search.look():
            self._found.put(pad)
        refusals = {*self._search.refusals, *forbidden_pads(self._root, _may_use)}
        for refusal in refusals - self._told:
            self.tell(f"{refusal.text} → {refusal.fix}")
        self._told = refusals

    def _search_on(self, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                self.look()
            except Exception as problem:  # noqa: BLE001 - the pads that are there are not to suffer from one that is odd
                self.tell(f"The search for gamepads failed ({problem!r}). Unplug the one that was plugged in last.")
            ended.wait(SEARCH_PERIOD_S)

    def _welcome(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                pad = self._found.get_nowait()
                seat = self._hub.join(pad.name)
                self._drivers.append(PadDriver(pad, seat, self._throttle_limit, self._clock.now_ns()))

    def _read(self, driver: PadDriver, now_ns: int) -> PadState | None:
        """Return a pad's state; None once it is gone, or says what no pad says."""
        path = driver.pad.path
        try:
            return driver.pad.read(now_ns)
        except OSError:
            self._part(driver, lambda: self._search.forget(path))
        except Exception as problem:  # noqa: BLE001 - one odd pad does not take the others' stop buttons along
            refusal = Refusal(f"{driver.pad.name} cannot drive: it cannot be read ({problem!r}).", "Plug it in again.")
            self._part(driver, lambda: self._search.refuse(path, refusal))
        return None

    def _part(self, driver: PadDriver, note: Callable[[], None]) -> None:
        self._drivers.remove(driver)
        driver.leave()
        self._lost.put(note)

    def _give_car(self, driver: PadDriver) -> None:
        """Let the pad that is in a hand have the car that nobody holds."""
        if self._hub.driver is None:
            driver.seat.may_act()
        for other in self._drivers:
            if other.seat.drives and other is not driver and not other.held:
                driver.take_from(other)

    def _end(self) -> None:
        self._welcome()
        for driver in self._drivers:
            driver.leave()
        self._drivers.clear()


def _may_use(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK)
