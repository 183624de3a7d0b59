"""The drive process: capture thread and drive loop, and nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
from collections.abc import Callable, Sequence
from functools import partial

from car.arming import arming_problems
from car.assembly.devices import Devices, neutral_outputs
from car.assembly.ownership import owning
from car.calibration import CalibrationSwitch, CurrentCalibration
from car.drive_loop import AutoStart, DriveLoop, EventSource
from car.gate import Checks, Gate, Limits, Mode, Safeguard
from car.link.car_link import CarLink
from car.link.driver_slot import SlotReader
from car.link.pilot_switch import activating
from car.link.publisher import Publisher
from car.pilots.active import ActivePilot
from car.pilots.loading import load_pilot, warm_up
from car.processes.capture import capturing
from car.processes.children import keeping_controls, keeping_desk
from car.processes.controls import ControlsJob
from car.processes.notify import ServiceNotifier
from car.processes.pilot_watch import PilotWatch
from car.processes.priority import ahead_of_all
from car.processes.safeguards import ALL_SAFEGUARDS, SafeguardWatch
from car.processes.scene_watch import SceneWatch
from car.processes.signals import EndSignal, end_signals
from car.processes.summary import DriveOptions, DriveSummary, DriveWatch
from car.processes.watchdog import GuardPipe, guarded, watching
from car.range_watch import RangeWatch, watch_range
from car.readings import Newest, polling
from car.speed.keeper import SpeedKeeper, keep_speed
from hardware.clock import Clock, SystemClock
from hardware.health import read_health
from hardware.sensor import Sensor


def drive(options: DriveOptions) -> DriveSummary:
    """Drive until the laps are done, the driver quits, a headless drive trips or may not begin, or a signal comes.

    The wheels are neutral before anything else is put away. Raises CarInUse when another program has the car,
    HardwareError, and whatever the pilot raises.
    """
    with owning(options.folder.path, neutral_outputs(options.config), "car drive"):
        return _drive_own(options)


def _drive_own(options: DriveOptions) -> DriveSummary:
    warm_up(options.pilot, options.config.camera.geometry)
    link = CarLink(multiprocessing.get_context("spawn"), options.config)
    pilot = ActivePilot(options.pilot)
    with end_signals() as ending:
        return _drive(options, link, pilot, ending)


def _drive(options: DriveOptions, link: CarLink, pilot: ActivePilot, ending: EndSignal) -> DriveSummary:
    clock, driver = SystemClock(), SlotReader(link.slot)
    mode = Mode.AUTO if options.headless else Mode.MANUAL
    gate = Gate(options.config.limits, mode, headless=options.headless, awaits=ALL_SAFEGUARDS)
    gate.handle(Checks(arming_problems(options.config, read_health(options.system_root))), clock.now_ns())
    with contextlib.ExitStack() as stack:
        # The threads that keep the others share Python's lock with the loop, and with it its priority.
        stack.enter_context(ahead_of_all())
        desk = stack.enter_context(
            keeping_desk(link, options.folder, pilot, records=options.records, system_root=options.system_root)
        )
        job = ControlsJob(options.folder, options.system_root)
        controls = stack.enter_context(keeping_controls(link, job, driver, options.run_controls))
        guard = stack.enter_context(guarded(neutral_outputs(options.config), clock))
        devices = stack.enter_context(contextlib.closing(options.open_devices(options.config, clock)))
        guard.wait_until_ready()
        settle_memory()
        latest = stack.enter_context(capturing(devices.camera))
        read = _polled(stack, clock)
        ahead = watch_range(options.config, devices.sensors, read)
        speed = keep_speed(options.config, devices.sensors, read, gate)
        stack.enter_context(activating(link.pilots, pilot, partial(load_pilot, options.config.camera.geometry)))
        # The last to begin and the first to end: threads that take their time to end are no stall, and nothing moves.
        watchdog = stack.enter_context(watching(devices.drivetrain, clock, guard, driver.stop_waits))
        service = ServiceNotifier(clock)
        stack.callback(service.stopping)
        watch = DriveWatch(options, driver, ending, watchdog, service, guard)
        loop = DriveLoop(
            latest,
            pilot,
            gate,
            devices.drivetrain,
            clock,
            sources=_sources(options, link, pilot, driver, gate, guard, devices, ahead, speed),
            observer=Publisher(link.ring, clock),
            motion=devices.motion if speed is None else speed.motion,
            lap_count=devices.lap_count,
            pose=devices.pose,
            ahead=None if ahead is None else ahead.ahead,
            governor=speed,
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
        controls.deaths,
        desk.deaths,
    )


def _polled(stack: contextlib.ExitStack, clock: Clock) -> Callable[[Sensor], Newest]:
    """Return what reads a sensor in a thread until ``stack`` ends: in one, however many want to know."""
    readers: dict[str, Newest] = {}

    def read(sensor: Sensor) -> Newest:
        if sensor.name not in readers:
            readers[sensor.name] = stack.enter_context(polling(sensor, clock))
        return readers[sensor.name]

    return read


def _sources(
    options: DriveOptions,
    link: CarLink,
    pilot: ActivePilot,
    driver: SlotReader,
    gate: Gate,
    guard: GuardPipe,
    devices: Devices,
    ahead: RangeWatch | None,
    speed: SpeedKeeper | None,
) -> Sequence[EventSource]:
    """Return what the loop asks, in this order; whatever is heard last has the last word."""
    sources: list[EventSource] = [watch_safeguards(link, guard), PilotWatch(pilot)]
    sources += [watch for watch in (ahead, speed) if watch is not None]
    if options.headless:
        sources.append(AutoStart(gate))
    sources.append(driver)
    if devices.calibrate is not None:
        current = CurrentCalibration(options.folder.config_path, options.config.calibration)
        sources.append(CalibrationSwitch(gate, current, devices.calibrate))
    if devices.enter_track is not None:
        sources.append(SceneWatch(link.scene, link.entered, devices.enter_track))
    return sources


def watch_safeguards(link: CarLink, guard: GuardPipe) -> SafeguardWatch:
    """Return the watch over the controls, which beat in shared memory, and the guard, which answers by its pipe."""
    silence_ns = Limits().safeguard_silence_ns

    def controls_answer(now_ns: int) -> bool:
        return link.controls_ready.value and link.beats.answer(now_ns, silence_ns)

    return SafeguardWatch(
        {Safeguard.CONTROLS: controls_answer, Safeguard.GUARD: lambda now_ns: guard.answers(now_ns, silence_ns)}
    )


def settle_memory() -> None:
    """Give back what only the start needed, and spare the collector from looking at what stays."""
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        # glibc alone keeps freed memory for itself, 70 MB of it after a simulated world was drawn.
        ctypes.CDLL(None).malloc_trim(0)
