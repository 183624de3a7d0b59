"""The lap clock, in the desk: it hears of the line from the track, from the marker in the frames, and from a hand."""

from __future__ import annotations

import threading
from collections.abc import Callable

from car.config.sections import LapSection
from car.laps.marker import MarkerFinder
from car.laps.passes import PassWatch
from car.laps.timer import Lap, LapTimer
from car.link.bulletin import Bulletin
from car.link.ring import CycleRing, RingReader

PERIOD_S = 0.05


class HandLaps:
    """What the controls say when a person presses the lap key."""

    def __init__(self, bulletin: Bulletin) -> None:
        self._bulletin = bulletin

    def cross(self, time_ns: int) -> None:
        """Say that the car crossed the line at ``time_ns``."""
        self._bulletin.post({"number": self._bulletin.read().get("number", 0) + 1, "time_ns": time_ns})


class LapKeeper:
    """Times the laps of the drive that ``ring`` has, and posts them; ``note`` gets each with the time of its end.

    Frames are looked at only where ``section`` names a marker. What a keeper before this one has posted is gone on
    with, so that a desk that dies costs no lap. ``track`` tells which one a simulated car is on.
    """

    def __init__(
        self,
        ring: CycleRing,
        section: LapSection,
        hand: Bulletin,
        posted: Bulletin,
        note: Callable[[int, Lap], None],
        track: Callable[[], str] = str,
    ) -> None:
        before = posted.read()
        self._finder = MarkerFinder(section.number) if section.marker == "aruco" else None
        self._watch = PassWatch()
        self._reader = RingReader(ring, with_frames=self._finder is not None, first=before.get("next_number", 1))
        self._timer = LapTimer(section.least_s)
        self._hand, self._posted, self._note, self._track = hand, posted, note, track
        self._heard = before.get("heard", 0)
        self._timer.enter(track())
        if before:
            last = None if before["last_s"] is None else Lap(before["laps"], before["last_s"], before["may_be_two"])
            self._timer.go_on(before["laps"], last, before["best_s"], before["begun_ns"])

    def run(self, ended: threading.Event) -> None:
        """Be the lap clock until ``ended``."""
        while not ended.wait(PERIOD_S):
            self.poll()

    def poll(self) -> None:
        """Take note of what has happened since the last call, and post how the laps stand."""
        self._timer.enter(self._track())
        for cycle in self._reader.read():
            record = cycle.record
            if record.lap_count is not None:
                self._tell(self._timer.add(record.lap_count, record.captured_ns), record.captured_ns)
            elif self._finder is not None and cycle.frame is not None:
                side_px = self._finder.side_px(cycle.frame.image)
                passed_ns = self._watch.add(record.captured_ns, side_px, record.applied.throttle)
                self._cross(passed_ns)
        pressed = self._hand.read()
        if pressed.get("number", 0) != self._heard:
            self._heard = pressed["number"]
            self._cross(pressed["time_ns"])
        self._post()

    def _cross(self, time_ns: int | None) -> None:
        if time_ns is not None:
            self._tell(self._timer.cross(time_ns), time_ns)

    def _tell(self, lap: Lap | None, time_ns: int) -> None:
        if lap is not None:
            self._note(time_ns, lap)

    def _post(self) -> None:
        timer = self._timer
        self._posted.post(
            {
                "laps": timer.laps,
                "begun_ns": timer.begun_ns,
                "last_s": timer.last_s,
                "best_s": timer.best_s,
                "may_be_two": timer.last is not None and timer.last.may_be_two,
                "next_number": self._reader.next_number,
                "heard": self._heard,
            }
        )
