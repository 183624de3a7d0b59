"""Which of the gate's mutants does the exploration find by itself? One is found by a violated property or an exception.

Each mutant has a forked process of its own, in which it takes the gate's place before anything imports it. The search
hunts: it ends with the first violation, and after ``LIMIT_S`` without one.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Sequence

from tests.mutation.at_work import KILLED, SURVIVED, install, run_all
from tests.mutation.modules import GATE
from tests.mutation.mutants import Mutant, mutants

LIMIT_S = 15.0
"""How many CPU-seconds each of the two searches has; nearly all that find something take less than one."""
TIMEOUT_S = 1800
LEAST_FOUND = 0.98
EQUIVALENT = {
    "module: 2 -> 3": "any time that is long past will do",
    "module: 62 -> 63": "any time that is long past will do",
    "module: 62 -> 61": "any time that is long past will do",
    "Gate.__init__: NEUTRAL -> Command(0.01, 0.01)": "nobody looks at a command as old as that",
    "Gate._come_to: NEUTRAL -> Command(0.01, 0.01)": "nobody looks at a command as old as that",
    "Gate._lose_driver: NEUTRAL -> Command(0.01, 0.01)": "nobody looks at a command as old as that",
    "Gate._lose_driver: 1 -> 2": "too old by two nanoseconds is as gone as by one",
    "Gate.__init__: self._pilot_ns = _NEVER_NS -> pass": "entering a mode writes it before it is read",
    "Gate.__init__: self._output = NEUTRAL -> pass": "arming writes it before it is read",
    "Gate.__init__: NEUTRAL -> Command(0.01, 0.01) #2": "arming writes it before it is read",
    "Gate.__init__: self._output_ns = 0 -> pass": "arming writes it before it is read",
    "Gate.__init__: 0 -> 1 #2": "arming writes it before it is read",
    "Gate.__init__: 0 -> -1 #2": "arming writes it before it is read",
}
"""What no test can find, and why: it behaves as the gate does."""


def measure(parts: Sequence[str]) -> int:
    """Explore every mutant whose name has one of ``parts`` in it, or every one; return the exit code."""
    started_s = time.monotonic()
    tried = [m for m in mutants(GATE.path.read_text("utf-8")) if not parts or any(part in m.name for part in parts)]
    missed = set(run_all(tried, explored, TIMEOUT_S))
    real = [mutant for mutant in tried if mutant.name not in EQUIVALENT]
    missed_real = sorted(mutant.name for mutant in real if mutant.name in missed)
    share = 1 - len(missed_real) / max(len(real), 1)
    print(f"{len(tried)} mutants, {len(tried) - len(real)} of them equivalent, in {time.monotonic() - started_s:.0f} s")
    print(f"Exploration alone finds {len(tried) - len(missed)}: {share:.1%} of those that can be found,")
    print(f"{1 - len(missed) / max(len(tried), 1):.1%} of all.")
    for name in missed_real:
        print(f"missed: {name}")
    for mutant in tried:
        if mutant.name in EQUIVALENT and mutant.name not in missed:
            print(f"not equivalent after all, for it was found: {mutant.name}")
    return 0 if share >= LEAST_FOUND else 1


def explored(mutant: Mutant) -> int:
    """Put ``mutant`` in the gate's place and explore it; tell whether it survived."""
    install(mutant, GATE)
    return KILLED if violation(LIMIT_S) else SURVIVED


def violation(limit_s: float) -> str:
    """Explore whatever gate is in place, and return the first violation, or nothing."""
    from tests.explore.search import Search

    gc.disable()
    for headless in (False, True):
        result = Search(headless=headless, first_only=True, hunts=True, limit_s=limit_s).run()
        if result.violations:
            name = next(iter(result.violations))
            return f"{name}: {' / '.join(result.paths[name])}"
    return ""
