"""A fault on the real clock: a car in its real processes, broken from outside and watched from outside."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import tomlkit

from car.assembly.devices import with_simulated_sensors
from car.config.plain import CONFIG_NAME
from car.config.sections import CarConfig
from car.errors import TrialError
from car.faults.controls import Controls
from car.faults.menu import InjectedFault
from car.faults.outcome import Outcome, Trial
from car.faults.strikes import TIMELINE, Processes
from car.faults.web_controls import WebControls
from car.kinds.camera import CameraSection
from car.kinds.ours import CalibrationSection
from car.kinds.simulated import SimulatedSection
from car.pairing.store import AccessStore, ServerAddress
from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock
from hardware.drivetrains.timeline import Applied, read_timeline

MARGIN_MS = 50.0
"""What another program on the machine may cost; the promises are for a car that has nothing else to do."""
MAX_TRIES = 3
START_TIMEOUT_S = 60.0
DRIVE_TIMEOUT_S = 10.0
DRIVES_S = 0.5
NOTICE_NS = 50 * NS_PER_MS
END_TIMEOUT_S = 15.0
POLL_S = 0.01
Found = TypeVar("Found")
WALL_CLOCK = """\
import os, time
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + 3600 * os.path.exists({path!r})
time.time_ns = lambda: _time_ns() + 3600 * 10**9 * os.path.exists({path!r})
"""
"""Python runs this at each start. The machine's own clock is not ours to set; this is what its Python programs see."""


def is_supported() -> bool:
    """Tell whether this system has the signals and the files that tell of processes."""
    return sys.platform == "linux"


def run_real(fault: InjectedFault, config: CarConfig, margin_ms: float = MARGIN_MS) -> Outcome:
    """Try ``fault`` on a simulated car like the one in ``config``, and say what came of it.

    Its pilot is named so that it is found from any folder. The promise may be missed by ``margin_ms``. On a busy
    machine the gate may trip before anything is broken; then the trial is repeated. Raises TrialError when the car does
    not come to drive.
    """
    config = fault.car(config)
    for tries_left in reversed(range(MAX_TRIES)):
        try:
            outcome = _try(fault, config, margin_ms)
        except TrialError:
            if not tries_left:
                raise
        else:
            if not outcome.is_void:
                return outcome
    raise TrialError("The car stood still before anything was broken. Try again when the machine is less busy.")


def _try(fault: InjectedFault, config: CarConfig, margin_ms: float) -> Outcome:
    allowed_ms = fault.worst_ms or fault.promised_ms
    with contextlib.ExitStack() as stack:
        # A process that has just been killed may still be writing.
        folder = stack.enter_context(TemporaryDirectory(prefix="car-fault-", ignore_cleanup_errors=True))
        car = stack.enter_context(CarUnderTest(fault, config, Path(folder)))
        if fault.run_controls is not None:
            if fault.late_s is None:
                return car.watch_standing().judge_standing()
            return car.watch_waiting().judge_waiting(fault.late_s)
        controls = stack.enter_context(WebControls(car.wait_for_page().port)) if fault.controls else None
        if controls is not None:
            controls.arm(fault.mode)
        car.wait_until_it_drives()
        outcome = car.break_and_watch(controls).judge(None if allowed_ms is None else allowed_ms + margin_ms)
        if outcome.held and fault.ends_the_drive and not car.ends_with_an_error():
            return Outcome(False, "neutral, but the program did not end with an error")
    return outcome


