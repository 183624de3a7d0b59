"""The drive page of a car without a pilot says what cannot be done and why, armed or not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from tests.system.chromium.drive_page import DrivePage
from tests.system.chromium.served_car import ServedCar


@pytest.fixture(scope="module")
def car(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedCar]:
    with ServedCar(tmp_path_factory.mktemp("car"), settings='[pilot]\nmodel = ""\n') as served:
        yield served


def test_who_drives_by_hand_and_asks_for_the_pilot_is_told_that_there_is_none(drive_page: DrivePage) -> None:
    drive_page.arm()
    for mode in ("assist", "auto"):
        drive_page.page.locator(f"[data-mode={mode}]").click()
        drive_page.shows("Armed", "You drive. There is no pilot that fits this car; choose one, or drive by hand.")


def test_a_pilot_is_chosen_though_it_is_the_only_one(drive_page: DrivePage) -> None:
    pilots = drive_page.page.locator("#pilot")
    expect(pilots.locator("option:checked")).to_have_text("none")
    pilots.select_option("simulated-lane")
    expect(pilots.locator("option", has_text="none")).to_have_count(0)
    drive_page.arm("auto")
    drive_page.shows("Armed", "The pilot drives.")
