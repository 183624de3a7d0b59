"""What holds for every page: it loads nothing from elsewhere, complains of nothing, and everyone can use it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.car.sessions.recordings import write_session
from tests.system.chromium.served_car import ServedCar

PAGES = ("/", "/sessions", "/sessions#evening", "/models", "/tracks", "/calibrate", "/people", "/doctor", "/pair")
SERIOUS = {"serious", "critical"}
READY = {
    "/": "#figures dd",
    "/sessions": ".histogram",
    "/sessions#evening": ".histogram",
    "/models": "#models li",
    "/tracks": "#floor .grid",
    "/calibrate": "#calibrate > *",
    "/people": "#people li",
    "/doctor": ".summary",
    "/pair": "#code",
}


def open_page(page: Page, car: ServedCar, path: str) -> None:
    """Open a page and wait until it shows what it has."""
    session = car.folder / "sessions" / "evening.mcap"
    if not session.exists():
        write_session(session)
    page.goto(path)
    expect(page.locator(READY[path]).first).to_be_visible(timeout=60_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_serious(
    make_context: Callable[..., BrowserContext], car: ServedCar, path: str, scheme: str
) -> None:
    page = make_context(color_scheme=scheme).new_page()
    open_page(page, car, path)
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    serious = [
        (problem["id"], [node["html"] for node in problem["nodes"]])
        for problem in found
        if problem["impact"] in SERIOUS
    ]
    assert serious == []


@pytest.mark.parametrize("path", PAGES)
def test_page_loads_nothing_from_elsewhere_and_complains_of_nothing(
    make_context: Callable[..., BrowserContext], car: ServedCar, path: str
) -> None:
    page = make_context().new_page()
    addresses: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: addresses.append(request.url))
    page.on("websocket", lambda socket: addresses.append(socket.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    open_page(page, car, path)
    assert addresses
    assert {urlsplit(address).netloc for address in addresses if not address.startswith("blob:")} == {
        urlsplit(car.url).netloc
    }
    assert complaints == []


@pytest.mark.parametrize("path", [path for path in PAGES if path != "/pair"])
def test_every_control_is_reached_by_the_tab_key(
    make_context: Callable[..., BrowserContext], car: ServedCar, path: str
) -> None:
    page = make_context().new_page()
    open_page(page, car, path)
    controls = page.locator("a[href]:visible, button:visible:enabled, select:visible:enabled, input:visible:enabled")
    reached = set()
    for _ in range(controls.count() + 10):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.outerHTML"))
    missed = [html for html in controls.evaluate_all("all => all.map(one => one.outerHTML)") if html not in reached]
    assert missed == []
