"""A gate's state as a row of small numbers, and back.

This is the one place that knows what the gate remembers. ``note`` reads it off a gate, every time as an age;
``GateMaker`` builds a gate that remembers just that, whose every time is counted from ``NOW_NS``. It is here for speed:
to play a path of 60 events for each of some million transitions would take hours. Whether a gate that is built goes
on as the one it was read off is a test of its own (``test_states.py``).

What is left out, because the gate never reads it again, is filled in with the worst: a car that stands has an output
at full throttle, a pilot whose mode is over has just asked for full throttle too long ago. If the gate did read it, it
would be seen.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from car.gate import ArmRefusal, DriverCommand, Gate, GateState, Limits, Mode, PilotCommand, TripReason
from hardware.drivetrain import Command
from tests.explore.diary import LONG_GONE_AGE, Diary, capped
from tests.explore.grid import NOW_NS, age, time_ns
from tests.explore.happenings import PILOTS, Stick
from tests.explore.promises import NEUTRAL_STICK, STOP_M

OLD_REFUSAL = ArmRefusal.COARSE_STEERING
OLD_TRIP = TripReason.STALE_FRAME
"""Why an earlier arming was refused, and an earlier trip came: which reason it was makes no difference."""
FULL = Command(1.0, 1.0)


class Noted(NamedTuple):
    """A state: the gate's own, and what the diary says; ``memory`` has the diary's form, for it should say the same."""

    state: GateState
    mode: Mode
    memory: Diary
    diary: Diary


def note(gate: Gate, now_ns: int, diary: Diary, headless: bool) -> Noted:
    """Read the state off a gate that was told ``now_ns``, with what the diary says."""
    state, mode = gate.state, gate.mode
    return Noted(state, mode, memory(gate, now_ns, headless), capped(diary, state, mode, headless))


def memory(gate: Gate, now_ns: int, headless: bool) -> Diary:
    """Return what the gate remembers, without what it will never read again."""
    driver, wait_ns = gate._driver, gate._neutral_after_ns
    link = min(age(driver.sampled_ns, now_ns), LONG_GONE_AGE)
    pressed, not_held = abs(driver.command.throttle) > NEUTRAL_STICK, not driver.held
    armed = gate.state is GateState.ARMED
    piloted = armed and gate.mode.has_pilot
    remembered = Diary(
        link,
        pressed + 2 * not_held,
        age(gate._frame_ns, now_ns),
        -1 if wait_ns is None else age(wait_ns, now_ns),
        1 if piloted and gate._pilot is not None else 0,
        age(gate._pilot_ns, now_ns) if piloted else 0,
        age(gate._output_ns, now_ns) if armed else 0,
    )
    return capped(remembered, gate.state, gate.mode, headless)


class GateMaker:
    """Builds gates that remember what was noted; ``mirrored`` ones with every command to the other side."""

    def __init__(self, *, headless: bool) -> None:
        self.headless = headless
        # Whatever no state changes: the limits, for one.
        self._template = dict(vars(new_gate(Mode.MANUAL, headless)))
        self._drivers = {
            (link, stick): DriverCommand(stick.command, time_ns(link), stick.held)
            for link in range(LONG_GONE_AGE + 1)
            for stick in Stick
        }

    def content(self, noted: Noted, output: Command = FULL) -> dict[str, Any]:
        """Return what a gate remembers, to be copied for each gate."""
        state, mode, memory, _ = noted
        return {
            **self._template,
            "state": state,
            "mode": mode,
            "trip": OLD_TRIP if state is GateState.TRIPPED else None,
            "refusal": OLD_REFUSAL,
            "_ahead_m": math.inf,
            "_driver": self._drivers[memory.link, memory.stick],  # type: ignore[index]
            "_frame_ns": time_ns(memory.frame),
            "_pilot": PilotCommand(PILOTS) if memory.spoken else None,
            "_pilot_ns": time_ns(memory.pilot),
            "_neutral_after_ns": None if memory.demand < 0 else time_ns(memory.demand),
            "_output": output,
            "_output_ns": time_ns(memory.asked),
            "_now_ns": NOW_NS,
        }

    @staticmethod
    def mirrored(content: dict[str, Any]) -> dict[str, Any]:
        """Return ``content`` with driver and pilot asking for the other side, and backwards."""
        driver, pilot = content["_driver"], content["_pilot"]
        other = DriverCommand(opposite(driver.command), driver.sampled_ns, driver.held)
        return {**content, "_driver": other, "_pilot": pilot and PilotCommand(opposite(pilot.command))}


def new_gate(mode: Mode, headless: bool) -> Gate:
    """Return a gate that looks ahead, as its owner makes it, who leaves out what is as it mostly is."""
    limits = Limits(stop_m=STOP_M)
    if headless:
        return Gate(limits, mode, headless=True)
    return Gate(limits) if mode is Mode.MANUAL else Gate(limits, mode)


def made(content: dict[str, Any]) -> Gate:
    """Return a new gate with ``content``."""
    gate = object.__new__(Gate)
    gate.__dict__ = content.copy()
    return gate


def opposite(command: Command) -> Command:
    """Return the command to the other side and backwards."""
    return Command(-command.steering, -command.throttle)
