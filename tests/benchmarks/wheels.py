"""What a command costs on its way to the pins, our share of it: the hardware below is modelled."""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from hardware.clock import SystemClock
from hardware.drivetrain import Command, Drivetrain
from hardware.neutral import HOLD_S
from hardware.pins import sysfs_pwm
from tests.benchmarks.figures import Figure, show, spread
from tests.hardware.fakes.rigs import FINE_PINS, make_motor_rig, make_rig
from tests.hardware.fakes.sysfs_pwm import write_for_real

COMMANDS = 2000
RUNS = 5
NEUTRAL = """
import sys
import pytest
from pathlib import Path
from tests.hardware.fakes import i2c
from car.neutral import main
with pytest.MonkeyPatch.context() as monkeypatch:
    chip = i2c.Pca9685()
    i2c.install(monkeypatch, {0x40: chip})
    chip.write(i2c.MODE1, [i2c.AUTO_INCREMENT])
    import time
    started_s = time.perf_counter()
    assert main(["--car", sys.argv[1]]) == 0
    print(time.perf_counter() - started_s)
"""


def measure() -> None:
    """Print the time of ``apply`` on each kind of pins, and of ``car neutral`` with neutral held before off."""
    figures = []
    for pins in FINE_PINS:
        with pytest.MonkeyPatch.context() as monkeypatch, TemporaryDirectory() as folder:
            drivetrain = make_rig(pins, monkeypatch, Path(folder)).open()
            # The channels' files are real ones; what the kernel would do on top is not ours.
            monkeypatch.setattr(sysfs_pwm, "write", write_for_real)
            figures.append(_apply_figure(f"servo and ESC, {pins}", drivetrain))
    with pytest.MonkeyPatch.context() as monkeypatch:
        figures.append(_apply_figure("two motors, fine_lgpio", make_motor_rig(monkeypatch).open()))
    neutrals_ms = [_neutral_s() * 1000 for _ in range(RUNS)]
    held = (
        f"{np.median(neutrals_ms):.0f} ms, worst of {RUNS}: {max(neutrals_ms):.0f} ms, {HOLD_S * 1000:.0f} of it held"
    )
    show("From a command to the pins, without what the hardware takes", [*figures, Figure("neutral, then off", held)])


def _apply_figure(what: str, drivetrain: Drivetrain) -> Figure:
    clock = SystemClock()
    times_ns = np.empty(COMMANDS, np.int64)
    gc.freeze()
    with drivetrain:
        for index in range(COMMANDS):
            value = index / COMMANDS
            started_ns = clock.now_ns()
            drivetrain.apply(Command(value, value))
            times_ns[index] = clock.now_ns() - started_ns
    return Figure(what, spread(times_ns))


def _neutral_s() -> float:
    with TemporaryDirectory() as folder:
        (Path(folder) / "car.toml").write_text("[drivetrain]\nkind = 'servo_esc'\n", encoding="utf-8")
        done = subprocess.run([sys.executable, "-c", NEUTRAL, folder], capture_output=True, text=True, check=True)
        return float(done.stdout)
