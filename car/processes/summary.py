"""How a drive is meant to go, when it is over, and how it went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from car.arming import ADVICE
from car.assembly.devices import Devices, open_devices
from car.config.folder import CarFolder
from car.config.sections import CarConfig
from car.drive_record import DriveRecord
from car.gate import ArmRefusal, GateState
from car.kinds.pilot import Pilot
from car.link.car_link import CarLink
from car.link.driver_slot import SlotReader
from car.processes.controls import ControlsJob, run_controls
from car.processes.notify import ServiceNotifier
from car.processes.signals import EndSignal
from car.processes.watchdog import GuardPipe, Watchdog
from car.statistics import LoopStatistics
from hardware.clock import NS_PER_S, Clock
from hardware.health import ROOT

GUARD_LOST = "The guard is gone, and the car must not move without it. The wheels are neutral. Start the car again."

FIRST_RANGE_NS = 5 * NS_PER_S
"""So long a headless car waits for the first measurement of its range sensors, which begin with the program."""
WHAT_TO_DO = {
    **ADVICE,
    ArmRefusal.OBSTACLE: "Then start the car again.",
    ArmRefusal.NO_RANGE: "Look at its wires and at [obstacle] in car.toml, ask car doctor, and start the car again.",
}
"""What a person has to do before a headless car may begin; nobody may be there who would see it begin later."""


@dataclass(frozen=True, slots=True)
class DriveOptions:
    """How to drive: ``laps`` None means until told to end; ``records`` that a session is recorded from the start.

    ``system_root`` is the folder that the machine's own state is read from. ``open_devices`` opens the camera and the
    drivetrain; others than those that the configuration names may be driven with too. ``run_controls`` is what the
    controls process runs.
    """

    folder: CarFolder
    pilot: Pilot
    headless: bool
    laps: int | None
    records: bool
    system_root: Path = ROOT
    open_devices: Callable[[CarConfig, Clock], Devices] = open_devices
    run_controls: Callable[[CarLink, ControlsJob], None] = run_controls

    @property
    def config(self) -> CarConfig:
        """The car's configuration."""
        return self.folder.config


@dataclass(frozen=True, slots=True)
class DriveSummary:
    """How a drive ended and where its time went."""

    outcome: str
    exit_code: int
    statistics: LoopStatistics
    last: DriveRecord | None
    dropped: int
    refused: int
    camera_restarts: int
    controls_restarts: int
    desk_restarts: int


class DriveWatch:
    """Follows the drive, and says when it is over and why."""

    def __init__(
        self,
        options: DriveOptions,
        driver: SlotReader,
        ending: EndSignal,
        watchdog: Watchdog,
        service: ServiceNotifier,
        guard: GuardPipe,
    ) -> None:
        self._options = options
        self._driver = driver
        self._ending = ending
        self._watchdog = watchdog
        self._service = service
        self._guard = guard
        self.statistics = LoopStatistics()
        self.last: DriveRecord | None = None
        self._was_armed = False
        self._no_range_since_ns: int | None = None

    def should_end(self, record: DriveRecord) -> bool:
        """Take note of ``record`` and tell whether it is the last one; the loop asks after every cycle."""
        self._watchdog.loop_came_round()
        self._service.cycle_completed()
        self.statistics.add(record)
        self.last = record
        self._was_armed |= record.gate_state is GateState.ARMED
        if record.refusal is not ArmRefusal.NO_RANGE:
            self._no_range_since_ns = None
        elif self._no_range_since_ns is None:
            self._no_range_since_ns = record.captured_ns
        has_to = self._ending.came or self._driver.wants_to_quit or self._guard.is_gone
        return has_to or self._laps_done() or self._gave_up() or self._may_not_begin() is not None

    def outcome(self, neutral_ns: int) -> tuple[str, int]:
        """Return how the drive ended, with the wheels neutral at ``neutral_ns``, in words and as an exit code."""
        if self._ending.came:
            return self._ending.outcome(neutral_ns)
        if self._guard.is_gone:
            return GUARD_LOST, 1
        if self._gave_up() and self.last is not None:
            return f"The gate tripped: {self.last.trip}. The wheels are neutral.", 1
        if (problem := self._may_not_begin()) is not None:
            return f"The gate would not arm: {problem}. {WHAT_TO_DO[problem]}", 1
        return ("All laps driven." if self._laps_done() else "Ended by the driver.") + " The wheels are neutral.", 0

    def _laps_done(self) -> bool:
        laps, lap_count = self._options.laps, self.last.lap_count if self.last else None
        return laps is not None and lap_count is not None and lap_count.laps >= laps

    def _gave_up(self) -> bool:
        # Nobody is there to arm a headless car again, unless somebody sits at its page.
        last = self.last
        return (
            self._options.headless and last is not None and last.gate_state is GateState.TRIPPED and last.driver is None
        )

    def _may_not_begin(self) -> ArmRefusal | None:
        """Return what a headless car was refused for, if a person has to fix it; a frame may yet come."""
        last, since_ns = self.last, self._no_range_since_ns
        if not self._options.headless or self._was_armed or last is None or last.refusal not in WHAT_TO_DO:
            return None
        # It is refused for that with fresh frames alone, so that they tell how long it has been.
        may_yet_come = since_ns is not None and last.captured_ns - since_ns <= FIRST_RANGE_NS
        return None if may_yet_come else last.refusal
