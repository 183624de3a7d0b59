"""Every page as a phone and a desk show it, day and night: ``python -m tests.system.chromium.screenshots FOLDER``.

The car that is shown drives in the simulator and has a few sessions and models of its own.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

import models
from tests.system.car_process import CAR
from tests.system.chromium.conftest import find_chromium
from tests.system.chromium.served_car import ServedCar

SCREENS: dict[str, ViewportSize] = {
    "phone": {"width": 390, "height": 844},
    "sideways": {"width": 844, "height": 390},
    "desk": {"width": 1280, "height": 800},
}
SCHEMES = ("light", "dark")
TRACKS = ("oval", "bean")
SETTLED_MS = 700


def main() -> None:
    """Save a picture of every page in every way into the folder that is named on the command line."""
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder, ServedCar(Path(folder)) as car, sync_playwright() as playwright:
        furnish(car.folder)
        with playwright.chromium.launch(executable_path=find_chromium()) as browser:
            for screen in SCREENS:
                for scheme in SCHEMES:
                    photograph(browser, car, screen, scheme, target)
    print(f"{len(list(target.glob('*.png')))} pictures in {target}/")


def furnish(folder: Path) -> None:
    """Give the car in ``folder`` sessions and models to show."""
    for track in TRACKS:
        session = folder / "sessions" / f"{track}.mcap"
        command = ["simulate", "--expert", "--disturb", "--track", track, "--minutes", "0.7", "--record", session]
        subprocess.run([str(CAR), *map(str, command)], cwd=folder, check=True, capture_output=True)
    shipped = next(Path(models.__file__).parent.glob("*.tflite"))
    shutil.copy(shipped, folder / "models" / "kitchen-floor.tflite")
    (folder / "models" / "half-a-model.tflite").write_bytes(shipped.read_bytes()[:5000])


def photograph(browser: Browser, car: ServedCar, screen: str, scheme: str, target: Path) -> None:
    """Save a picture of every page."""
    is_phone = screen != "desk"
    context = browser.new_context(
        base_url=car.url,
        viewport=SCREENS[screen],
        color_scheme="dark" if scheme == "dark" else "light",
        has_touch=is_phone,
        is_mobile=is_phone,
    )
    page = context.new_page()
    for name, (path, prepare) in PAGES.items():
        page.goto(path)
        prepare(page)
        page.wait_for_timeout(SETTLED_MS)
        page.screenshot(path=target / f"{name}-{screen}-{scheme}.png")
    context.close()


def drive(page: Page) -> None:
    """Drive round a bend."""
    expect(page.locator("#arm")).to_be_enabled()
    page.keyboard.press("Space")
    page.locator("#modes [data-mode=auto]").click()
    expect(page.locator("#arm")).to_have_text("Arm")
    page.locator("#arm").click()
    expect(page.locator("#gate-title")).to_have_text("Armed")
    page.wait_for_timeout(4000)


def stop(page: Page) -> None:
    """Press STOP."""
    expect(page.locator("#arm")).to_be_enabled()
    page.keyboard.press("Space")
    expect(page.locator("#gate-title")).to_have_text("Stopped")


def open_session(page: Page) -> None:
    """Open the first session and leave a part of it out."""
    page.locator("#list a").first.click()
    timeline = page.locator(".timeline")
    box = timeline.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.3, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.45, y, steps=5)
    page.mouse.up()


def draw_a_track(page: Page) -> None:
    """Draw a lane."""
    page.locator("#loop").click()
    expect(page.locator("#verdict")).to_contain_text("tightest bend")


def invite(page: Page) -> None:
    """Let a pupil in."""
    page.locator("#name").fill("Ada")
    page.locator("#invite button").click()
    expect(page.locator("#code img")).to_be_visible()


def as_it_is(page: Page) -> None:
    """Wait until the page shows what it has."""
    page.wait_for_load_state("networkidle") if page.url.endswith("/pair") else page.wait_for_timeout(SETTLED_MS)


def wait_for_findings(page: Page) -> None:
    """Wait until the doctor has looked at everything."""
    expect(page.locator(".summary")).to_be_visible(timeout=60_000)


PAGES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "stopped": ("/", stop),
    "drive": ("/", drive),
    "sessions": ("/sessions", as_it_is),
    "session": ("/sessions", open_session),
    "models": ("/models", as_it_is),
    "tracks": ("/tracks", draw_a_track),
    "calibrate": ("/calibrate", as_it_is),
    "people": ("/people", invite),
    "doctor": ("/doctor", wait_for_findings),
    "pair": ("/pair", as_it_is),
}


if __name__ == "__main__":
    main()
