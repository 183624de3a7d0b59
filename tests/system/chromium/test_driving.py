"""A person drives the simulated car from the page in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from hardware.drivetrain import Command
from tests.system.car_process import wait_for
from tests.system.chromium.drive_page import GAMEPAD, DrivePage
from tests.system.chromium.served_car import ServedCar

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
MOVED = 4.0
"""Grey levels by which a picture changes on average when the car has moved; its noise alone is below 2."""


def test_keys_drive_the_car_and_the_video_shows_it(drive_page: DrivePage, car: ServedCar) -> None:
    standing = [drive_page.picture(), drive_page.picture()]
    assert np.abs(standing[1] - standing[0]).mean() < MOVED
    drive_page.drive_off("ArrowUp", "ArrowLeft")
    assert car.wheels[-1].command.steering < -0.3
    wait_for(lambda: bool(np.abs(drive_page.picture() - standing[1]).mean() > MOVED), "another picture")
    expect(drive_page.page.locator("#figures")).to_contain_text("m/s")
    drive_page.let_go("ArrowUp", "ArrowLeft")
    car.wait_for_neutral()
    assert not drive_page.problems


def test_letters_drive_as_arrows_do(drive_page: DrivePage, car: ServedCar) -> None:
    drive_page.drive_off("w", "d")
    car.wait_for_wheels(lambda applied: applied.command.steering > 0.9, "full right")
    drive_page.let_go("w", "d")
    drive_page.hold("s")
    car.wait_for_wheels(lambda applied: applied.command.throttle < -0.3, "reverse")


def test_throttle_limit_limits_the_throttle(drive_page: DrivePage, car: ServedCar) -> None:
    drive_page.page.locator("#limit").fill("100")
    drive_page.drive_off("w")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.99, "full throttle")
    drive_page.let_go("w")
    drive_page.page.locator("#limit").fill("20")
    drive_page.page.locator("#limit").blur()
    car.wait_for_neutral()
    before = len(car.wheels)
    drive_page.hold("w")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.19, "some throttle")
    assert max(applied.command.throttle for applied in car.wheels[before:]) < 0.21


def test_thumb_on_the_stick_drives(make_context: Callable[..., BrowserContext], car: ServedCar) -> None:
    context = make_context(**PHONE)
    phone = DrivePage(context.new_page(), car)
    phone.open()
    phone.page.locator("#arm").tap()
    phone.shows("Armed")
    box = phone.page.locator("#pad").bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    thumb = context.new_cdp_session(phone.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y} for x, y in points]
        thumb.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    touch("touchStart", (x, y))
    touch("touchMove", (x + 50, y - 50))
    applied = car.wait_for_wheels(lambda applied: applied.command.throttle > 0.2, "the car to move")
    assert applied.command.steering > 0.3
    touch("touchEnd")
    car.wait_for_neutral()
    assert not phone.problems


def test_gamepad_drives_only_while_its_hold_button_is_pressed(
    make_context: Callable[..., BrowserContext], car: ServedCar
) -> None:
    page = make_context().new_page()
    page.add_init_script(GAMEPAD)
    drive_page = DrivePage(page, car)
    drive_page.open()
    drive_page.arm()
    page.evaluate("pad.buttons[5].pressed = true")
    car.wait_for_wheels(lambda applied: applied.command.steering > 0.8, "steering")
    page.evaluate("pad.buttons[7].value = 1")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.3, "throttle")
    page.evaluate("pad.buttons[5].pressed = false")
    car.wait_for_neutral()
    page.evaluate("pad.buttons[1].pressed = true")
    drive_page.shows("Stopped", "Stopped by the driver.")
    drive_page.leave_the_car_as_it_was()


def test_pilot_drives_in_auto_and_steers_in_assist(drive_page: DrivePage, car: ServedCar) -> None:
    drive_page.arm("auto")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.1, "the pilot to drive")
    drive_page.page.locator("#modes [data-mode=assist]").click()
    car.wait_for_wheels(lambda applied: applied.command.throttle == 0.0, "the driver to have the throttle")
    drive_page.wait_for_states(3)  # From auto, the throttle is the driver's when the stick has been at neutral.
    drive_page.hold("ArrowUp")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.3, "the driver's throttle")
    drive_page.page.locator("#arm").click()
    drive_page.shows("Disarmed")
    assert car.wheels[-1].command == Command(0.0, 0.0)


def test_recording_is_switched_on_counted_erased_and_off(drive_page: DrivePage, car: ServedCar) -> None:
    page = drive_page.page
    expect(page.locator("#erase")).to_be_disabled()
    page.locator("#record").click()
    expect(page.locator("#record-text")).to_have_text("Records when you drive")
    drive_page.arm()
    expect(page.locator("#recording-badge")).to_be_visible()
    expect(page.locator("#recording-count")).to_contain_text(re.compile(r"[2-9]\d frames"))
    page.locator("#erase").click()
    expect(page.locator(".toast")).to_contain_text("left out")
    page.locator("#record").click()
    expect(page.locator("#recording-badge")).to_be_hidden()
    assert [path.stat().st_size > 10_000 for path in car.sessions] == [True]
    wait_for(lambda: car.sessions[0].with_suffix(".edits.json").exists(), "the edits")


def test_map_follows_the_car_for_the_driver_and_for_who_watches(
    drive_page: DrivePage, make_context: Callable[..., BrowserContext]
) -> None:
    watching = make_context(**PHONE).new_page()
    watching.goto("/")
    for page in (drive_page.page, watching):
        expect(page.locator("#map-picture")).to_have_attribute("aria-label", re.compile("^The track oval"))
        expect(page.locator("#map-text")).to_contain_text("0.0 m/s")
    start = map_arrow(drive_page.page)
    drive_page.drive_off("ArrowUp")
    expect(drive_page.page.locator("#map-text")).to_contain_text(re.compile(r"[1-9]\d* m/slap \d+\.[1-9] s"))
    drive_page.let_go("ArrowUp")
    drive_page.car.wait_for_neutral()
    wait_for(lambda: "0.0 m/s" in drive_page.page.locator("#map-text").inner_text(), "the car to stand")
    wait_for(lambda: map_arrow(watching) == map_arrow(drive_page.page), "both maps to show the same")
    pose = drive_page.state()["pose"]
    assert np.allclose(map_arrow(watching), (pose["x_m"], -pose["y_m"]), atol=0.01)
    assert np.hypot(*np.subtract(map_arrow(watching), start)) > 0.1
    assert not drive_page.problems


def test_another_track_has_another_map(drive_page: DrivePage) -> None:
    page = drive_page.page
    way = page.locator("#map .lane")
    oval = way.get_attribute("d")
    page.locator("#track").select_option("boot")
    expect(page.locator("#map-picture")).to_have_attribute("aria-label", re.compile("^The track boot"))
    assert way.get_attribute("d") != oval
    page.locator("#track").select_option("oval")
    expect(page.locator("#map-picture")).to_have_attribute("aria-label", re.compile("^The track oval"))
    assert way.get_attribute("d") == oval


def map_arrow(page: Page) -> list[float]:
    """Return where on the map the car is drawn, in metres, to the right and down."""
    script = "() => [...document.querySelector('#map .arrow').style.transform.matchAll(/-?[\\d.]+(?=px)/g)].map(Number)"
    place: list[float] = page.evaluate(script)
    return place


def test_why_the_car_does_not_arm_is_said(drive_page: DrivePage) -> None:
    drive_page.hold("w")
    drive_page.wait_for_states(10)
    drive_page.page.locator("#arm").click()
    drive_page.shows("Not armed", "Let go of the throttle first.")


@pytest.mark.parametrize("width", [360, 844])
def test_nothing_is_wider_than_the_phone(make_context: Callable[..., BrowserContext], width: int) -> None:
    page = make_context(**{**PHONE, "viewport": {"width": width, "height": 1204 - width}}).new_page()
    for path in ("/", "/sessions", "/models", "/calibrate", "/doctor", "/pair"):
        page.goto(path)
        expect(page.locator("body")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
