"""An RC receiver at the car: its owner drives by the transmitter in their hands.

A transmitter has no button that says that a hand is on it, so that its samples alone take the car from nobody. What
does is its mode switch, moved to ``manual`` by a hand that wants to drive:

====================  ====================================================
steering, throttle    while the transmitter is heard
mode, to ``manual``   drive by hand, and arm where the car is not; twice
                      within 10 s while another drives: take over
mode, to the others   assist, auto
stop, switched on     stop, whoever drives
====================  ====================================================

A switch has to be seen moving: where it is when the receiver is first heard, or is heard again, is no act. Then the
gate asks for a throttle at neutral, as of everybody.
"""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from car.controls.hub import DriverHub, Seat
from car.controls.local import Held, LocalDevice, LocalDriver, LocalDrivers, Refusal, Rest, without_middle
from car.gate import Limits, Mode
from hardware.clock import NS_PER_MS, Clock
from hardware.drivetrain import Command
from hardware.receivers.port import ReceiverPort
from hardware.receivers.sbus import SbusFrame

NAME = "RC receiver"
MIDDLE_US, END_US = 1500.0, 500.0
"""A channel's middle, and how far its ends are from it: what the transmitter calls 100 %, or nearly so."""
SWITCH_US = 250.0
"""Within this of the middle a switch is in its middle position."""
DEAD_ZONE = 0.03
"""Less than a gamepad's: a transmitter's sticks are better, and trimmed."""
STEADY_FRAMES = 3
"""A switch has been moved when so many frames in a row say so: one that was disturbed moves none."""
LOST_NS = Limits().driver_valid_ns
STILL_NS = 2000 * NS_PER_MS
"""A receiver that repeats its last frame, and does not say so, looks like a hand that holds still. A trigger at its end
on a straight is that still, but not for longer; in assist it may be, and then wants to be let go of and pressed."""
MODES = {-1: Mode.MANUAL, 0: Mode.ASSIST, 1: Mode.AUTO}
ON = 1
"""Where the stop switch is on: at the other end than the mode switch has ``manual``."""


@dataclass(frozen=True, slots=True)
class Channels:
    """Which channel, from 1 on, has what; without a ``stop`` channel none stops the car.

    >>> Channels(steering=1, throttle=2, mode=5).stop is None
    True
    """

    steering: int
    throttle: int
    mode: int
    stop: int | None = None


@dataclass(frozen=True, slots=True)
class ReceiverState(Held):
    """What a transmitter says; ``mode`` is where its switch was moved since the last time, ``stops`` that stop was.

    With ``is_gone`` the receiver says that it has lost the transmitter, and nothing else is true.
    """

    mode: Mode | None = None
    stops: bool = False
    is_gone: bool = False


GONE = ReceiverState(Command(0.0, 0.0), held=False, takes_hold=False, has_changed=False, is_gone=True)


class Switch:
    """A channel with two or three positions, as moved by a hand."""

    def __init__(self) -> None:
        self.position: int | None = None
        self._next: int | None = None
        self._count = 0

    def watch(self, pulse_us: float) -> int | None:
        """Take note of a frame; return the position that the switch has been moved to with it: −1, 0 or 1."""
        position = switch_position(pulse_us)
        self._count = self._count + 1 if position == self._next else 1
        self._next = position
        if self._count < STEADY_FRAMES or position == self.position:
            return None
        before, self.position = self.position, position
        return None if before is None else position


class Hearing:
    """What is known of a transmitter since it was heard, or heard again: what was moved before was not moved for us."""

    def __init__(self) -> None:
        self.mode, self.stop = Switch(), Switch()
        self.newest: SbusFrame | None = None
        self.heard_ns: int | None = None

    def is_old(self, now_ns: int) -> bool:
        """Tell whether the transmitter has been silent for so long that the gate has lost the link."""
        return self.heard_ns is not None and now_ns - self.heard_ns > LOST_NS


class Receiver(LocalDevice[ReceiverState]):
    """A receiver at a port. Frames that it marks as lost are no news, and those of its failsafe say that it is gone."""

    name = NAME
    still_ns = STILL_NS

    def __init__(self, port: ReceiverPort, path: str, channels: Channels) -> None:
        self.path = path
        self._port = port
        self._channels = channels
        self._hearing = Hearing()
        self._rest: Rest | None = None

    def read(self, now_ns: int) -> ReceiverState | None:
        """Return what the newest frame says, None while there is no new one; raises OSError once the port is gone."""
        frames = self._port.read()
        if frames and frames[-1].is_failsafe:
            self._hearing = Hearing()
            return GONE
        live = [frame for frame in frames if frame.is_live]
        if not live:
            return None
        if self._hearing.is_old(now_ns):
            self._hearing = Hearing()
        self._hearing.heard_ns = now_ns
        return self._state(live, now_ns)

    def close(self) -> None:
        """Let go of the port."""
        with contextlib.suppress(OSError):
            self._port.close()

    def _state(self, frames: Sequence[SbusFrame], now_ns: int) -> ReceiverState:
        channels, hearing, newest = self._channels, self._hearing, frames[-1]
        modes = [hearing.mode.watch(frame.pulse_us(channels.mode)) for frame in frames]
        moved = next((MODES[position] for position in reversed(modes) if position is not None), None)
        stops = [hearing.stop.watch(frame.pulse_us(channels.stop)) for frame in frames if channels.stop is not None]
        is_stopped = hearing.stop.position == ON
        throttle = position_of(newest, channels.throttle)
        self._rest = self._rest or Rest(throttle)
        self._rest.watch(throttle, now_ns)
        has_changed, hearing.newest = newest != hearing.newest, newest
        return ReceiverState(
            Command(
                without_middle(position_of(newest, channels.steering), DEAD_ZONE), without_middle(throttle, DEAD_ZONE)
            ),
            held=self._rest.has_been and not is_stopped,
            takes_hold=False,
            has_changed=has_changed,
            mode=None if is_stopped else moved,
            # Whoever wants to drive while it is on is shown why nothing happens.
            stops=ON in stops or (is_stopped and moved is not None),
        )


