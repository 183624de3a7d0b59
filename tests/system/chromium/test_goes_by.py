"""What a pilot without training goes by is shown beside the video, and goes when nothing new comes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, expect

from tests.system.chromium.drive_page import DrivePage
from tests.system.chromium.served_car import ServedCar

SIZE = (
    "(({ naturalWidth, naturalHeight }) => [naturalWidth, naturalHeight])(document.getElementById('goes-by-picture'))"
)


@pytest.fixture
def own_car(tmp_path: Path) -> Iterator[ServedCar]:
    with ServedCar(tmp_path, settings='[pilot]\nkind = "line-follower"\n') as served:
        yield served


def test_the_lines_that_it_follows_are_shown_until_they_are_old_news(chromium: Browser, own_car: ServedCar) -> None:
    with chromium.new_context(base_url=own_car.url) as context:
        drive_page = DrivePage(context.new_page(), own_car)
        drive_page.open()
        page = drive_page.page
        picture = page.locator("#goes-by-picture")
        page.locator("#goes-by").click()
        expect(page.locator("#goes-by")).to_have_attribute("aria-pressed", "true")
        expect(picture).to_be_visible()
        assert page.evaluate(SIZE) == [480, 360]
        drive_page.arm("auto")
        own_car.wait_for_wheels(lambda applied: applied.command.throttle > 0.1, "a pilot that drives")
        shown = page.locator("#goes-by-picture").get_attribute("src")
        page.wait_for_function(
            "src => document.getElementById('goes-by-picture').getAttribute('src') !== src", arg=shown
        )
        desk = next(
            child
            for child in psutil.Process(own_car.process.pid).children(recursive=True)
            if child.name() == "car-desk"
        )
        desk.send_signal(signal.SIGSTOP)
        try:
            expect(picture).to_be_hidden()
        finally:
            desk.send_signal(signal.SIGCONT)
        expect(picture).to_be_visible()
        page.locator("#goes-by").click()
        expect(picture).to_be_hidden()
        assert drive_page.problems == []
        drive_page.leave_the_car_as_it_was()
