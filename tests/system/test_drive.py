"""The whole car in the simulator, in its real processes, under real signals."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from car.errors import SessionBusy
from car.gate import GateState
from car.sessions.reader import Session
from hardware.clock import NS_PER_S, SystemClock
from hardware.drivetrain import NEUTRAL
from tests.system.car_process import DrivingCar, run_car, wait_for

SOME_SECONDS = 150_000
"""Bytes of a session with two or three seconds of driving."""


def test_the_shipped_pilot_drives_a_lap_and_the_session_tells_it_all(tmp_path: Path) -> None:
    done = run_car("drive", "--headless", "--laps", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "All laps driven" in done.stdout
    assert "capture to wheels" in done.stdout
    assert "laps driven: 1 · lane departures: 0" in done.stdout
    (path,) = (tmp_path / "mycar" / "sessions").glob("*.mcap")
    with Session.open(path) as session:
        records = list(session.records())
        assert not session.damage
        assert session.frame_count == len(records)
        assert records[0].applied == NEUTRAL
        assert records[-1].gate_state is GateState.ARMED
        assert "armed, auto" in [event.text for event in session.events()]


def test_a_supply_that_nobody_can_measure_is_said_once_and_the_car_drives_on(tmp_path: Path) -> None:
    assert run_car("init", "mycar", cwd=tmp_path).returncode == 0
    with (tmp_path / "mycar" / "car.toml").open("a", encoding="utf-8") as file:
        # No machine has an I²C bus of that number.
        file.write('[sensors.battery]\nkind = "ina219"\ni2c_bus = 63\n[supply]\nwarn_v = 6.8\n')
    with DrivingCar(tmp_path) as car:
        wait_for(lambda: any(car.sessions.glob("*.mcap")), "the recording")
        wait_for(lambda: len(supply_events(car.session)) == 1, "the session to say it")
        wait_for(lambda: telemetry_count(car.session) >= 2, "telemetry")
        code, output = car.end(signal.SIGINT)
    assert code == 130
    (said,) = supply_events(car.session)
    assert "The sensor battery, of kind ina219, cannot be opened" in said
    assert output.count("The sensor battery") == 1
    with Session.open(car.session) as session:
        seen = list(session.telemetry())
        assert all(each.supply is None and each.disk is not None for each in seen)
        assert any(each.loop is not None and each.recording is not None for each in seen)
        assert GateState.ARMED in {record.gate_state for record in session.records()}


def supply_events(path: Path) -> list[str]:
    """Return what a session says of the supply; nothing of one that has only just begun."""
    with contextlib.suppress(SessionBusy), Session.open(path) as session:
        return [event.text for event in session.events() if event.kind == "supply"]
    return []


def telemetry_count(path: Path) -> int:
    """Return how often the telemetry was taken in a session."""
    with contextlib.suppress(SessionBusy), Session.open(path) as session:
        return len(list(session.telemetry()))
    return 0


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_the_drive_in_neutral_with_a_summary_and_a_closed_session(
    tmp_path: Path, number: int, exit_code: int
) -> None:
    with DrivingCar(tmp_path) as car:
        car.wait_until_recorded(SOME_SECONDS)
        code, output = car.end(number)
        assert code == exit_code
        assert "the wheels were neutral" in output
        assert "capture to wheels" in output
        assert "Traceback" not in output
        with Session.open(car.session) as session:
            assert not session.damage


@pytest.mark.parametrize("delay_s", [0.3, 0.5, 0.7, 0.9, 1.1, 1.3, 1.5])
def test_ctrl_c_at_any_moment_of_the_start_ends_it_without_a_traceback(tmp_path: Path, delay_s: float) -> None:
    with DrivingCar(tmp_path, in_own_group=True) as car:
        with pytest.raises(subprocess.TimeoutExpired):
            car.process.wait(delay_s)
        # As a terminal does it: to every process of the group.
        os.killpg(car.process.pid, signal.SIGINT)
        output, errors = car.process.communicate(timeout=60)
    assert car.process.returncode == 130
    assert "Traceback" not in output + errors


def test_a_closed_terminal_ends_the_drive_and_the_session_is_whole(tmp_path: Path) -> None:
    with DrivingCar(tmp_path, in_own_group=True) as car:
        car.wait_until_recorded(SOME_SECONDS)
        os.killpg(car.process.pid, signal.SIGHUP)
        car.process.communicate(timeout=60)
        assert car.process.returncode == 129
        with Session.open(car.session) as session:
            assert not session.damage


def last_frame_age_s(path: Path, now_ns: int) -> float:
    with Session.open(path) as session:
        return (now_ns - max(frame.captured_ns for frame in session.frames())) / NS_PER_S


def test_killing_the_drive_process_loses_no_second_and_leaves_no_process(tmp_path: Path) -> None:
    with DrivingCar(tmp_path) as car:
        car.wait_until_recorded(SOME_SECONDS)
        desk = car.desk
        killed_ns = SystemClock().now_ns()
        car.process.kill()
        wait_for(lambda: not desk.is_running(), "the desk to end")
        assert last_frame_age_s(car.session, killed_ns) <= 1.0
        with Session.open(car.session) as session:
            assert not session.damage


def test_a_desk_that_is_killed_comes_back_and_the_recording_goes_on_in_a_new_session(tmp_path: Path) -> None:
    with DrivingCar(tmp_path) as car:
        car.wait_until_recorded(SOME_SECONDS)
        desk, before = car.desk, car.session
        desk.kill()
        wait_for(lambda: len(list(car.sessions.glob("*.mcap"))) == 2, "a new session")
        (after,) = set(car.sessions.glob("*.mcap")) - {before}
        wait_for(lambda: after.stat().st_size >= SOME_SECONDS, "a recording")
        assert car.port > 0
        code, output = car.end()
    assert code == 130
    assert "desk restarts: 1" in output
    with Session.open(before) as session:
        assert session.damage.unclosed
        last_ns = max(frame.captured_ns for frame in session.frames())
    with Session.open(after) as session:
        assert not session.damage
        records = list(session.records())
        assert 0 < (min(record.captured_ns for record in records) - last_ns) / NS_PER_S <= 1.0
        # It never stopped driving.
        assert {record.gate_state for record in records[:-2]} == {GateState.ARMED}
    done = run_car("drive", "--headless", "--laps", "1", "--no-record", cwd=tmp_path)
    assert f"{before.name}: repaired" in done.stdout


@pytest.mark.parametrize("headless", [True, False])
def test_a_car_whose_guard_is_killed_does_not_drive_on(tmp_path: Path, *, headless: bool) -> None:
    with DrivingCar(tmp_path, headless=headless) as car:
        if headless:
            car.wait_until_recorded(SOME_SECONDS)
        assert car.port
        car.guard.kill()
        output, _ = car.process.communicate(timeout=60)
    assert car.process.returncode == 1
    assert "The guard is gone" in output


def test_a_disk_that_is_nearly_full_stops_the_recording_and_not_the_car(tmp_path: Path) -> None:
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text("[recording]\nmin_free_mb = 1_000_000_000\n", encoding="utf-8")
    done = run_car("drive", "--headless", "--laps", "1", cwd=tmp_path)
    assert done.returncode == 0
    assert "All laps driven" in done.stdout
    assert "recording stopped" in done.stdout


def test_the_drive_process_is_small_and_knows_no_tensorflow(tmp_path: Path) -> None:
    with DrivingCar(tmp_path) as car:
        car.wait_until_recorded(SOME_SECONDS)
        memory = psutil.Process(car.process.pid).memory_info().rss
        loaded = {Path(region.path).name for region in psutil.Process(car.process.pid).memory_maps()}
        desk_loaded = {Path(region.path).name for region in car.desk.memory_maps()}
    assert memory < 150e6
    assert not [name for name in loaded | desk_loaded if "tensorflow" in name]


def imported_by(module: str) -> set[str]:
    """Return the packages that importing a module brings in."""
    code = f"import sys, json, {module}; print(json.dumps(sorted(sys.modules)))"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    return {name.partition(".")[0] for name in json.loads(printed)}


@pytest.mark.parametrize(
    "module",
    [
        "car.cli.main",
        "car.processes.drive",
        "car.processes.controls",
        "car.processes.desk",
        "car.runs.replay",
        "car.assembly.devices",
    ],
)
def test_no_module_of_the_car_imports_what_only_training_needs(module: str) -> None:
    assert not imported_by(module) & {"tensorflow", "keras", "matplotlib", "ray", "training"}


@pytest.mark.parametrize("module", ["car.cli.main", "car.processes.drive"])
def test_the_drive_process_imports_nothing_of_the_web_server(module: str) -> None:
    web = {"fastapi", "starlette", "uvicorn", "websockets", "cryptography", "segno", "zeroconf"}
    assert not imported_by(module) & web
