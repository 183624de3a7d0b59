"""A model of drive process, guard and the process that carries STOP: what each does in 10 ms, and what may befall it.

It is a model, not the code: the processes and their heartbeats as they are designed, with the figures of ``Figures``.
Nothing is written down here that only a real machine can tell; ``car simulate --fault all`` asks one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from car.drive_loop import TICK_MS
from car.gate import Limits
from car.processes.guard import GONE_TIMEOUT_S, WRITE_TIMEOUT_S
from car.processes.watchdog import GUARD_TIMEOUT_MS, PERIOD_S, STALL_NS
from hardware.clock import NS_PER_MS

TICK = 10
"""The model's step in ms."""


@dataclass(frozen=True)
class Figures:
    """Every time in the model, in ms; the second half is designed, and becomes the code's own when that is there."""

    beat: int = round(PERIOD_S * 1000)
    cycle: int = -TICK * (-round(TICK_MS) // TICK)
    stall: int = STALL_NS // NS_PER_MS
    gate_stall: int = Limits().loop_stall_ns // NS_PER_MS
    guard_timeout: int = GUARD_TIMEOUT_MS
    write_timeout: int = round(WRITE_TIMEOUT_S * 1000)
    kill: int = round(GONE_TIMEOUT_S * 1000)
    neutral: int = 40  # a PCA9685 takes 34 ms

    guard_lost: int = 200  # the guard's beat to the drive process
    carrier_lost: int = 200  # the beat of the process that carries STOP
    promised: int = 500


class Life(IntEnum):
    """How a process is."""

    ABSENT = 0
    UP = 1
    FROZEN = 2
    DEAD = 3


class Stage(IntEnum):
    """How far the guard has got."""

    WATCHES = 0
    KILLS = 1
    WRITES = 2
    DONE = 3


NEVER = 100
"""An age, in ticks, past every limit."""


class State(NamedTuple):
    """All that the model knows; ages and since when are in ticks.

    ``heard`` is the age of the last byte at the guard, -1 before the first; ``announced`` that it said a write is about
    to follow.
    ``guard_age`` and ``carrier_age`` are those of their beats at the drive process. ``cut`` are the channels that carry
    nothing any more. ``faults`` are those so far, each with how long it has been going on, -1 where there is nothing
    that should stop the car, or no more.
    """

    drive: Life = Life.UP
    guard: Life = Life.ABSENT
    carrier: Life = Life.ABSENT
    recorder: Life = Life.UP
    loop_stuck: bool = False
    bus_stuck: bool = False
    watchdog_dead: bool = False
    armed: bool = False
    moving: bool = False
    stage: Stage = Stage.WATCHES
    stage_age: int = 0
    phase: bool = False
    late: bool = False
    announced: bool = False
    heard: int = -1
    loop_age: int = 0
    guard_age: int = NEVER
    carrier_age: int = NEVER
    cut: frozenset[str] = frozenset()
    faults: tuple[tuple[str, int], ...] = ()

    def longest_fault(self) -> int:
        """Return for how long the oldest fault has been going on that should stop the car, in ms."""
        return TICK * max((since for _, since in self.faults), default=-1)


RUNNING = State(guard=Life.UP, carrier=Life.UP, armed=True, moving=True, heard=0, guard_age=0, carrier_age=0)
"""Everybody is there, a person has armed, and the wheels turn."""
CHANNELS = ("drive to guard", "guard to drive", "STOP to drive")
LOST = "a beat is lost: "
CUT = "no beat comes through any more: "
HARMLESS = ("the recorder dies", "the recorder freezes", *(LOST + channel for channel in CHANNELS))
"""What the car drives on with."""
BROKEN: dict[str, dict[str, object]] = {
    "the drive process dies": {"drive": Life.DEAD},
    "the drive process freezes": {"drive": Life.FROZEN},
    "the loop hangs": {"loop_stuck": True},
    "a write to the wheels hangs": {"bus_stuck": True},
    "the watchdog thread dies": {"watchdog_dead": True},
    "the guard dies": {"guard": Life.DEAD},
    "the guard freezes": {"guard": Life.FROZEN},
    "STOP's process dies": {"carrier": Life.DEAD},
    "STOP's process freezes": {"carrier": Life.FROZEN},
}
NEEDS = {"drive": "the drive process", "guard": "the guard", "carrier": "STOP's process"}


class Model:
    """The model with its figures: ``acts`` is what may happen at a moment, ``after_tick`` what 10 ms bring about."""

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    def acts(self, state: State, fault_budget: int) -> Iterator[tuple[str, State]]:
        """Yield what people, the system or bad luck may do now, each with the state that it leads to."""
        if state.guard is Life.ABSENT:
            yield "the guard is ready", state._replace(guard=Life.UP)
        if state.carrier in (Life.ABSENT, Life.DEAD):
            another = _mended(state._replace(carrier=Life.UP), "STOP's process dies")
            yield "STOP's process is ready", _mended(another, "STOP's process freezes")
        if not state.armed and self.may_arm(state):
            yield "a person arms", state._replace(armed=True)
        yield from _thaws(state)
        if len(state.faults) < fault_budget:
            yield from _faults(state)

    def is_over(self, state: State) -> bool:
        """Tell whether the wheels stand and never turn again in this drive: a search ends there."""
        if state.moving or state.armed:
            return False
        gone = state.drive is Life.DEAD or state.guard is Life.DEAD or state.stage is not Stage.WATCHES
        deaf = self._is_lonely(state) and bool(state.cut & {CHANNELS[1], CHANNELS[2]})
        return gone or deaf or state.loop_stuck or state.bus_stuck or state.watchdog_dead

    def may_arm(self, state: State) -> bool:
        """Tell whether the drive process would arm: it runs, and hears both who have to be there."""
        runs = state.drive is Life.UP and not state.loop_stuck and not state.bus_stuck
        return runs and state.stage is Stage.WATCHES and not self._is_lonely(state)

    def after_tick(self, state: State) -> Iterator[State]:
        """Yield what 10 ms later may be: everybody has had a turn, and what takes its time may take long or not."""
        state = self._aged(state)
        if state.drive is Life.UP:
            state = self._drive(state)
        if state.carrier is Life.UP and state.phase and CHANNELS[2] not in state.cut:
            state = state._replace(carrier_age=0)
        yield from self._guard(state) if state.guard is Life.UP else [state]

    def _aged(self, state: State) -> State:
        figures = self.figures
        older = state._replace(
            phase=not state.phase,
            heard=state.heard if state.heard < 0 else _older(state.heard, figures.guard_timeout),
            loop_age=_older(state.loop_age, figures.gate_stall),
            guard_age=_older(state.guard_age, figures.guard_lost),
            carrier_age=_older(state.carrier_age, figures.carrier_lost),
            faults=tuple((name, since if since < 0 else min(since + 1, NEVER)) for name, since in state.faults),
        )
        # What a dead process knew makes no difference any more.
        return _without_drive(older) if state.drive is Life.DEAD else older

    def _drive(self, state: State) -> State:
        if state.phase and not state.watchdog_dead:
            state = self._watchdog(state)
        if not state.loop_stuck and state.loop_age * TICK >= self.figures.cycle:
            state = self._cycle(state)
        return state

    def _watchdog(self, state: State) -> State:
        late = state.loop_age * TICK > self.figures.stall
        hears = CHANNELS[0] not in state.cut
        if late and not state.late and hears:
            state = state._replace(announced=True, heard=0)
        state = state._replace(late=late)
        if late and state.bus_stuck:
            return state._replace(watchdog_dead=True)
        state = state._replace(moving=state.moving and not late)
        return state._replace(announced=False, heard=0) if hears else state

    def _cycle(self, state: State) -> State:
        stalled = state.loop_age * TICK > self.figures.gate_stall
        if stalled or self._is_lonely(state):
            state = state._replace(armed=False)
        if state.bus_stuck:
            return state._replace(loop_stuck=True)
        return state._replace(moving=state.armed, loop_age=0)

    def _is_lonely(self, state: State) -> bool:
        figures = self.figures
        return state.guard_age * TICK > figures.guard_lost or state.carrier_age * TICK > figures.carrier_lost

    def _guard(self, state: State) -> Iterator[State]:
        match state.stage:
            case Stage.WATCHES:
                yield self._watch(state)
            case Stage.KILLS:
                yield from self._in_time(state, self.figures.kill, state._replace(stage=Stage.WRITES, stage_age=0))
            case Stage.WRITES:
                yield from self._in_time(state, self.figures.neutral, state._replace(stage=Stage.DONE, moving=False))
            case Stage.DONE:
                yield state

    def _watch(self, state: State) -> State:
        if state.drive is Life.DEAD:
            return state._replace(stage=Stage.WRITES, stage_age=0)
        patience = self.figures.write_timeout if state.announced else self.figures.guard_timeout
        if state.heard < 0:
            # Nothing has moved yet. Nor will it: who does not hear the drive process does not answer it.
            return state
        if state.heard * TICK > patience:
            # From the signal on it runs no more, but it may hold its outputs for a while.
            return state._replace(stage=Stage.KILLS, stage_age=0, drive=Life.DEAD)
        beats = state.phase and CHANNELS[1] not in state.cut
        return state._replace(guard_age=0) if beats else state

    def _in_time(self, state: State, limit_ms: int, done: State) -> Iterator[State]:
        yield done
        if state.stage_age * TICK < limit_ms:
            yield state._replace(stage_age=state.stage_age + 1)


def _older(age: int, limit_ms: int) -> int:
    """Return the age a tick later, where all ages past the limit are one."""
    return min(age + 1, limit_ms // TICK + 1)


def _without_drive(state: State) -> State:
    return state._replace(
        armed=False, late=False, announced=False, loop_stuck=False, bus_stuck=False, watchdog_dead=False,
        heard=0, loop_age=0, guard_age=NEVER, carrier_age=NEVER, cut=frozenset(), carrier=Life.UP, recorder=Life.UP,
    )  # fmt: skip


def _thaws(state: State) -> Iterator[tuple[str, State]]:
    if state.drive is Life.FROZEN:
        yield "the drive process goes on", _mended(state._replace(drive=Life.UP), "the drive process freezes")
    if state.carrier is Life.FROZEN:
        yield "STOP's process goes on", _mended(state._replace(carrier=Life.UP), "STOP's process freezes")
    if state.guard is Life.FROZEN:
        # It finds the beats that came meanwhile, or its patience gone, whichever its threads see first.
        thawed = _mended(state._replace(guard=Life.UP), "the guard freezes")
        yield "the guard goes on", thawed
        if CHANNELS[0] not in state.cut and state.drive is Life.UP:
            yield "the guard goes on and hears", thawed._replace(heard=0, announced=False)


def _mended(state: State, fault: str) -> State:
    return state._replace(faults=tuple((name, -1 if name == fault else since) for name, since in state.faults))


def _faults(state: State) -> Iterator[tuple[str, State]]:
    for name, changes in BROKEN.items():
        field = next(iter(changes))
        if getattr(state, field) in (Life.UP, False) or (
            changes[field] is Life.DEAD and getattr(state, field) is Life.FROZEN
        ):
            yield name, _with_fault(state._replace(**changes), name, 0)  # type: ignore[arg-type]
    for name, life in zip(HARMLESS[:2], (Life.DEAD, Life.FROZEN), strict=True):
        if state.recorder is Life.UP:
            yield name, _with_fault(state._replace(recorder=life), name, -1)
    for channel, age in zip(CHANNELS, ("heard", "guard_age", "carrier_age"), strict=True):
        if channel not in state.cut:
            # As if the last one had been lost: nobody has heard anything for a beat longer.
            heard = getattr(state, age)
            older = {age: heard if heard < 0 else heard + 2}
            yield LOST + channel, _with_fault(state._replace(**older), LOST + channel, -1)
            yield CUT + channel, _with_fault(state._replace(cut=state.cut | {channel}), CUT + channel, 0)


def _with_fault(state: State, name: str, since: int) -> State:
    return state._replace(faults=(*state.faults, (name, since)))
