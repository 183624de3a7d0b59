"""A simulated car that has lost its way is put back on its track, or on another one, from its page."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.system.browser import Browser
from tests.system.car_process import DrivingCar, wait_for


def test_a_driver_carries_the_car_to_another_track_and_it_stands_there_disarmed(tmp_path: Path) -> None:
    with DrivingCar(tmp_path, "--no-record", headless=False) as car, Browser(car.port) as browser:
        status = httpx.get(f"http://127.0.0.1:{car.port}/api/status").json()
        assert (status["track"], set(status["tracks"]) > {"oval", "bean"}) == ("oval", True)
        browser.arm("manual")
        browser.stick = (0.0, 0.5)
        wait_for(lambda: browser.state["odometry"]["speed_m_s"] > 0.3, "a car that drives")
        browser.stick = (0.0, 0.0)
        browser.say(type="enter_track", track="bean")
        browser.wait_for_state(gate="disarmed")
        wait_for(lambda: browser.state["odometry"]["speed_m_s"] == 0.0, "a car that stands")
        assert httpx.get(f"http://127.0.0.1:{car.port}/api/status").json()["track"] == "bean"
        browser.arm("manual")


def test_a_track_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with DrivingCar(tmp_path, "--no-record", headless=False) as car, Browser(car.port) as browser:
        browser.arm("manual")
        browser.say(type="enter_track", track="nowhere")
        wait_for(lambda: bool(browser.refused), "a refusal")
        browser.wait_for_state(gate="armed")
