"""``car fleet`` with simulated cars, as a teacher starts it: one of them freezes, all are stopped, none is left."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.system.browser import Browser
from tests.system.car_process import CAR, PATIENCE_S, wait_for

CARS = 3
DRIVEN, FROZEN = "car-01", "car-02"


class FleetProgram:
    """``car fleet --simulate`` in ``folder``; a context manager that leaves no process."""

    def __init__(self, folder: Path) -> None:
        self._lines: list[str] = []
        self.folder = folder
        self.command = [str(CAR), "fleet", "--simulate", str(CARS), "--port", "8860"]
        self.process = subprocess.Popen(
            self.command,
            cwd=folder,
            env={**os.environ, "XDG_CONFIG_HOME": str(folder / "config")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def __enter__(self) -> FleetProgram:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.family():
            process.kill()
        self.process.wait()
        self._thread.join()
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def said(self) -> str:
        return "".join(self._lines)

    def family(self) -> list[psutil.Process]:
        if self.process.poll() is not None:
            return []
        parent = psutil.Process(self.process.pid)
        return [*parent.children(recursive=True), parent]

    def of(self, name: str) -> list[psutil.Process]:
        """Return the processes of one car."""
        first = next(process for process in self.family() if f"class/{name}" in process.cmdline())
        return [first, *first.children(recursive=True)]

    def client(self) -> httpx.Client:
        """Return a browser of the page, once it is there; each car has minutes to start on a busy machine."""
        for number in range(1, CARS + 1):
            wait_for(partial(self._has_up, number), f"car {number}")
        wait_for(lambda: "Your cars are at" in self.said, "the page")
        address = re.search(r"http://\S+", self.said)
        assert address, self.said
        return httpx.Client(base_url=address[0], headers={"X-Pocketpilot": "1"}, timeout=PATIENCE_S)

    def _has_up(self, number: int) -> bool:
        assert self.process.poll() is None, self.said
        return self.said.count("is up.") >= number

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.append(line)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[FleetProgram]:
    with FleetProgram(tmp_path) as program:
        yield program


def test_a_class_of_simulated_cars_is_stopped_together_also_while_one_is_frozen(program: FleetProgram) -> None:
    with program.client() as client, contextlib.ExitStack() as drivers:

        def cars() -> dict[str, dict[str, Any]]:
            return {car["name"]: car for car in client.get("/api/fleet").json()["cars"]}

        def gates() -> dict[str, str]:
            return {name: (car["state"] or {}).get("gate", "gone") for name, car in cars().items()}

        def unconfirmed() -> list[str]:
            return [stop["name"] for stop in client.post("/api/fleet/stop").json() if stop["after_ms"] is None]

        again = subprocess.run(program.command, cwd=program.folder, capture_output=True, text=True)
        assert (again.returncode, again.stderr.splitlines()[-1]) == (
            1,
            "car: Another `car fleet` has the cars in class. End it, or start in another folder.",
        )
        wait_for(lambda: len(gates()) == CARS and "gone" not in gates().values(), "all cars")
        for car in cars().values():
            driver = drivers.enter_context(Browser(int(car["place"].partition(":")[2]), tls=True))
            driver.arm()
            driver.stick = (0.0, 0.2)
        wait_for(lambda: gates()[DRIVEN] == "armed", "a car that drives")
        frozen = program.of(FROZEN)
        for process in frozen:
            process.suspend()
        wait_for(lambda: gates()[FROZEN] == "gone", "the frozen car to be missed")
        # A machine that is busy with all of them may be late with a car's word.
        wait_for(lambda: unconfirmed() == [FROZEN], "all others to have stopped")
        assert "armed" not in {gate for name, gate in gates().items() if name != FROZEN}
        for process in reversed(frozen):
            process.resume()
        # Its guard may have ended it for its silence.
        ended = {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        wait_for(lambda: gates()[FROZEN] in {"tripped", "disarmed"} or frozen[0].status() in ended, "the frozen car")
        family = program.family()
    program.process.send_signal(signal.SIGINT)
    assert program.process.wait(PATIENCE_S) == 130
    assert "Traceback" not in program.said
    _, left = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert left == []
