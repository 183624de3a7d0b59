"""An RC receiver at the car: its owner drives by the transmitter in their hands.

A transmitter has no button that says that a hand is on it, so that its samples alone take the car from nobody. What
does is its mode switch, moved to ``manual`` by a hand that wants to drive:

==========================  ==============================================
steering, throttle          while the transmitter is heard
mode, to ``manual``         drive by hand, from whatever mode, and take
                            the car that nobody has
… from manual and back      the same, and arm where the car is not; twice
  within 3 s                within 10 s while another drives: take over
mode, to the others         assist, auto
stop, switched on           stop, whoever drives
==========================  ==============================================

A switch has to be seen moving: where it is when the receiver is first heard, or is heard again, is no act. Only stop is
heard across a gap. Then the gate asks for a throttle at neutral, as of everybody.
"""

from __future__ import annotations

import contextlib
import errno
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from car.controls.hub import SILENT_NS, DriverHub, Seat
from car.controls.local import DEAD_ZONE, Held, LocalDevice, LocalDriver, LocalDrivers, Refusal, Rest, without_middle
from car.gate import Limits, Mode
from hardware.clock import NS_PER_MS, NS_PER_S, Clock
from hardware.drivetrain import Command
from hardware.receivers.port import ReceiverPort
from hardware.receivers.sbus import SbusFrame

NAME = "RC receiver"
MIDDLE_US, END_US = 1500.0, 500.0
"""A channel's middle, and how far its ends are from it: what the transmitter calls 100 %, or nearly so."""
LEAST_US, MOST_US = 885.0, 2115.0
"""What a transmitter can say. The number 0, or 880 µs, is how some receivers say that they hear none."""
MODE_END_US, STOP_END_US = 350.0, 250.0
"""Beyond this from the middle a switch is at an end. ``stop`` is the easier to reach."""
HYSTERESIS_US = 100.0
"""So much nearer to the middle a switch has to come to leave an end: one that trembles at the edge moves nothing."""
STEERING_DEAD_ZONE = 0.03
"""Less than a throttle's: a transmitter's sticks are better than a gamepad's, and no wheel creeps by this one."""
JUMP = 0.25
"""No hand moves a stick this far from one frame to the next, and a switch in the same instant; a receiver that puts
chosen positions in the place of what it heard does."""
BACK_AGAIN_NS = 3 * NS_PER_S
"""From manual to another position and back within this is a wish to drive."""
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

    def of(self, frame: SbusFrame) -> tuple[float, ...]:
        """Return the pulses of those that are used; what a receiver adds of its own, as on channel 16, is not."""
        numbers = (self.steering, self.throttle, self.mode, *(() if self.stop is None else (self.stop,)))
        return tuple(frame.pulse_us(number) for number in numbers)


@dataclass(frozen=True, slots=True)
class ReceiverState(Held):
    """What a transmitter says; ``mode`` is where its switch was moved since the last time, ``stops`` that stop was.

    ``away_ns`` is when the switch left manual, if it is back there so soon that somebody wants to drive. With
    ``is_gone`` the transmitter is lost, or was since the last time, and nothing else is true but ``stops``.
    """

    mode: Mode | None = None
    away_ns: int | None = None
    stops: bool = False
    is_gone: bool = False


GONE = ReceiverState(Command(0.0, 0.0), held=False, takes_hold=False, has_changed=False, is_gone=True)


class Switch:
    """A channel with two or three positions, as moved by a hand; beyond ``end_us`` from the middle it is at an end.

    >>> switch = Switch(MODE_END_US)
    >>> [switch.watch(pulse_us) for pulse_us in (1000, 1000, 1000, 2000, 2000, 2000)]
    [None, None, None, None, None, 1]

    ``was_alone`` tells of its last move that nothing else jumped when it began.
    """

    def __init__(self, end_us: float) -> None:
        self.position: int | None = None
        self.was_alone = True
        self._end_us = end_us
        self._next: int | None = None
        self._count = 0

    def watch(self, pulse_us: float, *, jumps: bool = False) -> int | None:
        """Take note of a frame; return the position that the switch has been moved to with it: −1, 0 or 1."""
        position = switch_position(pulse_us, self._end_us, self.position)
        if position != self._next:
            self._count, self.was_alone = 0, not jumps
        self._count += 1
        self._next = position
        if self._count < STEADY_FRAMES or position == self.position:
            return None
        before, self.position = self.position, position
        return None if before is None else position


