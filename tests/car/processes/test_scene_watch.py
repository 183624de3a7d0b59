"""A simulated car is carried to a track once for each wish, and never while it is armed."""

from __future__ import annotations

import multiprocessing
import threading
from pathlib import Path

from car.gate import Disarm
from car.link.bulletin import Bulletin
from car.link.scene import SceneChoice
from car.processes.scene_watch import SceneWatch
from hardware.errors import TrackError
from tests.system.car_process import wait_for


class Scene:
    def __init__(self) -> None:
        self.bulletin = Bulletin(multiprocessing.get_context("spawn"))
        self.choice = SceneChoice(self.bulletin, ("oval", "bean"))
        self.entered: list[str] = []
        self.came = threading.Event()
        self.now_on = Bulletin(multiprocessing.get_context("spawn"))
        self.may_draw = threading.Event()
        self.may_draw.set()
        self.watch = SceneWatch(self.bulletin, self.now_on, self.enter)

    def enter(self, track: str) -> None:
        self.entered.append(track)
        self.came.set()
        self.may_draw.wait(60)
        if track == "bean":
            raise TrackError("No such track. Choose another.")


def test_each_wish_disarms_and_carries_the_car_once() -> None:
    scene = Scene()
    assert scene.choice.track == "oval"
    assert scene.choice.enter("oval")
    assert list(scene.watch.events(0)) == [Disarm()]
    assert list(scene.watch.events(1)) == []
    assert scene.came.wait(60)
    assert scene.entered == ["oval"]


def test_of_wishes_in_quick_succession_the_last_one_counts_and_only_where_the_car_is_is_told() -> None:
    scene = Scene()
    scene.may_draw.clear()
    for track in ("bean", "oval", "bean", "oval"):
        scene.choice.enter(track)
        list(scene.watch.events(0))
        assert scene.came.wait(60)
    assert scene.now_on.read() == {}
    scene.may_draw.set()
    wait_for(
        lambda: scene.now_on.read() == {"track": "oval", "number": 4}, "the car on the last track that was asked for"
    )
    assert scene.entered == ["bean", "oval"]


def test_a_track_that_is_not_on_the_list_cannot_be_asked_for() -> None:
    scene = Scene()
    assert not scene.choice.enter("nowhere")
    assert list(scene.watch.events(0)) == []


def test_a_track_that_is_added_while_the_car_drives_can_be_asked_for() -> None:
    own: list[str] = []
    choice = SceneChoice(Bulletin(multiprocessing.get_context("spawn")), ("oval",), lambda: own)
    assert not choice.enter("mine.json")
    own.append("mine.json")
    assert choice.tracks == ("oval", "mine.json")
    assert choice.enter("mine.json")
    assert choice.track == "mine.json"


def test_people_know_tracks_by_their_names_and_those_of_one_name_by_their_folders_too() -> None:
    bulletin = Bulletin(multiprocessing.get_context("spawn"))
    own, other, mine = (
        str(Path("/home/rosa") / name) for name in ("mine.json", "mycar/tracks/other.json", "mycar/tracks/mine.json")
    )
    choice = SceneChoice(bulletin, (own, "oval"), lambda: (mine, other))
    assert choice.tracks == ("mine.json", "oval", "tracks/mine.json", "other.json")
    assert choice.track == "mine.json"
    for name, track in (("tracks/mine.json", mine), ("mine.json", own), ("oval", "oval"), ("other.json", other)):
        assert choice.enter(name)
        assert bulletin.read()["track"] == track
        assert choice.track == choice.name_of(track) == name
    assert not choice.enter(own)
    assert choice.name_of("/home/rosa/mycar/tracks/gone.json") == "gone.json"


def test_the_cars_own_track_is_listed_once_though_it_is_in_its_folder_of_tracks() -> None:
    own = "/home/rosa/mycar/tracks/mine.json"
    choice = SceneChoice(Bulletin(multiprocessing.get_context("spawn")), (own, "oval"), lambda: (own,))
    assert choice.tracks == ("mine.json", "oval")


def test_a_track_that_cannot_be_drawn_leaves_the_car_where_it_is() -> None:
    scene = Scene()
    scene.choice.enter("bean")
    assert list(scene.watch.events(0)) == [Disarm()]
    assert scene.came.wait(60)
    assert scene.choice.track == "bean"


def test_a_real_car_has_no_tracks() -> None:
    choice = SceneChoice(Bulletin(multiprocessing.get_context("spawn")), (), lambda: ("mine.json",))
    assert (choice.track, choice.enter("oval")) == ("", False)
