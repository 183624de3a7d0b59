"""A simulated car on its tracks: carried to the start of one from its page, and seen by people in a larger picture."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import httpx
import numpy as np

from car.web.video import HEADER
from simulator.track import make_track
from simulator.track_file import content_of, write_track
from tests.car.web.serving import OURS
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


def test_the_cars_own_track_that_was_replaced_on_the_page_is_the_new_one_once_it_is_entered(tmp_path: Path) -> None:
    folder = tmp_path / "mycar" / "tracks"
    folder.mkdir(parents=True)
    (folder.parent / "car.toml").write_text('[simulator]\ntrack = "tracks/mine.json"\n', encoding="utf-8")
    write_track(make_track("peanut"), folder / "mine.json")
    with DrivingCar(tmp_path, "--no-record", headless=False) as car, Browser(car.port) as browser:
        api = f"http://127.0.0.1:{car.port}/api/"
        before = httpx.get(f"{api}track").json()
        page = httpx.post(
            f"{api}tracks", params={"name": "mine", "replace": True}, json=content_of(make_track("bean")), headers=OURS
        )
        assert page.status_code == 201, page.text
        browser.say(type="enter_track", track="mine.json")

        def shown() -> bool:
            return bool(httpx.get(f"{api}track").json()["centre_line_m"] != before["centre_line_m"])

        wait_for(shown, "a map of the new track")
        start = make_track("bean").pose_at(0.0)
        wait_for(lambda: abs(browser.state["pose"]["x_m"] - start.x_m) < 0.01, "a car on the new track")


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
