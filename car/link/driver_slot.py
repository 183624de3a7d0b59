"""The driver's newest command on its way from the controls to the drive process.

One slot, overwritten by each new command: an old command that comes late has no place to wait in. Human acts (arm,
stop, another mode, quit) are numbered, so that none is lost, nor their order, when two fall between two cycles of the
drive loop.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Iterator
from ctypes import c_uint8
from dataclasses import dataclass, replace
from multiprocessing.context import SpawnContext
from operator import itemgetter
from typing import Any

from car.gate import Arm, ArmRefusal, ChangeMode, Checks, Disarm, DriverCommand, DriverLeft, Event, Mode, Stop
from car.link.ring import keep_order
from hardware.drivetrain import NEUTRAL, Command

_SEQUENCE = struct.Struct("Q")
# command, throttle limit, when it was sampled, six presses, held, pressed, arm mode, wheels up, mode, problems as a bit
# each
_INPUT = struct.Struct("<dddqIIIIIIBBBBBI")
_MODES, _PROBLEMS = tuple(Mode), tuple(ArmRefusal)
_CHECKED = 1 << 31


@dataclass(frozen=True, slots=True)
class DriverInput:
    """What the driver holds, and the newest press of each button: all presses since the start are numbered through.

    >>> DriverInput(command=Command(steering=0.3, throttle=0.1), sampled_ns=clock.now_ns()).held
    True

    ``sampled_ns`` is when the driver's device sampled ``command``, 0 says that no driver is there; ``held`` is its hold
    button, ``throttle_limit`` what a pilot may give at most, and ``pressed`` says that the throttle's stick is not at
    neutral. ``problems`` is what stands in the way of arming, as far as the controls can tell; None until they have
    looked.
    """

    command: Command = NEUTRAL
    sampled_ns: int = 0
    arms: int = 0
    disarms: int = 0
    stops: int = 0
    quits: int = 0
    mode_changes: int = 0
    departures: int = 0
    held: bool = True
    arm_mode: Mode = Mode.AUTO
    wheels_up: bool = False
    mode: Mode = Mode.MANUAL
    problems: tuple[ArmRefusal, ...] | None = None
    throttle_limit: float = 1.0
    pressed: bool = False

    @property
    def next_press(self) -> int:
        """The number of the next press, whichever button it is of."""
        return 1 + max(self.arms, self.disarms, self.stops, self.quits, self.mode_changes, self.departures)


class DriverSlot:
    """Shared memory of one ``DriverInput``: the controls write, the drive loop reads, neither waits.

    >>> slot = DriverSlot(context)
    >>> slot.write(DriverInput(sampled_ns=clock.now_ns()))
    >>> slot.read().sampled_ns
    1000000000
    """

    def __init__(self, context: SpawnContext) -> None:
        self._memory = context.RawArray(c_uint8, _SEQUENCE.size + _INPUT.size)
        self._sequence = 0

    def write(self, state: DriverInput) -> None:
        """Replace the slot's content; for one writer."""
        memory = self._bytes()
        # Odd while the content is being written; the reader then keeps what it had.
        _SEQUENCE.pack_into(memory, 0, self._sequence + 1)
        keep_order()
        _INPUT.pack_into(
            memory,
            _SEQUENCE.size,
            state.command.steering,
            state.command.throttle,
            state.throttle_limit,
            state.sampled_ns,
            state.arms,
            state.disarms,
            state.stops,
            state.quits,
            state.mode_changes,
            state.departures,
            state.held,
            state.pressed,
            _MODES.index(state.arm_mode),
            state.wheels_up,
            _MODES.index(state.mode),
            _bits(state.problems),
        )
        keep_order()
        self._sequence += 2
        _SEQUENCE.pack_into(memory, 0, self._sequence)

    def read(self) -> DriverInput | None:
        """Return the content, or None while it is being written."""
        memory = self._bytes()
        before = _SEQUENCE.unpack_from(memory, 0)[0]
        steering, throttle, throttle_limit, sampled_ns, *values = _INPUT.unpack_from(memory, _SEQUENCE.size)
        keep_order()
        if before % 2 or _SEQUENCE.unpack_from(memory, 0)[0] != before:
            return None
        arms, disarms, stops, quits, mode_changes, departures, *flags, problems = values
        held, pressed, arm_mode, wheels_up, mode = flags
        return DriverInput(
            Command(steering, throttle),
            sampled_ns,
            arms,
            disarms,
            stops,
            quits,
            mode_changes,
            departures,
            bool(held),
            _MODES[arm_mode],
            bool(wheels_up),
            _MODES[mode],
            _problems(problems),
            throttle_limit,
            bool(pressed),
        )

    def _bytes(self) -> memoryview:
        return memoryview(self._memory).cast("B")


