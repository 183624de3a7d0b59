"""The search: from a new gate to every state that it can be in, with each step judged by every property."""

from __future__ import annotations

import contextlib
import heapq
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from car.gate import (
    Arm,
    ArmRefusal,
    DriverCommand,
    FrameArrived,
    Gate,
    GateState,
    Limits,
    Mode,
    PilotCommand,
    TripReason,
)
from hardware.drivetrain import NEUTRAL, Command
from tests.explore.decisions import ON_DECISIONS, silence_ns
from tests.explore.diary import Diary
from tests.explore.grid import NOW_NS, STEP, STEP_NS
from tests.explore.happenings import (
    DECIDE,
    DECIDE_BACK,
    DECIDE_EARLY,
    DECIDE_LATE,
    DECIDE_MIRRORED,
    DECIDE_SLOW,
    HAPPENINGS,
    PILOTS,
    PRESSED,
    WHILE_ARMED,
    Happening,
    Kind,
)
from tests.explore.promises import STEERING_SLEW_PER_S, THROTTLE_SLEW_PER_S
from tests.explore.properties import ON_EVENTS, Property
from tests.explore.states import FULL, GateMaker, Noted, made, new_gate, note
from tests.explore.step import Step

OUTPUTS = (NEUTRAL, FULL, Command(-1.0, -1.0), Command(0.5, 0.1), Command(-0.3, -0.15))
"""What the wheels may have had before a decision: its size makes no other difference to the gate."""
A_MOMENT_NS = 1
NEARLY_A_STEP_NS = STEP_NS - 1
"""A decision on the grid, just after it and just before its next point: a limit that is a nanosecond off is seen."""
WAIT = "50 ms pass"
FRESH = Property(
    "a new gate is at rest",
    "A new gate is disarmed, neutral, in its mode, with the limits it was given and nothing to tell. None stop before "
    "they are slower.",
    bool,
)
RANGE_FIRST = Property(
    "a gate that looks ahead waits for its range sensor",
    "A new gate that looks ahead does not arm before the sensor has told; one that does not look arms without.",
    bool,
)
FROM_NEUTRAL = Property(
    "a drive begins at neutral", "However the wheels were before, an armed car moves from neutral on.", bool
)
RAISED = Property("the gate answers", "Whatever happens, the gate raises nothing.", bool)


@dataclass
class Result:
    """What a search found; ``paths`` has the shortest way to the first violation of each property it found."""

    headless: bool
    states: int = 0
    moving: int = 0
    transitions: int = 0
    decisions: int = 0
    depth: int = 0
    seconds: float = 0.0
    longest_silence_ns: int = 0
    closed: bool = False
    violations: Counter[str] = field(default_factory=Counter)
    paths: dict[str, tuple[str, ...]] = field(default_factory=dict)
    sentences: dict[str, str] = field(default_factory=dict)