class Hearing:
    """What is known of a transmitter since it was heard, or heard again: what was moved before was not moved for us."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._switch = Switch(MODE_END_US)
        self._newest: SbusFrame | None = None
        self._heard_ns: int | None = None
        self._away_ns: int | None = None

    def is_live(self, now_ns: int) -> bool:
        """Tell whether the transmitter was heard so lately that the gate still has the link."""
        return self._heard_ns is not None and now_ns - self._heard_ns <= LOST_NS

    def has_been_silent(self, duration_ns: int, now_ns: int) -> bool:
        """Tell whether the transmitter was heard, and that longer ago than this."""
        return self._heard_ns is not None and now_ns - self._heard_ns > duration_ns

    def take(self, frame: SbusFrame, now_ns: int) -> tuple[bool, Mode | None, int | None]:
        """Take note of a frame; return whether anything changed, and the state's ``mode`` and ``away_ns``."""
        channels, newest = self._channels, self._newest
        self._newest, self._heard_ns = frame, now_ns
        sticks = (channels.steering, channels.throttle)
        jumps = newest is not None and any(
            abs(position_of(frame, stick) - position_of(newest, stick)) > JUMP for stick in sticks
        )
        has_changed = newest is None or channels.of(frame) != channels.of(newest)
        was_manual = self._is_manual
        moved = self._switch.watch(frame.pulse_us(channels.mode), jumps=jumps)
        if moved is None:
            return has_changed, None, None
        is_alone, away_ns = self._switch.was_alone, self._away_ns
        if not self._is_manual:
            if was_manual:
                self._away_ns = now_ns if is_alone else None
            return has_changed, MODES[moved] if is_alone else None, None
        # Back to manual is the safe way, and counts whatever jumps with it; but it takes a hand to arm.
        self._away_ns = None
        is_wish = is_alone and away_ns is not None and now_ns - away_ns <= BACK_AGAIN_NS
        return has_changed, Mode.MANUAL, away_ns if is_wish else None

    @property
    def _is_manual(self) -> bool:
        position = self._switch.position
        return position is not None and MODES[position] is Mode.MANUAL


class Receiver(LocalDevice[ReceiverState]):
    """A receiver at a port.

    Frames that it marks as lost are no news. Those of its failsafe say that the transmitter is gone, and so do those in
    which a channel says what no transmitter can say, and a long silence.
    """

    name = NAME
    still_ns = STILL_NS

    def __init__(self, port: ReceiverPort, path: str, channels: Channels) -> None:
        self.path = path
        self._port = port
        self._channels = channels
        self._hearing = Hearing(channels)
        # Not the hearing's: whoever stops the car while it is not heard has stopped it.
        self._stop = Switch(STOP_END_US)
        self._rest: Rest | None = None

    def can_stop(self, now_ns: int) -> bool:
        """Tell whether the transmitter is heard, and has a switch that would stop the car; one that is on would not."""
        is_ready = self._stop.position is not None and self._stop.position != ON
        return is_ready and self._hearing.is_live(now_ns)

    def read(self, now_ns: int) -> ReceiverState | None:
        """Return what the newest frame says, None while there is no new one; raises OSError once the port is gone."""
        since: list[SbusFrame] = []
        stops = is_gone = False
        for frame in self._port.read():
            if frame.is_failsafe or not has_pulses(frame, self._channels):
                self._hearing, is_gone, since = Hearing(self._channels), True, []
            elif frame.is_live:
                since.append(frame)
                stops |= self._stops(frame)
        if is_gone:
            # What came after it is where its switches are from now on, and no act.
            self._take(since, now_ns)
            return replace(GONE, stops=stops)
        if not since:
            return self._silence(now_ns)
        if self._hearing.has_been_silent(LOST_NS, now_ns):
            self._hearing = Hearing(self._channels)
        return self._state(since, stops, now_ns)

    def close(self) -> None:
        """Let go of the port."""
        with contextlib.suppress(OSError):
            self._port.close()

    def _stops(self, frame: SbusFrame) -> bool:
        """Take note of the stop switch; tell whether it has been switched on."""
        channel = self._channels.stop
        return channel is not None and self._stop.watch(frame.pulse_us(channel)) == ON

    def _silence(self, now_ns: int) -> ReceiverState | None:
        if not self._hearing.has_been_silent(SILENT_NS, now_ns):
            return None
        self._hearing = Hearing(self._channels)
        return GONE

    def _take(self, frames: Sequence[SbusFrame], now_ns: int) -> tuple[bool, Mode | None, int | None]:
        has_changed, mode, away_ns = False, None, None
        for frame in frames:
            changes, moved, moved_away_ns = self._hearing.take(frame, now_ns)
            has_changed |= changes
            if moved is not None:
                mode, away_ns = moved, moved_away_ns
        return has_changed, mode, away_ns

    def _state(self, frames: Sequence[SbusFrame], stops: bool, now_ns: int) -> ReceiverState:
        has_changed, mode, away_ns = self._take(frames, now_ns)
        newest, is_stopped = frames[-1], self._stop.position == ON
        steering, throttle = (
            position_of(newest, stick) for stick in (self._channels.steering, self._channels.throttle)
        )
        self._rest = self._rest or Rest(throttle)
        self._rest.watch(throttle, now_ns)
        return ReceiverState(
            Command(without_middle(steering, STEERING_DEAD_ZONE), without_middle(throttle, DEAD_ZONE)),
            held=self._rest.has_been and not is_stopped,
            takes_hold=False,
            has_changed=has_changed,
            mode=None if is_stopped else mode,
            away_ns=away_ns,
            # Whoever wants to drive while it is on is shown why nothing happens.
            stops=stops or (is_stopped and mode is not None),
        )


