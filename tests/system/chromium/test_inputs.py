"""Keys, pads, phones and browsers that are not what the page would like them to be."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from hardware.drivetrain import NEUTRAL
from tests.system.chromium.drive_page import GAMEPAD, DrivePage
from tests.system.chromium.served_car import ServedCar

PHONE = {"viewport": {"width": 844, "height": 390}, "has_touch": True, "is_mobile": True}
NO_STORAGE = """Object.defineProperty(window, "localStorage", {
    get() { throw new DOMException("The request was denied.", "SecurityError"); } });"""
NO_PADS = """navigator.getGamepads = () => { throw new DOMException("Denied.", "SecurityError"); };"""
STRANGE_PAD = """window.pad = { id: "Wheel (0079)", index: 0, mapping: "", connected: true,
    axes: Array(8).fill(0), buttons: Array.from({ length: 11 }, () => ({ pressed: false, value: 0 })) };
navigator.getGamepads = () => [window.pad];"""
TWO_PADS = f"""{GAMEPAD}
window.second = {{ ...structuredClone(pad), id: "Second (054c)", index: 1 }};
navigator.getGamepads = () => [pad, second, null, null];"""
TILT = """async ({ api, turn }) => {
    if (!api) delete Screen.prototype.orientation;
    if (turn === null) delete window.orientation;
    else Object.defineProperty(window, "orientation", { value: turn, configurable: true });
    const { Tilt } = await import("/static/inputs.js");
    window.tilt = new Tilt();
    return await tilt.start();
}"""
TURN = """([beta, gamma]) => {
    window.dispatchEvent(new DeviceOrientationEvent("deviceorientation", { beta, gamma }));
    return Math.sign(tilt.steering);
}"""


@pytest.fixture
def open_page(make_context: Callable[..., BrowserContext], car: ServedCar) -> Iterator[Callable[..., DrivePage]]:
    """Return how to open the drive page of a browser in which a script has run first."""
    opened: list[DrivePage] = []

    def open_it(script: str, **options: object) -> DrivePage:
        page = make_context(**options).new_page()
        page.add_init_script(script)
        drive_page = DrivePage(page, car)
        opened.append(drive_page)
        drive_page.open()
        return drive_page

    yield open_it
    for drive_page in opened:
        drive_page.leave_the_car_as_it_was()


SPACES = [
    {"key": " ", "code": "", "windowsVirtualKeyCode": 32},
    {"key": " ", "code": ""},
    {"key": "Unidentified", "code": "Space"},
    {"key": "Unidentified", "code": "", "windowsVirtualKeyCode": 32},
]


@pytest.mark.parametrize("event", SPACES, ids=str)
def test_space_stops_however_the_key_is_told(
    drive_page: DrivePage, car: ServedCar, event: dict[str, str | int]
) -> None:
    drive_page.drive_off("ArrowUp")
    drive_page.press_as(**event)
    drive_page.shows("Stopped", "Stopped by the driver.")
    car.wait_for_neutral()


def test_space_that_was_held_before_the_page_had_the_focus_stops_too(drive_page: DrivePage) -> None:
    drive_page.arm()
    drive_page.press_as(key=" ", code="Space", windowsVirtualKeyCode=32, autoRepeat=True)
    drive_page.shows("Stopped", "Stopped by the driver.")


KEYS = """async ([down, up]) => {
    const { Keyboard } = await import("/static/keys.js");
    const keys = new Keyboard(() => {});
    const press = (kind, event) => window.dispatchEvent(new KeyboardEvent(kind, { cancelable: true, ...event }));
    press("keydown", down);
    keys.read(1000);
    const { steering, throttle } = keys.read(1050);
    press("keyup", up);
    return [Math.sign(steering), Math.sign(throttle), keys.isActive];
}"""


@pytest.mark.parametrize(
    ("down", "up", "steering", "throttle"),
    [
        ({"key": "ArrowUp"}, {"key": "ArrowUp"}, 0, 1),
        ({"key": "ArrowLeft"}, {"key": "ArrowLeft", "code": "ArrowLeft"}, -1, 0),
        ({"code": "KeyW", "key": "z"}, {"code": "KeyW", "key": "z"}, 0, 1),
        ({"key": "D"}, {"key": "d"}, 1, 0),
        ({"code": "KeyQ", "key": "a"}, {"code": "KeyQ", "key": "a"}, -1, 0),
        ({"code": "KeyS"}, {"code": "KeyS"}, 0, -1),
        ({"code": "KeyW", "key": "z"}, {"key": "z"}, 0, 1),
    ],
    ids=str,
)
def test_a_key_is_told_by_its_name_or_by_its_place_and_never_stays_down(
    drive_page: DrivePage, down: dict[str, str], up: dict[str, str], steering: int, throttle: int
) -> None:
    assert drive_page.page.evaluate(KEYS, [down, up]) == [steering, throttle, False]


def test_cruise_key_keeps_the_throttle_until_a_key_for_back(drive_page: DrivePage, car: ServedCar) -> None:
    drive_page.drive_off("w")
    drive_page.page.keyboard.press("c")
    drive_page.let_go("w")
    drive_page.shows("Armed", "Cruise keeps")
    drive_page.wait_for_states(20)
    assert car.wheels[-1].command.throttle > 0.3
    drive_page.hold("ArrowLeft")
    car.wait_for_wheels(lambda applied: applied.command.steering < -0.15, "steering")
    assert car.wheels[-1].command.throttle > 0.3
    drive_page.let_go("ArrowLeft")
    drive_page.page.keyboard.press("s")
    car.wait_for_neutral()
    drive_page.shows("Armed", "You drive.")


def test_cruise_key_moves_no_car_that_stands(drive_page: DrivePage, car: ServedCar) -> None:
    drive_page.arm()
    drive_page.page.keyboard.press("c")
    drive_page.wait_for_states(10)
    assert car.wheels[-1].command == NEUTRAL


@pytest.mark.parametrize("end", ["c", "Space", "disarm", "auto", "blur", "thumb"])
def test_cruise_is_over_and_does_not_come_back(drive_page: DrivePage, car: ServedCar, end: str) -> None:
    page = drive_page.page
    drive_page.drive_off("w")
    page.keyboard.press("c")
    drive_page.let_go("w")
    drive_page.shows("Armed", "Cruise keeps")
    if end in {"c", "Space"}:
        page.keyboard.press(end)
    elif end == "disarm":
        page.locator("#arm").click()
    elif end == "auto":
        page.locator("#modes [data-mode=auto]").click()
        drive_page.wait_for_states(5)
        page.locator("#modes [data-mode=manual]").click()
    elif end == "blur":
        page.evaluate("window.dispatchEvent(new Event('blur'))")
    else:
        page.locator("#pad").click()
    car.wait_for_neutral()
    if end in {"Space", "disarm"}:
        expect(page.locator("#arm")).to_have_text("Arm")
        page.locator("#arm").click()
    drive_page.shows("Armed", "You drive.")
    drive_page.wait_for_states(10)
    assert car.wheels[-1].command == NEUTRAL


def test_page_drives_where_the_browser_keeps_nothing(open_page: Callable[..., DrivePage], car: ServedCar) -> None:
    drive_page = open_page(NO_STORAGE)
    drive_page.page.locator("#limit").fill("30")
    drive_page.page.locator("#limit").blur()
    expect(drive_page.page.locator("#limit-text")).to_have_text("30 %")
    drive_page.arm()
    drive_page.hold("w")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.29, "the car to move")
    assert not drive_page.problems


def test_page_drives_where_the_browser_denies_gamepads(open_page: Callable[..., DrivePage], car: ServedCar) -> None:
    drive_page = open_page(NO_PADS)
    drive_page.arm()
    drive_page.hold("w")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0, "the car to move")
    assert not drive_page.problems


def test_pad_of_an_unknown_layout_is_not_read_and_the_page_says_so(
    open_page: Callable[..., DrivePage], car: ServedCar
) -> None:
    drive_page = open_page(STRANGE_PAD)
    expect(drive_page.page.locator("#sources")).to_contain_text("Wheel does nothing here, not even STOP")
    drive_page.arm()
    before = len(car.wheels)
    drive_page.page.evaluate("""() => {
        for (const button of pad.buttons) Object.assign(button, { pressed: true, value: 1 });
        pad.axes.fill(1);
    }""")
    drive_page.wait_for_states(20)
    assert {applied.command for applied in car.wheels[before:]} <= {NEUTRAL}
    drive_page.shows("Armed")
    assert not drive_page.problems


def test_of_two_pads_the_one_that_is_held_drives_and_each_stops(
    open_page: Callable[..., DrivePage], car: ServedCar
) -> None:
    drive_page = open_page(TWO_PADS)
    page = drive_page.page
    drive_page.arm()
    page.evaluate("second.buttons[4].pressed = true; second.axes[0] = -1; second.buttons[7].value = 1")
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.3 and applied.command.steering < -0.9, "the pad")
    page.evaluate("pad.buttons[1].pressed = true")
    drive_page.shows("Stopped", "Stopped by the driver.")
    page.evaluate("second.buttons[7].value = 0")
    drive_page.wait_for_states(5)
    page.locator("#arm").click()
    drive_page.shows("Armed")
    # The first pad's button is stuck; the second one's is heard all the same.
    page.evaluate("second.buttons[1].pressed = true")
    drive_page.shows("Stopped", "Stopped by the driver.")


@pytest.fixture
def phone(make_context: Callable[..., BrowserContext]) -> Page:
    """Return a page of a phone held sideways."""
    page = make_context(**PHONE).new_page()
    page.goto("/")
    return page


@pytest.mark.parametrize(
    ("api", "turn", "leaning", "signs"),
    [
        (False, 90, [(0, -60), (20, -60), (-20, -60)], [0, 1, -1]),
        (False, -90, [(0, 60), (20, 60), (-20, 60)], [0, -1, 1]),
        (False, 0, [(60, 0), (60, 20), (60, -20)], [0, 1, -1]),
        (False, 180, [(-60, 0), (-60, 20)], [0, -1]),
    ],
)
def test_tilt_is_told_from_how_the_phone_is_turned_in_older_browsers_too(
    phone: Page, api: bool, turn: int, leaning: list[tuple[int, int]], signs: list[int]
) -> None:
    assert phone.evaluate(TILT, {"api": api, "turn": turn}) == ""
    assert [phone.evaluate(TURN, list(angles)) for angles in leaning] == signs


def test_phone_held_sideways_by_a_browser_that_does_not_say_how_is_not_steered_by_tilt(phone: Page) -> None:
    assert "Hold it upright" in phone.evaluate(TILT, {"api": False, "turn": None})
    assert phone.evaluate("tilt.isOn") is False
    assert phone.evaluate(TURN, [0, -60]) == 0


@pytest.mark.parametrize(
    "answer",
    [
        "Promise.resolve('denied')",
        "Promise.reject(new DOMException('', 'NotAllowedError'))",
        "(() => { throw Error() })()",
    ],
)
def test_phone_that_does_not_allow_tilt_is_told_so(
    make_context: Callable[..., BrowserContext], car: ServedCar, answer: str
) -> None:
    page = make_context(**PHONE).new_page()
    page.add_init_script(f"DeviceOrientationEvent.requestPermission = () => {answer};")
    drive_page = DrivePage(page, car)
    page.goto("/")
    expect(page.locator("#tilt")).to_be_visible()
    page.locator("#tilt").tap()
    expect(page.locator(".toast")).to_contain_text("The phone did not allow it.")
    expect(page.locator("#tilt")).to_have_attribute("aria-pressed", "false")
    assert drive_page.problems == []


@pytest.mark.parametrize("path", ["/", "/sessions", "/models", "/calibrate", "/doctor"])
def test_pages_name_the_car_in_header_and_title(
    make_context: Callable[..., BrowserContext], car: ServedCar, path: str
) -> None:
    page = make_context().new_page()
    page.goto(path)
    expect(page.locator(".brand")).to_have_text("mycar")
    assert page.title().endswith(" · mycar")


def test_trigger_of_which_the_slider_leaves_next_to_nothing_is_not_at_rest(open_page: Callable[..., DrivePage]) -> None:
    drive_page = open_page(GAMEPAD)
    drive_page.page.locator("#limit").fill("10")
    drive_page.page.evaluate("pad.buttons[5].pressed = true; pad.buttons[7].value = 0.4")
    drive_page.wait_for_states(10)
    drive_page.page.locator("#arm").click()
    drive_page.shows("Not armed", "Let go of the throttle first.")
    drive_page.page.evaluate("pad.buttons[7].value = 0")
    drive_page.wait_for_states(10)
    drive_page.page.locator("#arm").click()
    drive_page.shows("Armed")


def test_slider_limits_the_pilot_too(drive_page: DrivePage, car: ServedCar) -> None:
    limit = drive_page.page.locator("#limit")
    limit.fill("10")
    limit.blur()
    before = len(car.wheels)
    drive_page.arm("auto")
    car.wait_for_wheels(lambda applied: applied.command.throttle == pytest.approx(0.1), "a pilot at its limit")
    assert max(applied.command.throttle for applied in car.wheels[before:]) == pytest.approx(0.1)
    limit.fill("100")
    limit.blur()
    car.wait_for_wheels(lambda applied: applied.command.throttle > 0.15, "a pilot that may do more")


def test_laps_of_a_simulated_car_are_timed_on_the_page(chromium: Browser, tmp_path: Path) -> None:
    with ServedCar(tmp_path) as car, chromium.new_context(base_url=car.url) as context:
        drive_page = DrivePage(context.new_page(), car)
        drive_page.open()
        drive_page.arm("auto")
        figures = drive_page.page.locator("#figures")
        for word in ("Laps", "This lap", "Last lap", "Off the lane"):
            expect(figures).to_contain_text(word)
        best = figures.locator("div", has_text="Best lap").locator("dd")
        lap = re.compile(r"[1-9]\d\.\d s")
        deadline = time.monotonic() + 150.0
        while not lap.fullmatch(best.inner_text()):
            # A machine that stood still for a moment stops the car, as it must: its driver arms it anew.
            state = drive_page.page.locator("#gate-title").inner_text()
            assert time.monotonic() < deadline, f"no lap was timed; {state}; {figures.inner_text()}"
            if state != "Armed":
                drive_page.arm("auto")
            drive_page.page.wait_for_timeout(500)
        # Who opens the page anew is told what was timed before.
        told = best.inner_text()
        drive_page.leave_the_car_as_it_was()
        again = context.new_page()
        again.goto("/")
        expect(again.locator("#figures div", has_text="Best lap").locator("dd")).to_have_text(told)
