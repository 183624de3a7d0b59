"""How immediate the pages feel: from a key in a real browser to the wheels, and from the camera to the screen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page, expect, sync_playwright

from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock
from tests.benchmarks.figures import Figure, show
from tests.car.sessions.recordings import write_session
from tests.system.chromium.conftest import chromium_path
from tests.system.chromium.served_car import ServedCar

RATE_HZ = 60.0
KEY_PRESSES = 100
FRAMES = 600
LONG = 20_000
SCRUB_STEPS = 300
CLOCK_TRIALS = 200
KEY = "d"
WATCH_KEYS = """() => {
    window.pressedMs = [];
    window.addEventListener("keydown", event => pressedMs.push(event.timeStamp), { capture: true });
}"""
WATCH_PICTURES = """() => {
    window.picturesMs = [];
    const note = time => { picturesMs.push(time); requestAnimationFrame(note); };
    requestAnimationFrame(note);
}"""
PAINT = """async count => {
    const { VideoFeed } = await import("/static/video.js");
    const canvas = document.createElement("canvas"), frames = [];
    canvas.className = "feed";
    document.body.append(canvas);
    const turn = new MessageChannel();
    await new Promise(resolve => {
        new VideoFeed(canvas, ({ number, capturedNs }) => requestAnimationFrame(() => {
            // What is posted now is heard when the picture that has the frame in it has been made.
            turn.port1.onmessage = () => {
                frames.push([number, Number(capturedNs), performance.now()]);
                if (frames.length === count) resolve();
            };
            turn.port2.postMessage(0);
        }));
    });
    return frames;
}"""


def measure() -> None:
    """Print the time from each key press to the wheels, and from each capture to the painted frame."""
    path = chromium_path()
    if path is None:
        show("Pages", [Figure("not measured: there is no Chromium here", "")])
        return
    with (
        TemporaryDirectory() as folder,
        ServedCar(Path(folder), rate_hz=RATE_HZ) as car,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path) as browser,
    ):
        keys = key_presses(browser.new_page(base_url=car.url), car)
        painted, rate_hz = paints(browser.new_page(base_url=car.url))
        write_session(car.folder / "sessions" / "long.mcap", LONG)
        opened_s, pictures = scrub(browser.new_page(base_url=car.url))
    show(
        f"Pages in Chromium, on loopback, at {RATE_HZ:g} frames/s",
        [
            Figure("key press to the drivetrain", spread(keys)),
            Figure("capture to frame painted", spread(painted)),
            Figure("  frames painted", f"{rate_hz:.0f} /s"),
            Figure(f"opening a session of {LONG:,} frames", f"{opened_s:.1f} s"),
            Figure("  from picture to picture while its timeline is dragged over", spread(pictures)),
        ],
    )


def key_presses(page: Page, car: ServedCar) -> NDArray[np.float64]:
    """Press a key that steers again and again; return the milliseconds until the wheels were told."""
    page.goto("/")
    expect(page.locator("#arm")).to_be_enabled()
    page.locator("#arm").click()
    expect(page.locator("#gate-title")).to_have_text("Armed")
    page.evaluate(WATCH_KEYS)
    for _ in range(KEY_PRESSES):
        page.keyboard.down(KEY)
        car.wait_for_wheels(lambda applied: applied.command.steering > 0.0, "the wheels to turn")
        page.keyboard.up(KEY)
        car.wait_for_neutral()
    to_car_ns = page_clock(page)
    pressed_ns = np.array([to_car_ns(time_ms) for time_ms in page.evaluate("pressedMs")])
    turned_ns = np.array([applied.time_ns for applied in car.wheels if applied.command.steering > 0.0])
    first_ns = turned_ns[np.searchsorted(turned_ns, pressed_ns)]
    page.close()
    return np.asarray((first_ns - pressed_ns) / NS_PER_MS)


def paints(page: Page) -> tuple[NDArray[np.float64], float]:
    """Watch the video; return the milliseconds from each capture to the painted frame, and frames per second."""
    page.goto("/pair")
    frames = np.array(page.evaluate(PAINT, FRAMES))
    to_car_ns = page_clock(page)
    _, captured_ns, painted_ms = frames.T
    painted_ns = np.array([to_car_ns(time_ms) for time_ms in painted_ms])
    page.close()
    return (painted_ns - captured_ns) / NS_PER_MS, (FRAMES - 1) * NS_PER_S / (painted_ns[-1] - painted_ns[0])


def scrub(page: Page) -> tuple[float, NDArray[np.float64]]:
    """Open the session and drag over all of it; return how long that took to open, and between pictures in ms."""
    page.goto("/sessions")
    clock = SystemClock()
    before_ns = clock.now_ns()
    page.locator("#list a").first.click()
    expect(page.locator(".transport output")).to_contain_text("frame 1 of")
    opened_s = (clock.now_ns() - before_ns) / NS_PER_S
    box = page.locator(".timeline").bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.evaluate(WATCH_PICTURES)
    page.mouse.move(box["x"] + 1, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, y, steps=SCRUB_STEPS)
    page.mouse.up()
    times_ms = np.array(page.evaluate("picturesMs"))
    page.close()
    return opened_s, np.diff(times_ms)


def page_clock(page: Page) -> Callable[[float], float]:
    """Return how a page's ``performance.now()`` becomes the car's clock, to half the round trip of a quick question."""
    clock = SystemClock()
    trials = []
    for _ in range(CLOCK_TRIALS):
        before_ns = clock.now_ns()
        page_ms = page.evaluate("performance.now()")
        after_ns = clock.now_ns()
        trials.append((after_ns - before_ns, (before_ns + after_ns) / 2 - page_ms * NS_PER_MS))
    _, offset_ns = min(trials)
    return lambda time_ms: time_ms * NS_PER_MS + offset_ns


def spread(times_ms: NDArray[np.float64]) -> str:
    """Return median, 95th percentile, worst and count."""
    p50, p95 = np.percentile(times_ms, (50, 95))
    return f"p50 {p50:.1f} · p95 {p95:.1f} · max {times_ms.max():.1f} ms · n {len(times_ms)}"