class Search:
    """Visits every state of a gate; ``first_only`` ends it with the first violation, ``limit_s`` after so long.

    Breadth first, so that the way to a violation is the shortest there is. ``hunts`` finds one that lies deep
    sooner, by a longer way: of three states one is the newest, and one that of a driver who is silent for longest.
    """

    def __init__(
        self, *, headless: bool, first_only: bool = False, hunts: bool = False, limit_s: float | None = None
    ) -> None:
        self.result = Result(headless)
        self._headless = headless
        self._first_only = first_only
        self._hunts = hunts
        self._limit_s = limit_s
        self._maker = GateMaker(headless=headless)
        self._came_from: dict[Noted, tuple[Noted | None, str, int]] = {}
        self._waiting: deque[Noted] = deque()
        self._silent: list[tuple[int, int, Noted]] = []
        self._visited = 0

    def run(self, tell: Callable[[Result], None] | None = None) -> Result:
        """Search until nothing new is found, and tell every ten thousand states."""
        started_s = time.process_time()
        self._start()
        while self._waiting and not self._is_over(started_s):
            self._visit(self._next_hunted() if self._hunts else self._waiting.popleft())
            self._visited += 1
            if tell is not None and self._visited % 20_000 == 0:
                tell(self._summed_up(started_s))
        self.result.closed = not self._waiting
        return self._summed_up(started_s)

    def _next_hunted(self) -> Noted:
        match self._visited % 3:
            case 1:
                return self._waiting.pop()
            case 2 if self._silent:
                return heapq.heappop(self._silent)[2]
        return self._waiting.popleft()

    def _is_over(self, started_s: float) -> bool:
        if self._first_only and self.result.violations:
            return True
        if self._limit_s is None or self._visited % 100:
            return False
        return time.process_time() - started_s > self._limit_s

    def _summed_up(self, started_s: float) -> Result:
        self.result.states = len(self._came_from)
        self.result.seconds = time.process_time() - started_s
        return self.result

    def _start(self) -> None:
        for mode in Mode:
            gate = new_gate(mode, self._headless)
            start = note(gate, NOW_NS, Diary(), self._headless)
            self._came_from[start] = (None, f"a new gate in {mode}", 0)
            self._waiting.append(start)
            self._begin(mode, start)

    def _begin(self, mode: Mode, start: Noted) -> None:
        """Ask a new gate, when the clock has run for long and when it has just begun: nobody has said anything."""
        limits = Limits(autopilot_throttle_cap=0.1)
        if Gate(limits, mode, headless=self._headless).limits is not limits:
            self._violated(FRESH, start, DECIDE)
        with contextlib.suppress(ValueError):
            Limits(slow_m=0.0)
            self._violated(FRESH, start, DECIDE)
        if self._first_refusal(new_gate(mode, self._headless)) is not ArmRefusal.NO_RANGE:
            self._violated(RANGE_FIRST, start, DECIDE)
        if self._first_refusal(Gate()) is not None:
            self._violated(RANGE_FIRST, start, DECIDE)
        if new_gate(mode, self._headless).decide(-1).trip is not TripReason.CLOCK:
            self._violated(FRESH, start, DECIDE_BACK)
        for now_ns in (0, NOW_NS):
            gate = new_gate(mode, self._headless)
            decision = gate.decide(now_ns)
            told = (decision.command, decision.driver, decision.state, decision.mode, decision.trip, decision.refusal)
            if told != (NEUTRAL, None, GateState.DISARMED, mode, None, None) or gate.refused:
                self._violated(FRESH, start, DECIDE)

    @staticmethod
    def _first_refusal(gate: Gate) -> ArmRefusal | None:
        """Return why a new gate does not arm that was told all but what is ahead."""
        gate.handle(FrameArrived(NOW_NS), NOW_NS)
        gate.handle(DriverCommand(NEUTRAL, NOW_NS), NOW_NS)
        gate.handle(Arm(Mode.MANUAL), NOW_NS)
        return gate.refusal

    def _visit(self, before: Noted) -> None:
        content = self._maker.content(before)
        self._found(note(made(content), NOW_NS + STEP_NS, before.diary.later(), self._headless), before, WAIT)
        for happening in WHILE_ARMED if before.state is GateState.ARMED else HAPPENINGS:
            self._say(before, content, happening)
        self._ask(before, content, Step(before, DECIDE, self._headless), leads_on=True)
        self._ask(before, content, Step(before, DECIDE_BACK, self._headless), leads_on=True)
        self._ask(before, content, Step(before, DECIDE_LATE, self._headless, A_MOMENT_NS))
        if before.state is GateState.ARMED:
            self._ask_variously(before, content)

    def _say(self, before: Noted, content: dict[str, Any], happening: Happening) -> None:
        step = Step(before, happening, self._headless)
        step.gate = gate = made(content)
        self.result.transitions += 1
        try:
            for event in happening.events:
                gate.handle(event, happening.at_ns)  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001 - whatever a gate raises would reach the loop
            self._violated(RAISED, before, happening)
            return
        for judged in ON_EVENTS[happening.kind]:
            if not judged.holds(step):
                self._violated(judged, before, happening)
        diary = after_event(step)
        if happening.kind is Kind.ARM and gate.state is GateState.ARMED is not step.state:
            self._watch_beginning(before, happening, gate)
        self._found(note(gate, happening.at_ns, diary, self._headless), before, happening.name)

    def _ask(self, before: Noted, content: dict[str, Any], step: Step, *, leads_on: bool = False) -> None:
        step.gate = gate = made(content)
        now_ns = step.happening.at_ns + step.late_ns
        self.result.decisions += 1
        try:
            for event in step.happening.events:
                gate.handle(event, now_ns)  # type: ignore[arg-type]
            step.decision = decision = gate.decide(now_ns)
        except Exception:  # noqa: BLE001 - likewise
            self._violated(RAISED, before, step.happening)
            return
        for judged in ON_DECISIONS:
            if not judged.holds(step):
                self._violated(judged, before, step.happening)
        if decision.command.throttle:
            self.result.longest_silence_ns = max(
                self.result.longest_silence_ns, silence_ns(before.diary) + step.late_ns
            )
        if leads_on:
            self.result.transitions += 1
            self.result.moving += bool(decision.command.throttle)
            self._found(note(gate, now_ns, after_decision(step), self._headless), before, step.happening.name)

    def _ask_variously(self, before: Noted, content: dict[str, Any]) -> None:
        """Ask for the same decision just before the next point of the grid, near something, and backwards there.

        The wheels had one of the outputs in turn.
        """
        late = Step(before, DECIDE_EARLY, self._headless, NEARLY_A_STEP_NS, OUTPUTS[self._visited % len(OUTPUTS)])
        self._ask(before, {**content, "_output": late.output}, late)
        slow = Step(before, DECIDE_SLOW, self._headless, 0, OUTPUTS[self._visited // 3 % len(OUTPUTS)])
        self._ask(before, {**content, "_output": slow.output}, slow)
        back = Step(before, DECIDE_MIRRORED, self._headless, 0, OUTPUTS[self._visited // 2 % len(OUTPUTS)])
        back.mirrored = True
        self._ask(before, {**self._maker.mirrored(content), "_output": back.output}, back)

    def _watch_beginning(self, before: Noted, happening: Happening, gate: Gate) -> None:
        """Have everybody ask for full throttle a step after arming: the wheels may have had anything before it."""
        gate = made(vars(gate))
        now_ns = happening.at_ns + STEP_NS
        gate.handle(DriverCommand(PRESSED, now_ns), now_ns)
        gate.handle(PilotCommand(PILOTS), now_ns)
        command = gate.decide(now_ns).command
        share_of_a_second = STEP_NS / 1e9 * 1.000001
        too_fast = command.throttle > THROTTLE_SLEW_PER_S * share_of_a_second
        if too_fast or abs(command.steering) > STEERING_SLEW_PER_S * share_of_a_second:
            self._violated(FROM_NEUTRAL, before, happening)

    def _found(self, noted: Noted, before: Noted, name: str) -> None:
        if noted in self._came_from:
            return
        depth = self._came_from[before][2] + 1
        self._came_from[noted] = (before, name, depth)
        self._waiting.append(noted)
        if self._hunts and noted.state is GateState.ARMED and max(noted.diary.frame, noted.diary.asked) <= STEP:
            heapq.heappush(self._silent, (-noted.diary.link, -len(self._came_from), noted))
        self.result.depth = max(self.result.depth, depth)

    def _violated(self, judged: Property, before: Noted, happening: Happening) -> None:
        self.result.violations[judged.name] += 1
        if judged.name not in self.result.paths:
            self.result.sentences[judged.name] = judged.sentence
            self.result.paths[judged.name] = (*self._path(before), happening.name)

    def _path(self, noted: Noted | None) -> tuple[str, ...]:
        names: list[str] = []
        while noted is not None:
            noted, name, _ = self._came_from[noted]
            names.append(name)
        return tuple(reversed(names))


def after_event(step: Step) -> Diary:
    """Return what the diary says after an event: what was said, and what the gate openly made of it."""
    diary, gate = step.diary.with_(step.happening), step.gate
    if gate.state is GateState.ARMED is not step.state:
        return diary._replace(spoken=0, pilot=0, asked=0)
    trips = step.happening.kind is Kind.LOSS or (
        step.happening.kind is Kind.NEAR and step.before.mode is not Mode.CALIBRATION
    )
    if trips and step.state is GateState.ARMED:
        return diary._replace(demand=0)
    if gate.mode is not step.before.mode:
        demand = 0 if step.before.mode is Mode.AUTO else diary.demand
        return diary._replace(spoken=0, pilot=0, demand=demand)
    return diary


def after_decision(step: Step) -> Diary:
    """Return what the diary says after a decision: a lost link and a trip demand a stick at neutral."""
    was_armed = step.state is GateState.ARMED
    demands = was_armed and (step.lacks_link(step.before.mode) or step.gate.state is not GateState.ARMED)
    return step.diary._replace(asked=0, demand=0 if demands else step.diary.demand)
