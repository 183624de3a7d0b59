"""A car whose wheels are real: its laps, told by the key on the page, are on the page and in the session."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from car.sessions.reader import Session
from tests.hardware.fakes.logged_bus import smbus2
from tests.system.browser import Browser
from tests.system.car_process import DrivingCar, run_car, wait_for

CAR = """\
[drivetrain]
kind = "servo_esc"
[calibration]
calibrated = 2025-11-25
[recording]
min_free_mb = 0
[lap]
least_s = 0.2
"""


def test_laps_by_hand_are_on_the_page_and_in_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    smbus2.install(monkeypatch, tmp_path)
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text(CAR, encoding="utf-8")
    with DrivingCar(tmp_path) as car:
        car.wait_until_recorded(20_000)
        with Browser(car.port) as browser:
            browser.take_over()
            wait_for(lambda: browser.state["command_age_ms"] is not None, "an age")
            assert browser.state["odometry"] is None
            browser.say(type="lap", client_ms=time.perf_counter() * 1000 - 1000)
            wait_for(lambda: browser.state["odometry"] is not None, "the first crossing")
            browser.say(type="lap", client_ms=time.perf_counter() * 1000)
            wait_for(lambda: (browser.state["odometry"] or {}).get("laps") == 1, "a lap")
            shown: dict[str, Any] = browser.state["odometry"] or {}
            assert shown["last_lap_s"] == shown["best_lap_s"] >= 1.0
        car.end()
        with Session.open(car.session) as session:
            laps = [event.text for event in session.events() if event.kind == "lap"]
    assert laps == [f"lap 1: {shown['last_lap_s']:.2f} s"]


def test_the_latency_is_not_measured_while_the_car_drives(tmp_path: Path) -> None:
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text("", encoding="utf-8")
    with DrivingCar(tmp_path, "--no-record") as car:
        assert car.port
        done = run_car("latency", cwd=tmp_path)
    assert done.returncode == 1
    assert "in use already, by `car drive`" in done.stderr
    assert "Traceback" not in done.stderr
