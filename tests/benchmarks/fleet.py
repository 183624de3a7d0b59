"""STOP ALL: how soon the wheels of a class's simulated cars are neutral, by the cars' own timelines."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import numpy as np

from car.config.folder import open_car
from car.fleet.app import FleetContext, create_app
from car.fleet.fleet import Fleet
from car.fleet.server import FleetServer
from car.fleet.simulated import CONFIG, FIRST_PORT, RATE_HZ, SimulatedCars
from car.web.server import PORTS_TRIED
from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import read_timeline
from tests.benchmarks.figures import Figure, show
from tests.system.browser import NEUTRAL_STICK, Browser
from tests.system.car_process import wait_for

ROUNDS = 10
THROTTLE = 0.2
SETTLE_S = 0.5
SIZES = (4, 12)


def measure() -> None:
    """Print the time from STOP ALL to neutral over all cars of a class, for two sizes of class."""
    for count in SIZES:
        show("STOP ALL → neutral, by timelines", [_figure(count)])


def _figure(count: int) -> Figure:
    with TemporaryDirectory() as name:
        folder = Path(name)
        times_ms = _times(folder, count)
        load = f" · load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    p50, p95, p99 = np.percentile(times_ms, [50, 95, 99])
    spread = f"p50 {p50:.0f} · p95 {p95:.0f} · p99 {p99:.0f} · worst {max(times_ms):.0f} ms · n {len(times_ms)}"
    return Figure(f"{count} cars that drive", spread + load)


def _times(folder: Path, count: int) -> list[float]:
    clock = SystemClock()
    for number in range(count):
        path = folder / f"car-{number + 1:02}"
        path.mkdir()
        text = CONFIG.format(name=path.name, rate_hz=RATE_HZ, track="oval", port=FIRST_PORT + number * PORTS_TRIED)
        text += '[recording]\nenabled = false\n[drivetrain]\ntimeline = "../' + f'{path.name}.timeline"\n'
        (path / "car.toml").write_text(text, encoding="utf-8")
    with SimulatedCars(folder, count, clock) as cars, contextlib.ExitStack() as stack:
        for name in cars.start():
            print(f"{name} is up")
        server = FleetServer(create_app(FleetContext(Fleet(cars.ring, clock), open_car(folder / "car-01"))), 8870)
        thread = threading.Thread(target=server.run)
        thread.start()
        stack.callback(thread.join)
        stack.callback(server.end)
        client = stack.enter_context(httpx.Client(base_url=server.url, headers={"X-Pocketpilot": "1"}, timeout=60))
        wait_for(lambda: client.get("/").status_code == 200, "the page")
        keys = sorted(cars.ring.keys(), key=lambda key: key.place.port)
        drivers = [stack.enter_context(Browser(key.place.port, tls=True)) for key in keys]
        wheels = [folder / f"car-{number + 1:02}.timeline" for number in range(count)]
        return [time_ms for _ in range(ROUNDS) for time_ms in _round(client, drivers, wheels)]


def _round(client: httpx.Client, drivers: list[Browser], wheels: list[Path]) -> list[float]:
    for driver in drivers:
        driver.stick = NEUTRAL_STICK
    for driver in drivers:
        driver.arm()
    for driver in drivers:
        driver.stick = (0.0, THROTTLE)
    time.sleep(SETTLE_S)
    asked_ns = SystemClock().now_ns()
    client.post("/api/fleet/stop")
    time.sleep(SETTLE_S)
    times = []
    for path in wheels:
        entries = read_timeline(path)
        # A car that a busy machine had stopped before has nothing to say of this.
        drove = any(
            entry.command != NEUTRAL for entry in entries if asked_ns - NS_PER_MS * 200 < entry.time_ns < asked_ns
        )
        stopped = next(
            (entry.time_ns for entry in entries if entry.time_ns >= asked_ns and entry.command == NEUTRAL), None
        )
        if drove and stopped is not None:
            times.append((stopped - asked_ns) / NS_PER_MS)
    return times