class ReceiverDriver(LocalDriver[ReceiverState]):
    """Who drives by a transmitter: whoever has moved its mode switch to ``manual``, until it falls silent."""

    _arm_until_ns: int | None = None

    @property
    def wants_to_drive(self) -> bool:
        """Once it has asked another driver for the car, its samples have to come for the asking to count."""
        return self.seat.asked_ns is not None

    def take_from(self, other: LocalDriver[Any]) -> None:
        """Have the car that another receiver has; there is one at most."""

    def pass_on(self, state: ReceiverState, now_ns: int) -> None:
        """Say what the transmitter says now; that it is lost is the loss of the link, at once."""
        if state.is_gone:
            self.held, self._arm_until_ns = False, None
            self.seat.let_go()
        else:
            super().pass_on(state, now_ns)

    def _act(self, state: ReceiverState, now_ns: int) -> None:
        until_ns, self._arm_until_ns = self._arm_until_ns, None
        if state.mode is Mode.MANUAL:
            self._drive_by_hand(state, now_ns)
        elif state.mode is not None:
            self._change_mode(state.mode)
        elif until_ns is not None and now_ns <= until_ns:
            self.seat.arm(self.mode)
        # Last, so that it is what counts of everything switched at once.
        if state.stops:
            self.seat.stop()

    def _drive_by_hand(self, state: ReceiverState, now_ns: int) -> None:
        if self.seat.may_act() or self.seat.take_over():
            # A car that changes hands is handed over at neutral, and one that comes from auto waits for it: the gate
            # has to see where the stick is, and see it once more, before it is asked to arm.
            self._sample(state, now_ns)
            self._change_mode(Mode.MANUAL)
            self._arm_until_ns = now_ns + LOST_NS

    def _change_mode(self, mode: Mode) -> None:
        if self.seat.drives:
            self.mode = mode
            self.seat.change_mode(mode)


class ReceiverSearch:
    """Looks for the receiver at the one port where it is to be; ``open_port`` raises OSError while it is not."""

    def __init__(self, open_port: Callable[[str], ReceiverPort], path: str, channels: Channels) -> None:
        self._open_port = open_port
        self._path = path
        self._channels = channels
        self._is_taken = False
        self._refusal: Refusal | None = None

    @property
    def refusals(self) -> list[Refusal]:
        """Why the receiver was left alone the last time."""
        return [] if self._refusal is None else [self._refusal]

    def look(self) -> list[Receiver]:
        """Return the receiver if it is new."""
        if self._is_taken or (self._refusal is not None and self._refusal.is_final and Path(self._path).exists()):
            return []
        try:
            port = self._open_port(self._path)
        except OSError as problem:
            self._refusal = refusal_of(problem)
            return []
        self._is_taken, self._refusal = True, None
        return [Receiver(port, self._path, self._channels)]

    def forget(self, path: str) -> None:
        """Look for it again."""
        self._is_taken = False

    def refuse(self, path: str, refusal: Refusal) -> None:
        """Leave it alone until it has been unplugged."""
        self._is_taken, self._refusal = False, refusal


class ReceiverDrivers(LocalDrivers):
    """Has the receiver at a port drive."""

    sort = "receiver"

    def __init__(
        self,
        hub: DriverHub,
        clock: Clock,
        open_port: Callable[[str], ReceiverPort],
        path: str,
        channels: Channels,
        throttle_limit: float,
    ) -> None:
        super().__init__(hub, clock, ReceiverSearch(open_port, path, channels), throttle_limit)

    def _make_driver(self, device: Receiver, seat: Seat) -> ReceiverDriver:
        return ReceiverDriver(device, seat, self._throttle_limit, self._clock.now_ns())


def open_sbus(path: str) -> ReceiverPort:
    """Open a serial port for SBUS; raises OSError, also where there is no Linux."""
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "An RC receiver needs Linux. Leave [receiver] port empty in car.toml here")
    from hardware.receivers.serial_port import SbusPort

    return SbusPort(path)


def refusal_of(problem: OSError) -> Refusal:
    """Return why a port cannot be used, which may be over the next time.

    >>> refusal_of(OSError("There is no /dev/ttyUSB0. Plug it in")).fix
    'Plug it in'
    """
    text, _, fix = f"{problem.strerror or problem}".partition(". ")
    return Refusal(f"{text}.", fix, is_final=False)


def position_of(frame: SbusFrame, channel: int) -> float:
    """Return where a stick is, −1 … +1.

    >>> position_of(SbusFrame((1792,) * 16), 1)
    1.0
    """
    return min(max((frame.pulse_us(channel) - MIDDLE_US) / END_US, -1.0), 1.0)


def switch_position(pulse_us: float) -> int:
    """Return which position a switch is in: −1, 0 or 1.

    >>> switch_position(1000.0), switch_position(1520.0), switch_position(2000.0)
    (-1, 0, 1)
    """
    away_us = pulse_us - MIDDLE_US
    return 0 if abs(away_us) <= SWITCH_US else 1 if away_us > 0 else -1
