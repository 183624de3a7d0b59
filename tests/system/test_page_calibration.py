"""A car calibrated from its page while it runs: tried on its outputs through the gate, saved, and driven at once."""

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.hardware.fakes.logged_bus import smbus2
from tests.system.browser import Browser
from tests.system.car_process import DrivingCar, wait_for

ROOT = Path(__file__).parents[2]
STEERING, THROTTLE = 1, 0
STEP_US = 2.5
"""Half of what a PCA9685 can tell apart."""


class Bench:
    """The chip that outlives the car, and a browser that tries values out."""

    def __init__(self, log: Path, browser: Browser) -> None:
        self._log = log
        self.browser = browser

    def pulse_us(self, channel: int) -> float:
        return list(smbus2.transfers(self._log))[-1].pulses_us[channel]

    def highest_us(self, channel: int) -> float:
        return max(transfer.pulses_us[channel] for transfer in smbus2.transfers(self._log))

    def try_out(self, name: str, value: float, shows: Callable[[], bool]) -> None:
        """Try a value again and again, as the page does, until ``shows``."""

        def try_and_see() -> bool:
            self.browser.say(type="try_output", name=name, value=value)
            return shows()

        wait_for(try_and_see, f"{name} at {value}")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(smbus2.__file__).parent), str(ROOT)]))
    monkeypatch.setenv("I2C_LOG", str(tmp_path / "i2c.log"))
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text('[drivetrain]\nkind = "servo_esc"\n', encoding="utf-8")
    return tmp_path / "i2c.log"


def arm(browser: Browser, mode: str, *, wheels_up: bool = False) -> None:
    """Ask until the car is armed."""

    def ask() -> bool:
        browser.say(type="arm", mode=mode, wheels_up=wheels_up)
        return browser.state.get("gate") == "armed" and browser.state.get("mode") == mode

    wait_for(ask, f"the car to be armed for {mode}")


def test_a_car_is_calibrated_from_its_page_and_drives_by_it_at_once(tmp_path: Path, log: Path) -> None:
    with DrivingCar(tmp_path, "--no-record", headless=False) as car:
        # Without a terminal of its own, as the service runs it.
        with Browser(car.port) as browser:
            bench = Bench(log, browser)
            browser.is_refused("manual", "steering and throttle are not calibrated yet")
            browser.wait_for_state(gate="disarmed")
            arm(browser, "calibration", wheels_up=True)
            bench.try_out("steering_left_us", 700, lambda: abs(bench.pulse_us(STEERING) - 700) <= STEP_US)
            bench.try_out("forward_start_us", 1560, lambda: abs(bench.pulse_us(THROTTLE) - 1560) <= STEP_US)
            bench.try_out("forward_max_us", 2000, lambda: bench.pulse_us(THROTTLE) >= 1600 - STEP_US)
            wait_for(lambda: abs(bench.pulse_us(THROTTLE) - 1500) <= STEP_US, "letting go")
            assert bench.highest_us(THROTTLE) <= 1600 + STEP_US

            changes = {"steering_left_us": 1200, "steering_centre_us": 1450, "steering_right_us": 1700}
            answer = httpx.post(
                f"http://127.0.0.1:{car.port}/api/calibration", json=changes, headers={"X-Pocketpilot": "1"}
            )
            assert answer.status_code == 200, answer.text
            browser.say(type="disarm")
            # On a busy machine it may have tripped before.
            wait_for(lambda: browser.state.get("gate") != "armed", "the end of calibrating")
            # What is saved counts from the next arming on, and a calibration that had tripped read the file too early.
            arm(browser, "manual")
            wait_for(lambda: abs(bench.pulse_us(STEERING) - 1450) <= STEP_US, "the new centre")
            browser.stick = (1.0, 0.0)
            wait_for(lambda: abs(bench.pulse_us(STEERING) - 1700) <= STEP_US, "the right end")
            browser.stick = (-1.0, 0.0)
            wait_for(lambda: abs(bench.pulse_us(STEERING) - 1200) <= STEP_US, "the left end")
        car.end()
    assert bench.pulse_us(THROTTLE) == 0
