"""Every path of the model of the processes: no single fault leaves a wheel turning for more than 500 ms."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field

from tests.explore.processes_model import HARMLESS, NEVER, RUNNING, TICK, Figures, Life, Model, State


@dataclass
class Found:
    """What was found with so many faults at most.

    ``turning`` has the shortest path to each set of faults that leaves a wheel turning for longer than is promised,
    ``longest_ms`` for how long it does, and ``apart_ms`` how far apart two faults may be to do it. ``needless`` are
    drives that end for no fault that should end one, ``early`` those that begin before everybody is there.
    """

    states: int = 0
    transitions: int = 0
    seconds: float = 0.0
    worst_ms: int = 0
    turning: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    longest_ms: dict[tuple[str, ...], int] = field(default_factory=dict)
    apart_ms: dict[tuple[str, ...], int] = field(default_factory=dict)
    needless: dict[tuple[str, ...], tuple[str, ...]] = field(default_factory=dict)
    early: list[tuple[str, ...]] = field(default_factory=list)


class ProcessSearch:
    """Visits every state of a model with ``budget`` faults at most, breadth first."""

    def __init__(self, figures: Figures, budget: int, start: State | None = None) -> None:
        start = start or State()
        self._model = Model(figures)
        self._promised_ms = figures.promised
        self._budget = budget
        self._came_from: dict[State, tuple[State | None, str]] = {start: (None, "the car is started")}
        self._waiting = deque(self._came_from)
        self.found = Found()

    def run(self) -> Found:
        """Search until nothing new is found."""
        started_s = time.process_time()
        while self._waiting:
            self._visit(self._waiting.popleft())
        self.found.states = len(self._came_from)
        self.found.seconds = time.process_time() - started_s
        return self.found

    def _visit(self, state: State) -> None:
        for name, after in self._model.acts(state, self._budget):
            self._arrive(state, name, after)
        for after in self._model.after_tick(state):
            self._arrive(state, f"{TICK} ms pass", after)

    def _arrive(self, before: State, name: str, after: State) -> None:
        self.found.transitions += 1
        if after in self._came_from:
            return
        self._came_from[after] = (before, name)
        self._judge(before, after)
        # A wheel that has turned for so long turns for good.
        if not (self._turns_for(after, TICK * (NEVER - 1)) or self._model.is_over(after)):
            self._waiting.append(after)

    def _judge(self, before: State, after: State) -> None:
        faults = tuple(name for name, _ in after.faults)
        if after.moving:
            self.found.worst_ms = max(self.found.worst_ms, after.longest_fault())
        if self._turns_for(after, self._promised_ms):
            self._note_turning(after, faults)
        if before.armed and not after.armed and set(faults) <= set(HARMLESS):
            self.found.needless.setdefault(faults, self._path(after))
        if after.moving and Life.ABSENT in (after.guard, after.carrier):
            self.found.early.append(self._path(after))

    def _turns_for(self, state: State, time_ms: int) -> bool:
        return state.moving and state.longest_fault() > time_ms

    def _note_turning(self, state: State, faults: tuple[str, ...]) -> None:
        found = self.found
        found.turning.setdefault(faults, self._path(state))
        found.longest_ms[faults] = max(state.longest_fault(), found.longest_ms.get(faults, 0))
        first, second = state.faults[0][1], state.faults[-1][1]
        if min(first, second) >= 0:
            found.apart_ms[faults] = max(TICK * (first - second), found.apart_ms.get(faults, 0))

    def _path(self, state: State | None) -> tuple[str, ...]:
        names: list[str] = []
        while state is not None:
            state, name = self._came_from[state]
            names.append(name)
        return tuple(reversed(names))


def explore(figures: Figures | None = None) -> bool:
    """Explore single faults and double ones, print what was found, and tell whether no single one is too much."""
    figures = figures or Figures()
    print(f"Drive process, guard and STOP's process, a model in steps of {TICK} ms: {figures}")
    single = ProcessSearch(figures, 1).run()
    double = ProcessSearch(figures, 2, RUNNING).run()
    for words, found in (("one fault, from the start on", single), ("two faults, of a car that drives", double)):
        print(f"  {words}: {found.states:,} states, {found.transitions:,} transitions, {found.seconds:.0f} CPU-s")
    print(f"  after one fault no wheel turns for more than {single.worst_ms} ms; promised are {figures.promised} ms")
    problems = violations(single)
    print("\n".join(f"  VIOLATED: {problem}" for problem in problems) or "  no violation")
    print(f"  The {len(double.turning)} double faults that leave a wheel turning for longer than that:")
    print("\n".join(f"    {sentence}" for sentence in double_faults(double)))
    return not problems


def double_faults(double: Found) -> list[str]:
    """Return a sentence for each double fault that leaves a wheel turning."""
    sentences = []
    for faults in sorted(double.turning):
        apart_ms, longest_ms = double.apart_ms.get(faults), double.longest_ms[faults]
        within = f"within {apart_ms} ms of it" if apart_ms is not None else "for a while, soon after it"
        how_long = "for good" if longest_ms >= TICK * NEVER else f"for {longest_ms} ms"
        sentences.append(f"{faults[0]}, and {within} {faults[-1]}: {how_long}")
    return sentences


def violations(single: Found) -> list[str]:
    """Return a sentence, with the path, for each promise that one fault breaks."""
    found = [f"the car moves before everybody is up: {_in_words(path)}" for path in single.early[:1]]
    for faults, path in single.needless.items():
        found.append(f"{' and '.join(faults) or 'nothing'} ends a drive: {_in_words(path)}")
    for faults, path in single.turning.items():
        found.append(f"wheels turn on after {' and '.join(faults)}: {_in_words(path)}")
    return found


def _in_words(path: tuple[str, ...]) -> str:
    """Return the path with the waiting in between added up."""
    words: list[str] = []
    waited_ms = 0
    for name in path:
        if name == f"{TICK} ms pass":
            waited_ms += TICK
            continue
        words += [f"{waited_ms} ms", name] if waited_ms else [name]
        waited_ms = 0
    return ", ".join([*words, f"{waited_ms} ms"] if waited_ms else words)
