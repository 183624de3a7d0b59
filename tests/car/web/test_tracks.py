"""The tracks' API, on the real server: what is drawn is checked, saved once, and can be entered at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from car.config.sections import CarConfig, RecordingSection, WebSection
from car.tracks import FOLDER_NAME
from car.web.bodies import MAX_BODY_BYTES
from tests.car.test_tracks import KIDNEY, OTHER
from tests.car.web.serving import PORT, TRACKS, Served, serving
from tests.system.browser import Browser
from tests.system.car_process import wait_for

EIGHT_POINTS = {"centre_line_m": [[0, 0], [4, 3], [4, 0], [0, 3]]}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("web") / "mycar") as served:
        yield served


def test_what_is_drawn_is_checked_and_not_saved(served: Served) -> None:
    good = served.client.post("tracks/check", json=KIDNEY).json()
    assert good["refusal"] == ""
    assert good["length_m"] == pytest.approx(15.0, abs=1.0)
    assert len(good["centre_m"]) == pytest.approx(good["length_m"] / 0.1, abs=3)
    bad = served.client.post("tracks/check", json=EIGHT_POINTS).json()
    assert bad["refusal"].startswith("What is drawn: the bend near")
    assert bad["centre_m"] == []
    assert not (served.folder.path / FOLDER_NAME / "check.json").exists()


def test_a_saved_track_is_listed_and_in_the_menu_of_tracks(served: Served) -> None:
    assert served.client.post("tracks", params={"name": "mine"}, json=KIDNEY).status_code == 201
    assert served.client.get("tracks").json() == {"simulated": True, "names": ["mine"]}
    assert served.client.get("tracks/mine").json() == KIDNEY
    assert served.client.get("status").json()["tracks"] == [*TRACKS, "mine.json"]
    served.refused("POST", "tracks?name=mine", 409, "already", "replace", json=OTHER)
    assert served.client.post("tracks", params={"name": "mine", "replace": True}, json=OTHER).status_code == 201
    assert served.client.get("tracks/mine").json() == OTHER


def test_browsers_see_a_tracks_name_and_not_where_its_file_lies(served: Served) -> None:
    assert served.client.post("tracks", params={"name": "private"}, json=KIDNEY).status_code == 201
    private = served.folder.path / FOLDER_NAME / "private.json"
    with Browser(served.port) as driver:
        driver.wait_for_state(driver=True)
        driver.say(type="enter_track", track="private.json")
        driver.wait_for_state(track="private.json")
        shown = served.client.get("track").json()
        status = served.client.get("status").json()
        driver.say(type="enter_track", track=str(private.resolve()))
        wait_for(lambda: driver.refused != [], "a refusal")
        driver.say(type="enter_track", track="oval")
        driver.wait_for_state(track="oval")
    private.unlink()
    assert "private" not in served.client.get("tracks").json()["names"]
    assert (shown["name"], status["track"]) == ("private.json", "private.json")
    assert shown["centre_line_m"]
    folder = str(served.folder.path.resolve().parent)
    assert not [answer for answer in (shown, status, driver.state) if folder in json.dumps(answer)]


def test_what_is_no_track_is_one_sentence(served: Served) -> None:
    served.refused("POST", "tracks?name=..%2Fx", 409, "cannot be called", json=KIDNEY)
    served.refused("POST", "tracks?name=bad", 409, "has a radius of", json=EIGHT_POINTS)
    served.refused("POST", "tracks?name=bad", 422, "not allowed", json=[1, 2])
    not_a_number = {"content": '{"centre_line_m": [[NaN, 0]]}', "headers": {"Content-Type": "application/json"}}
    served.refused("POST", "tracks?name=bad", 409, "list of points", **not_a_number)
    served.refused("GET", "tracks/nowhere", 404, "no track")
    served.refused("GET", "tracks/..%2Fcar", 404)
    huge = {"centre_line_m": [[0.123456, 0.123456]] * (MAX_BODY_BYTES // 20)}
    served.refused("POST", "tracks?name=huge", 413, json=huge)
    assert "bad" not in served.client.get("tracks").json()["names"]


def test_a_car_with_real_wheels_saves_no_track(tmp_path: Path) -> None:
    config = CarConfig.model_validate({"drivetrain": {"kind": "servo_esc"}}).model_copy(
        update={"web": WebSection(port=PORT, announce=False), "recording": RecordingSection(min_free_mb=0)}
    )
    with serving(tmp_path / "mycar", config) as served:
        assert served.client.get("tracks").json()["simulated"] is False
        served.refused("POST", "tracks?name=mine", 409, "real wheels", json=KIDNEY)
