"""Whatever happens to the browser or to the person's attention, the wheels stand still."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from statistics import median

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from hardware.clock import SystemClock
from hardware.drivetrain import NEUTRAL
from tests.system.chromium.drive_page import DrivePage
from tests.system.chromium.served_car import ServedCar

PROMISE_MS = 500
MARGIN_MS = 500
"""The promise is for a machine that drives; one that runs tests, browsers and their builds at once gets more time."""
FULL = "100"
HIDE = """() => {
    Object.defineProperty(document, "hidden", { value: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
"""What happens to a page when the phone is locked or another tab is chosen; headless, no page is ever hidden."""


@pytest.mark.parametrize("mode", ["manual", "assist", "auto"])
@pytest.mark.parametrize("focus", ["#limit", "#pilot", "#arm", "#record", "#stop"])
def test_space_stops_in_every_mode_whatever_has_the_focus(
    drive_page: DrivePage, car: ServedCar, mode: str, focus: str
) -> None:
    drive_page.arm(mode)
    if mode == "auto":
        car.wait_for_wheels(lambda applied: applied.command.throttle > 0.1, "the pilot to drive")
    drive_page.page.locator(focus).focus()
    drive_page.page.keyboard.press("Space")
    drive_page.shows("Stopped", "Stopped by the driver.")
    car.wait_for_neutral()
    expect(drive_page.page.locator("#record")).to_have_attribute("aria-pressed", "false")


def test_button_stops_while_a_key_is_held(drive_page: DrivePage, car: ServedCar) -> None:
    drive_page.drive_off("w")
    pressed_ns = SystemClock().now_ns()
    drive_page.page.locator("#stop").click()
    assert car.ms_to_neutral(pressed_ns) < PROMISE_MS + MARGIN_MS
    drive_page.shows("Stopped", "Let go of the throttle, then arm again.")
    assert car.wheels[-1].command == NEUTRAL


def test_lost_focus_is_neutral_until_a_key_is_pressed_anew(drive_page: DrivePage, car: ServedCar) -> None:
    drive_page.drive_off("w", "a")
    drive_page.page.evaluate("window.dispatchEvent(new Event('blur'))")
    car.wait_for_neutral()
    drive_page.let_go("w", "a")
    drive_page.hold("w")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.1, "the car to move again")


@pytest.mark.parametrize("kind", ["contextmenu", "dragstart"])
def test_key_is_not_held_for_ever_when_the_browser_will_not_tell_that_it_was_lifted(
    drive_page: DrivePage, car: ServedCar, kind: str
) -> None:
    drive_page.drive_off("w")
    if kind == "contextmenu":
        drive_page.page.locator("#plot").click(button="right")
    else:
        drive_page.page.locator("#plot").dispatch_event(kind)
    car.wait_for_neutral()
    drive_page.shows("Armed")


@pytest.mark.parametrize(("mode", "then"), [("manual", "Armed"), ("auto", "Disarmed")])
def test_page_without_the_focus_does_not_drive(drive_page: DrivePage, car: ServedCar, mode: str, then: str) -> None:
    drive(drive_page, mode)
    lost_ns = take_focus_away(drive_page.page)
    assert car.ms_to_neutral(lost_ns) < PROMISE_MS + MARGIN_MS
    drive_page.shows(then)
    expect(drive_page.page.locator("#veil")).to_have_text("Click here to drive")


@pytest.mark.parametrize(("mode", "then"), [("manual", "Stopped"), ("auto", "Disarmed")])
def test_hidden_page_does_not_drive(drive_page: DrivePage, car: ServedCar, mode: str, then: str) -> None:
    drive(drive_page, mode)
    hidden_ns = SystemClock().now_ns()
    drive_page.page.evaluate(HIDE)
    assert car.ms_to_neutral(hidden_ns) < PROMISE_MS + MARGIN_MS
    drive_page.shows(then)


def test_calibrate_page_takes_no_throttle_from_a_headless_pilot(chromium: Browser, tmp_path: Path) -> None:
    with ServedCar(tmp_path, "--headless") as car, chromium.new_context(base_url=car.url) as context:
        page = context.new_page()
        page.goto("/calibrate")
        page.wait_for_function("async () => (await import('/static/shell.js')).channel.state?.driver")
        car.wait_for_wheels(lambda applied: applied.command.throttle > 0.15, "a car that drives")
        before = len(car.wheels)
        car.wait_for_wheels(lambda _: len(car.wheels) > before + 30, "the drive to go on")
        assert is_driving(car, before)


def test_headless_drive_goes_on_when_a_page_that_shows_it_is_left(chromium: Browser, tmp_path: Path) -> None:
    with ServedCar(tmp_path, "--headless") as car, chromium.new_context(base_url=car.url) as context:
        drive_page = DrivePage(context.new_page(), car)
        drive_page.page.goto("/")
        drive_page.shows("Armed", "The pilot drives.")
        drive_page.page.evaluate(HIDE)
        drive_page.wait_for_states(20)
        drive_page.shows("Armed")
        drive_page.page.close()
        shown = len(car.wheels)
        car.wait_for_wheels(lambda _: len(car.wheels) > shown + 30, "the drive to go on")
        assert is_driving(car, shown)
        assert car.process.poll() is None


def is_driving(car: ServedCar, since: int) -> bool:
    """Tell whether the wheels turned from row ``since`` of the timeline on; into a bend a pilot may let them roll."""
    return median(applied.command.throttle for applied in car.wheels[since:]) > 0.1


def drive(drive_page: DrivePage, mode: str) -> None:
    """Let the driver drive, or the pilot."""
    if mode == "manual":
        drive_page.drive_off("w")
    else:
        drive_page.arm("auto")
        drive_page.car.wait_for_wheels(lambda applied: applied.command.throttle > 0.1, "the pilot to drive")


def take_focus_away(page: Page) -> int:
    """Give the focus to another page; return when. A browser under test pretends otherwise that every page has it."""
    page.context.new_cdp_session(page).send("Emulation.setFocusEmulationEnabled", {"enabled": False})
    before_ns = SystemClock().now_ns()
    page.context.new_page().bring_to_front()
    return before_ns


def test_closed_tab_stops_a_car_at_full_throttle(drive_page: DrivePage, car: ServedCar) -> None:
    at_full_throttle(drive_page, car)
    closed_ns = SystemClock().now_ns()
    drive_page.page.close()
    assert car.ms_to_neutral(closed_ns) < PROMISE_MS + MARGIN_MS


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_browser_that_is_gone_stops_a_car_at_full_throttle(
    launch: Callable[..., Browser], car: ServedCar, number: int
) -> None:
    mark = f"--doomed-{number}"
    browser = launch(mark)
    drive_page = DrivePage(browser.new_page(base_url=car.url), car)
    drive_page.open()
    at_full_throttle(drive_page, car)
    processes = family_of(mark)
    gone_ns = SystemClock().now_ns()
    for process in processes:
        process.send_signal(number)
    try:
        assert car.ms_to_neutral(gone_ns) < PROMISE_MS + MARGIN_MS
    finally:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        browser.close()


def family_of(mark: str) -> list[psutil.Process]:
    """Return the process of this one's descendants that was started with the argument ``mark``, and its children."""
    descendants = psutil.Process().children(recursive=True)
    first = next(process for process in descendants if mark in process.cmdline())
    return [first, *first.children(recursive=True)]


def at_full_throttle(drive_page: DrivePage, car: ServedCar) -> None:
    """Drive off with nothing held back."""
    drive_page.page.locator("#limit").fill(FULL)
    drive_page.page.locator("#limit").blur()
    drive_page.drive_off("w")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.99, "full throttle")
