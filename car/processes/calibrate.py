"""``car calibrate``: the drive process without a camera or a pilot, and controls that are the terminal's keys.

The outputs belong to a gate, a watchdog and a guard, as when the car drives: whatever breaks leaves neutral.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
from multiprocessing.context import SpawnProcess
from pathlib import Path

from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from car.arming import arming_problems
from car.assembly.devices import neutral_outputs, open_wheels
from car.assembly.ownership import owning
from car.calibration import CalibrationSwitch, CurrentCalibration, calibration_fields, save_calibration
from car.config.folder import CarFolder
from car.drive_loop import DriveLoop
from car.drive_record import DriveRecord
from car.errors import ConfigError
from car.gate import Checks, Gate, GateState, Mode
from car.kinds.ours import DRIVETRAINS
from car.link.car_link import CarLink
from car.link.driver_slot import SlotReader, SlotWriter
from car.link.publisher import Publisher
from car.link.ring import RingReader
from car.processes.calibration_keys import KEYS, CalibrationKeys, gate_words, split_keys
from car.processes.controls import SAMPLE_PERIOD_S
from car.processes.drive import watch_safeguards
from car.processes.keeper import running, start_process
from car.processes.priority import ahead_of_all, go_behind_the_loop
from car.processes.safeguards import ALL_SAFEGUARDS
from car.processes.service import become_child, is_over
from car.processes.signals import EndSignal, end_signals
from car.processes.summary import GUARD_LOST
from car.processes.watchdog import GuardPipe, Watchdog, guarded, watching
from car.terminal.console import open_console
from car.terminal.keyboard import open_keyboard
from hardware.camera import Frame
from hardware.clock import NS_PER_MS, Clock, SystemClock
from hardware.health import ROOT, read_health

CONTROLS_LOST = "The process with the keys ended too early. The wheels are neutral. Start the calibration again."


def calibrate(folder: CarFolder, system_root: Path = ROOT) -> tuple[str, int]:
    """Let a person at the terminal calibrate the car; return how it ended, in words and as an exit code.

    Raises ConfigError on a car that has nothing to calibrate, CarInUse when another program has the car, HardwareError
    when its drivetrain is not there.
    """
    _has_something_to_calibrate(folder)
    with owning(folder.path, neutral_outputs(folder.config), "car calibrate"):
        return _calibrate_own(folder, system_root)


def _calibrate_own(folder: CarFolder, system_root: Path) -> tuple[str, int]:
    link = CarLink(multiprocessing.get_context("spawn"), folder.config)
    start = functools.partial(start_process, "controls", run_calibration_controls, link, folder)
    with end_signals() as ending, running("controls", link, start) as controls:
        return _calibrate(folder, link, controls, ending, system_root)


def _has_something_to_calibrate(folder: CarFolder) -> None:
    kind = DRIVETRAINS.find(folder.config.drivetrain.kind)
    if kind.is_simulated:
        raise ConfigError(
            f"The wheels of {folder.config_path} are simulated, and need no calibration. "
            "Set [drivetrain] to the kind that the car has."
        )
    if not calibration_fields(folder.config):
        raise ConfigError(f"A {kind.name} drivetrain has nothing to calibrate. Drive as it is, with `car drive`.")


def _calibrate(
    folder: CarFolder, link: CarLink, controls: SpawnProcess, ending: EndSignal, system_root: Path
) -> tuple[str, int]:
    clock, config = SystemClock(), folder.config
    gate = Gate(config.gate.limits, Mode.CALIBRATION, awaits=ALL_SAFEGUARDS)
    gate.handle(Checks(arming_problems(config, read_health(system_root))), clock.now_ns())
    driver = SlotReader(link.slot)
    with contextlib.ExitStack() as stack:
        stack.enter_context(ahead_of_all())
        guard = stack.enter_context(guarded(neutral_outputs(config), clock))
        wheels = open_wheels(config, clock)
        if wheels is None or wheels.calibrate is None:
            raise ConfigError(f"The wheels of {folder.config_path} cannot be calibrated. Use their own tools.")
        stack.enter_context(wheels.drivetrain)
        guard.wait_until_ready()
        watchdog = stack.enter_context(watching(wheels.drivetrain, clock, guard, driver.stop_waits))
        current = CurrentCalibration(folder.config_path, config.calibration)
        loop = DriveLoop(
            NoFrames(clock),
            None,
            gate,
            wheels.drivetrain,
            clock,
            sources=(watch_safeguards(link, guard), driver, CalibrationSwitch(gate, current, wheels.calibrate)),
            observer=Publisher(link.ring, clock),
        )
        loop.run(functools.partial(_should_end, watchdog, ending, driver, controls, guard))
        neutral_ns = clock.now_ns()
    if ending.came:
        return ending.outcome(neutral_ns)
    if guard.is_gone:
        return GUARD_LOST, 1
    return ("The wheels are neutral.", 0) if driver.wants_to_quit else (CONTROLS_LOST, 1)


def _should_end(
    watchdog: Watchdog,
    ending: EndSignal,
    driver: SlotReader,
    controls: SpawnProcess,
    guard: GuardPipe,
    _record: DriveRecord,
) -> bool:
    watchdog.loop_came_round()
    return ending.came or driver.wants_to_quit or guard.is_gone or not controls.is_alive()


class NoFrames:
    """A source without frames, for a gate in a mode that needs none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def take(self, timeout_ms: float) -> Frame | None:
        """Return None after ``timeout_ms``."""
        self._clock.sleep_until_ns(self._clock.now_ns() + round(timeout_ms * NS_PER_MS))
        return None


def run_calibration_controls(link: CarLink, folder: CarFolder) -> None:
    """Pass on what the person at the keys tries, and show where it stands, until the drive process has finished.

    It all happens in one thread: a terminal that takes nothing more stops whatever is being tried.
    """
    ended = become_child("car-controls")
    clock, driver, console = SystemClock(), SlotWriter(link.slot), open_console()
    keys = CalibrationKeys(folder.config, driver, functools.partial(save_calibration, folder.config_path))
    cycles = RingReader(link.ring, with_frames=False)
    record: DriveRecord | None = None
    shown: object = None
    with open_keyboard() as keyboard, Live(console=console, auto_refresh=False, transient=True) as live:
        go_behind_the_loop()
        link.controls_ready.value = True
        while not ended.is_set() and not is_over(link):
            link.beats.beat("keys", clock.now_ns())
            for key in split_keys(keyboard.wait(SAMPLE_PERIOD_S)):
                keys.press(key, clock.now_ns())
            driver.sample(keys.command(clock.now_ns()), clock.now_ns())
            for cycle in cycles.read():
                record = cycle.record
            # Drawing takes longer than all the rest, and the next command has to wait for it.
            if (to_show := (keys.lines, keys.message, gate_words(record))) != shown:
                shown = to_show
                live.update(_panel(folder.config.car.name, keys, record), refresh=True)


def _panel(name: str, keys: CalibrationKeys, record: DriveRecord | None) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    for line in keys.lines:
        rows.add_row(
            "▸" if line.chosen else " ", Text(line.label, "bold" if line.chosen else ""), line.value, line.mark
        )
    is_ready = record is not None and record.gate_state is GateState.ARMED
    texts = [
        Text(gate_words(record), "green" if is_ready else "yellow"),
        Text(keys.message, "bold"),
        Text(keys.field.help, "italic"),
    ]
    return Panel(Group(*texts, rows, Text(KEYS, "dim")), title=Text(f"{name} · calibrate"), expand=False)
