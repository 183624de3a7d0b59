"""A track is drawn with the mouse or by keys, saved, and driven on."""

from __future__ import annotations

import json
import math
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.system.car_process import wait_for
from tests.system.chromium.served_car import ServedCar


def draw(page: Page, share: float = 1.0) -> None:
    """Draw a share of a loop of 5 m × 3 m with the mouse."""
    box = page.locator("#floor").bounding_box()
    assert box is not None
    metre = box["width"] / 8
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    steps = 60
    for step in range(steps):
        turn = 2.0 * math.pi * share * step / steps
        page.mouse.move(middle[0] + 2.5 * metre * math.cos(turn), middle[1] - 1.5 * metre * math.sin(turn))
        if step == 0:
            page.mouse.down()
    page.mouse.up()


def test_a_drawn_track_is_saved_and_driven_on(make_context: Callable[..., BrowserContext], car: ServedCar) -> None:
    page = make_context().new_page()
    page.goto("/")
    page.get_by_role("link", name="Tracks").click()
    draw(page)
    expect(page.locator("#verdict")).to_contain_text(" m round")
    page.locator("#style").select_option("road")
    page.locator("#name").fill("mine")
    page.locator("#save").click()
    page.get_by_role("button", name="Drive").click()
    page.locator("#track").select_option(label="mine.json")
    expect(page.locator("#track option:checked")).to_have_text("mine.json")
    content = json.loads((car.folder / "tracks" / "mine.json").read_text())
    assert content["style"] == "road"
    xs = [x for x, _ in content["centre_line_m"]]
    assert max(xs) - min(xs) > 4.5
    # Drawn counter-clockwise, and so it is driven.
    area = sum(
        x * later_y - later_x * y
        for (x, y), (later_x, later_y) in zip(
            content["centre_line_m"],
            [*content["centre_line_m"][1:], content["centre_line_m"][0]],
            strict=True,
        )
    )
    assert area > 0.0


def test_by_keys_a_point_is_moved_until_the_car_says_why_not(
    make_context: Callable[..., BrowserContext], car: ServedCar
) -> None:
    page = make_context().new_page()
    page.goto("/tracks")
    page.locator("#loop").press("Enter")
    expect(page.locator("#verdict")).to_contain_text("tightest bend")
    page.locator("#floor").press("n")
    for _ in range(25):
        page.locator("#floor").press("ArrowRight")
    expect(page.locator("#verdict")).to_contain_text("What is drawn:")
    expect(page.locator("#save")).to_be_disabled()
    for _ in range(25):
        page.locator("#undo").press("Enter")
    expect(page.locator("#verdict")).to_contain_text("tightest bend")
    expect(page.locator("#save")).to_be_enabled()


def test_a_name_that_is_taken_is_asked_about(make_context: Callable[..., BrowserContext], car: ServedCar) -> None:
    page = make_context().new_page()
    page.goto("/tracks")
    draw(page, share=0.4)
    expect(page.locator(".toast")).to_contain_text("whole loop")
    draw(page)
    expect(page.locator("#save")).to_be_enabled()
    page.locator("#name").fill("kitchen")
    page.locator("#save").click()
    expect(page.locator("#own")).to_have_value("kitchen")
    path = car.folder / "tracks" / "kitchen.json"
    saved = path.read_text()
    page.locator("#width").fill("0.5")
    expect(page.locator("#verdict")).to_contain_text(" m round")
    page.locator("#save").click()
    page.get_by_role("button", name="Cancel").click()
    assert path.read_text() == saved
    page.locator("#save").click()
    page.get_by_role("button", name="Replace").click()
    wait_for(lambda: json.loads(path.read_text())["half_width_m"] == 0.25, "the narrower lane in the file")
