"""A gate that was built from what was noted of another goes on as that one does: the exploration rests on it."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import example, given, settings
from hypothesis import strategies as st

from car.gate import (
    Ahead,
    Decision,
    DriverCommand,
    Event,
    FrameArrived,
    Gate,
    GateState,
    Limits,
    Mode,
    PilotChanged,
    Safeguards,
)
from hardware.drivetrain import Command
from tests.explore.diary import Diary
from tests.explore.grid import NOW_NS, STEP_NS
from tests.explore.happenings import HAPPENINGS, Happening
from tests.explore.promises import STOP_M
from tests.explore.states import OLD_REFUSAL, OLD_TRIP, GateMaker, made, memory, note

BY_NAME = {happening.name: happening for happening in HAPPENINGS}
WAIT, DECIDE = "wait", "decide"
DRIVE_AWAY = ["frame", "driver: at neutral", "arm manual", "driver: pressed", WAIT, DECIDE]
words = st.sampled_from([*BY_NAME, WAIT, DECIDE])
"""One word of a story; the frequent ones come in ``phrases``, so that a car is armed in most stories."""
phrases = st.one_of(
    st.lists(words, min_size=1, max_size=4),
    st.sampled_from([DRIVE_AWAY, [WAIT] * 7, [WAIT, DECIDE] * 8, ["frame", WAIT, DECIDE] * 12, ["frame", "pilot"]]),
    st.sampled_from(list(Mode)).map(lambda mode: ["frame", "driver: at neutral", f"arm {mode}", "pilot", WAIT, DECIDE]),
)
stories = st.lists(phrases, max_size=12).map(lambda found: [word for phrase in found for word in phrase])


class Played:
    """A gate in its own time: a story's happenings are moved from ``NOW_NS``, where they are written for, to it."""

    def __init__(self, gate: Gate, now_ns: int = NOW_NS) -> None:
        self.gate = gate
        self.now_ns = now_ns

    def play(self, word: str) -> Decision | None:
        if word == WAIT:
            self.now_ns += STEP_NS
        elif word == DECIDE:
            return self.gate.decide(self.now_ns)
        else:
            self._happen(BY_NAME[word])
        return None

    def _happen(self, happening: Happening) -> None:
        # The clock goes back by what it is told to, from the last time that the gate was told.
        shift_ns = self.now_ns - NOW_NS
        self.now_ns -= happening.back_ns
        for event in happening.events:
            self.gate.handle(moved(event, shift_ns), self.now_ns)

    def looks(self) -> tuple[GateState, Mode, Diary]:
        return self.gate.state, self.gate.mode, memory(self.gate, self.now_ns, self.gate._headless)


def moved(event: object, shift_ns: int) -> Event:
    match event:
        case DriverCommand():
            return replace(event, sampled_ns=event.sampled_ns + shift_ns)
        case FrameArrived():
            return replace(event, captured_ns=event.captured_ns + shift_ns)
    return event  # type: ignore[return-value]


def copied(original: Played, headless: bool) -> Played:
    """Return a gate that was built from what was noted of ``original``, with the output that it had."""
    # What was told of safeguards, pilots and the way ahead is taken back by the next event (``report.ABSTRACTED``).
    original.gate.handle(Safeguards(), original.now_ns)
    original.gate.handle(PilotChanged(is_there=True), original.now_ns)
    original.gate.handle(Ahead(math.inf), original.now_ns)
    original.gate.decide(original.now_ns)
    noted = note(original.gate, original.now_ns, Diary(), headless)
    return Played(made(GateMaker(headless=headless).content(noted, original.gate._output)))


def same(decision: Decision | None) -> tuple[object, ...] | None:
    """Return what must be equal; which reason an old trip or refusal had is abstracted, as is which stick it was."""
    if decision is None:
        return None
    return decision.state, decision.mode, decision.command, decision.driver


def told_apart(gate: Gate) -> Gate:
    """Replace the sticks of a gate's driver by those that stand for them: only so many are told apart."""
    command = gate._driver.command
    if abs(command.throttle) > 0.05:
        gate._driver = replace(gate._driver, command=Command(0.8, 1.0))
    return gate


@given(before=stories, after=stories, headless=st.booleans(), mode=st.sampled_from(list(Mode)))
@settings(max_examples=300, deadline=None)
@example(before=[*DRIVE_AWAY, "driver leaves"], after=[WAIT, DECIDE] * 45, headless=False, mode=Mode.MANUAL)
@example(before=["frame", "arm auto", "pilot", DECIDE], after=["mode manual", DECIDE], headless=True, mode=Mode.AUTO)
def test_a_gate_built_from_what_was_noted_of_another_goes_on_as_that_one_does(
    before: list[str], after: list[str], headless: bool, mode: Mode
) -> None:
    original = Played(Gate(Limits(stop_m=STOP_M), mode, headless=headless))
    original.gate.handle(Ahead(math.inf), original.now_ns)
    for word in before:
        original.play(word)
    copy = copied(original, headless)
    told_apart(original.gate)
    for word in after:
        assert same(original.play(word)) == same(copy.play(word))
        assert original.looks() == copy.looks()


def test_what_the_gate_never_reads_again_is_built_as_the_worst() -> None:
    gate = Gate(mode=Mode.AUTO)
    gate.decide(NOW_NS)
    built = made(GateMaker(headless=False).content(note(gate, NOW_NS, Diary(), False)))
    assert built._output == Command(1.0, 1.0)
    assert built._pilot is not None
    assert built.refusal is OLD_REFUSAL
    assert (built.state, built.trip) == (GateState.DISARMED, None)
    assert OLD_TRIP.value
