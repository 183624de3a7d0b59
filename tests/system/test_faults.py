"""Every fault on the real clock, in real processes under real signals: each promise is held, with a margin."""

import os
import sys
from pathlib import Path

import pytest

from car.config.sections import CarConfig
from car.faults.menu import InjectedFault, TrialClock, fault_named
from car.faults.real import CarUnderTest, run_real
from car.faults.trials import faults_named
from car.sessions.reader import Session
from tests.system.car_process import assert_refused, run_car, wait_for

NOISE_MS = 400.0
"""What a busy machine may add; ``car simulate --fault all`` shows the figures themselves."""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="real processes are broken on Linux only")


@pytest.mark.parametrize("fault", faults_named("all", [TrialClock.REAL]), ids=lambda fault: str(fault.name))
def test_the_promise_is_held(fault: InjectedFault) -> None:
    outcome = run_real(fault, CarConfig(), NOISE_MS)
    assert outcome.held, outcome


@pytest.mark.parametrize("name", ["pilot-raises", "bus-hangs", "drive-killed"])
def test_the_session_is_closed_whatever_ends_the_drive(tmp_path: Path, name: str) -> None:
    with CarUnderTest(fault_named(name), CarConfig(), tmp_path) as car:
        car.wait_until_it_drives()
        car.break_and_watch(None)
        assert car.ends_with_an_error()
        (path,) = (tmp_path / "sessions").glob("*.mcap")
        wait_for(lambda: not Session.open(path).damage, "the desk to close the session")


def test_the_recording_ends_on_a_full_disk_and_the_driver_is_told(tmp_path: Path) -> None:
    with CarUnderTest(fault_named("disk-full"), CarConfig(), tmp_path) as car:
        car.wait_until_it_drives()
        car.break_and_watch(None)
        assert "recording stopped" in car.end()


def test_the_command_tells_what_was_promised_and_what_was_measured(tmp_path: Path) -> None:
    done = run_car("simulate", "--fault", "camera-dead", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "neutral ≤ 200 ms" in done.stdout
    assert "1 of 1 promises held" in done.stdout


def test_a_promise_that_is_not_held_is_said_with_an_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What Python runs at its start takes the watchdog away.
    (tmp_path / "sitecustomize.py").write_text("from car.processes import watchdog\nwatchdog.STALL_NS = 10**15\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    done = run_car("simulate", "--fault", "all", "--clock", "virtual", cwd=tmp_path)
    assert_refused(done, "A promise was not held")
    (row,) = (line for line in done.stdout.splitlines() if "loop-stalled" in line)
    assert "not held" in row
    (row,) = (line for line in done.stdout.splitlines() if "camera-dead" in line)
    assert "not held" not in row


def test_the_menu_can_be_read(tmp_path: Path) -> None:
    done = run_car("simulate", "--fault", "list", cwd=tmp_path)
    assert done.returncode == 0
    assert "bus-hangs" in done.stdout
    assert "drives on" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--fault", "gremlins"], "--fault list"),
        (["--fault", "camera-dead", "--clock", "cuckoo"], "virtual, real or both"),
        (["--fault", "drive-killed", "--clock", "virtual"], "--clock real"),
        (["--fault", "camera-dead", "--laps", "3"], "Leave out the others"),
        (["--fault", "camera-dead", "--model", "nobody"], "nobody"),
    ],
)
def test_what_cannot_be_tried_is_said(tmp_path: Path, arguments: list[str], words: str) -> None:
    assert_refused(run_car("simulate", *arguments, cwd=tmp_path), words)
