"""A simulated car is carried to a track once for each wish, and never while it is armed."""

from __future__ import annotations

import multiprocessing
import threading

from car.gate import Disarm
from car.link.bulletin import Bulletin
from car.link.scene import SceneChoice
from car.processes.scene_watch import SceneWatch
from hardware.errors import TrackError


class Scene:
    def __init__(self) -> None:
        self.bulletin = Bulletin(multiprocessing.get_context("spawn"))
        self.choice = SceneChoice(self.bulletin, ("oval", "bean"))
        self.entered: list[str] = []
        self.came = threading.Event()
        self.watch = SceneWatch(self.bulletin, self.enter)

    def enter(self, track: str) -> None:
        self.entered.append(track)
        self.came.set()
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


def test_a_track_that_is_not_on_the_list_cannot_be_asked_for() -> None:
    scene = Scene()
    assert not scene.choice.enter("nowhere")
    assert list(scene.watch.events(0)) == []


def test_a_track_that_cannot_be_drawn_leaves_the_car_where_it_is() -> None:
    scene = Scene()
    scene.choice.enter("bean")
    assert list(scene.watch.events(0)) == [Disarm()]
    assert scene.came.wait(60)
    assert scene.choice.track == "bean"


def test_a_real_car_has_no_tracks() -> None:
    choice = SceneChoice(Bulletin(multiprocessing.get_context("spawn")), ())
    assert (choice.track, choice.enter("oval")) == ("", False)
