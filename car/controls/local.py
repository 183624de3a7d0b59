"""Devices at the car itself that somebody drives by: gamepads, an RC receiver.

Each has a seat like everybody. One loop asks them all for their state, a thread beside it looks for more. A device that
is gone is no driver, and neither is one that hangs: its loop is missed. A radio link that is lost can look like a hand
that holds still, for a receiver may repeat what it heard last; nothing but a throttle that trembles tells them apart.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

from car.controls.hub import DriverHub, Seat
from car.gate import Limits, Mode
from hardware.clock import NS_PER_MS, Clock
from hardware.closing import Closing
from hardware.drivetrain import Command

POLL_PERIOD_S = 0.02
SEARCH_PERIOD_S = 1.0
DEAD_ZONE = 0.08
"""How far from its middle a stick may be and is taken to be in it."""
MIDDLE = 0.25
"""How far from its middle a worn stick may rest."""
REST_NS = 1000 * NS_PER_MS
"""How long an axis that was not at its middle from the start has to be there to count as a stick that was let go of; a
trigger, which rests at its end, passes it faster."""
NEUTRAL_STICK = Limits().neutral_stick

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a device cannot drive, and what to do about it; ``is_final`` tells that asking again brings nothing else."""

    text: str
    fix: str
    is_final: bool = True


@dataclass(frozen=True, slots=True)
class Held:
    """What is held at a device; ``has_changed`` says that anything did since the last time.

    ``takes_hold`` is True when a hand has just taken hold of it.
    """

    command: Command
    held: bool
    takes_hold: bool
    has_changed: bool


class Rest:
    """Whether a throttle has been seen at rest in its middle: one that rests at its end is a trigger, or no throttle.

    >>> rest = Rest(position=1.0)
    >>> rest.watch(0.0, clock.now_ns())
    >>> rest.has_been
    False
    """

    def __init__(self, position: float) -> None:
        self.has_been = abs(position) <= MIDDLE
        self._since_ns: int | None = None

    def watch(self, position: float, now_ns: int) -> None:
        """Take note of where the throttle is, −1 … +1."""
        if abs(position) > MIDDLE:
            self._since_ns = None
        elif self._since_ns is None:
            self._since_ns = now_ns
        elif now_ns - self._since_ns >= REST_NS:
            self.has_been = True


def without_middle(position: float, dead_zone: float) -> float:
    """Return 0 in the dead zone, and from there to the end all that there is.

    >>> without_middle(0.05, dead_zone=0.1), without_middle(-1.0, dead_zone=0.1)
    (0.0, -1.0)
    """
    size = max(abs(position) - dead_zone, 0.0) / (1 - dead_zone)
    return size if position > 0 else -size


StateT = TypeVar("StateT", bound=Held)


class LocalDevice(Closing, Generic[StateT]):
    """What is held in a hand, or hears what is: a pad, a receiver; ``path`` is where Linux has it.

    ``still_ns`` is after how long without any change its throttle counts as let go of, None where a cable tells.
    """

    name: str
    path: str
    still_ns: int | None = None

    @abstractmethod
    def read(self, now_ns: int) -> StateT | None:
        """Return the state now, None while there is no news of it; raises OSError once the device is gone."""


class DeviceSearch(Protocol):
    """Looks for devices again and again; from a thread that may wait."""

    @property
    def refusals(self) -> Iterable[Refusal]:
        """Why each device that was found the last time was left alone."""

    def look(self) -> Sequence[LocalDevice[Any]]:
        """Return the devices that are new, opened."""

    def forget(self, path: str) -> None:
        """Look at what is at ``path`` as at something new; called once its device is gone."""

    def refuse(self, path: str, refusal: Refusal) -> None:
        """Leave what is at ``path`` alone until it is plugged in again."""


class LocalDriver(ABC, Generic[StateT]):
    """Who drives by one device, from a seat of its own; subclasses say what its buttons and switches do.

    ``held`` is whether a hand holds it, as far as one can tell, and ``mode`` the mode that it asks for.
    """

    def __init__(self, device: LocalDevice[StateT], seat: Seat, throttle_limit: float, now_ns: int) -> None:
        self.device = device
        self.seat = seat
        self.held = False
        self.mode = Mode.MANUAL
        self._throttle_limit = throttle_limit
        self._changed_ns = now_ns

    def pass_on(self, state: StateT, now_ns: int) -> None:
        """Say what the device says now."""
        if state.has_changed:
            self._changed_ns = now_ns
        still_ns = self.device.still_ns
        self.held = state.held and (still_ns is None or now_ns - self._changed_ns <= still_ns)
        if self.wants_to_drive or self.seat.drives:
            self._sample(state, now_ns)
        self._act(state, now_ns)

    def leave(self) -> None:
        """Be gone: neutral at once if this one had the car."""
        self.seat.leave()
        self.device.close()

    def carries_stop(self, now_ns: int) -> bool:
        """Tell whether a hand at this device could stop the car."""
        return True

    @property
    @abstractmethod
    def wants_to_drive(self) -> bool:
        """Whether its hand would have the car that nobody has."""

    @abstractmethod
    def take_from(self, other: LocalDriver[Any]) -> None:
        """Have the car that ``other`` has."""

    @abstractmethod
    def _act(self, state: StateT, now_ns: int) -> None:
        """Do what was pressed or switched."""

    def _sample(self, state: StateT, now_ns: int) -> None:
        command = Command(state.command.steering, state.command.throttle * self._throttle_limit)
        # Of a small limit so little is left at the stick's end that it would pass for neutral.
        pressed = abs(state.command.throttle) > NEUTRAL_STICK
        self.seat.sample(command, now_ns, held=self.held, pressed=pressed)


