"""The drive process: capture thread and drive loop, and nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
from collections.abc import Iterator
from functools import partial

from car.arming import arming_problems
from car.assembly.devices import Devices, neutral_outputs
from car.calibration import CalibrationSwitch, CurrentCalibration
from car.config.folder import CarFolder
from car.drive_loop import AutoStart, DriveLoop, Driver
from car.gate import Checks, Event, Fault, Gate, Mode
from car.link.desk_link import DeskLink
from car.link.driver_slot import SlotDriver
from car.link.pilot_switch import exchanging
from car.link.publisher import Publisher
from car.pilots.loading import load_pilot, warm_up
from car.pilots.swappable import SwappablePilot
from car.processes.capture import capturing
from car.processes.desk import DeskJob
from car.processes.desk_keeper import DeskKeeper, DeskReport, keeping_desk
from car.processes.notify import ServiceNotifier
from car.processes.priority import ahead_of_all
from car.processes.signals import EndSignal, end_signals
from car.processes.summary import DriveOptions, DriveSummary, DriveWatch
from car.processes.watchdog import GuardPipe, guarded, watching
from hardware.clock import SystemClock
from hardware.health import read_health


def drive(options: DriveOptions) -> DriveSummary:
    """Drive until the laps are done, the driver quits, a headless drive trips or may not begin, or a signal comes.

    The wheels are neutral before anything else is put away. Raises HardwareError, and whatever the pilot raises.
    """
    warm_up(options.pilot, options.config.camera.geometry)
    link = DeskLink(multiprocessing.get_context("spawn"), options.config)
    job = DeskJob(options.folder, options.records, options.pilot.name, options.system_root)
    driver, pilot = SlotDriver(link.slot), SwappablePilot(options.pilot)
    with end_signals() as ending, keeping_desk(link, job, driver, pilot) as desk:
        return _drive(options, link, driver, pilot, desk, ending)


def _drive(
    options: DriveOptions,
    link: DeskLink,
    driver: SlotDriver,
    pilot: SwappablePilot,
    desk: DeskKeeper,
    ending: EndSignal,
) -> DriveSummary:
    clock = SystemClock()
    mode = Mode.AUTO if options.headless else Mode.MANUAL
    gate = Gate(options.config.gate.limits, mode, headless=options.headless)
    gate.handle(Checks(arming_problems(options.config, read_health(options.system_root))), clock.now_ns())
    with contextlib.ExitStack() as stack:
        stack.enter_context(ahead_of_all())
        guard = stack.enter_context(guarded(neutral_outputs(options.config)))
        devices = stack.enter_context(contextlib.closing(options.open_devices(options.config, clock)))
        settle_memory()
        desk.wait_until_ready(lambda: ending.came)
        latest = stack.enter_context(capturing(devices.camera))
        stack.enter_context(exchanging(link.pilots, pilot, partial(load_pilot, options.config.camera.geometry)))
        # The last to begin and the first to end: threads that take their time to end are no stall, and nothing moves.
        watchdog = stack.enter_context(watching(devices.drivetrain, clock, guard, driver.stop_waits))
        service = ServiceNotifier(clock)
        stack.callback(service.stopping)
        watch = DriveWatch(options, driver, ending, watchdog, service, guard)
        at_controls = AutoStart(gate, driver) if options.headless else DeskReport(driver, desk)
        loop = DriveLoop(
            latest,
            pilot,
            gate,
            devices.drivetrain,
            clock,
            driver=GuardReport(_with_calibration(at_controls, gate, devices, options.folder), guard),
            observer=Publisher(link.ring, clock),
            motion=devices.motion,
            lap_count=devices.lap_count,
        )
        service.ready()
        loop.run(watch.should_end)
        neutral_ns = clock.now_ns()
    outcome, exit_code = watch.outcome(neutral_ns)
    return DriveSummary(
        outcome,
        exit_code,
        watch.statistics,
        watch.last,
        latest.dropped,
        gate.refused,
        devices.camera.restarts,
        desk.deaths,
    )


def _with_calibration(driver: Driver, gate: Gate, devices: Devices, folder: CarFolder) -> Driver:
    """Return the driver, who may try out pulses if the drivetrain has some."""
    if devices.calibrate is None:
        return driver
    current = CurrentCalibration(folder.config_path, folder.config.calibration)
    return CalibrationSwitch(driver, gate, current, devices.calibrate)


class GuardReport:
    """Tells the gate when the guard is gone: without it, nothing would stop a car whose program is killed."""

    def __init__(self, driver: Driver, guard: GuardPipe) -> None:
        self._driver = driver
        self._guard = guard

    def events(self, now_ns: int) -> Iterator[Event]:
        """Yield the driver's events, and a fault after them if there is no guard any more."""
        yield from self._driver.events(now_ns)
        if self._guard.is_gone:
            yield Fault()


def settle_memory() -> None:
    """Give back what only the start needed, and spare the collector from looking at what stays."""
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        # glibc alone keeps freed memory for itself, 70 MB of it after a simulated world was drawn.
        ctypes.CDLL(None).malloc_trim(0)
