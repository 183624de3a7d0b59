"""What a whole car takes of memory: drive, controls, desk and guard, recording, with two viewers and a download.

``python -m tests.benchmarks.memory 30`` drives for 30 minutes in 400 MB, which is what a board of 1 GB has to spare: in
a scope of systemd with ``MemoryMax=400M``, or in a cgroup of its own where there is no systemd and one may be made. The
kernel kills a car that needs more. What reads from disk and may be forgotten counts for the limit, not for the peak.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from car.config.folder import CarFolder, open_car
from tests.benchmarks.figures import Figure, console, show
from tests.benchmarks.viewers import audience
from tests.system.car_process import wait_for

RATE_HZ = 60
RUN_S = 30.0
SAMPLE_S = 1.0
END_TIMEOUT_S = 60.0
LIMIT_MB = 400
SCOPE = (
    "systemd-run",
    "--scope",
    "--quiet",
    "--collect",
    f"--property=MemoryMax={LIMIT_MB}M",
    "--property=MemorySwapMax=0",
)
MEMORY_V1 = Path("/sys/fs/cgroup/memory")


@dataclass(frozen=True, slots=True)
class Peak:
    """The most that all processes had together, in MB, how it was shared, how long the car drove, and how it ended."""

    total_mb: float
    by_process: dict[str, float]
    drove_s: float
    frames: float
    ended: str


@dataclass(frozen=True, slots=True)
class Limit:
    """How a command is kept within LIMIT_MB: what comes before it, and the cgroup that it joins."""

    before: Sequence[str] = ()
    group: Path | None = None

    def join(self) -> None:
        """Have this process, and all that it starts, be counted."""
        if self.group is not None:
            (self.group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")

    @property
    def in_words(self) -> str:
        """The limit in words."""
        if self.group is not None:
            return f"in a cgroup of {LIMIT_MB} MB"
        return f"under MemoryMax={LIMIT_MB}M" if self.before else "without a limit"


def measure() -> None:
    """Print the most that the whole car had in half a minute."""
    show_peak(drive(RUN_S, Limit()), Limit())


def show_peak(peak: Peak, limit: Limit) -> None:
    """Print what was measured."""
    parts = ", ".join(f"{name} {size_mb:.0f}" for name, size_mb in peak.by_process.items())
    show(
        f"Memory of the whole car, {RATE_HZ} frames/s, recording, page watched, {limit.in_words}",
        [
            Figure(f"peak of {peak.drove_s:.0f} s, all processes", f"{peak.total_mb:.0f} MB ({parts})"),
            Figure("  frames that each viewer got", f"{peak.frames:.1f} /s"),
            Figure("  how it ended", peak.ended),
        ],
    )


def drive(seconds: float, limit: Limit) -> Peak:
    """Drive a whole car for so long, or until it ends by itself, and return the most memory that it had."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = _make_car(Path(name))
        command = [*limit.before, sys.executable, "-m", "tests.benchmarks.whole_car", name]
        with (folder.path / "log").open("wb") as log:
            car = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=limit.join)
        try:
            return _watch(car, folder, seconds)
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in _family(car.pid):
                    process.kill()
            car.kill()
            car.wait()


def _watch(car: subprocess.Popen[bytes], folder: CarFolder, seconds: float) -> Peak:
    recordings = folder.sessions_dir.glob
    wait_for(lambda: car.poll() is not None or any(path.stat().st_size for path in recordings("*.mcap")), "a recording")
    total_mb, by_process, frames = 0.0, {}, [0]
    started_s = time.monotonic()
    with audience(folder, frames):
        while car.poll() is None and time.monotonic() - started_s < seconds:
            sizes_mb = _sizes_mb(car.pid)
            if sum(sizes_mb.values()) > total_mb:
                total_mb, by_process = sum(sizes_mb.values()), sizes_mb
            time.sleep(SAMPLE_S)
        drove_s = time.monotonic() - started_s
    asked = car.poll() is None
    if asked:
        car.terminate()
    code = car.wait(END_TIMEOUT_S)
    words = (folder.path / "log").read_text("utf-8", "replace").strip().splitlines()
    ended = "as asked" if asked else f"by itself, code {code}: {' '.join(words[-1:])}"
    return Peak(total_mb, by_process, drove_s, sum(frames) / 2 / drove_s, ended)


def _sizes_mb(pid: int) -> dict[str, float]:
    """Return what each of the car's processes has; what several share is shared out among them."""
    sizes: dict[str, float] = {}
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in _family(pid):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                name = "drive" if process.pid == pid else _name(process)
                sizes[name] = sizes.get(name, 0.0) + process.memory_full_info().pss / 1e6
    return sizes


def _name(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    if "car.processes.guard" in words:
        return "guard"
    return "Python's tracker" if "resource_tracker" in words else process.name().removeprefix("car-")


def _family(pid: int) -> list[psutil.Process]:
    parent = psutil.Process(pid)
    return [parent, *parent.children(recursive=True)]


def _make_car(path: Path) -> CarFolder:
    (path / "car.toml").write_text(f"[camera]\nrate_hz = {RATE_HZ}\n[recording]\nmin_free_mb = 0\n", encoding="utf-8")
    folder = open_car(path)
    folder.sessions_dir.mkdir(exist_ok=True)
    return folder


@contextlib.contextmanager
def limited() -> Iterator[Limit]:
    """Yield the way in which this machine limits memory; raises RuntimeError where there is none."""
    if subprocess.run([*SCOPE, "true"], check=False, capture_output=True).returncode == 0:
        yield Limit(before=SCOPE)
        return
    if subprocess.run([*SCOPE[:1], "--user", *SCOPE[1:], "true"], check=False, capture_output=True).returncode == 0:
        yield Limit(before=(*SCOPE[:1], "--user", *SCOPE[1:]))
        return
    own = next(
        (line.split(":", 2)[2] for line in Path("/proc/self/cgroup").read_text().splitlines() if ":memory:" in line),
        None,
    )
    if own is None or not os.access(MEMORY_V1 / own.lstrip("/"), os.W_OK):
        raise RuntimeError("Nobody can limit memory here. Run it where systemd runs, or as root.")
    group = MEMORY_V1 / own.lstrip("/") / f"pocketpilot-{os.getpid()}"
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(LIMIT_MB * 1_000_000), encoding="ascii")
        yield Limit(group=group)
        most_mb = int((group / "memory.max_usage_in_bytes").read_text()) / 1e6
        times = int((group / "memory.failcnt").read_text())
        console.print(
            f"The kernel counted {most_mb:.0f} MB at most, files that may be forgotten included; it made room for them "
            f"{times} times."
        )
    finally:
        wait_for(lambda: not (group / "cgroup.procs").read_text(), "the car's processes to end")
        group.rmdir()


def main(minutes: float) -> int:
    """Drive for so long under the limit; return 0 when the car lasted."""
    with limited() as limit:
        peak = drive(minutes * 60.0, limit)
        show_peak(peak, limit)
    return 0 if peak.ended == "as asked" else 1


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0))