class SlotReader:
    """The drive loop's end of a DriverSlot: turns what changed in it into the gate's events.

    >>> slot = DriverSlot(context)
    >>> driver = SlotReader(slot)
    >>> SlotWriter(slot).stop()
    >>> list(driver.events(clock.now_ns()))
    [Stop()]
    """

    def __init__(self, slot: DriverSlot) -> None:
        self._slot = slot
        self._seen = DriverInput()

    @property
    def wants_to_quit(self) -> bool:
        """True once the driver has asked to end the drive."""
        return self._seen.quits > 0

    def stop_waits(self) -> bool:
        """Tell whether stop has been pressed and ``events`` has not told of it yet; for any thread."""
        state = self._slot.read()
        return state is not None and state.stops > self._seen.stops

    def put_in_order(self) -> None:
        """Make the slot fit for other controls when some have died, perhaps while they wrote: no driver is there."""
        state = self._slot.read() or self._seen
        self._slot.write(replace(state, departures=state.next_press, sampled_ns=0))

    def events(self, now_ns: int) -> Iterator[Event]:
        """Yield what the driver did since the last call, as it was done; a stop after everything, so that it wins."""
        state = self._slot.read()
        if state is None:
            return
        seen, self._seen = self._seen, state
        if state.departures > seen.departures:
            yield DriverLeft()
        if state.sampled_ns > seen.sampled_ns:
            yield DriverCommand(state.command, state.sampled_ns, state.held, state.throttle_limit, state.pressed)
        if state.problems is not None and state.problems != seen.problems:
            yield Checks(state.problems)
        acts: list[tuple[int, int, Event]] = [
            (state.disarms, seen.disarms, Disarm()),
            (state.mode_changes, seen.mode_changes, ChangeMode(state.mode)),
            (state.arms, seen.arms, Arm(state.arm_mode, state.wheels_up)),
        ]
        yield from (act for newest, before, act in sorted(acts, key=itemgetter(0)) if newest > before)
        if state.stops > seen.stops:
            yield Stop()


class SlotWriter:
    """The controls' end of a DriverSlot: remembers what was pressed and writes each change through.

    >>> slot = DriverSlot(context)
    >>> writer = SlotWriter(slot)
    >>> writer.sample(Command(steering=0.3, throttle=0.0), sampled_ns=clock.now_ns())
    >>> slot.read().command.steering
    0.3

    Its threads share it: keys, checks, whoever else listens to a driver.
    """

    def __init__(self, slot: DriverSlot) -> None:
        self._slot = slot
        # Controls before these may have pressed buttons.
        self._state = slot.read() or DriverInput()
        self._lock = threading.Lock()

    def sample(
        self,
        command: Command,
        sampled_ns: int,
        *,
        held: bool = True,
        throttle_limit: float = 1.0,
        pressed: bool = False,
    ) -> None:
        """Say what the driver holds at ``sampled_ns``, the hold button included, and what a pilot may give at most."""
        self._change(command=command, sampled_ns=sampled_ns, held=held, throttle_limit=throttle_limit, pressed=pressed)

    def hand_over(self, sampled_ns: int) -> None:
        """Say that another driver takes the car, who holds nothing yet; a pilot's limit stays as it was."""
        self._change(command=NEUTRAL, sampled_ns=sampled_ns, held=False, pressed=False)

    def lose_driver(self) -> None:
        """Say that the driver is gone, and with it whatever it held last."""
        self._press("departures", sampled_ns=0)

    def check(self, problems: tuple[ArmRefusal, ...]) -> None:
        """Say what stands in the way of arming, the most important first as ``ArmRefusal`` lists them."""
        self._change(problems=problems)

    def arm(self, mode: Mode, *, wheels_up: bool = False) -> None:
        """Ask to arm in ``mode``; calibration needs the driver's word that the wheels are up."""
        self._press("arms", arm_mode=mode, wheels_up=wheels_up)

    def change_mode(self, mode: Mode) -> None:
        """Ask for another mode."""
        self._press("mode_changes", mode=mode)

    def disarm(self) -> None:
        """Say that the driver is done driving."""
        self._press("disarms")

    def stop(self) -> None:
        """Press stop."""
        self._press("stops")

    def quit(self) -> None:
        """Ask to end the drive."""
        self._press("quits")

    def _press(self, button: str, **changes: Any) -> None:
        with self._lock:
            self._write({button: self._state.next_press, **changes})

    def _change(self, **changes: Any) -> None:
        with self._lock:
            self._write(changes)

    def _write(self, changes: dict[str, Any]) -> None:
        self._state = replace(self._state, **changes)
        self._slot.write(self._state)


def _bits(problems: tuple[ArmRefusal, ...] | None) -> int:
    """Return ``problems`` as a bit each, and one that says that somebody has looked."""
    if problems is None:
        return 0
    return _CHECKED | sum(1 << number for number, problem in enumerate(_PROBLEMS) if problem in problems)


def _problems(bits: int) -> tuple[ArmRefusal, ...] | None:
    if not bits & _CHECKED:
        return None
    return tuple(problem for number, problem in enumerate(_PROBLEMS) if bits >> number & 1)
