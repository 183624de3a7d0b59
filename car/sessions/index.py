"""A session opened to look around in it: any frame at once, its commands as a plot, and what it would teach."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from car.drive_record import DriveRecord
from car.errors import NoSuchSession
from car.gate import Mode
from car.sessions.edits import Edits, FrameRange
from car.sessions.labels import has_teacher, label_of
from car.sessions.overview import laps_between
from car.sessions.reader import Damage, Session
from car.sessions.series import Series, series_of
from hardware.clock import NS_PER_S

HISTOGRAM_BINS = 21
STRAIGHT = 0.05
"""Steering less than this to either side counts as straight on."""
_MODES = tuple(Mode)
_EXTREMES_PER_BUCKET = 4  # the lowest and the highest, of steering and of throttle

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Commands that reached the wheels, by frame: few enough to draw, with every peak still in them.

    ``frame`` is the index of each point, ``t_s`` its time since the first frame. ``unsure`` has the first and last
    index of each run of frames by which a pilot drove that had seen little like them.
    """

    frame: list[int]
    t_s: list[float]
    steering: list[float]
    throttle: list[float]
    mode: list[Mode]
    unsure: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Balance:
    """How many frames steer left, straight on and right."""

    left: int
    straight: int
    right: int


@dataclass(frozen=True, slots=True)
class Steering:
    """What a pilot would learn to steer, from the frames that are not left out.

    ``histogram`` counts them in ``HISTOGRAM_BINS`` equal steps from full left to full right.
    """

    histogram: list[int]
    balance: Balance


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a session, ``t_s`` after its first frame: a kind for programs, a text for people."""

    t_s: float
    kind: str
    text: str


class SessionIndex:
    """An open session; its methods may be called from any thread, and see what has been recorded when they are called.

    >>> index = SessionIndex(path)
    >>> index.frame_count
    60
    >>> jpeg = index.frame(12)
    >>> timeline = index.timeline(points=2000)
    >>> timeline.t_s[:3]
    [0.0, 0.05, 0.1]

    Opening it reads the file once; the commands are read when they are first asked for. Both are kept: 20,000 frames
    take some megabytes. Frames are spoken of by their index 0 … ``frame_count`` − 1, in the order of the file.
    """

    def __init__(self, path: Path) -> None:
        self._session = Session.open(path)
        self._turn = threading.Lock()
        # One value for each frame, NaN where there is no cycle or nothing to learn.
        self._steering, self._throttle, self._label = array("d"), array("d"), array("d")
        self._modes, self._unsure = array("B"), array("B")

    @property
    def session(self) -> Session:
        """The session itself."""
        return self._session

    @property
    def damage(self) -> Damage:
        """What is wrong with the file."""
        return self._session.damage

    @property
    def frame_count(self) -> int:
        """How many frames there are."""
        return self._session.frame_count

    def catch_up(self) -> None:
        """Take in what was recorded since."""
        with self._turn:
            self._session.catch_up()

    def laps(self) -> int | None:
        """Return how many laps were completed; None where nothing counts them."""
        with self._turn:
            count = self.frame_count
            return laps_between(*(self._session.record_at(index) for index in (0, count - 1))) if count else None

    def frame(self, index: int) -> bytes:
        """Return a frame's JPEG; raises NoSuchSession when there is none."""
        if not 0 <= index < self.frame_count:
            raise NoSuchSession(f"There is no frame {index} in {self._session.path.name}. It has {self.frame_count}.")
        return self._session.frame_at(index).jpeg

    def records(self, first: int, count: int) -> list[DriveRecord | None]:
        """Return the cycles that acted on ``count`` frames from ``first`` on, None for a frame without one."""
        with self._turn:
            last = min(first + count, self.frame_count)
            return [self._session.record_at(index) for index in range(first, last)]

    def happenings(self) -> list[Happening]:
        """Return the events, in the order of the file."""
        with self._turn:
            start_ns = next(iter(self._session.times_ns), 0)
            events = list(self._session.events())
        return [Happening((event.time_ns - start_ns) / NS_PER_S, event.kind, event.text) for event in events]

    def telemetry(self, points: int) -> list[Series]:
        """Return how the car was as plots of at most ``points`` points; none where nothing of it was recorded."""
        with self._turn:
            start_ns = next(iter(self._session.times_ns), 0)
            telemetry = list(self._session.telemetry())
        return series_of(telemetry, start_ns, points)

    def timeline(self, points: int) -> Timeline:
        """Return the commands as at most ``points`` points."""
        with self._turn:
            self._read_commands()
            steering, throttle = np.array(self._steering), np.array(self._throttle)
            times_ns = np.array(self._session.times_ns[: len(steering)], np.int64)
            unsure = np.array(self._unsure)
        chosen = _peaks((steering, throttle), points)
        return Timeline(
            frame=chosen.tolist(),
            t_s=((times_ns[chosen] - times_ns[0]) / NS_PER_S).tolist() if len(chosen) else [],
            steering=steering[chosen].tolist(),
            throttle=throttle[chosen].tolist(),
            mode=[_MODES[self._modes[index]] for index in chosen],
            unsure=_runs(unsure),
        )

    def steering(self, edits: Edits) -> Steering:
        """Return what is left to learn by ``edits``."""
        with self._turn:
            self._read_commands()
            label = np.array(self._label)
            left_out = self._left_out(edits)
        return steering_of(label[~left_out & ~np.isnan(label)])

    def left_out(self, edits: Edits) -> list[tuple[int, int]]:
        """Return the first and last index of each run of frames that ``edits`` leave out."""
        with self._turn:
            left_out = self._left_out(edits)
        return _runs(left_out)

    def cut(self, first: int, last: int) -> FrameRange:
        """Return the numbers of the frames at the indices ``first`` … ``last``; raises NoSuchSession beyond them."""
        if not 0 <= first <= last < self.frame_count:
            raise NoSuchSession(
                f"There are no frames {first} to {last} in {self._session.path.name}. It has {self.frame_count}."
            )
        numbers = self._session.numbers[first : last + 1]
        return FrameRange(min(numbers), max(numbers))

    def _left_out(self, edits: Edits) -> NDArray[np.bool_]:
        numbers = np.array(self._session.numbers)
        mask = np.zeros(len(numbers), np.bool_)
        for cut in edits.ranges:
            mask |= (numbers >= cut.first) & (numbers <= cut.last)
        return mask

    def _read_commands(self) -> None:
        is_taught = has_teacher(self._session.info)
        for index in range(len(self._steering), self.frame_count):
            record = self._session.record_at(index)
            label = None if record is None else label_of(record, is_taught=is_taught)
            self._steering.append(np.nan if record is None else record.applied.steering)
            self._throttle.append(np.nan if record is None else record.applied.throttle)
            self._label.append(np.nan if label is None else label.steering)
            self._modes.append(0 if record is None else _MODES.index(record.mode))
            self._unsure.append(record is not None and record.is_unsure)


