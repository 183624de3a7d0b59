"""The processes that the drive process keeps: the controls and the desk."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from pathlib import Path

from car.config.folder import CarFolder
from car.kinds.pilot import Pilot
from car.link.car_link import CarLink
from car.link.driver_slot import SlotReader
from car.processes.controls import ControlsJob, run_controls
from car.processes.desk import DESK_NICENESS, DeskJob, run_desk
from car.processes.keeper import ProcessKeeper, start_process
from hardware.health import ROOT

CONTROLS_END_S = 4.0
"""The controls have nothing to write when they end."""


def keeping_desk(
    link: CarLink,
    folder: CarFolder,
    pilot: Pilot,
    *,
    records: bool,
    system_root: Path = ROOT,
    run: Callable[[CarLink, DeskJob], None] = run_desk,
) -> ProcessKeeper:
    """Return what keeps a desk; ``pilot`` is the one that drives, whose name each new desk is told."""

    def start() -> SpawnProcess:
        job = DeskJob(folder, records, pilot.name, system_root)
        return start_process("desk", run, link, job, niceness=DESK_NICENESS)

    return ProcessKeeper(
        "desk",
        start,
        finish=lambda: _finish(link),
        has_started=lambda: bool(link.desk_started.value),
        is_over=lambda: bool(link.finished.value),
    )


def keeping_controls(
    link: CarLink,
    job: ControlsJob,
    driver: SlotReader,
    run: Callable[[CarLink, ControlsJob], None] = run_controls,
) -> ProcessKeeper:
    """Return what keeps the controls; ``driver`` is the drive loop's end of the slot into which they write."""

    def start() -> SpawnProcess:
        return start_process("controls", run, link, job)

    def tidy() -> None:
        # Those that died may have been writing, and their driver is gone.
        link.controls_ready.value = False
        link.beats.clear()
        driver.put_in_order()

    return ProcessKeeper(
        "controls",
        start,
        finish=lambda: _finish(link),
        tidy=tidy,
        has_started=lambda: bool(link.controls_ready.value),
        is_over=lambda: bool(link.finished.value),
        end_timeout_s=CONTROLS_END_S,
    )


def _finish(link: CarLink) -> None:
    link.finished.value = True