class ReceiverDriver(LocalDriver[ReceiverState]):
    """Who drives by a transmitter: whoever has moved its mode switch to ``manual``, until it falls silent."""

    def __init__(
        self, receiver: Receiver, seat: Seat, throttle_limit: float, now_ns: int, is_armed: Callable[[], bool]
    ) -> None:
        super().__init__(receiver, seat, throttle_limit, now_ns)
        self._receiver = receiver
        self._is_armed = is_armed
        self._drove = False
        # Until when the car is still to be armed, and when that was decided.
        self._to_arm: tuple[int, int] | None = None

    @property
    def wants_to_drive(self) -> bool:
        """Once it has asked another driver for the car, its samples have to come for the asking to count."""
        return self.seat.asked_ns is not None

    def take_from(self, other: LocalDriver[Any]) -> None:
        """Have the car that another receiver has; there is one at most."""

    def pass_on(self, state: ReceiverState, now_ns: int) -> None:
        """Say what the transmitter says now; that it is lost is the loss of the link, at once."""
        if not state.is_gone:
            super().pass_on(state, now_ns)
            return
        self.held, self._drove, self._to_arm = False, False, None
        self.seat.let_go()
        if state.stops:
            self.seat.stop()

    def carries_stop(self, now_ns: int) -> bool:
        """Tell whether a hand at the transmitter could stop the car; a port alone could not."""
        return self.seat.drives or self._receiver.can_stop(now_ns)

    def _act(self, state: ReceiverState, now_ns: int) -> None:
        to_arm, self._to_arm = self._to_arm, None
        if self.seat.drives and not self._drove:
            # Somebody has let go of the car for it, who may have left it to the pilot.
            self._change_mode(Mode.MANUAL)
        if state.mode is Mode.MANUAL:
            self._drive_by_hand(state, now_ns)
        elif state.mode is not None:
            self._change_mode(state.mode)
        elif to_arm is not None:
            self._arm(*to_arm, now_ns)
        # Last, so that it is what counts of everything switched at once.
        if state.stops:
            self.seat.stop()
        self._drove = self.seat.drives

    def _drive_by_hand(self, state: ReceiverState, now_ns: int) -> None:
        away_ns = state.away_ns
        if self.seat.may_act() or (away_ns is not None and self.seat.take_over()):
            # A car that changes hands is handed over at neutral, and one that comes from auto waits for it: the gate
            # has to see where the stick is, and see it once more, before it is asked to arm.
            self._sample(state, now_ns)
            self._change_mode(Mode.MANUAL)
            self._to_arm = None if away_ns is None else (now_ns + LOST_NS, away_ns)

    def _arm(self, until_ns: int, decided_ns: int, now_ns: int) -> None:
        if now_ns <= until_ns and not self._is_armed():
            self.seat.arm(self.mode, decided_ns=decided_ns)

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
    """Has the receiver at a port drive; ``is_armed`` tells whether the car is, as far as one can know here."""

    sort = "receiver"

    def __init__(
        self,
        hub: DriverHub,
        clock: Clock,
        open_port: Callable[[str], ReceiverPort],
        path: str,
        channels: Channels,
        throttle_limit: float,
        is_armed: Callable[[], bool],
    ) -> None:
        super().__init__(hub, clock, ReceiverSearch(open_port, path, channels), throttle_limit)
        self._is_armed = is_armed

    def _make_driver(self, device: Receiver, seat: Seat) -> ReceiverDriver:
        return ReceiverDriver(device, seat, self._throttle_limit, self._clock.now_ns(), self._is_armed)


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


def has_pulses(frame: SbusFrame, channels: Channels) -> bool:
    """Tell whether all channels that are used say what a transmitter can say.

    >>> has_pulses(SbusFrame((0,) * 16), Channels(steering=1, throttle=2, mode=5))
    False
    """
    return all(LEAST_US <= pulse_us <= MOST_US for pulse_us in channels.of(frame))


def switch_position(pulse_us: float, end_us: float, before: int | None = None) -> int:
    """Return which position a switch is in, −1, 0 or 1, that was in ``before``.

    >>> [switch_position(pulse_us, MODE_END_US) for pulse_us in (1000.0, 1200.0, 2000.0)]
    [-1, 0, 1]
    >>> switch_position(1200.0, MODE_END_US, before=-1)
    -1
    """
    away_us = pulse_us - MIDDLE_US
    end = 1 if away_us > 0 else -1
    return end if abs(away_us) > (end_us - HYSTERESIS_US if before == end else end_us) else 0
