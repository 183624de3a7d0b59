"""The drive page as a person uses it."""

from __future__ import annotations

import re
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.system.chromium.served_car import ServedCar

PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)
GREYS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 1]);
}"""

NEXT_STATES = """async count => {
    const { channel } = await import("/static/shell.js");
    while (count-- > 0) await new Promise(resolve => channel.addEventListener("state", resolve, { once: true }));
}"""

GAMEPAD = """window.pad = { id: "Pad (054c)", index: 0, mapping: "standard", connected: true, axes: [0.9, 0, 0, 0],
    buttons: Array.from({ length: 17 }, () => ({ pressed: false, value: 0 })) };
navigator.getGamepads = () => [window.pad];"""
"""Chromium has no gamepad to press in a test; the page asks the browser for one, and this is its answer."""


class DrivePage:
    """What a person sees and does on the drive page of ``car``."""

    def __init__(self, page: Page, car: ServedCar) -> None:
        self.page = page
        self.car = car
        self.problems: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.problems.append(str(error)))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "404" not in message.text:
            self.problems.append(message.text)

    def press_as(self, **event: str | int) -> None:
        """Press and lift a key that is told as ``event`` says: remote desktops leave parts of it out."""
        keyboard = self.page.context.new_cdp_session(self.page)
        for kind in ("rawKeyDown", "keyUp"):
            keyboard.send("Input.dispatchKeyEvent", {"type": kind, **event})

    def open(self) -> None:
        """Open the page and wait until it has the car and its picture."""
        self.page.goto("/")
        expect(self.page.locator("#arm")).to_be_enabled()
        # The driver before may have left a moment ago, with the car armed.
        self.page.keyboard.press("Space")
        self.shows("Stopped")
        expect(self.page.locator("#figures")).to_contain_text(re.compile(r"Video\s*[1-9]"))

    def shows(self, title: str, text: str = "") -> None:
        """Check that the gate's state is shown as ``title``, with ``text`` among its words."""
        expect(self.page.locator("#gate-title")).to_have_text(title)
        expect(self.page.locator("#gate-text")).to_contain_text(text)

    def arm(self, mode: str = "manual") -> None:
        """Choose a mode and arm; for a pilot, after the car was put back on its track, where a pilot can drive."""
        if mode == "auto":
            self.page.locator("#track").dispatch_event("change")
        choice = self.page.locator(f"#modes [data-mode={mode}]")
        choice.click()
        expect(choice).to_have_attribute("aria-pressed", "true")
        self.page.locator("#arm").click()
        self.shows("Armed")

    def hold(self, *keys: str) -> None:
        """Press keys and keep them down."""
        for key in keys:
            self.page.keyboard.down(key)

    def let_go(self, *keys: str) -> None:
        """Lift keys."""
        for key in keys:
            self.page.keyboard.up(key)

    def drive_off(self, *keys: str) -> None:
        """Arm, hold ``keys`` and wait until the wheels turn."""
        self.arm()
        self.hold(*keys)
        self.car.wait_for_wheels(lambda applied: applied.command.throttle > 0.3, "the car to move")

    def picture(self) -> NDArray[np.float64]:
        """Return the grey values of the video as it is painted."""
        return np.array(self.page.locator("#video").evaluate(GREYS), float)

    def state(self) -> dict[str, Any]:
        """Return the car's newest state as the page has it."""
        script = "import('/static/shell.js').then(({ channel }) => channel.state)"
        return cast("dict[str, Any]", self.page.evaluate(script))

    def wait_for_states(self, count: int) -> None:
        """Wait until the car has said ``count`` times how it stands; the page has sampled its driver between them."""
        self.page.evaluate(NEXT_STATES, count)

    def leave_the_car_as_it_was(self) -> None:
        """Disarm and close the page."""
        if not self.page.is_closed():
            self.page.keyboard.press("Space")
            self.page.close()
        self.car.wait_for_neutral()