def _runs(mask: NDArray[np.bool_] | NDArray[np.uint8]) -> list[tuple[int, int]]:
    """Return the first and last index of each run that is set."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(first), int(end) - 1) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def steering_of(labels: Floats) -> Steering:
    """Return what steering ``labels``, one for each frame, teach.

    >>> steering_of(np.array([-0.5, 0.0, 0.01, 1.0])).balance
    Balance(left=1, straight=2, right=1)
    """
    counts, _ = np.histogram(labels, HISTOGRAM_BINS, (-1.0, 1.0))
    left, right = int((labels < -STRAIGHT).sum()), int((labels > STRAIGHT).sum())
    return Steering(counts.tolist(), Balance(left, len(labels) - left - right, right))


def _peaks(columns: Sequence[Floats], points: int) -> NDArray[np.intp]:
    """Return the rows to draw: all of them, or the lowest and highest values of every column in equal stretches."""
    rows = np.flatnonzero(np.all([np.isfinite(column) for column in columns], axis=0))
    if len(rows) <= points:
        return rows
    stretches = np.array_split(rows, points // _EXTREMES_PER_BUCKET)
    picks = (
        stretch[pick(column[stretch])] for stretch in stretches for column in columns for pick in (np.argmin, np.argmax)
    )
    return np.unique(np.fromiter(picks, np.intp))
