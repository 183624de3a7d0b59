"""A class without hardware: simulated cars on this laptop, each in processes of its own, paired with it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from car.config.folder import make_folders
from car.config.plain import CONFIG_NAME
from car.errors import CarError, CarInUse
from car.files import alone, reason, replacing
from car.pairing.store import AccessStore
from car.remote.keys import Key, KeyRing, Place
from car.web.discreet import LOOPBACK
from car.web.server import PORTS_TRIED
from hardware.clock import Clock
from hardware.closing import Closing

FIRST_PORT = 8901
"""Of the first car. Each has as many as it tries where its own is taken, and takes no other car's."""
RATE_HZ = 10.0
"""Of a car's camera: what twelve of them leave of two cores is in docs/fleet.md."""
TRACKS = ("oval", "figure-eight", "warehouse")
END_TIMEOUT_S = 10.0
READY_TIMEOUT_S = 120.0
LOOK_PERIOD_S = 0.2
LOG = "car.log"
LOCK = ".lock"
CONFIG = """\
[car]
name = "{name}"

[camera]
rate_hz = {rate_hz}

[simulator]
track = "{track}"

[web]
port = {port}
tls = true
announce = false
"""


class SimulatedCars(Closing):
    """``count`` simulated cars in folders of their own in ``folder``, made where they are missing.

    ``start`` them, or let them ``begin`` in the background; ``close`` ends them. Those of an earlier time keep their
    sessions, models and settings. They end by themselves when this program is killed. Raises CarInUse where another
    program has the folder, and CarError.
    """

    def __init__(self, folder: Path, count: int, clock: Clock) -> None:
        self.ring = KeyRing(folder / ".keys")
        self._clock = clock
        self._names = [f"car-{number:02}" for number in range(1, count + 1)]
        self.trouble: CarError | None = None
        self._folder = folder
        self._held = contextlib.ExitStack()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._until_s: dict[str, float] = {}
        self._fingerprints: set[str] = set()
        self._hold()

    def begin(self, tell: Callable[[str], None], fail: Callable[[], None]) -> None:
        """Start the cars in the background; ``tell`` hears the name of each that is up.

        ``fail`` is called if one does not come up, and ``trouble`` is then why.
        """

        def run() -> None:
            try:
                for name in self.start():
                    tell(name)
            except CarError as error:
                self.trouble = error
                fail()

        self._thread = threading.Thread(target=run, name="cars", daemon=True)
        self._thread.start()

    def start(self) -> Iterator[str]:
        """Start the cars and pair this laptop with each; yield the name of each that is up. Raises CarError.

        At most half of the processor's cores start one at a time: a machine that is busy with that stops the others.
        """
        waiting, starting = list(enumerate(self._names)), list[str]()
        while (waiting or starting) and not self._ended.is_set():
            while waiting and len(starting) < max((os.cpu_count() or 1) // 2, 1):
                number, name = waiting.pop(0)
                self._start(number, name)
                starting.append(name)
            up = [name for name in starting if self._is_paired(name)]
            starting = [name for name in starting if name not in up]
            yield from up
            self._ended.wait(LOOK_PERIOD_S)
        for key in self.ring.keys() if not waiting and not starting else []:
            if key.fingerprint not in self._fingerprints:
                self.ring.forget(key.place)

    def close(self) -> None:
        """End every car, with its wheels neutral, and wait for that."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
        for process in self._processes.values():
            # Whoever reads it takes its end for Ctrl-C (``car.entry``).
            if process.stdin is not None:
                process.stdin.close()
        deadline_s = time.monotonic() + END_TIMEOUT_S
        for process in self._processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(deadline_s - time.monotonic(), 0.0))
            if process.poll() is None:
                process.kill()
                process.wait()
        self._processes.clear()
        self._held.close()

    def _hold(self) -> None:
        """Keep the folder: the cars of another `car fleet` would be taken for these."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            is_ours = self._held.enter_context(alone(self._folder / LOCK))
        except OSError as error:
            raise CarError(
                f"{self._folder} cannot be written ({reason(error)}). Start `car fleet` in another folder."
            ) from error
        if not is_ours:
            self._held.close()
            raise CarInUse(f"Another `car fleet` has the cars in {self._folder}. End it, or start in another folder.")

    def _start(self, number: int, name: str) -> None:
        path = self._folder / name
        command = [sys.executable, "-m", "car.entry", "drive", "--tls", "--car", str(path)]
        try:
            self._make(path, number)
            with (path / LOG).open("wb") as log:
                # A session of its own: Ctrl-C in the terminal ends the fleet, and the fleet its cars.
                self._processes[name] = subprocess.Popen(  # noqa: S603
                    command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
                )
        except OSError as error:
            raise CarError(
                f"{path} cannot be written ({reason(error)}). Start `car fleet` in another folder."
            ) from error
        self._until_s[name] = time.monotonic() + READY_TIMEOUT_S

    def _make(self, path: Path, number: int) -> None:
        if (path / CONFIG_NAME).exists():
            return
        make_folders(path)
        port, track = FIRST_PORT + number * PORTS_TRIED, TRACKS[number % len(TRACKS)]
        with replacing(path / CONFIG_NAME) as file:
            file.write(CONFIG.format(name=path.name, rate_hz=RATE_HZ, track=track, port=port).encode())

    def _is_paired(self, name: str) -> bool:
        """Pair this laptop with a car, if its page is there; raises CarError where it has ended or takes too long."""
        process = self._processes[name]
        if time.monotonic() > self._until_s[name]:
            raise CarError(f"{name} is not up after {READY_TIMEOUT_S:.0f} s. Simulate fewer cars on this machine.")
        if process.poll() is not None:
            raise CarError(f"{name} has ended: {_last_line(self._folder / name / LOG).removeprefix('car: ')}")
        store = AccessStore(self._folder / name, self._clock)
        address = store.running_server()
        if address is None:
            return False
        self._fingerprints.add(address.fingerprint)
        place = Place(LOOPBACK, address.port)
        kept = self.ring.keys()
        for key in kept:
            if key.fingerprint != address.fingerprint:
                continue
            if key.place == place and store.is_paired(key.token):
                return True
            self.ring.forget(key.place)
        token = store.redeem(store.new_code(), "fleet")
        if token is None:
            return False
        self.ring.keep(Key(place, token, address.fingerprint))
        return True


def _last_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return "it left no word."
    return next((line for line in reversed(lines) if line.strip()), "it left no word.")
