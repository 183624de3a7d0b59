"""Chromium, a car, and its drive page open in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from tests.system.chromium.drive_page import DrivePage
from tests.system.chromium.served_car import ServedCar

NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium_path() -> str | None:
    """Return where Chromium is, if it is here."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


def find_chromium() -> str:
    """Return where Chromium is; without one the test is skipped, but on CI it fails."""
    path = chromium_path()
    if path is None:
        advice = "There is no Chromium here. Install it (on Debian: apt install chromium) to test the pages."
        if os.environ.get("CI"):
            pytest.fail(advice)
        pytest.skip(advice)
    return path


@pytest.fixture(scope="package")
def launch() -> Iterator[Callable[..., Browser]]:
    """Return how to start a Chromium of one's own, with command line arguments.

    For these tests alone: as long as it is there, an event loop runs in this thread, and no other test could run one.
    """
    path = find_chromium()
    with sync_playwright() as playwright:
        yield lambda *arguments: playwright.chromium.launch(executable_path=path, args=arguments)


@pytest.fixture(scope="package")
def chromium(launch: Callable[..., Browser]) -> Iterator[Browser]:
    """Return a running Chromium."""
    with launch() as browser:
        yield browser


@pytest.fixture(scope="module")
def car(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCar]:
    """Return a simulated car that serves its pages; one for all tests of a module."""
    with ServedCar(tmp_path_factory.mktemp("car")) as served:
        yield served


@pytest.fixture
def make_context(chromium: Browser, car: ServedCar) -> Iterator[Callable[..., BrowserContext]]:
    """Return how to make a browser of its own: cookies, storage and pages apart from those of others."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        context = chromium.new_context(**{"base_url": car.url, "viewport": {"width": 1280, "height": 800}, **options})
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def drive_page(make_context: Callable[..., BrowserContext], car: ServedCar) -> Iterator[DrivePage]:
    """Return the drive page of the car, which nobody drives yet; afterwards the car is disarmed again."""
    page = DrivePage(make_context().new_page(), car)
    page.open()
    yield page
    page.leave_the_car_as_it_was()
