"""Looking around in a session: any frame, a plot that keeps every peak, what is left to learn; while it grows too."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from car.drive_record import DriveRecord
from car.errors import NoSuchSession
from car.gate import GateState, Mode
from car.sessions import Edits, FrameRange, SessionEvent, SessionWriter
from car.sessions.index import HISTOGRAM_BINS, SessionIndex
from hardware.clock import VirtualClock
from hardware.drivetrain import Command
from tests.car.sessions.recordings import INFO, PERIOD_NS, START_NS, frame_of, record_of, write_session


def steered(number: int, steering: float, throttle: float = 0.2) -> DriveRecord:
    return replace(record_of(number), mode=Mode.AUTO, applied=Command(steering, throttle))


class Writing:
    """A session that is being written: a frame and its cycle at a time."""

    def __init__(self, path: Path) -> None:
        self.clock = VirtualClock(START_NS)
        self.writer = SessionWriter(path, INFO, self.clock, sync=lambda _: None, min_free_bytes=0)

    def add(self, number: int, record: DriveRecord | None) -> None:
        self.clock.sleep_until_ns(START_NS + number * PERIOD_NS)
        self.writer.add_frame(frame_of(number))
        if record is not None:
            self.writer.add_record(record)


def index_of(path: Path, records: list[DriveRecord | None]) -> SessionIndex:
    writing = Writing(path)
    for number, record in enumerate(records):
        writing.add(number, record)
    writing.writer.close()
    return SessionIndex(path)


def test_frames_are_found_by_their_index(tmp_path: Path) -> None:
    write_session(tmp_path / "a.mcap")
    index = SessionIndex(tmp_path / "a.mcap")
    assert index.frame(0) == frame_of(0).jpeg
    assert index.frame(99) == frame_of(99).jpeg
    for beyond in (-1, 100):
        with pytest.raises(NoSuchSession, match="no frame"):
            index.frame(beyond)


def test_cycles_are_found_by_the_index_of_their_frame(tmp_path: Path) -> None:
    index = index_of(tmp_path / "a.mcap", [record_of(0), None, record_of(2)])
    assert index.records(1, 100) == [None, record_of(2)]
    assert index.records(0, 1) == [record_of(0)]
    assert index.records(7, 5) == []


def test_a_short_session_is_plotted_as_it_is(tmp_path: Path) -> None:
    timeline = index_of(tmp_path / "a.mcap", [steered(n, n / 10) for n in range(8)]).timeline(2000)
    assert timeline.frame == list(range(8))
    assert timeline.t_s == pytest.approx([n * 0.05 for n in range(8)])
    assert timeline.steering == pytest.approx([n / 10 for n in range(8)])
    assert timeline.mode == [Mode.AUTO] * 8


def test_a_frame_without_a_cycle_is_not_in_the_plot(tmp_path: Path) -> None:
    assert index_of(tmp_path / "a.mcap", [steered(0, 0.1), None, steered(2, 0.3)]).timeline(2000).frame == [0, 2]


def test_where_a_pilot_was_unsure_is_in_the_plot_and_no_one_elses_frames_are(tmp_path: Path) -> None:
    values = [0.2, 1.0, 1.1, 3.0, 0.9, math.nan, 1.5, 1.5]
    records: list[DriveRecord | None] = [replace(steered(n, 0.0), uncertainty=value) for n, value in enumerate(values)]
    records += [replace(record_of(8), uncertainty=9.0), replace(steered(9, 0.0), gate_state=GateState.TRIPPED)]
    assert index_of(tmp_path / "a.mcap", records).timeline(2000).unsure == [(2, 3), (6, 7)]


@pytest.fixture(scope="module")
def long_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of 600 frames, with peaks of a single frame in steering and in throttle."""
    path = tmp_path_factory.mktemp("index") / "long.mcap"
    peaks = {77: (1.0, 0.0), 78: (-1.0, 0.0), 401: (0.0, 0.9), 599: (-0.7, -0.5)}
    index_of(path, [steered(n, *peaks.get(n, (0.1 * math.sin(n), 0.2))) for n in range(600)])
    return path


@pytest.mark.parametrize("points", [40, 100, 599])
def test_the_plot_of_a_long_session_keeps_every_peak(long_path: Path, points: int) -> None:
    timeline = SessionIndex(long_path).timeline(points)
    assert len(timeline.frame) <= points
    assert {77, 78, 401, 599} <= set(timeline.frame)
    assert timeline.frame == sorted(set(timeline.frame))
    assert timeline.steering[timeline.frame.index(78)] == -1.0


EDITS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30))).map(
    lambda pairs: Edits.of(FrameRange(min(pair), max(pair)) for pair in pairs)
)


