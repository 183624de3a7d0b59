"""The recorder is switched from another process by wishes, none of which is lost, heard twice or waited for."""

from __future__ import annotations

import multiprocessing
from dataclasses import asdict

import pytest

from car.link.bulletin import Bulletin
from car.recording.recorder import RecordingStatus
from car.recording.remote import NO_ANSWER, SILENT_NS, RemoteRecorder, WishReader
from hardware.clock import VirtualClock


class Recorder:
    """Takes note of what it is told, as the desk's recorder would do it."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def switch_on(self) -> None:
        self.told.append("on")

    def switch_off(self) -> None:
        self.told.append("off")

    def erase(self, seconds: float) -> None:
        self.told.append(f"erase {seconds:g}")


class Link:
    def __init__(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.wishes, self.notice = Bulletin(spawn), Bulletin(spawn)
        self.clock = VirtualClock(start_ns=SILENT_NS)
        self.remote = RemoteRecorder(self.wishes, self.notice, self.clock)
        self.recorder = Recorder()
        self.reader = self.new_reader()

    def new_reader(self) -> WishReader:
        return WishReader(self.wishes, self.recorder)  # type: ignore[arg-type]

    def say(self, status: RecordingStatus) -> None:
        self.notice.post({"time_ns": self.clock.now_ns(), "recording": asdict(status)})


@pytest.fixture
def link() -> Link:
    return Link()


def test_a_wish_is_done_once(link: Link) -> None:
    link.remote.switch_on()
    link.reader.poll()
    link.reader.poll()
    assert link.recorder.told == ["on"]


def test_of_two_switches_between_two_looks_the_last_one_counts(link: Link) -> None:
    link.remote.switch_on()
    link.remote.switch_off()
    link.reader.poll()
    assert link.recorder.told == ["off"]


def test_erasing_adds_up_and_comes_before_the_switch(link: Link) -> None:
    link.remote.erase(5)
    link.remote.erase(2.5)
    link.remote.switch_off()
    link.reader.poll()
    assert link.recorder.told == ["erase 7.5", "off"]


def test_a_desk_that_takes_the_place_of_another_does_not_do_old_wishes_again(link: Link) -> None:
    link.remote.switch_on()
    link.reader.poll()
    successor = link.new_reader()
    successor.poll()
    link.remote.erase(1)
    successor.poll()
    assert link.recorder.told == ["on", "erase 1"]


def test_controls_that_take_the_place_of_others_go_on_counting(link: Link) -> None:
    link.remote.switch_on()
    link.reader.poll()
    RemoteRecorder(link.wishes, link.notice, link.clock).switch_off()
    link.reader.poll()
    assert link.recorder.told == ["on", "off"]


def test_the_status_is_what_the_desk_said_last(link: Link) -> None:
    assert link.remote.status == RecordingStatus()
    link.say(RecordingStatus(True, "evening", 12))
    assert link.remote.status == RecordingStatus(True, "evening", 12)


def test_a_desk_that_is_silent_does_not_record_as_far_as_anyone_knows(link: Link) -> None:
    link.say(RecordingStatus(True, "evening", 12))
    link.clock.advance_ns(SILENT_NS)
    assert link.remote.status.on
    link.clock.advance_ns(1)
    assert (link.remote.status.on, link.remote.status.failure) == (False, NO_ANSWER)
