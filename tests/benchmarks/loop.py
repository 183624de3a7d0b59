"""From capture to wheels: the drive and desk processes on recorded frames and a drivetrain without wheels."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil
from gpiozero.pins.mock import MockFactory, MockTriggerPin
from numpy.typing import NDArray

from car.config.folder import CarFolder
from car.config.sections import CarConfig, FoxgloveSection, RecordingSection
from car.drive_loop import AutoStart, DriveLoop, EventSource, FrameSource
from car.drive_record import DriveRecord
from car.gate import Gate, Limits, Mode
from car.kinds.camera import CameraSection
from car.kinds.pilot import SHIPPED_PILOT
from car.link.car_link import CarLink
from car.link.driver_slot import SlotReader
from car.link.publisher import Publisher
from car.pilots.find import find_model
from car.pilots.loading import open_pilot, warm_up
from car.processes.capture import capturing
from car.processes.children import keeping_controls, keeping_desk
from car.processes.controls import ControlsJob
from car.processes.desk import DeskJob, run_desk
from car.range_watch import RangeWatch
from car.readings import polling
from car.speed.controller import SpeedController
from car.speed.keeper import SpeedKeeper
from car.speed.wheels import WheelSpeed
from hardware.camera import Frame
from hardware.cameras.recorded import RecordedCamera
from hardware.clock import NS_PER_S, Clock, SystemClock
from hardware.drivetrains.timeline import TimelineDrivetrain
from hardware.sensors.hc_sr04 import HcSr04
from hardware.sensors.wheel_encoder import WheelEncoder
from simulator.wheel_encoder import SimulatedWheel
from tests.benchmarks.figures import Figure, show, spread

RATES_HZ = (20.0, 60.0, 90.0)
RUN_S = 12.0
HIGHEST_RUN_S = 5.0
WARM_UP_FRAMES = 5
DIFFERENT_FRAMES = 64
ROUNDS = 3
LOOKS_AHEAD = Limits(stop_m=0.5, slow_m=1.5)
ECHO_S = 0.0117
"""Of something 2 m away."""
PEER_LATENCY = {20.0: "p50 10.4 · p99 17.7 ms", 60.0: "p50 11.3 · p99 21.3 ms"}


@dataclass(frozen=True, slots=True)
class Run:
    """One run: nanoseconds per frame, and how many cores the drive, controls and desk processes kept busy."""

    latency: NDArray[np.int64]
    wait: NDArray[np.int64]
    network: NDArray[np.int64]
    rest: NDArray[np.int64]
    publish: NDArray[np.int64]
    cores: float


def endless_frames(rate_hz: float) -> Iterator[Frame]:
    """Yield frames of blocky noise for ever, as a camera of ``rate_hz`` would have captured them."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (DIFFERENT_FRAMES, 15, 20, 3), np.uint8).repeat(8, axis=1).repeat(8, axis=2)
    images.flags.writeable = False
    for number in itertools.count():
        yield Frame(images[number % DIFFERENT_FRAMES], round(number * NS_PER_S / rate_hz), number)


class ReadyFrames:
    """A source whose next frame is always there already."""

    def __init__(self, clock: Clock) -> None:
        self._frames = endless_frames(RATES_HZ[-1])
        self._clock = clock

    def take(self, timeout_ms: float) -> Frame:
        """Return the next frame, captured now."""
        frame = next(self._frames)
        return Frame(frame.image, self._clock.now_ns(), frame.number)


