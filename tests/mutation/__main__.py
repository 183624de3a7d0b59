"""``python -m tests.mutation``: is every branch of the gate tested, and every small way to break it noticed?

Fails when a branch is not covered, when a mutant survives that ``survivors.txt`` does not list, when a listed one no
longer does, and when fewer than 95 % are killed. For Linux and macOS: each mutant has a forked process of its own.
"""

from __future__ import annotations

import ast
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
import types
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import hypothesis.stateful
import pytest

import car
import hardware.drivetrain  # noqa: F401 - likewise
from tests.mutation.mutants import Mutant, mutants

ROOT = Path(__file__).parents[2]
GATE = ROOT / "car" / "gate.py"
SURVIVORS = Path(__file__).with_name("survivors.txt")
TESTS = [
    str(path) for path in sorted((ROOT / "tests/car").glob("test_gate*.py")) if "car.gate import" in path.read_text()
]
LEAST_KILLED = 0.95
TIMEOUT_S = 90
"""A mutant that is not through by then hangs, which is noticed well enough."""
OPTIONS = ["-x", "-q", "--assert=plain", "--tb=no", "-pno:cacheprovider", "-pno:anyio", "-pno:schemathesis"]
"""The least that tells whether a test fails. Plugins left out here would be imported anew for each mutant."""
SURVIVED, KILLED = 0, 1


def main() -> int:
    """Cover the gate, mutate it, and return the exit code."""
    os.chdir(ROOT)
    started_s = time.monotonic()
    if not is_covered():
        print("Not every branch of the gate is tested.")
        return 1
    source = GATE.read_text("utf-8")
    if not list(run_all([Mutant("the gate as it is", lambda: ast.parse(source))])):
        print("The gate's tests fail on the gate as it is when they are run the way the mutants are.")
        return 1
    found = mutants(source)
    survivors = set(run_all(found))
    killed = 1 - len(survivors) / len(found)
    print(f"{len(found)} mutants, {killed:.1%} killed, in {time.monotonic() - started_s:.0f} s")
    return verdict(survivors, killed)


def verdict(survivors: set[str], killed: float) -> int:
    """Print what is wrong and return 1, or 0 when nothing is."""
    listed = listed_survivors()
    problems = [f"survived, and is not in {SURVIVORS.name}: {name}" for name in sorted(survivors - listed)]
    problems += [f"is in {SURVIVORS.name}, but did not survive: {name}" for name in sorted(listed - survivors)]
    if killed < LEAST_KILLED:
        problems.append(f"fewer than {LEAST_KILLED:.0%} were killed")
    print("\n".join(problems) or f"The {len(survivors)} survivors are listed, each with the reason why it is no loss.")
    return 1 if problems else 0


def listed_survivors() -> set[str]:
    """Return the names in the list; its indented lines are the reasons."""
    lines = SURVIVORS.read_text("utf-8").splitlines()
    return {line for line in lines if line and not line.startswith((" ", "#"))}


def is_covered() -> bool:
    """Run the gate's tests and tell whether they pass and go through every branch."""
    coverage = [sys.executable, "-m", "coverage"]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "COVERAGE_FILE": str(Path(folder) / "gate")}
        run = [*coverage, "run", "--branch", "--include", "car/gate.py", "-m", "pytest", "-q", *TESTS]
        report = [*coverage, "report", "--show-missing", "--fail-under=100"]
        return all(subprocess.run(command, env=environment, check=False).returncode == 0 for command in (run, report))


def run_all(found: list[Mutant]) -> Iterator[str]:
    """Yield the names of those that survive, with as many at work at once as there are processors."""
    at_work: dict[int, Mutant] = {}
    waiting = list(reversed(found))
    while waiting or at_work:
        while waiting and len(at_work) < (os.cpu_count() or 1):
            mutant = waiting.pop()
            at_work[fork(mutant)] = mutant
        process, status = os.wait()
        mutant = at_work.pop(process)
        if os.waitstatus_to_exitcode(status) == SURVIVED:
            print(f"survived: {mutant.name}", flush=True)
            yield mutant.name


def fork(mutant: Mutant) -> int:
    """Run the tests on ``mutant`` in a new process; return its id."""
    process = os.fork()
    if process == 0:
        outcome = KILLED
        with contextlib.suppress(BaseException):
            signal.alarm(TIMEOUT_S)
            outcome = survives(mutant)
        os._exit(outcome)
    return process


def survives(mutant: Mutant) -> int:
    """Put ``mutant`` in the gate's place and run the tests, the same examples each time and without much ado."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    module = types.ModuleType("car.gate")
    sys.modules["car.gate"] = car.gate = module  # type: ignore[attr-defined]
    exec(compile(mutant.make(), str(GATE), "exec"), module.__dict__)  # noqa: S102 - that is what mutants are for
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile("mutation", derandomize=True, database=None, deadline=None, phases=phases)
    hypothesis.settings.load_profile("mutation")
    passed = pytest.main([*OPTIONS, *TESTS]) == pytest.ExitCode.OK
    return SURVIVED if passed else KILLED


if __name__ == "__main__":
    sys.exit(main())
