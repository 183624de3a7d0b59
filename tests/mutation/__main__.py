"""``python -m tests.mutation [MODULE]``: is every small way to break a module noticed by its tests?

Without a name it is the gate, whose every branch has to be tested too; the others (``modules.py``) are run by hand.
Fails when a branch of the gate is not covered, when a mutant survives that the module's list of survivors does not
have, when a listed one no longer does, and when too few are killed. For Linux and macOS: each mutant has a forked
process of its own.
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import hypothesis
import hypothesis.stateful
import pytest

import hardware.drivetrain  # noqa: F401 - the tests' own commands must be of the class that a mutant's are of
from tests.mutation.at_work import KILLED, SURVIVED, install, lay_over, run_all
from tests.mutation.modules import GATE, MODULES, ROOT, Module
from tests.mutation.mutants import Mutant, mutants

OPTIONS = [
    "-x",
    "-q",
    "--assert=plain",
    "--tb=no",
    "-pno:cacheprovider",
    "-pno:anyio",
    "-pno:schemathesis",
    "-pno:xdist",
]
"""The least that tells whether a test fails. Plugins left out here would be imported anew for each mutant."""


def main(arguments: list[str]) -> int:
    """Mutate the module that is named, and return the exit code."""
    if len(arguments) > 1 or not set(arguments) <= set(MODULES):
        print(f"Usage: python -m tests.mutation [{' | '.join(MODULES)}]")
        return 2
    os.chdir(ROOT)
    module = MODULES[arguments[0]] if arguments else GATE
    if module is GATE and not is_covered():
        print("Not every branch of the gate is tested.")
        return 1
    return mutate(module)


def mutate(module: Module) -> int:
    """Try every mutant of ``module``, print what was found, and return the exit code."""
    started_s = time.monotonic()
    source = module.path.read_text("utf-8")
    trial = partial(survives, module=module)
    if not list(run_all([Mutant(f"{module.name} as it is", lambda: ast.parse(source))], trial, module.timeout_s)):
        print(f"The tests fail on {module.name} as it is when they are run the way the mutants are.")
        return 1
    found = mutants(source)
    survivors = set(run_all(found, trial, module.timeout_s))
    killed = 1 - len(survivors) / len(found)
    print(f"{len(found)} mutants, {killed:.1%} killed, in {time.monotonic() - started_s:.0f} s")
    return verdict(module, survivors, killed)


def verdict(module: Module, survivors: set[str], killed: float) -> int:
    """Print what is wrong and return 1, or 0 when nothing is."""
    listed, name = module.listed_survivors(), module.survivors.name
    problems = [f"survived, and is not in {name}: {mutant}" for mutant in sorted(survivors - listed)]
    problems += [f"is in {name}, but did not survive: {mutant}" for mutant in sorted(listed - survivors)]
    if killed < module.least_killed:
        problems.append(f"fewer than {module.least_killed:.0%} were killed")
    print("\n".join(problems) or f"The {len(survivors)} survivors are listed, each with the reason why it is no loss.")
    return 1 if problems else 0


def is_covered() -> bool:
    """Run the gate's tests and tell whether they pass and go through every branch."""
    coverage = [sys.executable, "-m", "coverage"]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "COVERAGE_FILE": str(Path(folder) / "gate")}
        run = [*coverage, "run", "--branch", "--include", "car/gate.py", "-m", "pytest", "-q", *GATE.tests]
        report = [*coverage, "report", "--show-missing", "--fail-under=100"]
        return all(subprocess.run(command, env=environment, check=False).returncode == 0 for command in (run, report))


def survives(mutant: Mutant, module: Module) -> int:
    """Put ``mutant`` in the module's place and run the tests, the same examples each time and without much ado."""
    quiet = os.open(os.devnull, os.O_WRONLY)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    install(mutant, module)
    phases = [hypothesis.Phase.explicit, hypothesis.Phase.generate]
    hypothesis.settings.register_profile("mutation", derandomize=True, database=None, deadline=None, phases=phases)
    hypothesis.settings.load_profile("mutation")
    with tempfile.TemporaryDirectory() as folder:
        # Where the tests start programs, those are broken in the same way.
        lay_over(Path(folder) / "project", module, ast.unparse(mutant.make()))
        os.environ["PYTHONPATH"] = str(Path(folder) / "project")
        os.chdir(Path(folder) / "project")
        tests = [str(ROOT / test) for test in module.tests]
        # One that hangs is ended by its alarm, which pytest-timeout would take for itself.
        arguments = [*OPTIONS, "-o", "timeout=0", *tests]
        return SURVIVED if pytest.main(arguments) == pytest.ExitCode.OK else KILLED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
