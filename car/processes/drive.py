"""The drive process: capture thread and drive loop, and nothing else."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import numpy as np

from car.arming import ADVICE, arming_problems
from car.assembly.devices import Devices, neutral_outputs, open_devices
from car.calibration import CalibrationSwitch, CurrentCalibration
from car.config.folder import CarFolder
from car.config.sections import CarConfig
from car.drive_loop import AutoStart, DriveLoop, Driver
from car.drive_record import DriveRecord
from car.entry import interrupts
from car.gate import ArmRefusal, Checks, Event, Fault, Gate, GateState, Mode
from car.link.driver_slot import SlotDriver
from car.link.pilot_switch import exchanging
from car.link.ring import FRAMELESS_HZ, CycleRing
from car.pilots.base import Pilot
from car.pilots.swappable import SwappablePilot
from car.pilots.tflite_pilot import TflitePilot
from car.processes.desk import DeskJob, DeskLink
from car.processes.desk_keeper import DeskKeeper, DeskReport, keeping_desk
from car.processes.notify import ServiceNotifier
from car.processes.priority import ahead_of_all
from car.processes.watchdog import GuardPipe, Watchdog, guarded, watching
from car.statistics import LoopStatistics
from hardware.camera import Camera, CameraGeometry, Frame, LatestFrame
from hardware.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from hardware.errors import CameraError, CameraTimeout
from hardware.health import ROOT, read_health
from models.contract import ModelError
from models.loader import load_model

CAPTURE_TIMEOUT_MS = 1000.0
WARM_UP_CALLS = 5
MAX_EXCHANGED_BYTES = 8 * 1024 * 1024
"""How large a model may be that is loaded beside the loop.

The runtime lets no other thread run while it prepares one, 3 ms per MB on a laptop, and a Raspberry Pi takes four times
as long; after 200 ms without a heartbeat the guard would end the drive.
"""
GUARD_LOST = (
    "The guard is gone, and without it the car must not move: a part of the program failed. "
    "The wheels are neutral. Start it again."
)
EXIT_BY_SIGNAL = 128
"""A program that a signal has ended exits with this plus the signal's number, as shells have it."""


@dataclass(frozen=True, slots=True)
class DriveOptions:
    """How to drive: ``laps`` None means until told to end; ``records`` that a session is recorded from the start.

    ``system_root`` is the folder that the machine's own state is read from. ``open_devices`` opens the camera and the
    drivetrain; others than those that the configuration names may be driven with too.
    """

    folder: CarFolder
    pilot: Pilot
    headless: bool
    laps: int | None
    records: bool
    system_root: Path = ROOT
    open_devices: Callable[[CarConfig, Clock], Devices] = open_devices

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
    desk_restarts: int


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
            odometry=devices.odometry,
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


