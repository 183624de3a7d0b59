"""The fleet's page in a browser: a car and its picture, STOP ALL by the space bar, and for everyone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from car.remote.keys import Place
from tests.car.fleet.laptop import Laptop, laptop_in
from tests.car.remote.conftest import Far
from tests.car.remote.conftest import far as far
from tests.car.remote.conftest import one_car as one_car

SERIOUS = {"serious", "critical"}


@pytest.fixture
def laptop(tmp_path: Path, far: Far) -> Iterator[Laptop]:
    """Return a laptop that is paired with a car that is there, and with one that is not."""
    with laptop_in(tmp_path) as laptop:
        laptop.ring.keep(far.key)
        laptop.ring.keep(replace(far.key, place=Place("127.0.0.1", 1)))
        yield laptop


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, chromium: Browser, laptop: Laptop) -> Iterator[Page]:
    """Return the page, on which both cars are."""
    context = chromium.new_context(base_url=str(laptop.client.base_url), color_scheme=request.param)
    page = context.new_page()
    page.goto("/")
    expect(page.locator("#cars h2")).to_have_text(["127.0.0.1:1", "mycar"], timeout=60_000)
    yield page
    context.close()


def test_stop_all_is_the_space_bar_and_says_which_car_has_not_heard_it(page: Page) -> None:
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    expect(page.locator("#cars li", has_text="mycar").locator(".badge")).to_contain_text("Disarmed")
    page.locator("#model").focus()
    page.keyboard.press("Space")
    expect(page.locator("#stopped")).to_contain_text("1 car stopped. NOT confirmed: 127.0.0.1:1 (Nothing listens")
    expect(page.locator("#cars li", has_text="mycar").locator("dl")).to_contain_text(
        re.compile(r"STOP ALLafter \d+ ms")
    )
    assert complaints == []


def test_space_that_was_held_before_the_page_had_the_focus_stops_all(page: Page) -> None:
    page.evaluate("window.dispatchEvent(new KeyboardEvent('keydown', { code: 'Space', repeat: true }))")
    expect(page.locator("#stopped")).to_contain_text("1 car stopped.")


def test_a_program_that_freezes_leaves_no_car_as_it_was(page: Page) -> None:
    page.route("**/api/fleet", lambda _route: None)
    expect(page.locator("#trouble")).to_contain_text("does not answer", timeout=60_000)
    expect(page.locator("#cars li", has_text="mycar").locator(".badge")).to_contain_text("Gone for")
    expect(page.locator("#cars dl")).to_have_text(["", ""])


def test_an_errand_is_for_the_cars_that_were_chosen_by_keys_alone(page: Page) -> None:
    choose = page.get_by_role("button", name="Choose mycar")
    choose.focus()
    page.keyboard.press("Enter")
    expect(choose).to_have_attribute("aria-pressed", "true")
    page.locator("#pull").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#errand")).to_have_text(re.compile(r"^\s*mycar\s+0 new sessions; 0 were here already\.\s*$"))


def test_axe_finds_nothing_serious_and_nothing_is_wider_than_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    found: list[dict[str, Any]] = Axe().run(page).response["violations"]
    assert [problem["id"] for problem in found if problem["impact"] in SERIOUS] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
