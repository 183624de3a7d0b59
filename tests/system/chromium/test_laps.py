"""The key and the button by which a person says that a car, whose wheels are real, crosses the line."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.hardware.fakes.logged_bus import smbus2
from tests.system.car_process import DrivingCar
from tests.system.chromium.drive_page import DrivePage

CAR = """\
[drivetrain]
kind = "servo_esc"
[calibration]
calibrated = 2025-11-25
[recording]
enabled = false
[lap]
least_s = 0.01
"""


def test_each_press_after_the_first_is_a_lap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chromium: Browser
) -> None:
    smbus2.install(monkeypatch, tmp_path)
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text(CAR, encoding="utf-8")
    with (
        DrivingCar(tmp_path, headless=False) as car,
        chromium.new_context(base_url=f"http://127.0.0.1:{car.port}") as context,
    ):
        page = context.new_page()
        page.goto("/")
        expect(page.locator("#lap")).to_be_visible(timeout=30_000)
        row = page.locator("#figures div", has_text="Laps").locator("dd")
        page.locator("body").press("l")
        expect(row).to_have_text("0", timeout=30_000)
        page.locator("#lap").click()
        expect(row).to_have_text("1", timeout=30_000)
        page.locator("#lap").press("Enter")
        expect(row).to_have_text("2", timeout=30_000)
        expect(page.locator("#figures div", has_text="Off the lane")).to_have_count(0)


def test_a_simulated_car_has_its_track_for_that(drive_page: DrivePage) -> None:
    expect(drive_page.page.locator("#figures div", has_text="Best lap")).to_have_count(1)
    expect(drive_page.page.locator("#lap")).to_be_hidden()
