"""A driver at 0.6 throttle who vanishes: real processes and sockets, read from outside in the wheels' timeline."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import NEUTRAL, Command
from hardware.drivetrains.timeline import Applied, read_timeline
from hardware.neutral import TIMELINE_ENTRY
from tests.system.browser import NEUTRAL_STICK, SAMPLE_PERIOD_S, Browser
from tests.system.car_process import DrivingCar, wait_for

THROTTLE = 0.6
STALL_S = 2.0
REPEATED_FOR_S = 0.7
AFTERMATH_S = 0.3
RISE_S = 1.5
"""Five times what the throttle needs."""


@dataclass(frozen=True, slots=True)
class Loss:
    """How long the wheels still turned, and whether they turned again before the driver's stick was at neutral."""

    to_neutral_ms: float
    moved_again: bool


class TimelineCar:
    """A car driven from its page, and the timeline of what its wheels were told."""

    def __init__(self, car: DrivingCar, wheels: Path) -> None:
        self.car = car
        self.port = car.port
        self._wheels = wheels

    def timeline(self) -> list[Applied]:
        return read_timeline(self._wheels) if self._wheels.exists() else []

    @property
    def command(self) -> Command:
        """What the wheels were told last."""
        with self._wheels.open("rb") as file:
            file.seek(-TIMELINE_ENTRY.size, os.SEEK_END)
            _, steering, throttle, _ = TIMELINE_ENTRY.unpack(file.read(TIMELINE_ENTRY.size))
        return Command(steering, throttle)

    def drive_off(self, browser: Browser) -> None:
        """Arm by ``browser`` and drive at ``THROTTLE``."""
        browser.stick = NEUTRAL_STICK
        # The browser of the trial before may not have been missed yet.
        browser.take_over()
        if browser.state["gate"] == "armed":
            browser.say(type="disarm")
            wait_for(lambda: browser.state["gate"] != "armed", "the disarming")
        wait_for(lambda: self._drives(browser), "the throttle")

    def _drives(self, browser: Browser) -> bool:
        """Arm, push the stick and tell whether it is felt; on a busy machine a frame or a sample may come too late."""
        browser.stick = NEUTRAL_STICK
        browser.arm()
        wait_for(lambda: self.command == NEUTRAL, "neutral")
        time.sleep(4 * SAMPLE_PERIOD_S)
        browser.stick = (0.0, THROTTLE)
        felt_by_s = time.monotonic() + RISE_S
        while self.command.throttle != THROTTLE and time.monotonic() < felt_by_s:
            time.sleep(SAMPLE_PERIOD_S)
        return self.command.throttle == THROTTLE

    def loss(self, vanish: Callable[[], int]) -> Loss:
        """Have the driver vanish, at the time that ``vanish`` returns; wait for neutral, then see what follows."""
        vanished_ns = vanish()
        wait_for(lambda: self.command == NEUTRAL, "neutral")
        time.sleep(AFTERMATH_S)
        entries = [entry for entry in self.timeline() if entry.time_ns >= vanished_ns]
        first_ns = next(entry.time_ns for entry in entries if entry.command.throttle == 0.0)
        moved_again = any(entry.command.throttle != 0.0 for entry in entries if entry.time_ns > first_ns)
        return Loss((first_ns - vanished_ns) / NS_PER_MS, moved_again)


@contextmanager
def timeline_car(folder: Path, *arguments: str) -> Iterator[TimelineCar]:
    """Start a car in ``folder`` that is driven from its page."""
    (folder / "mycar").mkdir()
    (folder / "mycar" / "car.toml").write_text('[drivetrain]\ntimeline = "../wheels.timeline"\n', encoding="utf-8")
    with DrivingCar(folder, "--no-record", *arguments, headless=False) as car:
        yield TimelineCar(car, folder / "wheels.timeline")


def socket_closed(car: TimelineCar) -> Loss:
    """The browser is closed, or its machine says goodbye for it."""
    browser = Browser(car.port)
    car.drive_off(browser)

    def vanish() -> int:
        now_ns = SystemClock().now_ns()
        browser.close()
        return now_ns

    return car.loss(vanish)


def left_silent(car: TimelineCar) -> Loss:
    """The socket stays open and nothing comes any more, as when a phone leaves the network."""
    with Browser(car.port) as browser:
        car.drive_off(browser)

        def vanish() -> int:
            browser.send = lambda _text: None
            return SystemClock().now_ns()

        return car.loss(vanish)


def same_packet_again(car: TimelineCar) -> Loss:
    """The page hangs and something goes on sending its last packet."""
    with Browser(car.port) as browser:
        car.drive_off(browser)

        def vanish() -> int:
            packet = browser.last_sample
            browser.send = lambda _text: browser.socket.send(packet)
            # Read when nothing fresh can leave any more, however long this thread had to wait for the processor.
            now_ns = SystemClock().now_ns()
            time.sleep(REPEATED_FOR_S)
            return now_ns

        return car.loss(vanish)


def stalled_and_delivered(car: TimelineCar) -> Loss:
    """The network stalls for two seconds and then delivers all that was said meanwhile."""
    with Browser(car.port) as browser:
        car.drive_off(browser)
        waiting: list[str] = []

        def vanish() -> int:
            browser.send = waiting.append
            now_ns = SystemClock().now_ns()
            time.sleep(STALL_S)
            browser.samples = False
            time.sleep(2 * SAMPLE_PERIOD_S)
            browser.send = browser.socket.send
            for text in waiting:
                browser.socket.send(text)
            return now_ns

        return car.loss(vanish)


LOSSES: dict[str, Callable[[TimelineCar], Loss]] = {
    "socket closed": socket_closed,
    "left open and silent": left_silent,
    "the same stale packet again and again": same_packet_again,
    "stalled for 2 s, then the backlog delivered": stalled_and_delivered,
}
