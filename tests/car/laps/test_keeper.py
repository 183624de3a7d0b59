"""The lap clock over a ring of frames: by marker, by hand, by the track, and by a desk that takes another's place."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace

import pytest

from car.config.sections import LapSection
from car.laps.keeper import HandLaps, LapKeeper
from car.laps.timer import Lap
from car.link.bulletin import Bulletin
from car.link.ring import CycleRing
from hardware.camera import CameraGeometry, Frame
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command, LapCount
from tests.car.laps.film import MarkerFilm
from tests.frames import make_record

CONTEXT = multiprocessing.get_context("spawn")
RATE_HZ = 30.0
MARKER = LapSection(marker="aruco")


class Drive:
    """A drive that publishes to a ring, and the lap clock that follows it."""

    def __init__(self, section: LapSection, track: str = "") -> None:
        self.film = MarkerFilm(CameraGeometry())
        self.ring = CycleRing(CONTEXT, CameraGeometry(), RATE_HZ)
        self.hand, self.posted = Bulletin(CONTEXT), Bulletin(CONTEXT)
        self.section, self.track = section, track
        self.noted: list[tuple[float, Lap]] = []
        self.number = 0
        self.keeper = self.new_keeper()

    def new_keeper(self) -> LapKeeper:
        return LapKeeper(self.ring, self.section, self.hand, self.posted, self.note, lambda: self.track)

    def note(self, time_ns: int, lap: Lap) -> None:
        self.noted.append((time_ns / NS_PER_S, lap))

    def show(self, ahead_m: float | None, time_s: float, lap_count: LapCount | None = None) -> None:
        image = self.film.frame(ahead_m)
        image.flags.writeable = False
        self.number += 1
        frame = Frame(image, round(time_s * NS_PER_S), self.number)
        record = replace(make_record(frame), applied=Command(0.0, 0.3), lap_count=lap_count, motion=None)
        self.ring.publish(record, frame)
        self.keeper.poll()

    def pass_marker(self, time_s: float) -> None:
        for number in range(10):
            self.show(1.0 - number / 15, time_s + number / RATE_HZ)
        self.show(None, time_s + 1.5)


def test_laps_by_the_marker_are_posted_and_noted_with_the_time_of_their_frame() -> None:
    drive = Drive(MARKER)
    for time_s in (10.0, 22.0, 32.0):
        drive.pass_marker(time_s)
    posted = drive.posted.read()
    assert (posted["laps"], posted["last_s"], posted["best_s"]) == (
        2,
        pytest.approx(10.0, abs=2 / RATE_HZ),
        pytest.approx(10.0, abs=2 / RATE_HZ),
    )
    assert [lap.number for _, lap in drive.noted] == [1, 2]
    assert [time_s for time_s, _ in drive.noted] == pytest.approx([22.2, 32.2], abs=0.15)


def test_without_a_marker_in_its_settings_a_car_looks_at_no_frame_and_a_hand_tells_of_the_line() -> None:
    drive = Drive(LapSection())
    drive.pass_marker(10.0)
    for time_s in (10.0, 21.5):
        HandLaps(drive.hand).cross(round(time_s * NS_PER_S))
        drive.show(None, time_s)
    assert drive.noted == [(21.5, Lap(1, 11.5))]


def test_a_desk_that_takes_the_place_of_one_that_died_goes_on_with_the_laps() -> None:
    drive = Drive(MARKER)
    drive.pass_marker(10.0)
    drive.pass_marker(22.0)
    HandLaps(drive.hand).cross(30 * NS_PER_S)
    drive.keeper.poll()
    drive.keeper = drive.new_keeper()
    drive.keeper.poll()
    assert [lap.number for _, lap in drive.noted] == [1, 2]
    drive.pass_marker(41.0)
    assert [lap.number for _, lap in drive.noted] == [1, 2, 3]
    assert drive.noted[-1][1].seconds == pytest.approx(11.2, abs=0.15)


def test_laps_that_a_simulated_cars_track_counts_are_noted_alike() -> None:
    drive = Drive(LapSection(), "oval")
    for tenths in range(202):
        drive.show(None, 5.0 + tenths / 10, LapCount(tenths // 100, tenths / 10, 0.0, 0))
    assert drive.noted == [(15.0, Lap(1, 10.0)), (25.0, Lap(2, 10.0))]


def test_a_desk_that_takes_the_place_of_another_notes_no_lap_of_a_simulated_car_again() -> None:
    drive = Drive(LapSection(), "oval")
    for tenths in range(102):
        drive.show(None, 5.0 + tenths / 10, LapCount(tenths // 100, tenths / 10, 0.0, 0))
    drive.new_keeper().poll()
    assert drive.noted == [(15.0, Lap(1, 10.0))]
