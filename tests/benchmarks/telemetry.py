"""What telemetry costs: one look at the car, and the drive loop beside a desk that looks once a second."""

from __future__ import annotations

import contextlib
import multiprocessing
import shutil
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from car.link.bulletin import Bulletin
from car.link.car_link import CarLink
from car.processes import desk
from car.processes.desk import DeskJob, run_desk
from car.sessions import messages
from car.telemetry.supply import SupplyReader, SupplyWatch
from car.telemetry.telemetry import Disk, Firmware, Loop, Processor, Recording, Telemetry, Wifi
from hardware.clock import NS_PER_S, SystemClock
from hardware.health import read_temperature_c, read_throttling_now
from hardware.sensors.ina219 import Ina219
from hardware.wifi import read_signal_dbm
from tests.benchmarks.figures import Figure, show, spread
from tests.benchmarks.loop import Run, drive_for
from tests.hardware.fakes.ina219 import Chip
from tests.machines import make_machine, make_pi_4, set_temperature

LOOKS = 2000
ROUNDS = 3
RUN_S = 12.0
RATE_HZ = 60.0


def measure() -> None:
    """Print the CPU time of one look, and the loop's latency with and without telemetry in turn."""
    runs: dict[bool, list[Run]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for takes, found in runs.items():
            run = run_desk if takes else run_desk_without_telemetry
            found.append(drive_for(RUN_S, RATE_HZ, record=True, run_desk=run))
    show(
        "Telemetry, 60/s, recording on",
        [
            Figure("one look at a made-up Pi 4 with an INA219, CPU-ms", f"{look_ms():.2f}"),
            *(
                figure
                for takes, found in runs.items()
                for figure in (
                    Figure(
                        f"capture to drivetrain, {'with' if takes else 'without'} telemetry",
                        spread(np.concatenate([run.latency for run in found])),
                    ),
                    Figure("  cores busy, all processes", f"{np.mean([run.cores for run in found]):.3f}"),
                )
            ),
        ],
    )


def run_desk_without_telemetry(link: CarLink, job: DeskJob) -> None:
    """Be a desk that does not look at the car."""
    desk.DESK = tuple(service for service in desk.DESK if service.name != "telemetry")
    run_desk(link, job)


def look_ms() -> float:
    """Return the CPU time of one look: everything read, put together, told to the page and packed for the session."""
    clock = SystemClock()
    with TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        root = make_pi_4(Path(folder))
        set_temperature(root, 48.3)
        make_machine(root, {"proc/net/wireless": "Inter-|\n face |\n wlan0: 0000 58. -52. -256\n"})
        sensor = stack.enter_context(Ina219("battery", Chip(clock), clock))
        reader = SupplyReader(lambda: sensor, "battery", clock)
        watch = SupplyWatch("battery", 6.8, clock, print, lambda: reader.why)
        bulletin = Bulletin(multiprocessing.get_context("spawn"))
        while reader.read() is None:
            clock.sleep_until_ns(clock.now_ns() + NS_PER_S // 100)
        before_s = time.process_time()
        for _ in range(LOOKS):
            now = read_throttling_now(root)
            assert now is not None
            seen = Telemetry(
                clock.now_ns(),
                Processor(read_temperature_c(root) or 0.0),
                Firmware(now.under_voltage, now.throttled),
                watch.look(reader.read()),
                Wifi(read_signal_dbm(root) or 0.0),
                Disk(shutil.disk_usage(root).free),
                Loop(60.0, 4.5, 6.5),
                Recording(0, 0),
            )
            bulletin.post({"now": seen.to_dict(), "trouble": ""})
            messages.telemetry_to_bytes(seen)
        return (time.process_time() - before_s) / LOOKS * 1000
