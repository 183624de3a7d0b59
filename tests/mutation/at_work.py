"""Mutants at work: each in a forked process of its own, as many at a time as there are processors."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.mutation.modules import ROOT, Module
from tests.mutation.mutants import Mutant

SURVIVED, KILLED = 0, 1


def run_all(found: list[Mutant], trial: Callable[[Mutant], int], timeout_s: int) -> Iterator[str]:
    """Yield the names of those that survive ``trial``; what is not through by then hangs, which is noticed as well."""
    at_work: dict[int, Mutant] = {}
    waiting = list(reversed(found))
    while waiting or at_work:
        while waiting and len(at_work) < (os.cpu_count() or 1):
            mutant = waiting.pop()
            at_work[fork(mutant, trial, timeout_s)] = mutant
        process, status = os.wait()
        mutant = at_work.pop(process)
        if os.waitstatus_to_exitcode(status) == SURVIVED:
            print(f"survived: {mutant.name}", flush=True)
            yield mutant.name


def fork(mutant: Mutant, trial: Callable[[Mutant], int], timeout_s: int) -> int:
    """Try ``mutant`` in a new process; return its id."""
    process = os.fork()
    if process == 0:
        outcome = KILLED
        with contextlib.suppress(BaseException):
            signal.alarm(timeout_s)
            outcome = trial(mutant)
        os._exit(outcome)
    return process


def install(mutant: Mutant, module: Module) -> None:
    """Put ``mutant`` in the module's place, for all that is imported from here on."""
    parent, _, short = module.name.rpartition(".")
    broken = types.ModuleType(module.name)
    broken.__file__ = str(module.path)
    broken.__package__ = parent
    sys.modules[module.name] = broken
    setattr(importlib.import_module(parent), short, broken)
    exec(compile(mutant.make(), str(module.path), "exec"), broken.__dict__)  # noqa: S102 - that is what mutants are for


def lay_over(folder: Path, module: Module, source: str) -> None:
    """Make of ``folder`` the project with ``source`` in the module's place; everything else are links."""
    here, there = ROOT, folder
    for name in module.path.relative_to(ROOT).parts:
        there.mkdir(exist_ok=True)
        for sibling in here.iterdir():
            if sibling.name not in (name, "__pycache__") and not sibling.name.startswith("."):
                (there / sibling.name).symlink_to(sibling)
        here, there = here / name, there / name
    there.write_text(source, "utf-8")
