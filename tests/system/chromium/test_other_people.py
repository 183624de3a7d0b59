"""Whoever else is there: a second browser watches, a stranger sees nothing, another page gets no socket."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import psutil
import pytest
from playwright.sync_api import BrowserContext, Page, expect
from playwright.sync_api import Error as BrowserError

from car.pairing.roles import Role
from car.pairing.store import AccessStore, Guest
from hardware.clock import SystemClock
from hardware.drivetrain import NEUTRAL
from tests.system.car_process import run_car
from tests.system.chromium.drive_page import GAMEPAD, DrivePage
from tests.system.chromium.served_car import ServedCar

TRY_SOCKET = """url => new Promise(resolve => {
    const socket = new WebSocket(url);
    socket.onopen = () => resolve("open");
    socket.onclose = () => resolve("refused");
})"""
FETCH = "path => fetch(path).then(answer => answer.status)"
SOCKETS = ("/api/drive", "/api/video")


def test_second_browser_watches_and_may_stop_but_not_drive(
    drive_page: DrivePage, make_context: Callable[..., BrowserContext], car: ServedCar
) -> None:
    drive_page.arm()
    watcher = DrivePage(make_context().new_page(), car)
    watcher.page.goto("/")
    expect(watcher.page.locator("#watching-text")).to_contain_text("You are watching")
    expect(watcher.page.locator("#arm")).to_be_disabled()
    watcher.hold("w")
    watcher.wait_for_states(10)
    assert car.wheels[-1].command == NEUTRAL
    watcher.let_go("w")
    watcher.page.locator("#stop").click()
    drive_page.shows("Stopped", "Stopped by the driver.")


@pytest.mark.parametrize("path", ["/sessions", "/models", "/doctor"])
def test_space_stops_from_every_page(
    drive_page: DrivePage, make_context: Callable[..., BrowserContext], car: ServedCar, path: str
) -> None:
    watching = make_context().new_page()
    watching.goto(path)
    drive_page.arm("auto")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.1, "the pilot to drive")
    expect(watching.locator("#car .stop")).to_be_visible()
    watching.locator("nav a").first.focus()
    watching.keyboard.press("Space")
    car.wait_for_neutral()
    drive_page.shows("Stopped", "Stopped by the driver.")


def test_gamepad_of_one_who_watches_stops_and_does_nothing_else(
    drive_page: DrivePage, make_context: Callable[..., BrowserContext], car: ServedCar
) -> None:
    drive_page.arm()
    watching = make_context().new_page()
    watching.add_init_script(GAMEPAD)
    watcher = DrivePage(watching, car)
    watching.goto("/")
    expect(watching.locator("#watching-text")).to_contain_text("You are watching")
    watching.evaluate("pad.buttons[5].pressed = true; pad.buttons[7].value = 1")
    watcher.wait_for_states(10)
    assert car.wheels[-1].command == NEUTRAL
    watching.evaluate("pad.buttons[1].pressed = true")
    drive_page.shows("Stopped", "Stopped by the driver.")


def test_second_browser_takes_over_by_asking_twice(
    drive_page: DrivePage, make_context: Callable[..., BrowserContext], car: ServedCar
) -> None:
    drive_page.drive_off("w")
    second = DrivePage(make_context().new_page(), car)
    second.page.goto("/")
    second.page.locator("#take-over").click()
    expect(second.page.locator("#watching-text")).to_contain_text("Asked.")
    assert drive_page.state()["driver"], "asked once, the driver has the car"
    second.page.locator("#take-over").click()
    car.wait_for_neutral()
    expect(second.page.locator("#watching")).to_be_hidden()
    expect(drive_page.page.locator("#watching")).to_be_visible()
    second.wait_for_states(3)
    second.hold("w")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.3, "the second driver to drive")


@pytest.fixture
def foreign_page(make_context: Callable[..., BrowserContext]) -> Iterator[Page]:
    """Return a page of another origin, on this very machine."""

    class Foreign(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Win a car</title>")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    page = make_context().new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    yield page
    page.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("path", SOCKETS)
def test_page_of_another_origin_gets_no_socket(
    foreign_page: Page, drive_page: DrivePage, car: ServedCar, path: str
) -> None:
    url = f"ws://127.0.0.1:{car.port}{path}"
    assert drive_page.page.evaluate(TRY_SOCKET, url) == "open"
    assert foreign_page.evaluate(TRY_SOCKET, url) == "refused"


@pytest.fixture
def network_url(car: ServedCar) -> str:
    """Return the car's address as the network has it; from there, this machine's own browser is a stranger too."""
    addresses = [item.address for items in psutil.net_if_addrs().values() for item in items if item.family == 2]
    address = next((address for address in addresses if not address.startswith("127.")), None)
    assert address is not None, "This machine has no address but loopback. Give it one to test who the network lets in."
    return f"http://{address}:{car.port}"


def pairing_url(car: ServedCar) -> str:
    """Run ``car pair`` and return the address that it prints."""
    printed = run_car("pair", "--car", car.folder, cwd=car.folder).stdout
    found = re.search(r"https?://\S+/pair#\S+", printed)
    assert found, printed
    return found.group()


def test_browser_from_the_network_sees_nothing_until_it_is_paired(
    make_context: Callable[..., BrowserContext], car: ServedCar, network_url: str
) -> None:
    page = make_context(base_url=network_url).new_page()
    with pytest.raises(BrowserError, match="ERR_CONNECTION_REFUSED"):
        page.goto("/")
    url = pairing_url(car)
    code = url.partition("#")[2]
    open_when_it_listens(page, network_url)
    for path in ("/", "/sessions", "/models", "/calibrate", "/doctor"):
        page.goto(path)
        assert page.url == f"{network_url}/pair"
    for path in ("/api/status", "/api/sessions", "/api/models", "/api/openapi.json", "/static/drive.js"):
        assert page.evaluate(FETCH, path) == 401, path
    for path in SOCKETS:
        assert page.evaluate(TRY_SOCKET, network_url.replace("http", "ws") + path) == "refused"

    page.fill("#code", "WRONG-WRONG")
    page.locator("#form button").click()
    expect(page.locator("#text")).to_have_class("bad")

    page.goto(f"{network_url}/pair#{code}")
    expect(page.locator("#gate-title")).to_be_visible()
    assert page.url == f"{network_url}/"
    assert code not in page.evaluate("JSON.stringify([...Object.values(localStorage), document.cookie])")
    phone = DrivePage(page, car)
    phone.open()
    phone.drive_off("w")
    phone.leave_the_car_as_it_was()

    again = make_context(base_url=network_url).new_page()
    again.goto(f"/pair#{code}")
    expect(again.locator("#text")).to_have_class("bad")
    assert again.url == f"{network_url}/pair"


def open_when_it_listens(page: Page, url: str) -> None:
    """Open a page as soon as the car listens to the network, which it does a moment after ``car pair``."""
    for _ in range(100):
        try:
            page.goto(f"{url}/pair")
        except BrowserError:
            page.wait_for_timeout(100)
        else:
            return
    pytest.fail("the car does not listen to the network")


def test_browser_that_is_forgotten_is_told_to_pair_again(
    make_context: Callable[..., BrowserContext], car: ServedCar, network_url: str
) -> None:
    page = make_context(base_url=network_url).new_page()
    url = pairing_url(car)
    open_when_it_listens(page, network_url)
    page.goto(url)
    expect(page.locator("#gate-title")).to_be_visible()
    run_car("pair", "--forget", "--car", car.folder, cwd=car.folder)
    expect(page.locator("#gate-title")).to_have_text("No connection")
    pairing_url(car)
    expect(page).to_have_url(f"{network_url}/pair")


def test_a_pupil_who_may_watch_sees_who_drives_and_can_stop_and_finds_nothing_else_to_press(
    make_context: Callable[..., BrowserContext], car: ServedCar, network_url: str
) -> None:
    store = AccessStore(car.folder, SystemClock())
    wheel, view = (DrivePage(make_context(base_url=network_url).new_page(), car) for _ in range(2))
    for page, guest in ((wheel, Guest("<i>Ada</i>", Role.DRIVE)), (view, Guest("Ben", Role.WATCH))):
        code = store.new_code(guest)
        open_when_it_listens(page.page, network_url)
        page.page.goto(f"/pair#{code}")
        expect(page.page.locator("#figures dd").first).to_be_visible()
        expect(page.page.locator("nav")).to_be_hidden()
    for part in ("#arm", "#pad", "#modes", "#record", "#pilot", "#take-over"):
        expect(view.page.locator(part)).to_be_hidden()
    wheel.page.bring_to_front()
    expect(wheel.page.locator("#pilot")).to_be_enabled()
    wheel.arm()
    expect(view.page.locator("#watching-text")).to_contain_text("<i>Ada</i> drives. You may watch")
    view.page.locator("#stop").click()
    wheel.shows("Stopped", "Stopped by the driver.")
    assert store.revoke_name("ben")
    expect(view.page.locator("#form")).to_be_visible(timeout=30_000)
    wheel.leave_the_car_as_it_was()
    store.forget_all()


def test_an_owner_shows_a_qr_code_and_revokes_who_came_with_it(
    make_context: Callable[..., BrowserContext], car: ServedCar
) -> None:
    store = AccessStore(car.folder, SystemClock())
    page = make_context().new_page()
    page.goto("/people")
    page.locator("#name").fill("<b>Cleo</b>")
    page.locator("#role").select_option("watch")
    page.locator("#invite button").click()
    picture = page.locator("#code img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 0
    expect(page.locator("#people li")).to_contain_text(["<b>Cleo</b> may watch"])
    token = store.redeem(page.locator("#code p").inner_text().rpartition(" ")[2])
    assert token is not None
    page.get_by_role("button", name="Revoke <b>Cleo</b>").click(timeout=30_000)
    page.locator("dialog button[value=yes]").click()
    expect(page.locator("#people")).to_contain_text("Nobody is let in yet.")
    assert not store.is_paired(token)
