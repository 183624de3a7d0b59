"""The exploration sees what is wrong with a gate, by the shortest way to it, and a sound gate is left alone."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace

import pytest

from tests.explore import processes
from tests.explore.processes_model import RUNNING, Figures
from tests.explore.report import ABSTRACTED, is_good, properties, summary
from tests.explore.search import Search
from tests.mutation.modules import GATE, ROOT
from tests.mutation.mutants import mutants

SECONDS = 10.0
MUTANTS = (
    "Limits: 300 -> 301",
    "Gate._watch_stick: after_ns if self._driver.held else self._now_ns -> after_ns",
    "Gate._come_to: self._trip(TripReason.STALLED) -> pass",
)
"""A millisecond too much, a hold button that demands nothing, a loop that may stall."""
EXPLORE_ONE = """
import sys
from tests.explore.mutants import violation
from tests.mutation.at_work import install
from tests.mutation.modules import GATE
from tests.mutation.mutants import mutants
install(next(m for m in mutants(GATE.path.read_text("utf-8")) if m.name == sys.argv[1]), GATE)
print(violation(60.0))
"""


def test_the_shipped_gate_is_explored_for_a_while_without_a_violation() -> None:
    result = Search(headless=True, hunts=True, limit_s=SECONDS / 4).run()
    assert result.violations == {}
    assert result.states > 1000
    assert not result.closed
    assert not is_good(result)
    assert "NOT explored to its end" in summary(result)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_gate_fails_the_exploration(name: str) -> None:
    run = [sys.executable, "-c", EXPLORE_ONE, name]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    assert ": a new gate in " in done.stdout


def test_the_mutants_that_are_tried_here_are_there() -> None:
    names = {mutant.name for mutant in mutants(GATE.path.read_text("utf-8"))}
    assert set(MUTANTS) <= names
    assert ast.parse(GATE.path.read_text("utf-8"))


def test_an_exploration_that_does_not_come_to_its_end_is_a_failure_and_says_so() -> None:
    run = [sys.executable, "-c", "import sys; from tests.explore.__main__ import explore; sys.exit(explore(0.5))"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.count("NOT explored to its end") == 2


def test_what_is_judged_and_what_is_left_out_can_be_read() -> None:
    assert properties().count("\n- ") > 25
    assert "steps of 50 ms" in ABSTRACTED


def test_no_single_fault_of_the_processes_leaves_a_wheel_turning_for_longer_than_is_promised() -> None:
    found = processes.ProcessSearch(Figures(), 1).run()
    assert processes.violations(found) == []
    assert 200 < found.worst_ms <= Figures().promised


@pytest.mark.parametrize(
    ("slow", "fault"),
    [
        (replace(Figures(), guard_timeout=600), "the drive process freezes"),
        (replace(Figures(), guard_lost=600), "the guard dies"),
        (replace(Figures(), carrier_lost=600), "STOP's process freezes"),
        (replace(Figures(), stall=600, gate_stall=900), "the loop hangs"),
        (replace(Figures(), stall=400, write_timeout=200), "a write to the wheels hangs"),
    ],
)
def test_a_figure_that_is_too_large_is_seen_with_the_fault_that_shows_it(slow: Figures, fault: str) -> None:
    found = processes.ProcessSearch(slow, 1, RUNNING).run()
    assert fault in {name for faults in found.turning for name in faults}
    assert any(fault in sentence for sentence in processes.violations(found))


def test_a_patience_shorter_than_two_beats_ends_drives_for_nothing() -> None:
    found = processes.ProcessSearch(replace(Figures(), carrier_lost=20), 1, RUNNING).run()
    assert ("a beat is lost: STOP to drive",) in found.needless
    assert ("the recorder dies",) not in processes.ProcessSearch(Figures(), 1, RUNNING).run().needless
