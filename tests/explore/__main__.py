"""``python -m tests.explore``: visit every state of the gate, and every fault of the processes; 1 on any violation.

``--properties`` lists what is judged; ``--mutants`` tells which share of the gate's mutants the exploration finds by
itself (Linux, macOS; about half an hour).
"""

from __future__ import annotations

import multiprocessing
import sys
import time
from functools import partial


def main(arguments: list[str]) -> int:
    """Explore, and return the exit code."""
    match arguments:
        case []:
            return explore()
        case ["--properties"]:
            from tests.explore.report import properties

            print(properties())
            return 0
        case ["--mutants", *names]:
            # Whatever imports the gate comes later, in a process of each mutant's own.
            from tests.explore.mutants import measure

            return measure(names)
    print("Usage: python -m tests.explore [--properties | --mutants [PART OF A NAME ...]]")
    return 2


def explore(limit_s: float | None = None) -> int:
    """Explore the gate with and without ``headless``, a process each, and then the processes around it.

    With ``limit_s`` each gate is explored for so many CPU-seconds at most, and nothing else is: that is not enough to
    be good.
    """
    from tests.explore import processes, report

    started_s = time.monotonic()
    print("Exploring every state of car/gate.py in steps of 50 ms ...", flush=True)
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        results = pool.map(partial(report.searched, limit_s=limit_s), [True, False])
    for result in results:
        print(report.summary(result))
    print(report.ABSTRACTED)
    is_good = all(report.is_good(result) for result in results)
    if limit_s is None:
        is_good &= processes.explore()
    cpu_s = sum(result.seconds for result in results)
    print(f"All took {time.monotonic() - started_s:.0f} s, {cpu_s:.0f} CPU-s for the gate.")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
