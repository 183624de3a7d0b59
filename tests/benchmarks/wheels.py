"""What a command costs on its way to the pins, our share of it: the hardware below is modelled."""

from __future__ import annotations

import gc
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import Command, Drivetrain
from hardware.pins import pca9685_registers as registers
from hardware.pins import sysfs_pwm
from tests.benchmarks.figures import Figure, show, spread
from tests.hardware.fakes.logged_bus.smbus2 import SMBus, install, transfers
from tests.hardware.fakes.rigs import FINE_PINS, make_motor_rig, make_rig
from tests.hardware.fakes.sysfs_pwm import write_for_real
from tests.system.car_process import CAR

COMMANDS = 2000
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - files that no disk delays, as the kernel's
RUNS = 5


def measure() -> None:
    """Print the time of ``apply`` on each kind of pins, and of ``car neutral`` with neutral held before off."""
    figures = []
    for pins in FINE_PINS:
        with pytest.MonkeyPatch.context() as monkeypatch, TemporaryDirectory(dir=MEMORY) as folder:
            drivetrain = make_rig(pins, monkeypatch, Path(folder)).open()
            # The channels' files are real ones; what the kernel would do on top is not ours.
            monkeypatch.setattr(sysfs_pwm, "write", write_for_real)
            figures.append(_apply_figure(f"servo and ESC, {pins}", drivetrain))
    with pytest.MonkeyPatch.context() as monkeypatch:
        figures.append(_apply_figure("two motors, fine_lgpio", make_motor_rig(monkeypatch).open()))
    neutrals_ms, offs_ms = zip(*(_car_neutral_ms() for _ in range(RUNS)), strict=True)
    for what, times_ms in (("neutral", neutrals_ms), ("off", offs_ms)):
        spread_ms = f"{np.median(times_ms):.0f} ms, worst of {RUNS}: {max(times_ms):.0f} ms"
        figures.append(Figure(f"car neutral → {what}, pca9685", spread_ms))
    show("From a command to the pins, without what the hardware takes", figures)


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


def _car_neutral_ms() -> tuple[float, float]:
    """Start ``car neutral`` for a car that was killed; return when its pulses were neutral, and when they had ended."""
    with pytest.MonkeyPatch.context() as monkeypatch, TemporaryDirectory() as folder:
        log = install(monkeypatch, Path(folder))
        (Path(folder) / "car.toml").write_text("[drivetrain]\nkind = 'servo_esc'\n", encoding="utf-8")
        bus = SMBus(1)
        bus.write_byte_data(0x40, registers.PRE_SCALE, registers.prescale(50.0, 25e6))
        bus.write_byte_data(0x40, registers.MODE1, registers.AUTO_INCREMENT)
        bus.write_i2c_block_data(0x40, registers.LED0, registers.pulse_bytes(400))
        before = len(list(transfers(log)))
        started_ns = SystemClock().now_ns()
        subprocess.run([str(CAR), "neutral"], cwd=folder, check=True)
        after = list(transfers(log))[before:]
        neutral_ns = next(transfer.time_ns for transfer in after if transfer.pulses_us[0] == pytest.approx(1500, abs=5))
        return (neutral_ns - started_ns) / NS_PER_MS, (after[-1].time_ns - started_ns) / NS_PER_MS
