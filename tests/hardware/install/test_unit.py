"""The service: what its file says, and what a real drive tells a service manager, fit each other."""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from car.processes.children import CONTROLS_END_S
from car.processes.keeper import END_TIMEOUT_S
from car.processes.notify import WATCHDOG_PERIOD_NS
from hardware.clock import NS_PER_S
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import read_timeline
from hardware.realtime import LOOP_PRIORITY
from tests.system.car_process import CAR, PATIENCE_S, run_car

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="No service manager of this kind is here.")

UNIT = Path(__file__).parents[3] / "hardware/install/pocketpilot@.service"
INSTALLED = "/opt/pocketpilot/bin/car"


def settings() -> dict[str, str]:
    """Return the unit's settings; each stands there once."""
    lines = [line for line in UNIT.read_text(encoding="utf-8").splitlines() if line and line[0] not in "#["]
    pairs = [line.partition("=") for line in lines]
    assert len({key for key, _, _ in pairs}) == len(pairs)
    return {key: value for key, _, value in pairs}


def command(key: str) -> list[str]:
    """Return a command of the unit, run with this environment's ``car``."""
    words = shlex.split(settings()[key])
    assert words[0] == INSTALLED
    return [str(CAR), *words[1:]]


def make_car(home: Path) -> None:
    """Make ``mycar``, whose wheels write what they are told to the file ``mycar/wheels``."""
    run_car("init", "mycar", cwd=home)
    config = home / "mycar/car.toml"
    config.write_text(config.read_text("utf-8").replace('timeline = ""', 'timeline = "wheels"'), encoding="utf-8")


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(PATIENCE_S)
        yield listening


@pytest.fixture
def service(tmp_path: Path, manager: socket.socket) -> Iterator[subprocess.Popen[bytes]]:
    """Start the car as the unit does: from a home with ``mycar`` in it, without a terminal."""
    make_car(tmp_path)
    process = subprocess.Popen(
        command("ExecStart"),
        cwd=tmp_path,
        env={**os.environ, "NOTIFY_SOCKET": str(tmp_path / "notify")},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_real_drive_tells_the_manager_that_it_is_ready_then_alive_then_stopping(
    service: subprocess.Popen[bytes], manager: socket.socket
) -> None:
    assert manager.recv(64) == b"READY=1"
    assert [manager.recv(64) for _ in range(3)] == [b"WATCHDOG=1"] * 3
    service.send_signal(signal.SIGTERM)
    last = manager.recv(64)
    while last == b"WATCHDOG=1":
        last = manager.recv(64)
    assert last == b"STOPPING=1"
    # Ended as asked, the service has not failed.
    assert service.wait(PATIENCE_S) == int(settings()["SuccessExitStatus"])


def test_a_drive_that_hangs_is_no_longer_alive_to_the_manager(
    service: subprocess.Popen[bytes], manager: socket.socket
) -> None:
    while manager.recv(64) != b"WATCHDOG=1":
        pass
    service.send_signal(signal.SIGSTOP)
    manager.settimeout(float(settings()["WatchdogSec"]))
    with pytest.raises(TimeoutError):
        list(iter(lambda: manager.recv(64), b""))


def test_the_car_that_the_unit_starts_stands_until_a_person_arms_it(
    service: subprocess.Popen[bytes], manager: socket.socket, tmp_path: Path
) -> None:
    for _ in range(4):
        manager.recv(64)
    assert "--headless" not in command("ExecStart")
    commands = [applied.command for applied in read_timeline(tmp_path / "mycar/wheels")]
    assert commands
    assert set(commands) == {NEUTRAL}
    assert settings()["Restart"] == "on-failure"


def test_neutral_is_written_to_the_car_that_the_unit_drives(tmp_path: Path) -> None:
    assert command("ExecStopPost")[1] == "neutral"
    assert command("ExecStopPost")[2:] == command("ExecStart")[2:]
    make_car(tmp_path)
    subprocess.run(command("ExecStopPost"), cwd=tmp_path, check=True)
    assert [applied.command for applied in read_timeline(tmp_path / "mycar/wheels")] == [NEUTRAL]


def test_the_manager_is_more_patient_than_the_car() -> None:
    assert float(settings()["WatchdogSec"]) * NS_PER_S >= 4 * WATCHDOG_PERIOD_NS
    assert float(settings()["TimeoutStopSec"]) > CONTROLS_END_S + END_TIMEOUT_S


@pytest.mark.parametrize(
    "setting",
    [
        *("PrivateDevices", "ProtectClock", "DeviceAllow", "DevicePolicy", "ProtectKernelTunables", "ProtectHome"),
        *("RestrictRealtime", "MemoryDenyWriteExecute", "PrivateNetwork", "DynamicUser"),
    ],
)
def test_nothing_that_the_car_needs_is_hidden_from_it(setting: str) -> None:
    assert setting not in settings()


def test_the_drive_may_have_real_time_priority_and_no_new_privileges() -> None:
    assert int(settings()["LimitRTPRIO"]) >= LOOP_PRIORITY
    assert settings()["NoNewPrivileges"] == "yes"
    assert settings()["CapabilityBoundingSet"] == ""
