"""A page that has lost its car says so before a second is over, whichever way it was lost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, WebSocketRoute, expect

from tests.system.chromium.drive_page import DrivePage
from tests.system.chromium.served_car import ServedCar

PROMISE_MS = 1000
MARGIN_MS = 400
"""The promise is for a machine that drives; one that runs tests and browsers at once gets more time."""
WATCH = """async () => {
    const { channel } = await import("/static/shell.js");
    window.lostMs = new Promise(resolve => {
        let heardMs = performance.now();
        channel.addEventListener("state", () => { heardMs = performance.now(); });
        const look = () => lost.hidden ? requestAnimationFrame(look) : resolve(performance.now() - heardMs);
        look();
    });
}"""


class Network:
    """Between the page and the car; ``cut`` lets nothing through any more, and tells nobody."""

    def __init__(self, page: Page) -> None:
        self.is_cut = False
        self.sent: list[str | bytes] = []
        page.route_web_socket("**/api/drive", self._connect)

    def _connect(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(lambda message: self._pass(message, server))
        server.on_message(lambda message: self._pass(message, socket))

    def _pass(self, message: str | bytes, to: WebSocketRoute) -> None:
        if not self.is_cut:
            self.sent.append(message)
            to.send(message)


@pytest.fixture
def page(make_context: Callable[..., BrowserContext]) -> Page:
    return make_context().new_page()


@pytest.mark.parametrize("path", ["/", "/sessions", "/models", "/calibrate", "/doctor"])
def test_every_page_says_within_a_second_that_the_car_is_silent_and_takes_it_back(page: Page, path: str) -> None:
    network = Network(page)
    page.goto(path)
    expect(page.locator(".brand")).to_have_text("mycar")
    expect(page.locator("#lost")).to_be_hidden()
    page.evaluate(WATCH)
    network.is_cut = True
    assert page.evaluate("lostMs") < PROMISE_MS + MARGIN_MS
    expect(page.get_by_role("alert").filter(has_text="Connection lost")).to_be_visible()
    network.is_cut = False
    expect(page.locator("#lost")).to_be_hidden()


def test_stop_without_a_connection_is_said_and_is_sent_when_there_is_one(page: Page, car: ServedCar) -> None:
    network = Network(page)
    drive_page = DrivePage(page, car)
    drive_page.open()
    drive_page.arm()
    network.is_cut = True
    drive_page.shows("No connection")
    expect(page.locator("#veil")).to_have_text("No connection")
    page.keyboard.press("Space")
    expect(page.locator(".toast")).to_contain_text("STOP has not reached the car")
    network.sent.clear()
    network.is_cut = False
    drive_page.shows("Stopped", "Stopped by the driver.")
    assert any('"stop"' in str(message) for message in network.sent)
    drive_page.leave_the_car_as_it_was()


def test_what_is_said_on_a_phone_never_covers_stop(make_context: Callable[..., BrowserContext], car: ServedCar) -> None:
    page = make_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).new_page()
    network = Network(page)
    DrivePage(page, car).open()
    network.is_cut = True
    expect(page.locator("#lost")).to_be_visible()
    page.locator("#stop").tap()
    expect(page.locator(".toast").first).to_be_visible()
    stop, said = page.locator("#stop").bounding_box(), page.locator(".toasts").bounding_box()
    assert stop is not None
    assert said is not None
    assert said["y"] + said["height"] <= stop["y"]
    page.close()


def test_stop_stays_on_a_page_that_has_lost_an_armed_car(
    page: Page, make_context: Callable[..., BrowserContext], car: ServedCar
) -> None:
    network = Network(page)
    page.goto("/sessions")
    driver = DrivePage(make_context().new_page(), car)
    driver.open()
    driver.arm("auto")
    expect(page.locator("#car .stop")).to_be_visible()
    network.is_cut = True
    expect(page.locator("#lost")).to_be_visible()
    expect(page.locator("#car .stop")).to_be_visible()
    page.keyboard.press("Space")
    expect(page.locator(".toast")).to_contain_text("STOP has not reached the car")
    network.is_cut = False
    driver.shows("Stopped", "Stopped by the driver.")
    driver.leave_the_car_as_it_was()


@pytest.fixture
def own_car(tmp_path: Path) -> Iterator[ServedCar]:
    """Return a car that may be broken."""
    with ServedCar(tmp_path) as car:
        yield car


def test_page_says_so_when_the_process_that_serves_it_is_frozen(chromium: Browser, own_car: ServedCar) -> None:
    with chromium.new_context(base_url=own_car.url) as context:
        drive_page = DrivePage(context.new_page(), own_car)
        drive_page.open()
        drive_page.page.evaluate(WATCH)
        process = server_of(own_car)
        process.suspend()
        try:
            assert drive_page.page.evaluate("lostMs") < PROMISE_MS + MARGIN_MS
            drive_page.shows("No connection")
        finally:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        expect(drive_page.page.locator("#lost")).to_be_hidden()


def server_of(car: ServedCar) -> psutil.Process:
    """Return the process of the car that listens at its pages' port."""
    family = psutil.Process(car.process.pid).children(recursive=True)
    return next(one for one in family if any(link.laddr.port == car.port for link in one.net_connections()))