class DriveWatch:
    """Follows the drive, and says when it is over and why."""

    def __init__(
        self,
        options: DriveOptions,
        driver: SlotDriver,
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

    def should_end(self, record: DriveRecord) -> bool:
        """Take note of ``record`` and tell whether it is the last one; the loop asks after every cycle."""
        self._watchdog.loop_came_round()
        self._service.cycle_completed()
        self.statistics.add(record)
        self.last = record
        self._was_armed |= record.gate_state is GateState.ARMED
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
            return f"The gate would not arm: {problem}. {ADVICE[problem]}", 1
        return ("All laps driven." if self._laps_done() else "Ended by the driver.") + " The wheels are neutral.", 0

    def _laps_done(self) -> bool:
        laps, odometry = self._options.laps, self.last.odometry if self.last else None
        return laps is not None and odometry is not None and odometry.laps >= laps

    def _gave_up(self) -> bool:
        # Nobody is there to arm a headless car again, unless somebody sits at its page.
        last = self.last
        return (
            self._options.headless and last is not None and last.gate_state is GateState.TRIPPED and last.driver is None
        )

    def _may_not_begin(self) -> ArmRefusal | None:
        """Return what a headless car was refused for, if it is for a person to mend; a frame may yet come."""
        if not self._options.headless or self._was_armed or self.last is None:
            return None
        return next((problem for problem in ADVICE if problem.value == self.last.refusal), None)


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


class Publisher:
    """Observes the loop and passes on to the desk what it needs to know.

    Between two frames the loop asks the gate now and then; those cycles only matter when the gate has changed, or when
    frames fail to come and somebody wonders why nothing moves.
    """

    def __init__(self, ring: CycleRing, clock: Clock) -> None:
        self._ring = ring
        self._clock = clock
        self._last: DriveRecord | None = None
        self._last_ns = 0

    def __call__(self, record: DriveRecord, frame: Frame | None) -> None:
        """Publish the cycle if it has a frame or anything new."""
        if frame is not None:
            self._last, self._last_ns = record, frame.captured_ns
            self._ring.publish(record, frame)
        elif self._is_news(record):
            self._last, self._last_ns = record, self._clock.now_ns()
            self._ring.publish(record, None)

    def _is_news(self, record: DriveRecord) -> bool:
        last = self._last
        if last is None or (record.gate_state, record.mode, record.trip) != (last.gate_state, last.mode, last.trip):
            return True
        return self._clock.now_ns() - self._last_ns >= NS_PER_S / FRAMELESS_HZ


class CaptureThread(threading.Thread):
    """Takes frames from the camera as they come and puts them into the mailbox."""

    def __init__(self, camera: Camera, latest: LatestFrame) -> None:
        super().__init__(name="capture", daemon=True)
        self._camera = camera
        self._latest = latest
        self._ended = threading.Event()

    def run(self) -> None:
        """Capture until ended; a camera that fails passes its error on to whoever waits for a frame."""
        while not self._ended.is_set():
            try:
                self._latest.put(self._camera.next_frame(CAPTURE_TIMEOUT_MS))
            except CameraTimeout:
                continue
            except CameraError as error:
                self._latest.fail(error)
                return
            except Exception as error:  # noqa: BLE001 - whatever a driver raises must reach the loop, not end unheard
                self._latest.fail(CameraError(f"The camera's driver failed ({error!r}). Start the car again."))
                return

    def end(self) -> None:
        """End after the frame in flight."""
        self._ended.set()
        self.join(CAPTURE_TIMEOUT_MS / 1000)


@contextlib.contextmanager
def capturing(camera: Camera) -> Iterator[LatestFrame]:
    """Fill a mailbox with the camera's frames for as long as the context lasts."""
    latest = LatestFrame()
    thread = CaptureThread(camera, latest)
    thread.start()
    try:
        yield latest
    finally:
        thread.end()


def load_pilot(geometry: CameraGeometry, path: Path, sha256: str) -> Pilot:
    """Return the pilot in ``path``, which was tried out when its hash was ``sha256``, ready for its first real frame.

    Raises ModelError when it cannot be loaded, is another one by now, takes frames of another size, or is larger than
    ``MAX_EXCHANGED_BYTES``.
    """
    if path.is_file() and path.stat().st_size > MAX_EXCHANGED_BYTES:
        raise ModelError(
            f"{path.name} is too large to be loaded while the car may be driving. "
            "Name it in [pilot] of car.toml, and start the car again."
        )
    model = load_model(path, tried_sha256=sha256)
    model.check_fits(geometry.height, geometry.width)
    pilot = TflitePilot(model)
    warm_up(pilot, geometry)
    return pilot


def warm_up(pilot: Pilot, geometry: CameraGeometry) -> None:
    """Let the pilot see a few blank frames, so that its first real one is not its slowest."""
    blank = np.zeros((geometry.height, geometry.width, 3), np.uint8)
    blank.flags.writeable = False
    for _ in range(WARM_UP_CALLS):
        pilot.drive(Frame(blank, 0, 0))


def settle_memory() -> None:
    """Give back what only the start needed, and spare the collector from looking at what stays."""
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError, TypeError):
        # glibc alone keeps freed memory for itself, 70 MB of it after a simulated world was drawn.
        ctypes.CDLL(None).malloc_trim(0)


class EndSignal:
    """The signal that asked the drive to end, and when; ``number`` is None until one did."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.number: int | None = None
        self.time_ns = 0

    def note(self, number: int, _frame: FrameType | None) -> None:
        """Take note of the first signal; for ``signal.signal``."""
        if self.number is None:
            self.number, self.time_ns = number, self._clock.now_ns()

    @property
    def came(self) -> bool:
        """True once there was one."""
        return self.number is not None

    def outcome(self, neutral_ns: int) -> tuple[str, int]:
        """Return in words, and as an exit code, that it has ended the drive with the wheels neutral at that time."""
        number = self.number or 0
        after_ms = (neutral_ns - self.time_ns) / NS_PER_MS
        name = signal.Signals(number).name
        return f"Ended by {name}; the wheels were neutral {after_ms:.0f} ms later.", EXIT_BY_SIGNAL + number


@contextlib.contextmanager
def end_signals() -> Iterator[EndSignal]:
    """Have Ctrl-C, a closed terminal and SIGTERM end the drive in order, for as long as the context lasts."""
    ending = EndSignal(SystemClock())
    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.signal(number, ending.note) for number in numbers}
    if interrupts.seen:
        ending.note(signal.SIGINT, None)
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
