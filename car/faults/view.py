"""What is printed of faults and of how they were tried."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from car.faults.menu import LINK_WORST_MS, InjectedFault, TrialClock
from car.faults.real import MARGIN_MS
from car.faults.trials import FaultTrial
from car.terminal.console import console


def show_faults(faults: Sequence[InjectedFault]) -> None:
    """Print what can be broken and what is promised then."""
    table = Table("fault", "what happens", "promised")
    for fault in faults:
        table.add_row(fault.name, fault.what, fault.promise)
    console.print(table)


def show_trials(trials: Sequence[FaultTrial]) -> None:
    """Print for each fault what was promised, what was measured on each clock, and whether the promise was held."""
    table = Table("fault", "what happens", "promised", *(f"{clock} clock" for clock in TrialClock), "")
    for trial in trials:
        measured = [str(trial.outcomes.get(clock, "")) for clock in TrialClock]
        verdict = Text("held", style="green") if trial.held else Text("not held", style="bold red")
        table.add_row(trial.fault.name, trial.fault.what, trial.fault.promise, *measured, verdict)
    console.print(table)
    console.print(f"{sum(trial.held for trial in trials)} of {len(trials)} promises held")
    if any(TrialClock.REAL in trial.outcomes for trial in trials):
        console.print(
            f"In real processes a promise may be {MARGIN_MS:g} ms late, because this machine has other things to do, "
            f"and a lost link may take {LINK_WORST_MS} ms.",
            soft_wrap=True,
        )
