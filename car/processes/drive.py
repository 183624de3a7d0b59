"""The drive process: capture thread and drive loop, and nothing else."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType

import numpy as np

from car.build import open_devices, open_pilot
from car.config import CarConfig
from car.drive_loop import AutoStart, DriveLoop
from car.drive_record import DriveRecord
from car.gate import Gate, GateState, Mode
from car.pilots.base import Pilot
from car.processes.desk import DeskJob, DeskLink, run_desk
from car.processes.driver_slot import SlotDriver
from car.sessions.format import SessionInfo
from car.statistics import LoopStatistics
from hardware.camera import Camera, CameraGeometry, Frame, LatestFrame
from hardware.clock import SystemClock
from hardware.errors import CameraError, CameraTimeout

CAPTURE_TIMEOUT_MS = 1000.0
DESK_END_TIMEOUT_S = 10.0
WARM_UP_CALLS = 5


@dataclass(frozen=True, slots=True)
class DriveOptions:
    """How to drive: ``laps`` None means until told to end, ``sessions_dir`` None that nothing is recorded."""

    config: CarConfig
    model_path: Path
    headless: bool
    laps: int | None
    sessions_dir: Path | None


@dataclass(slots=True)
class DriveSummary:
    """How a drive ended and where its time went."""

    statistics: LoopStatistics
    dropped: int
    last: DriveRecord | None
    signal_number: int | None
    refused: int


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
            except Exception as error:  # noqa: BLE001 - whatever a driver raises must reach the loop, not end in silence
                self._latest.fail(CameraError(f"The camera's driver failed: {error!r}. Run `car doctor`."))
                return

    def end(self) -> None:
        """End after the frame in flight."""
        self._ended.set()
        self.join(CAPTURE_TIMEOUT_MS / 1000)


def drive(options: DriveOptions, info: SessionInfo) -> DriveSummary:
    """Drive until the laps are done, the driver quits, a headless drive trips or a signal comes."""
    clock = SystemClock()
    config = options.config
    with open_pilot(options.model_path, config) as pilot:
        warm_up(pilot, config.camera.geometry)
        context = multiprocessing.get_context("spawn")
        link = DeskLink(context, config)
        job = DeskJob(config, info, options.sessions_dir, title=f"{config.car.name} · {pilot.name}")
        with _signals() as ending, _desk(link, job):
            devices = open_devices(config, clock)
            with contextlib.closing(devices):
                gate = Gate(config.gate.limits, Mode.AUTO, headless=options.headless)
                keys = SlotDriver(link.slot)
                latest = LatestFrame()
                capture = CaptureThread(devices.camera, latest)
                statistics = LoopStatistics()
                last: DriveRecord | None = None

                def should_end(record: DriveRecord) -> bool:
                    nonlocal last
                    last = record
                    statistics.add(record)
                    return ending.signal_number is not None or keys.wants_to_quit or _is_over(record, options)

                loop = DriveLoop(
                    latest,
                    pilot,
                    gate,
                    devices.drivetrain,
                    clock,
                    driver=AutoStart(gate, keys) if options.headless else keys,
                    observer=link.ring.publish,
                    odometry=devices.odometry,
                )
                capture.start()
                try:
                    loop.run(should_end)
                finally:
                    capture.end()
    return DriveSummary(statistics, latest.dropped, last, ending.signal_number, gate.refused)


def warm_up(pilot: Pilot, geometry: CameraGeometry) -> None:
    """Let the pilot see a few blank frames, so that its first real one is not its slowest, and settle the memory."""
    blank = np.zeros((geometry.height, geometry.width, 3), np.uint8)
    blank.flags.writeable = False
    for _ in range(WARM_UP_CALLS):
        pilot.drive(Frame(blank, 0, 0))
    # What exists now stays; the collector need not look at it again while driving.
    gc.collect()
    gc.freeze()


def _is_over(record: DriveRecord, options: DriveOptions) -> bool:
    if options.headless and record.gate_state is GateState.TRIPPED:
        return True
    return options.laps is not None and record.odometry is not None and record.odometry.laps >= options.laps


class _Ending:
    """Remembers the signal that asked the drive to end."""

    def __init__(self) -> None:
        self.signal_number: int | None = None

    def note(self, signal_number: int, _frame: FrameType | None) -> None:
        self.signal_number = signal_number


@contextlib.contextmanager
def _signals() -> Iterator[_Ending]:
    """Have Ctrl-C, a closed terminal and SIGTERM end the drive in order, for as long as the context lasts."""
    ending = _Ending()
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    before = {number: signal.signal(number, ending.note) for name in names if (number := getattr(signal, name, None))}
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _desk(link: DeskLink, job: DeskJob) -> Iterator[SpawnProcess]:
    """Start the desk process; at the end let it write what is left, and end it if it cannot."""
    process = multiprocessing.get_context("spawn").Process(target=run_desk, args=(link, job), name="desk", daemon=False)
    process.start()
    try:
        yield process
    finally:
        link.finished.value = True
        process.join(DESK_END_TIMEOUT_S)
        if process.is_alive():
            process.kill()
            process.join()
