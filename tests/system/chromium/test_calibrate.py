"""A person calibrates a car with a real servo and ESC, as far as its page can tell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, WebSocketRoute, expect

from car.config.sections import CarConfig, load_config
from car.kinds.ours import CalibrationSection
from tests.car.web.serving import Served, serving

CALIBRATING = json.dumps({"type": "state", "gate": "armed", "mode": "calibration", "driver": True})
MOMENT_MS = 1000
"""How long a value is shown that nobody holds."""
SERVO_ESC = """[drivetrain]
kind = "servo_esc"
"""


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Return a car with a servo and an ESC whose pages are served; no drive process stands behind it."""
    config = CarConfig.model_validate({"drivetrain": {"kind": "servo_esc"}, "web": {"port": 8970, "announce": False}})
    with serving(tmp_path / "mycar", config) as served:
        (served.folder.path / "car.toml").write_text(SERVO_ESC, encoding="utf-8")
        yield served


@pytest.fixture
def page(chromium: Browser, served: Served) -> Iterator[Page]:
    """Return the calibrate page."""
    with chromium.new_context(base_url=f"http://127.0.0.1:{served.port}") as context:
        page = context.new_page()
        page.goto("/calibrate")
        expect(page.locator(".field")).not_to_have_count(0)
        yield page


def test_values_are_set_by_slider_and_number_and_saved(page: Page, served: Served) -> None:
    page.locator("#steering_centre_us").fill("1520")
    number = page.get_by_label("Left end, µs")
    number.fill("1130")
    number.blur()
    expect(page.locator(".field.changed")).to_have_count(2)
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast")).to_contain_text("Saved")
    expect(page.locator(".field.changed")).to_have_count(0)
    calibration = load_config(served.folder.path / "car.toml").calibration
    assert isinstance(calibration, CalibrationSection)
    assert (calibration.steering_centre_us, calibration.steering_left_us) == (1520, 1130)
    assert calibration.calibrated is not None


def test_what_the_car_cannot_take_is_said_and_not_saved(page: Page, served: Served) -> None:
    page.locator("#steering_left_us").fill("1900")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".toast.bad")).to_be_visible()
    assert (served.folder.path / "car.toml").read_text(encoding="utf-8") == SERVO_ESC


def test_nothing_begins_before_a_person_says_that_the_wheels_are_up(page: Page) -> None:
    begin = page.get_by_role("button", name="Begin")
    expect(begin).to_be_disabled()
    tick = page.get_by_label("The wheels are up")
    tick.focus()
    page.keyboard.press("Space")
    expect(tick).not_to_be_checked()
    page.keyboard.press("Enter")
    expect(tick).to_be_checked()


@pytest.mark.parametrize("how", ["scrolled", "typed"])
def test_wheels_do_not_go_on_turning_with_no_hand_on_a_control(chromium: Browser, served: Served, how: str) -> None:
    tried: list[str] = []

    def be_a_car_that_is_being_calibrated(socket: WebSocketRoute) -> None:
        def hear(message: str | bytes) -> None:
            if "try_output" in str(message):
                tried.append(str(message))
            socket.send(CALIBRATING)

        socket.on_message(hear)
        socket.send(CALIBRATING)

    with chromium.new_context(base_url=f"http://127.0.0.1:{served.port}") as context:
        page = context.new_page()
        page.route_web_socket(re.compile("/api/drive"), be_a_car_that_is_being_calibrated)
        page.goto("/calibrate")
        expect(page.get_by_role("button", name="End")).to_be_enabled()
        if how == "scrolled":
            page.locator("#steering_left_us").fill("1130")
            page.evaluate("window.dispatchEvent(new PointerEvent('pointercancel'))")
        else:
            page.get_by_label("Left end, µs").fill("1130")
            page.keyboard.press("Enter")
        page.wait_for_timeout(MOMENT_MS + 500)
        assert tried != []
        shown = len(tried)
        page.wait_for_timeout(500)
        assert len(tried) == shown


def test_axe_finds_nothing_serious(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [problem["id"] for problem in found if problem["impact"] in {"serious", "critical"}] == []