def drive_for(
    seconds: float,
    rate_hz: float | None,
    *,
    record: bool,
    looks_ahead: bool = False,
    run_desk: Callable[[CarLink, DeskJob], None] = run_desk,
    has_encoder: bool = False,
    meanwhile: Callable[[CarFolder], AbstractContextManager[None]] = lambda _: contextlib.nullcontext(),
    foxglove: FoxgloveSection | None = None,
) -> Run:
    """Drive on frames that come at ``rate_hz``, or as fast as the loop takes them, recording or not.

    A car that ``looks_ahead`` does so by an HC-SR04 on modelled pins, threads and edges and all. One that
    ``has_encoder`` holds its speed by one with two channels, whose modelled wheel makes 400 edges a second.
    ``run_desk`` is what the desk runs. ``meanwhile`` is entered with the car's folder when its controls and its desk
    are ready, and left after the drive. ``foxglove`` is the section of that name.
    """
    camera_hz = rate_hz or RATES_HZ[-1]
    config = CarConfig(
        camera=CameraSection(rate_hz=camera_hz),
        recording=RecordingSection(min_free_mb=0),
        foxglove=foxglove or FoxgloveSection(),
    )
    clock = SystemClock()
    records: list[DriveRecord] = []
    applied_ns: list[int] = []

    def should_end(record: DriveRecord) -> bool:
        records.append(record)
        applied_ns.append(record.captured_ns + record.times.latency_ns)
        return clock.now_ns() - start_ns >= seconds * NS_PER_S

    with contextlib.ExitStack() as stack:
        folder = CarFolder(Path(stack.enter_context(TemporaryDirectory())), config)
        pilot, _ = open_pilot(find_model(SHIPPED_PILOT, folder.path), config.camera.geometry)
        warm_up(pilot, config.camera.geometry)
        link = CarLink(multiprocessing.get_context("spawn"), config)
        desk = stack.enter_context(keeping_desk(link, folder, pilot, records=record, run=run_desk))
        controls = stack.enter_context(keeping_controls(link, ControlsJob(folder), SlotReader(link.slot)))
        while not (link.controls_ready.value and link.notice.read().get("library_port")):
            clock.sleep_until_ns(clock.now_ns() + NS_PER_S // 100)
        stack.enter_context(meanwhile(folder))
        processes = [psutil.Process(), psutil.Process(desk.pid), psutil.Process(controls.pid)]
        gate = Gate(LOOKS_AHEAD if looks_ahead else config.gate.limits, Mode.AUTO, headless=True)
        sources: list[EventSource] = [AutoStart(gate)]
        watch: RangeWatch | None = None
        if looks_ahead:
            sensor = stack.enter_context(modelled_hc_sr04(clock))
            watch = RangeWatch([stack.enter_context(polling(sensor, clock))], gate.limits.range_silence_ns)
            sources.insert(0, watch)
        speed: SpeedKeeper | None = None
        if has_encoder:
            encoder = stack.enter_context(modelled_encoder(clock))
            newest = stack.enter_context(polling(encoder, clock))
            speed = SpeedKeeper(WheelSpeed(newest), gate, SpeedController(max_m_s=4.0, response_s=1.0))
            sources.insert(0, speed)
        frames: FrameSource = ReadyFrames(clock)
        if rate_hz is not None:
            camera = RecordedCamera(endless_frames(rate_hz), config.camera.geometry, clock, rate_hz)
            frames = stack.enter_context(capturing(camera))
        drivetrain = TimelineDrivetrain(clock)
        loop = DriveLoop(
            frames,
            pilot,
            gate,
            drivetrain,
            clock,
            sources=sources,
            observer=Publisher(link.ring, clock),
            motion=None if speed is None else speed.motion,
            ahead=None if watch is None else watch.ahead,
            governor=speed,
        )
        before_s, start_ns = _cpu_s(processes), clock.now_ns()
        loop.run(should_end)
        cores = (_cpu_s(processes) - before_s) / ((clock.now_ns() - start_ns) / NS_PER_S)
    return _summarise(records, applied_ns, cores)


def measure() -> None:
    """Print latency by rate with and without recording, the highest rate, and what it costs the processor."""
    figures: list[Figure] = []
    for rate_hz in RATES_HZ:
        for record in (False, True):
            run = drive_for(RUN_S, rate_hz, record=record)
            how = f"{rate_hz:g}/s, recording {'on' if record else 'off'}"
            figures += [
                Figure(f"capture to drivetrain, {how}", spread(run.latency), PEER_LATENCY.get(rate_hz, "")),
                Figure("  waiting for the frame", spread(run.wait)),
                Figure("  the network's own invoke", spread(run.network)),
                Figure("  the rest", spread(run.rest)),
                Figure(
                    "  afterwards: one copy into the ring",
                    spread(run.publish),
                    "1.07 ms a record" if record else "",
                ),
                Figure("  cores busy, all processes", f"{run.cores:.3f}", _peer_cores(rate_hz, record=record)),
            ]
    show("Drive loop", figures)
    show(
        "Highest loop rate",
        [
            Figure(
                f"frames per second, recording {'on' if record else 'off'}",
                f"{highest_rate(record=record):.0f}",
                "276" if record else "381",
            )
            for record in (False, True)
        ],
    )


def modelled_hc_sr04(clock: Clock) -> HcSr04:
    """Return a range sensor on gpiozero's mocks of two pins, with something 2 m ahead of it."""
    factory = MockFactory()
    factory.pin(20, pin_class=MockTriggerPin, echo_pin=factory.pin(21), echo_time=ECHO_S)
    return HcSr04("front", factory, 20, 21, clock)


def modelled_encoder(clock: Clock) -> WheelEncoder:
    """Return a wheel encoder on a wheel that rolls at 1 m/s and has a mark each centimetre."""
    wheel = SimulatedWheel(lambda time_ns: time_ns / NS_PER_S, clock, tick_m=0.01)
    return WheelEncoder("wheel", wheel, 0.01, clock, kernel_ns=clock.now_ns)


def measure_ahead() -> None:
    """Print what a range sensor costs the loop: with and without one in turn, at 60 frames/s while it records."""
    _side_by_side(
        "A range sensor beside the loop",
        "an HC-SR04",
        lambda has_it: drive_for(RUN_S, 60.0, record=True, looks_ahead=has_it),
    )


def measure_encoder() -> None:
    """Print what a wheel encoder and holding the speed cost the loop, in the same way."""
    _side_by_side(
        "A wheel encoder beside the loop, the speed held",
        "a wheel encoder",
        lambda has_it: drive_for(RUN_S, 60.0, record=True, has_encoder=has_it),
    )


def _side_by_side(title: str, device: str, drive: Callable[[bool], Run]) -> None:
    runs: dict[bool, list[Run]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for has_it in runs:
            runs[has_it].append(drive(has_it))
    show(
        f"{title}, 60/s, recording on",
        [
            figure
            for has_it, found in runs.items()
            for figure in (
                Figure(
                    f"capture to drivetrain, {f'with {device}' if has_it else 'without one'}",
                    spread(np.concatenate([run.latency for run in found])),
                ),
                Figure("  of it not the network", spread(np.concatenate([run.rest for run in found]))),
                Figure("  cores busy, all processes", f"{np.mean([run.cores for run in found]):.3f}"),
            )
        ],
    )


def highest_rate(*, record: bool) -> float:
    """Return the frames per second that the loop does when each frame is there already."""
    return len(drive_for(HIGHEST_RUN_S, None, record=record).latency) / HIGHEST_RUN_S


def _cpu_s(processes: list[psutil.Process]) -> float:
    return sum(sum(process.cpu_times()[:2]) for process in processes)


def _peer_cores(rate_hz: float, *, record: bool) -> str:
    return {20.0: "0.097 (5.3.0)", 60.0: "0.295"}.get(rate_hz, "") if record else ""


def _summarise(records: list[DriveRecord], applied_ns: list[int], cores: float) -> Run:
    rows = [
        (
            record.times.latency_ns,
            max(0, record.captured_ns - before_ns),
            record.times.inference_ns,
            record.times.latency_ns - record.times.inference_ns,
            record.times.publish_ns,
        )
        for before, record, before_ns in zip(records, records[1:], applied_ns, strict=False)
        if record.frame_number != before.frame_number
    ]
    latency, wait, network, rest, publish = np.array(rows[WARM_UP_FRAMES:], np.int64).T
    return Run(latency, wait, network, rest, publish, cores)
