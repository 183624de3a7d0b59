"""Who is examined: a car, and the machine it runs on."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from car.config.sections import CarConfig
from car.controls.gamepad import import_evdev
from car.controls.local import Refusal
from car.controls.pad_search import PadSearch
from car.controls.receiver import open_sbus, refusal_of
from hardware.clock import NS_PER_MS, Clock, SystemClock
from hardware.computer import Computer
from hardware.errors import ReceiverBusy
from hardware.realtime import is_granted
from hardware.receivers.sbus import SbusFrame

TURN_NS = 20 * NS_PER_MS
LISTENING_TURNS = 50


@dataclass(frozen=True, slots=True)
class Gamepads:
    """The names of the gamepads that can drive, and why others cannot."""

    names: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def gamepads() -> Gamepads | None:
    """Return what is plugged in and paired; None where evdev is not installed."""
    if (evdev := import_evdev()) is None:
        return None
    search = PadSearch(evdev)
    names = []
    for pad in search.look():
        with pad:
            names.append(pad.name)
    return Gamepads(tuple(names), tuple(search.refusals))


@dataclass(frozen=True, slots=True)
class Heard:
    """What came in at an RC receiver's port: its frames and all bytes, or why nothing could be heard.

    With ``is_busy`` another program hears it, perhaps this car.
    """

    frames: tuple[SbusFrame, ...] = ()
    bytes_read: int = 0
    refusal: Refusal | None = None
    is_busy: bool = False


def listen(path: str, clock: Clock | None = None) -> Heard:
    """Listen for a second at the port of an RC receiver; raises nothing."""
    clock = clock or SystemClock()
    frames: list[SbusFrame] = []
    bytes_read = 0
    try:
        with open_sbus(path) as port:
            for _ in range(LISTENING_TURNS):
                clock.sleep_until_ns(clock.now_ns() + TURN_NS)
                frames += port.read()
            bytes_read = port.bytes_read
    except OSError as problem:
        return Heard(refusal=refusal_of(problem), is_busy=isinstance(problem, ReceiverBusy))
    return Heard(tuple(frames), bytes_read)


def load_per_core() -> float:
    """Return how many programs wanted to run in the last minute, for each core; 0 where the system does not tell."""
    return os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 0.0


@dataclass(frozen=True, slots=True)
class Machine(Computer):
    """The computer, and the gamepad and the RC receiver that are plugged into it."""

    gamepads: Callable[[], Gamepads | None] = gamepads
    listen: Callable[[str], Heard] = listen
    load_per_core: Callable[[], float] = load_per_core
    may_have_priority: Callable[[], bool] = is_granted


@dataclass(frozen=True, slots=True)
class Patient:
    """A car and its machine; ``problem`` says what is wrong with its ``car.toml``, and ``config`` is then the default.

    ``folder`` is the car's.
    """

    machine: Machine
    folder: Path
    config: CarConfig
    problem: str = ""
