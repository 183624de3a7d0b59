"""A person looks after sessions and models in a real browser."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, Route, expect

import models
from car.sessions import SessionWriter
from car.telemetry.telemetry import Processor, Telemetry, Wifi
from hardware.camera import CameraGeometry
from hardware.clock import NS_PER_S, VirtualClock
from tests.car.sessions.recordings import INFO, START_NS, frame_of, write_session
from tests.car.sessions.tub.test_importer import SyntheticTub
from tests.system.chromium.drive_page import DrivePage
from tests.system.chromium.served_car import ServedCar
from tests.training.drives import write_drive

FRAMES = 100
MANY_FRAMES = 20_000
TRAINING_MS = 120_000.0
SHIPPED = next(Path(models.__file__).parent.glob("*.tflite"))


@pytest.fixture
def evening(car: ServedCar) -> Iterator[Path]:
    """Return the file of a session of the car."""
    path = car.folder / "sessions" / "evening.mcap"
    write_session(path, FRAMES)
    yield path
    path.unlink(missing_ok=True)
    path.with_suffix(".edits.json").unlink(missing_ok=True)


@pytest.fixture
def page(make_context: Callable[..., BrowserContext]) -> Page:
    """Return a page of a browser at a desk."""
    return make_context().new_page()


def test_range_is_cut_out_of_a_session_and_taken_back(page: Page, evening: Path) -> None:
    open_session(page, "evening")
    select(page, 0.2, 0.5)
    expect(page.locator(".says")).to_contain_text("Selected: 31 frames")
    page.get_by_role("button", name="Leave it out").click()
    expect(page.locator(".figures")).to_contain_text("Left out31")
    edits = json.loads(evening.with_suffix(".edits.json").read_text(encoding="utf-8"))
    assert edits["left_out"] == [[20, 50]] or edits["left_out"] == [[20, 49]]
    page.locator(".timeline").press("Home")
    expect(page.locator(".left-out")).to_be_hidden()
    page.locator(".timeline").press("PageDown")
    expect(page.locator(".left-out")).to_be_visible()
    page.locator(".cutting").get_by_role("button", name="Undo").click()
    expect(page.locator(".figures")).to_contain_text("Left out0")
    expect(page.locator(".left-out")).to_be_hidden()


def test_frames_are_stepped_through_and_played(page: Page, evening: Path) -> None:
    open_session(page, "evening")
    clock = page.locator(".transport output")
    page.get_by_role("button", name="One frame on").click()
    expect(clock).to_contain_text("frame 2 of 100")
    assert brightness(page) > 0
    page.get_by_role("button", name="Play").click()
    expect(clock).to_contain_text("frame 100 of 100")
    expect(page.get_by_role("button", name="Play")).to_be_visible()


def test_telemetry_of_a_session_is_plotted_and_one_without_has_no_plots(page: Page, evening: Path) -> None:
    open_session(page, "evening")
    expect(page.locator(".figures")).to_be_visible()
    expect(page.locator(".series")).to_have_count(0)
    hot, clock = evening.with_name("hot.mcap"), VirtualClock(START_NS)
    with SessionWriter(hot, replace(INFO, name="hot"), clock, sync=lambda _: None, min_free_bytes=0) as session:
        for second in range(90):
            clock.sleep_until_ns(START_NS + second * NS_PER_S)
            session.add_frame(replace(frame_of(second), captured_ns=clock.now_ns()))
            session.add_telemetry(Telemetry(clock.now_ns(), Processor(40.0 + second / 3), wifi=Wifi(-52.0)))
    try:
        open_session(page, "hot")
        expect(page.locator(".series figcaption")).to_have_text(["Processor40 to 69.7 °C", "Wifi-52 dBm"])
        canvas = page.locator(".series canvas").first
        expect(canvas).to_have_attribute("aria-label", "Processor: 40 to 69.7 °C")
        page.wait_for_function(
            "c => c.width > 0 && c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v > 0)",
            arg=canvas.element_handle(),
        )
    finally:
        hot.unlink()


def test_picture_of_another_frame_is_not_taken_for_the_one_that_is_named(page: Page, evening: Path) -> None:
    open_session(page, "evening")
    assert brightness(page) > 0
    asked: list[Route] = []
    page.route("**/frames/*.jpg", lambda route: asked.append(route))
    with page.expect_request("**/frames/*.jpg"):
        page.locator(".timeline").press("End")
    expect(page.locator(".transport output")).to_contain_text("frame 100 of 100")
    expect(page.locator(".screen canvas")).to_have_class("stale")
    expect(page.locator(".waiting")).to_have_text("Loading…")
    # What the browser has to tell is heard only while one of its own calls waits.
    page.wait_for_timeout(100)
    assert asked
    for route in asked:
        route.continue_()
    expect(page.locator(".screen canvas")).not_to_have_class("stale")
    expect(page.locator(".waiting")).to_be_hidden()


def test_frame_that_cannot_be_had_shows_no_other_and_is_not_asked_for_without_end(page: Page, evening: Path) -> None:
    open_session(page, "evening")
    assert brightness(page) > 0
    asked: list[str] = []

    def refuse(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=404, body="")

    page.route("**/frames/99.jpg", refuse)
    page.locator(".timeline").press("End")
    expect(page.locator(".waiting")).to_have_text("This frame cannot be read.")
    assert page.locator(".screen canvas").evaluate(REDS) == 0
    page.wait_for_timeout(1000)
    assert len(asked) <= 2
    page.unroute("**/frames/99.jpg")
    expect(page.locator(".waiting")).to_be_hidden()


def test_session_of_twenty_thousand_frames_is_scrubbed_to_any_place(page: Page, car: ServedCar) -> None:
    path = car.folder / "sessions" / "long.mcap"
    write_session(path, MANY_FRAMES)
    open_session(page, "long")
    page.locator(".timeline").press("End")
    expect(page.locator(".transport output")).to_contain_text("frame 20,000 of 20,000")
    select(page, 0.1, 0.9)
    expect(page.locator(".says")).to_contain_text("Selected: 16,")
    assert brightness(page) > 0
    path.unlink()


def test_session_goes_to_the_trash_and_comes_back(page: Page, evening: Path) -> None:
    open_session(page, "evening")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#list")).to_contain_text("No sessions yet")
    assert not evening.exists()
    page.get_by_role("button", name="Trash").click()
    page.get_by_role("button", name="Take back").first.click()
    expect(page.locator(".toast").last).to_contain_text("is back")
    page.get_by_role("button", name="Back to the sessions").click()
    expect(page.locator("#list a")).to_contain_text("evening")
    assert evening.exists()


def test_session_is_downloaded_as_it_is(page: Page, evening: Path, tmp_path: Path) -> None:
    open_session(page, "evening")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    download.value.save_as(tmp_path / "copy.mcap")
    assert (tmp_path / "copy.mcap").read_bytes() == evening.read_bytes()


def test_donkey_car_tub_is_imported(page: Page, car: ServedCar, tmp_path: Path) -> None:
    tub = SyntheticTub(tmp_path / "tub_garage").write()
    archive = Path(shutil.make_archive(str(tmp_path / "garage"), "zip", tmp_path, tub.name))
    page.goto("/sessions")
    page.locator("#import").set_input_files(archive)
    expect(page.locator(".report")).to_contain_text("25")
    expect(page.locator(".transport output")).to_contain_text("frame 1 of 25")
    for path in car.sessions:
        path.unlink()


def test_uploaded_model_is_tried_and_drives_until_one_goes_back(page: Page, car: ServedCar, tmp_path: Path) -> None:
    upload = tmp_path / "kitchen.tflite"
    shutil.copy(SHIPPED, upload)
    page.goto("/models")
    page.locator("#upload").set_input_files(upload)
    card = page.locator(".model", has_text="kitchen")
    card.get_by_role("button", name="Drive with it").click()
    expect(card.locator(".badge")).to_have_text("Drives now")
    driver = DrivePage(page.context.new_page(), car)
    driver.page.goto("/")
    expect(driver.page.locator("#pilot")).to_have_value("kitchen")
    driver.page.close()
    page.get_by_role("button", name="Back to previous").click()
    expect(page.locator(".model", has_text="simulated-lane").locator(".badge")).to_have_text("Drives now")


def test_a_model_is_renamed_deleted_and_taken_back(page: Page, car: ServedCar) -> None:
    shutil.copy(SHIPPED, car.folder / "models" / "evening.tflite")
    page.goto("/models")
    expect(page.get_by_role("button", name="Delete simulated-lane")).to_have_count(0)
    page.get_by_role("button", name="Rename evening").click()
    name = page.get_by_role("textbox", name="New name")
    name.fill("../car")
    name.press("Enter")
    expect(name).to_be_visible()
    name.fill("hall")
    name.press("Enter")
    expect(page.locator(".model h2", has_text="hall")).to_be_visible()
    page.get_by_role("button", name="Rename hall").click()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Delete hall").click()
    expect(page.locator(".model h2", has_text="hall")).to_have_count(0)
    page.get_by_role("button", name="Take back").click()
    expect(page.locator(".model h2", has_text="hall")).to_be_visible()
    (car.folder / "models" / "hall.tflite").unlink()


def test_what_is_no_model_is_not_taken(page: Page, car: ServedCar, tmp_path: Path) -> None:
    upload = tmp_path / "notes.tflite"
    upload.write_bytes(b"buy milk")
    page.goto("/models")
    page.locator("#upload").set_input_files(upload)
    expect(page.get_by_role("alert")).to_be_visible()
    assert not (car.folder / "models" / "notes.tflite").exists()


def test_a_training_is_begun_watched_and_stopped_on_the_page(page: Page, car: ServedCar, evening: Path) -> None:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("TensorFlow is not installed")
    session = write_drive(car.folder / "sessions" / "monday.mcap", frames=400, geometry=CameraGeometry())
    page.goto("/models")
    panel = page.locator("#training")
    for name in ("monday", "evening"):
        panel.get_by_role("checkbox", name=name).uncheck()
    panel.get_by_role("button", name="Train").click()
    expect(panel.get_by_role("alert")).to_contain_text("Choose a session")
    panel.get_by_role("checkbox", name="monday").check()
    panel.get_by_role("button", name="Train").click()
    expect(panel.get_by_role("progressbar")).to_be_visible()
    page.reload()
    expect(panel.get_by_role("progressbar")).to_be_visible()
    panel.get_by_role("button", name="Stop the training").click()
    expect(panel.get_by_role("status")).to_contain_text("Nothing is left of it", timeout=TRAINING_MS)
    panel.get_by_role("checkbox", name="monday").uncheck()
    panel.get_by_role("button", name="Train").click()
    expect(panel.get_by_role("status")).to_contain_text("Record at least a minute", timeout=TRAINING_MS)
    session.unlink()


def open_session(page: Page, name: str) -> None:
    """Open a session from the list and wait for its first frame."""
    page.goto("/sessions")
    page.locator("#list a", has_text=name).click()
    expect(page.locator(".transport output")).to_contain_text("frame 1 of")


def select(page: Page, start: float, end: float) -> None:
    """Drag over the timeline from one share of it to another."""
    box = page.locator(".timeline").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * start, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, y, steps=8)
    page.mouse.up()


REDS = """canvas => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data
    .filter((_, i) => i % 4 === 0).reduce((sum, value) => sum + value, 0)"""


def brightness(page: Page) -> float:
    """Wait until the screen shows a frame; return the mean of its red, which every frame of a test has."""
    script = """canvas => new Promise(resolve => {
        const look = () => {
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            const red = data.filter((_, i) => i % 4 === 0).reduce((sum, value) => sum + value, 0);
            red > 0 ? resolve(red) : requestAnimationFrame(look);
        };
        look();
    })"""
    return float(page.locator(".screen canvas").evaluate(script))