@pytest.fixture(scope="module")
def gappy(tmp_path_factory: pytest.TempPathFactory) -> SessionIndex:
    """A session whose frames have every third number only, as after a stalled disk."""
    path = tmp_path_factory.mktemp("index") / "gappy.mcap"
    writing = Writing(path)
    for number in range(0, 30, 3):
        writing.add(number, steered(number, 0.5))
    writing.writer.close()
    return SessionIndex(path)


@settings(deadline=None)
@given(EDITS)
def test_what_is_left_out_is_told_by_index(gappy: SessionIndex, edits: Edits) -> None:
    left_out = {index for first, last in gappy.left_out(edits) for index in range(first, last + 1)}
    assert left_out == {number // 3 for number in range(0, 30, 3) if edits.excludes(number)}
    ranges = gappy.left_out(edits)
    assert all(earlier[1] + 1 < later[0] for earlier, later in pairwise(ranges))


def test_a_cut_names_frames_by_their_numbers(gappy: SessionIndex) -> None:
    assert gappy.cut(2, 4) == FrameRange(6, 12)
    for first, last in ((-1, 2), (4, 2), (0, 10)):
        with pytest.raises(NoSuchSession):
            gappy.cut(first, last)


def test_the_histogram_counts_what_a_pilot_would_learn(tmp_path: Path) -> None:
    records = [
        steered(0, -1.0),
        steered(1, -0.06),
        steered(2, 0.04),
        steered(3, 1.0),
        replace(steered(4, 1.0), mode=Mode.MANUAL, driver=Command(0.5, 0.1)),
        replace(steered(5, 1.0), gate_state=GateState.DISARMED),
        steered(6, 0.9),
        None,
    ]
    index = index_of(tmp_path / "a.mcap", records)
    steering = index.steering(Edits.of_numbers([6]))
    assert (steering.balance.left, steering.balance.straight, steering.balance.right) == (2, 1, 2)
    assert len(steering.histogram) == HISTOGRAM_BINS
    assert sum(steering.histogram) == 5
    assert (steering.histogram[0], steering.histogram[HISTOGRAM_BINS // 2], steering.histogram[-1]) == (1, 1, 1)


def test_events_are_told_with_their_time_in_the_session(tmp_path: Path) -> None:
    write_session(tmp_path / "a.mcap", frames=21)
    start, end = SessionIndex(tmp_path / "a.mcap").happenings()
    assert (start.t_s, start.kind, end.text) == (0.0, "start", "wörld")
    assert end.t_s == pytest.approx(1.0)


def test_laps_are_those_of_the_session_alone(tmp_path: Path) -> None:
    def lap(number: int, laps: int) -> DriveRecord:
        lap_count = record_of(number).lap_count
        assert lap_count is not None
        return replace(record_of(number), lap_count=replace(lap_count, laps=laps))

    assert index_of(tmp_path / "a.mcap", [lap(0, 7), lap(1, 8), lap(2, 9)]).laps() == 2
    assert index_of(tmp_path / "b.mcap", [replace(record_of(0), lap_count=None)]).laps() is None


def test_a_session_that_is_being_recorded_grows_under_the_eyes_of_who_looks(tmp_path: Path) -> None:
    path = tmp_path / "live.mcap"
    writing = Writing(path)
    for number in range(30):
        writing.add(number, steered(number, 0.1))
    index = SessionIndex(path)
    seen = index.frame_count
    assert seen == 20
    assert len(index.timeline(2000).frame) == 20
    for number in range(30, 60):
        writing.add(number, steered(number, -0.3))
    index.catch_up()
    assert index.frame_count == 50
    assert index.frame(49) == frame_of(49).jpeg
    assert index.records(49, 1) == [steered(49, -0.3)]
    assert index.timeline(2000).steering[-1] == -0.3
    assert index.steering(Edits()).balance.left == 20
    writing.writer.add_event(SessionEvent(writing.clock.now_ns(), "end", ""))
    writing.writer.close()
    index.catch_up()
    assert index.frame_count == 60
    assert [happening.kind for happening in index.happenings()] == ["end"]


def test_half_a_chunk_at_the_end_of_a_growing_session_is_read_when_it_is_whole(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mcap"
    write_session(whole, frames=60)
    data = whole.read_bytes()
    path = tmp_path / "growing.mcap"
    path.write_bytes(data[: len(data) // 2])
    index = SessionIndex(path)
    counts = [index.frame_count]
    for end in range(len(data) // 2, len(data) + 1, 501):
        path.write_bytes(data[:end])
        index.catch_up()
        counts.append(index.frame_count)
    path.write_bytes(data)
    index.catch_up()
    assert counts == sorted(counts)
    assert [index.frame(number) for number in range(60)] == [frame_of(number).jpeg for number in range(60)]
