"""The diary: what was said to the gate and how long ago, kept without a look into the gate.

These are the ghost variables. The properties are judged by them and by what the gate answers, never by what it
remembers: a gate that remembers wrongly would otherwise be judged by its own mistake.
"""

from __future__ import annotations

from typing import NamedTuple

from car.gate import GateState, Mode
from tests.explore import promises
from tests.explore.grid import STEP, STEP_NS
from tests.explore.happenings import Happening, Kind, Stick

GONE_AGE = 2 * promises.DRIVER_VALID_NS // STEP_NS + 1
"""A driver who has left is a lost link at once: just older than a command may be."""
LIVE_AGE = GONE_AGE - 1
LONG_GONE_AGE = 2 * promises.SHORT_LINK_LOSS_NS // STEP_NS
"""From here on a lost link does not get any more lost."""
OLDER_THAN_ANY_SAMPLE = 16
"""A demand, or a driver of the past, so old that even a sample that comes much too late is younger."""
STALE_FRAME_AGE = 2 * promises.FRAME_FRESH_NS // STEP_NS + STEP
STALE_PILOT_AGE = 2 * promises.PILOT_VALID_NS // STEP_NS + STEP
STALLED_AGE = 2 * promises.LOOP_STALL_NS // STEP_NS + STEP
DEAD_STICK = Stick.PRESSED
"""What a driver of the past held, as far as it may matter: the worst."""


class Diary(NamedTuple):
    """All ages in half steps.

    ``link`` is the age of the driver's newest sample, ``stick`` what it held. ``frame`` is the newest frame's age.
    ``demand`` is how long ago the stick was last demanded to go back to neutral, -1 when it has been there since.
    ``pilot`` is the time since the pilot has spoken, or since its mode was entered when it has not ``spoken`` yet.
    ``asked`` is the time since the gate was last asked for a command, or armed.
    """

    link: int = LONG_GONE_AGE
    stick: int = DEAD_STICK
    frame: int = STALE_FRAME_AGE
    demand: int = -1
    spoken: int = 1
    pilot: int = STALE_PILOT_AGE
    asked: int = STALLED_AGE

    def later(self) -> Diary:
        """Return the diary a step later."""
        link, stick, frame, demand, spoken, pilot, asked = self
        demand = demand if demand < 0 else demand + STEP
        return Diary(link + STEP, stick, frame + STEP, demand, spoken, pilot + STEP, asked + STEP)

    def after_clock_went_back(self) -> Diary:
        """Return the diary at an earlier time: who spoke before may speak from the future, and counts for nothing."""
        return self._replace(link=LONG_GONE_AGE, stick=DEAD_STICK, frame=STALE_FRAME_AGE, demand=0)

    def with_(self, happening: Happening) -> Diary:
        """Return the diary with what was said to the gate."""
        match happening.kind:
            case Kind.SAMPLE:
                return self._with_sample(happening.stick, happening.age)
            case Kind.LEFT:
                return self._replace(link=max(self.link, GONE_AGE), stick=DEAD_STICK, demand=0)
            case Kind.FRAME:
                return self._replace(frame=happening.age)
            case Kind.PILOT:
                return self._replace(spoken=1, pilot=0)
            case Kind.STOP | Kind.FAULT:
                return self._replace(demand=0)
        return self

    def _with_sample(self, stick: Stick, age: int) -> Diary:
        if age > self.link:
            return self
        demand = self.demand
        if stick is Stick.PRESSED_NOT_HELD:
            demand = 0
        elif stick in (Stick.NEUTRAL, Stick.NEUTRAL_NOT_HELD) and age < demand:
            demand = -1
        return self._replace(link=age, stick=stick, demand=demand)


def capped(diary: Diary, state: GateState, mode: Mode, headless: bool) -> Diary:
    """Return ``diary`` without what can never matter again from here on: the ages past every limit, and the dead."""
    armed = state is GateState.ARMED
    link, stick, frame, demand, spoken, pilot, asked = diary
    if link > LIVE_AGE:
        stick = DEAD_STICK
        oldest = LONG_GONE_AGE if headless or (armed and mode is not Mode.CALIBRATION) else OLDER_THAN_ANY_SAMPLE
        link = min(oldest, link)
    if not armed:
        asked = STALLED_AGE
    if not armed or mode not in promises.PILOTED:
        # Whoever enters a mode with a pilot begins anew with it: whatever it said must not count, and this is worst.
        spoken, pilot = 1, STALE_PILOT_AGE
    return Diary(
        link,
        stick,
        min(STALE_FRAME_AGE, frame),
        demand if demand < 0 else min(demand, link + STEP, OLDER_THAN_ANY_SAMPLE),
        spoken,
        min(STALE_PILOT_AGE, pilot),
        min(STALLED_AGE, asked),
    )