class LocalDrivers(ABC):
    """Has the devices of one sort drive, by the same rules as everybody; goes on looking for more.

    ``throttle_limit`` is what a throttle's end means. ``beat`` is called once per turn, with whether there is a device
    that could stop the car, so that others can see that this loop is alive.
    """

    sort: str
    """What such a device is called."""

    def __init__(self, hub: DriverHub, clock: Clock, search: DeviceSearch, throttle_limit: float) -> None:
        self.beat: Callable[[bool], None] = lambda _carries_stop: None
        self.tell: Callable[[str], None] = _log.warning
        self._hub = hub
        self._clock = clock
        self._throttle_limit = throttle_limit
        self._search = search
        self._found: SimpleQueue[LocalDevice[Any]] = SimpleQueue()
        self._lost: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._told: set[Refusal] = set()
        self._drivers: list[LocalDriver[Any]] = []

    def run(self, ended: threading.Event) -> None:
        """Turn until ended; whatever goes wrong, no device is a driver any more.

        A thread of its own looks for devices: opening one takes its time, and what is printed waits for a terminal.
        """
        searching = threading.Thread(target=self._search_on, args=(ended,), name=f"{self.sort} search", daemon=True)
        searching.start()
        try:
            while not ended.wait(POLL_PERIOD_S):
                self.turn()
        finally:
            self._end()

    def turn(self) -> None:
        """Pass on what the devices say now."""
        self._welcome()
        for driver in [*self._drivers]:
            now_ns = self._clock.now_ns()
            state = self._read(driver, now_ns)
            if state is not None:
                if state.takes_hold:
                    self._give_car(driver)
                driver.pass_on(state, now_ns)
        now_ns = self._clock.now_ns()
        self.beat(any(driver.carries_stop(now_ns) for driver in self._drivers))

    def look(self) -> None:
        """Look for devices that are new, and tell why one is left alone."""
        with contextlib.suppress(Empty):
            while True:
                self._lost.get_nowait()()
        for device in self._search.look():
            self._found.put(device)
        refusals = {*self._search.refusals}
        for refusal in refusals - self._told:
            self.tell(f"{refusal.text} → {refusal.fix}")
        self._told = refusals

    @abstractmethod
    def _make_driver(self, device: Any, seat: Seat) -> LocalDriver[Any]:
        """Return who drives by ``device`` from ``seat``."""

    def _search_on(self, ended: threading.Event) -> None:
        while not ended.is_set():
            try:
                self.look()
            except Exception as problem:  # noqa: BLE001 - what is there is not to suffer from a device that is odd
                self.tell(f"The search for a {self.sort} failed ({problem!r}). Unplug what was plugged in last.")
            ended.wait(SEARCH_PERIOD_S)

    def _welcome(self) -> None:
        with contextlib.suppress(Empty):
            while True:
                device = self._found.get_nowait()
                self._drivers.append(self._make_driver(device, self._hub.join(device.name)))

    def _read(self, driver: LocalDriver[Any], now_ns: int) -> Any:
        """Return a device's state; None while there is no news of it, and once it is gone or talks nonsense."""
        device = driver.device
        try:
            return device.read(now_ns)
        except OSError:
            self._part(driver, lambda: self._search.forget(device.path))
        except Exception as problem:  # noqa: BLE001 - one odd device does not take the others' stop buttons along
            refusal = Refusal(f"{device.name} cannot drive: it cannot be read ({problem!r}).", "Plug it in again.")
            self._part(driver, lambda: self._search.refuse(device.path, refusal))
        return None

    def _part(self, driver: LocalDriver[Any], note: Callable[[], None]) -> None:
        self._drivers.remove(driver)
        driver.leave()
        self._lost.put(note)

    def _give_car(self, driver: LocalDriver[Any]) -> None:
        """Let the device that is in a hand have the car that nobody holds."""
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