class CarUnderTest:
    """A car that drives in ``folder``; a context manager that leaves no process behind."""

    def __init__(self, fault: InjectedFault, config: CarConfig, folder: Path) -> None:
        self._fault = fault
        self._folder = folder
        self._clock = SystemClock()
        self._timeline = folder / TIMELINE
        self._log = folder / "log"
        _make_car(folder, config)
        command = [sys.executable, "-P", "-m", "car.faults.runner", fault.name, str(folder)]
        (folder / "sitecustomize.py").write_text(WALL_CLOCK.format(path=str(folder / "jumped")), encoding="utf-8")
        paths = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
                start_new_session=True,
            )
        self._processes: Processes | None = None

    def __enter__(self) -> CarUnderTest:
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*children_of(self._process.pid), *self._others()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.kill()
        self._process.communicate()

    def wait_for_page(self) -> ServerAddress:
        """Wait until the car's server listens, and return where."""
        store = AccessStore(self._folder, self._clock)
        return self._wait_for(store.running_server, START_TIMEOUT_S)

    def wait_until_it_drives(self) -> None:
        """Wait until the wheels turn, and a little longer."""
        timeout_s = DRIVE_TIMEOUT_S if self._fault.controls else START_TIMEOUT_S
        self._wait_for(lambda: any(entry.command.throttle > 0.0 for entry in self._entries()), timeout_s)
        time.sleep(DRIVES_S)
        # The desk comes last, and the car does not wait for it.
        self._processes = self._wait_for(self._find_processes, START_TIMEOUT_S)

    def break_and_watch(self, controls: Controls | None) -> Trial:
        """Let the fault set in, at the processes, the devices or the controls, and watch the wheels."""
        processes = self._processes or self._wait_for(self._find_processes, START_TIMEOUT_S)
        onset_ns = self._clock.now_ns() + NOTICE_NS
        self._tell(onset_ns)
        self._clock.sleep_until_ns(onset_ns)
        if self._fault.strike is not None:
            self._fault.strike(processes)
        if controls is not None:
            for after_s, act in self._fault.acts:
                self._clock.sleep_until_ns(onset_ns + round(after_s * NS_PER_S))
                act(controls)
        end_ns = onset_ns + round(self._fault.watch_s * NS_PER_S)
        self._clock.sleep_until_ns(end_ns)
        return Trial(self._entries(), onset_ns, end_ns)

    def watch_standing(self) -> Trial:
        """Watch a car that must not move at all, from its first output on."""
        self._wait_for(self._entries, START_TIMEOUT_S)
        onset_ns = self._clock.now_ns()
        end_ns = onset_ns + round(self._fault.watch_s * NS_PER_S)
        self._clock.sleep_until_ns(end_ns)
        return Trial(self._entries(), onset_ns, end_ns)

    def watch_waiting(self) -> Trial:
        """Watch a car that has to wait, from its first output until it moves."""
        self._wait_for(lambda: any(entry.command.throttle > 0.0 for entry in self._entries()), START_TIMEOUT_S)
        entries = self._entries()
        return Trial(entries, entries[0].time_ns, entries[-1].time_ns)

    def ends_with_an_error(self) -> bool:
        """Tell whether the drive process ends by itself, with an exit code that is an error's."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self._process.wait(END_TIMEOUT_S) != 0
        return False

    def end(self) -> str:
        """End the drive as a service manager does, and return what was printed."""
        self._process.terminate()
        self._process.wait(END_TIMEOUT_S)
        return self._log.read_text("utf-8", "replace")

    def _tell(self, onset_ns: int) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(f"{onset_ns}\n".encode())
            self._process.stdin.flush()

    def _entries(self) -> list[Applied]:
        return read_timeline(self._timeline) if self._timeline.exists() else []

    def _wait_for(self, find: Callable[[], Found | None], timeout_s: float) -> Found:
        """Wait until ``find`` finds something, and return it."""
        deadline_s = time.monotonic() + timeout_s
        while not (found := find()):
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                words = self._log.read_text("utf-8", "replace").strip().splitlines()[-1:]
                raise TrialError(f"The car did not start to drive: {' '.join(words) or 'it said nothing'}. Try again.")
            time.sleep(POLL_S)
        return found

    def _find_processes(self) -> Processes | None:
        drive = self._process.pid
        commands = {child: command_line(child) for child in children_of(drive)}
        guard = next((child for child, command in commands.items() if "car.processes.guard" in command), None)
        names = {process_name(child): child for child in commands}
        controls, desk = names.get("car-controls"), names.get("car-desk")
        if controls is None or desk is None or guard is None:
            return None
        return Processes(drive, controls, desk, guard, self._folder)

    def _others(self) -> Iterator[int]:
        if self._processes is not None:
            yield from (self._processes.controls, self._processes.desk, self._processes.guard)


def children_of(process: int) -> list[int]:
    """Return the numbers of the processes that ``process`` has started and that are still there."""
    children = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name in brackets may have spaces in it, and brackets.
            _, _, fields = entry.read_text("utf-8", "replace").rpartition(")")
            if int(fields.split()[1]) == process:
                children.append(int(entry.parent.name))
    return children


def command_line(process: int) -> str:
    """Return the words that ``process`` was started with."""
    return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")


def process_name(process: int) -> str:
    """Return what ``process`` calls itself, nothing when it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text("utf-8", "replace").strip()
    return ""


def _make_car(folder: Path, config: CarConfig) -> None:
    """Write the car.toml of a simulated car that drives as ``config`` does and puts down each command in a file."""
    camera = config.camera.model_dump(include=set(CameraSection.model_fields), exclude={"kind"})
    like = with_simulated_sensors(config).model_copy(
        update={
            "camera": CameraSection.model_validate(camera),
            "drivetrain": SimulatedSection(timeline=TIMELINE),
            "calibration": CalibrationSection(),
        }
    )
    text = tomlkit.dumps(like.model_dump(exclude_none=True))
    (folder / CONFIG_NAME).write_text(text, encoding="utf-8")
