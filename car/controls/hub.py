"""One driver at a time: who of the browsers, the terminal's keys, the gamepad and the RC receiver has the car.

Everyone who could drive has a ``Seat``. The first who samples while nobody drives is the driver. Others watch, until
they ask to take over and the driver lets go, has been silent for ``SILENT_NS``, or they ask a second time. A hand-over
is neutral, and stays so until the new driver's throttle has been at neutral. Stop is everyone's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from car.gate import Limits, Mode
from car.link.driver_slot import SlotWriter
from hardware.clock import NS_PER_S, Clock
from hardware.drivetrain import Command

SILENT_NS = 2 * NS_PER_S
"""A driver who has not sampled for so long has left the car to whoever asks for it."""
ASKED_TWICE_NS = 10 * NS_PER_S
"""Asking a second time within this is meant; whoever asked longer ago may have stopped looking at the car."""
NEUTRAL_STICK = Limits().neutral_stick


class DriverHub:
    """Lets one seat at a time drive; the only one who writes a driver's wishes through the SlotWriter.

    >>> from car.link.driver_slot import DriverSlot
    >>> hub = DriverHub(SlotWriter(DriverSlot(context)), clock)
    >>> seat = hub.join("browser")
    >>> seat.sample(Command(0.0, 0.0), sampled_ns=clock.now_ns())   # nobody drives: the caller becomes the driver
    True
    >>> seat.arm(Mode.MANUAL)
    True
    >>> seat.leave()                                                # neutral at once

    It may be used from any thread.
    """

    def __init__(self, writer: SlotWriter, clock: Clock) -> None:
        self._writer = writer
        self._clock = clock
        self._lock = threading.RLock()
        self._seats: list[Seat] = []
        self._driver: Seat | None = None
        self._driver_ns = 0
        self._awaits_neutral = False
        self._stopped_ns: int | None = None

    def count(self, name: str) -> int:
        """Return how many of the seats are called ``name``."""
        with self._lock:
            return sum(seat.name == name for seat in self._seats)

    @property
    def driver(self) -> Seat | None:
        """The seat that has the car."""
        return self._driver

    def join(self, name: str, person: str = "") -> Seat:
        """Return a seat called ``name``; ``person`` is who sits there, empty if nobody knows."""
        with self._lock:
            seat = Seat(self, name, person)
            seat.watches = self._driver is not None
            self._seats.append(seat)
            return seat

    def leave(self, seat: Seat) -> None:
        """Take ``seat`` away."""
        with self._lock:
            self.let_go(seat)
            if seat in self._seats:
                self._seats.remove(seat)

    def let_go(self, seat: Seat) -> None:
        """Take the car from ``seat``, if it has it, and the wish to have it."""
        with self._lock:
            seat.asked_ns = None
            if self._driver is seat:
                self._driver = None
                if not self._seat_who_asked():
                    self._writer.lose_driver()

    def sample(
        self, seat: Seat, command: Command, sampled_ns: int, *, held: bool, throttle_limit: float, pressed: bool
    ) -> bool:
        """Pass on what ``seat`` holds, and allows a pilot, if it has the car; tell whether it has."""
        with self._lock:
            if self._driver is None and not seat.watches:
                self._hand_over(seat)
            elif self._driver is not seat:
                self._seat_who_asked()
            if self._driver is not seat:
                return False
            self._driver_ns = self._clock.now_ns()
            self._awaits_neutral &= pressed or abs(command.throttle) > NEUTRAL_STICK
            is_held = held and not self._awaits_neutral
            self._writer.sample(command, sampled_ns, held=is_held, throttle_limit=throttle_limit, pressed=pressed)
            return True

    def take_over(self, seat: Seat) -> bool:
        """Note that ``seat`` asks for the car; tell whether it has it."""
        with self._lock:
            now_ns = self._clock.now_ns()
            asked_before = self._still_asks(seat)
            if self._driver is not seat:
                seat.asked_ns = now_ns
                if asked_before:
                    self._hand_over(seat)
                else:
                    self._seat_who_asked()
            return self._driver is seat

    def act(self, seat: Seat, act: Callable[[SlotWriter], None]) -> bool:
        """Do what only the driver may; if nobody drives, the caller becomes the driver. Tell whether it was done."""
        with self._lock:
            if self._driver is None:
                self._hand_over(seat)
            if self._driver is not seat:
                return False
            act(self._writer)
            return True

    def stop(self) -> None:
        """Stop, whoever asks for it."""
        with self._lock:
            self._stopped_ns = self._clock.now_ns()
            self._writer.stop()

    def arm(self, seat: Seat, mode: Mode, *, wheels_up: bool, decided_ns: int | None) -> bool:
        """Pass on that ``seat`` would arm, unless somebody has stopped the car since ``decided_ns``."""
        with self._lock:
            if decided_ns is not None and self._stopped_ns is not None and self._stopped_ns >= decided_ns:
                return False
            return self.act(seat, lambda writer: writer.arm(mode, wheels_up=wheels_up))

    def quit(self) -> None:
        """Ask to end the drive, whoever asks for it."""
        with self._lock:
            self._writer.quit()

    def _seat_who_asked(self) -> bool:
        """Give the car to who asked for it first, if nobody has it or the one who has it is silent; tell whether."""
        if self._driver is not None and self._clock.now_ns() - self._driver_ns <= SILENT_NS:
            return False
        asking = [(seat.asked_ns, seat) for seat in self._seats if seat.asked_ns is not None and self._still_asks(seat)]
        if asking:
            self._hand_over(min(asking, key=lambda pair: pair[0])[1])
        return bool(asking)

    def _still_asks(self, seat: Seat) -> bool:
        return seat.asked_ns is not None and self._clock.now_ns() - seat.asked_ns <= ASKED_TWICE_NS

    def _hand_over(self, seat: Seat) -> None:
        now_ns = self._clock.now_ns()
        for other in self._seats:
            other.watches = True
        # Neutral for now, whoever drove and whatever is held; and no loss of the link, which would be a trip in auto.
        self._writer.hand_over(now_ns)
        self._driver, self._driver_ns, self._awaits_neutral = seat, now_ns, True
        seat.watches, seat.asked_ns = False, None


class Seat:
    """A place from which somebody may drive: a browser's socket, the terminal, a gamepad, a receiver.

    >>> from car.link.driver_slot import DriverSlot
    >>> hub = DriverHub(SlotWriter(DriverSlot(context)), clock)
    >>> first, second = hub.join("browser"), hub.join("gamepad")
    >>> first.sample(Command(0.0, 0.0), clock.now_ns())
    True
    >>> second.sample(Command(0.0, 0.0), clock.now_ns())   # watches, and may ask to take over
    False
    >>> second.stop()                                      # everyone may

    ``watches`` says that it was there while another drove, so that its samples alone do not get it the car;
    ``asked_ns`` is when it last asked for it.
    """

    def __init__(self, hub: DriverHub, name: str, person: str = "") -> None:
        self._hub = hub
        self.name = name
        self.person = person
        self.watches = False
        self.asked_ns: int | None = None

    @property
    def drives(self) -> bool:
        """True while this seat has the car."""
        return self._hub.driver is self

    def sample(
        self,
        command: Command,
        sampled_ns: int,
        *,
        held: bool = True,
        throttle_limit: float = 1.0,
        pressed: bool = False,
    ) -> bool:
        """Say what is held and what a pilot is allowed, as of ``sampled_ns``; tell whether this seat has the car.

        ``pressed`` says that the throttle's stick is not at neutral, however little of it ``command`` has.
        """
        return self._hub.sample(self, command, sampled_ns, held=held, throttle_limit=throttle_limit, pressed=pressed)

    def arm(self, mode: Mode, *, wheels_up: bool = False, decided_ns: int | None = None) -> bool:
        """Ask to arm in ``mode``; False when another drives, or a stop came since ``decided_ns``, if that is given."""
        return self._hub.arm(self, mode, wheels_up=wheels_up, decided_ns=decided_ns)

    def change_mode(self, mode: Mode) -> bool:
        """Ask for another mode; False when another drives."""
        return self._hub.act(self, lambda writer: writer.change_mode(mode))

    def disarm(self) -> bool:
        """Say that the driving is done; False when another drives."""
        return self._hub.act(self, SlotWriter.disarm)

    def may_act(self) -> bool:
        """Take the car if nobody has it; tell whether this seat has it."""
        return self._hub.act(self, lambda _writer: None)

    def stop(self) -> None:
        """Stop, whoever drives."""
        self._hub.stop()

    def quit(self) -> None:
        """Ask to end the drive, whoever drives."""
        self._hub.quit()

    def take_over(self) -> bool:
        """Ask for the car; tell whether this seat has it now."""
        return self._hub.take_over(self)

    def let_go(self) -> None:
        """Give the car back and go on watching; neutral at once."""
        self.watches = True
        self._hub.let_go(self)

    def leave(self) -> None:
        """Be gone: neutral at once if this seat had the car."""
        self._hub.leave(self)
