"""Trying faults on the virtual clock and on the real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from car.config.sections import CarConfig
from car.errors import TrialError
from car.faults.menu import MENU, InjectedFault, TrialClock, fault_named
from car.faults.outcome import Outcome
from car.faults.real import is_supported, run_real
from car.faults.virtual import run_virtual
from car.pilots.choosing import open_chosen


@dataclass(frozen=True, slots=True)
class FaultTrial:
    """What came of one fault on each clock it was tried on, one at least."""

    fault: InjectedFault
    outcomes: dict[TrialClock, Outcome]

    @property
    def held(self) -> bool:
        """True when the promise was held on each of them."""
        return all(outcome.held for outcome in self.outcomes.values())


def clocks_named(name: str) -> Sequence[TrialClock]:
    """Return the clock of that name, or ``both``, of which this system may have one; raises TrialError for others."""
    if name == "both":
        return tuple(TrialClock) if is_supported() else (TrialClock.VIRTUAL,)
    if name not in tuple(TrialClock):
        raise TrialError(f"There is no clock {name}. Give --clock virtual, real or both.")
    if name == TrialClock.REAL and not is_supported():
        raise TrialError("Real processes can be broken on Linux only. Give --clock virtual.")
    return (TrialClock(name),)


def faults_named(name: str, clocks: Sequence[TrialClock]) -> Sequence[InjectedFault]:
    """Return the fault of that name, or ``all`` that can be tried on ``clocks``; raises TrialError for none."""
    if name == "all":
        return [fault for fault in MENU if clocks_of(fault, clocks)]
    fault = fault_named(name)
    if not clocks_of(fault, clocks):
        raise TrialError(f"{name} can be tried on the {fault.clocks[0]} clock only. Give --clock {fault.clocks[0]}.")
    return [fault]


def clocks_of(fault: InjectedFault, clocks: Sequence[TrialClock]) -> list[TrialClock]:
    """Return those of ``clocks`` on which ``fault`` can happen."""
    return [clock for clock in clocks if clock in fault.clocks]


def try_fault(fault: InjectedFault, clocks: Sequence[TrialClock], config: CarConfig) -> FaultTrial:
    """Try ``fault`` on each of ``clocks`` on which it can happen, with a simulated car like the one in ``config``.

    Its pilot is named so that it is found from any folder.
    """
    outcomes: dict[TrialClock, Outcome] = {}
    for clock in clocks_of(fault, clocks):
        if clock is TrialClock.REAL:
            outcomes[clock] = run_real(fault, config)
        else:
            with open_chosen(config.pilot, config.camera.geometry, Path()) as pilot:
                outcomes[clock] = run_virtual(fault, config, pilot)
    return FaultTrial(fault, outcomes)
