"""Laptops and simulated cars in a network of their own: what a class has."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import models
from car.sessions.originals import PIECE_BYTES
from models.loader import append_card, read_card
from tests.car.sessions.recordings import write_session
from tests.system.car_process import CAR, PATIENCE_S, DrivingCar, wait_for
from tests.system.network.air import Air, Host

CARS = int(os.environ.get("POCKETPILOT_CARS", "4"))
SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"
CONFIG = """\
[car]
name = "{name}"
[camera]
rate_hz = 10.0
[web]
tls = true
announce = false
"""
LOOPBACK = "127.0.0.1"
FLEET_PORT = 8870
LONG_BYTES = 4 * PIECE_BYTES + 1000


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it said went wrong."""

    code: int
    output: str
    complaints: list[str]


class Machine:
    """A host with a folder, in which ``mycar`` is."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self.sessions = folder / "mycar" / "sessions"
        self.models = folder / "mycar" / "models"
        for path in (self.sessions, self.models):
            path.mkdir(parents=True)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``car`` with ``arguments`` there."""
        return subprocess.Popen(
            [*self.host.prefix, str(CAR), *arguments],
            cwd=self.folder,
            env={**os.environ, "XDG_CONFIG_HOME": str(self.folder / "config")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def car(self, *arguments: str, typed: str = "") -> Done:
        """Run ``car`` there to its end."""
        return ended(self.start(*arguments), typed)

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each whole session."""
        return {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in self.sessions.glob("*.mcap")}

    def pushed(self) -> dict[str, bytes]:
        """Return each model, whole or not."""
        return {path.name: path.read_bytes() for path in self.models.iterdir()}


class Car(Machine):
    """A simulated car that waits for a driver; its sessions were recorded before."""

    def __init__(self, name: str, host: Host, folder: Path) -> None:
        super().__init__(host, folder)
        self.name = name
        self.process = 0
        (folder / "mycar" / "car.toml").write_text(CONFIG.format(name=name), encoding="utf-8")
        write_session(self.sessions / f"short-{name}.mcap", frames=50)
        self.record_long("long")

    def record_long(self, name: str) -> None:
        """Put a session of several pieces beside the others."""
        content = hashlib.shake_256(f"{name} {self.name}".encode()).digest(LONG_BYTES)
        (self.sessions / f"{name}-{self.name}.mcap").write_bytes(content)


class Classroom:
    """``laptops`` and ``cars`` in one network, all of them paired; a context manager."""

    def __init__(self, folder: Path, cars: int = CARS) -> None:
        self._names = [f"car{number}" for number in range(1, cars + 1)]
        self._folder = folder
        self.air = Air("ada", "bo", *self._names)
        self.cars: list[Car] = []
        self.laptops: list[Machine] = []
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Classroom:
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.air)
            hosts = self.air.hosts
            self.cars = [Car(name, hosts[name], self._folder / name) for name in self._names]
            for car in self.cars:
                # Not headless: that one would end for good where a busy machine stops it.
                driving = DrivingCar(car.folder, "--no-record", headless=False, prefix=car.host.prefix)
                car.process = stack.enter_context(driving).process.pid
            self.laptops = [self.make_laptop(name) for name in ("ada", "bo")]
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def make_laptop(self, name: str, folder: Path | None = None) -> Machine:
        """Return a laptop at the host ``name`` that is paired with every car, with a folder of its own."""
        laptop = Machine(self.air.hosts[name], folder or self._folder / f"laptop-{name}")
        (laptop.folder / "mycar" / "car.toml").touch()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for done in pool.map(partial(pair, laptop), self.cars):
                assert done.code == 0, done
        return laptop


def pair(laptop: Machine, car: Car) -> Done:
    """Pair a laptop with a car, as ``car pair`` there says."""
    wait_for(lambda: listens(car, LOOPBACK), "the car's page")
    shown = car.car("pair").output
    code, fingerprint = re.search(r"#(\S+)", shown), re.search(r"--fingerprint (\S+)", shown)
    assert code, shown
    assert fingerprint, shown
    wait_for(lambda: listens(laptop, car.host.address), "the network's listener")
    return laptop.car("pair-with", car.host.address, "--fingerprint", fingerprint[1], "--timeout", "5", typed=code[1])


def listens(machine: Machine, address: str) -> bool:
    """Tell whether a car's page can be reached at ``address`` from there."""
    ask = f"import socket; socket.create_connection(({address!r}, 8887), timeout=5)"
    done = subprocess.run([*machine.host.prefix, "python3", "-c", ask], capture_output=True, check=False)
    return done.returncode == 0


def fleet_says(laptop: Machine, path: str = "", method: str = "GET") -> Any:
    """Return what the fleet's page on a laptop answers to a browser there."""
    url, headers = f"http://{LOOPBACK}:{FLEET_PORT}/api/fleet{path}", {"X-Pocketpilot": "1"}
    ask = (
        f"import urllib.request as u; asked = u.Request({url!r}, method={method!r}, headers={headers!r}); "
        "print(u.urlopen(asked, timeout=30).read().decode())"
    )
    done = subprocess.run([*laptop.host.prefix, "python3", "-c", ask], capture_output=True, text=True, check=False)
    return json.loads(done.stdout) if done.returncode == 0 else None


def ended(process: subprocess.Popen[str], typed: str = "") -> Done:
    """Wait for a command's end."""
    output, errors = process.communicate(typed, timeout=PATIENCE_S * 5)
    assert "Traceback" not in output + errors, errors
    return Done(process.returncode, output, [line for line in errors.splitlines() if line.startswith("car: ")])


@contextlib.contextmanager
def small_disk(path: Path, size: str, process: int) -> Iterator[Path]:
    """Have a disk of ``size`` at ``path``, as ``process`` sees it; yield where others see it."""
    there = ["nsenter", "--mount", f"--target={process}"]
    subprocess.run([*there, "mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
    try:
        yield Path(f"/proc/{process}/root{path}")
    finally:
        subprocess.run([*there, "umount", path], check=True)


def other_model(path: Path, name: str) -> Path:
    """Write a model that drives like the shipped one under another name, and so is another file."""
    card = read_card(SHIPPED)
    assert card is not None
    shutil.copy(SHIPPED, path)
    append_card(path, replace(card, name=name))
    return path
