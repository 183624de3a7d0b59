"""A simulated car on its tracks: carried to the start of one from its page, and seen by people in a larger picture."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import httpx
import numpy as np

from car.web.video import HEADER
from simulator.track import make_track
from simulator.track_file import write_track
from tests.system.browser import Browser, open_socket
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


def test_a_track_file_that_is_gone_while_the_car_drives_is_driven_on_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text('[simulator]\ntrack = "mine.json"\n', encoding="utf-8")
    mine = tmp_path / "mycar" / "mine.json"
    write_track(make_track("peanut"), mine)
    with DrivingCar(tmp_path, "--no-record", headless=False) as car, Browser(car.port) as browser:
        browser.arm("manual")
        mine.unlink()
        for track in ("bean", "mine.json"):
            browser.say(type="enter_track", track=track)
            browser.wait_for_state(gate="disarmed")
            browser.arm("manual")
        browser.stick = (0.0, 0.5)
        wait_for(lambda: browser.state["odometry"]["speed_m_s"] > 0.3, "a car that drives")


def test_a_track_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with DrivingCar(tmp_path, "--no-record", headless=False) as car, Browser(car.port) as browser:
        browser.arm("manual")
        browser.say(type="enter_track", track="nowhere")
        wait_for(lambda: bool(browser.refused), "a refusal")
        browser.wait_for_state(gate="armed")


def test_a_person_sees_a_larger_picture_than_the_pilot(tmp_path: Path) -> None:
    with DrivingCar(tmp_path, "--no-record") as car, open_socket(car.port, "/api/video") as socket:
        socket.send(json.dumps({"type": "next", "width": 960}))
        data = socket.recv(timeout=10)
        assert isinstance(data, bytes)
        image = cv2.imdecode(np.frombuffer(data[HEADER.size :], np.uint8), cv2.IMREAD_COLOR)
        assert image is not None
        assert image.shape == (240, 320, 3)
