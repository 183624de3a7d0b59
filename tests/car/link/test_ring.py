"""The ring never makes its writer wait, and what a reader gets is whole, in order and counted."""

import multiprocessing
from ctypes import c_bool
from typing import Any

import numpy as np

from car.kinds.camera import BUFFER_S
from car.link.ring import CycleRing, RingReader
from tests.frames import SMALL, make_frame, make_record

CONTEXT = multiprocessing.get_context("spawn")
RATE_HZ = 20.0


def filled(frames: int) -> CycleRing:
    ring = CycleRing(CONTEXT, SMALL, RATE_HZ)
    publish(ring, range(frames))
    return ring


def publish(ring: CycleRing, numbers: range) -> None:
    for number in numbers:
        frame = make_frame(number)
        ring.publish(make_record(frame), frame)


def test_a_reader_gets_every_cycle_in_order_with_its_image() -> None:
    ring = filled(30)
    cycles = list(RingReader(ring).read())
    assert [cycle.record.frame_number for cycle in cycles] == list(range(30))
    for cycle in cycles:
        assert cycle.frame is not None
        expected = make_frame(cycle.record.frame_number)
        assert np.array_equal(cycle.frame.image, expected.image)
        assert not cycle.frame.image.flags.writeable
        assert cycle.frame.captured_ns == expected.captured_ns


def test_a_reader_that_needs_no_frames_gets_the_records_alone() -> None:
    cycles = list(RingReader(filled(3), with_frames=False).read())
    assert [(cycle.record.frame_number, cycle.frame) for cycle in cycles] == [(0, None), (1, None), (2, None)]


def test_a_reader_gets_each_cycle_once() -> None:
    ring = filled(3)
    reader = RingReader(ring)
    assert len(list(reader.read())) == 3
    assert list(reader.read()) == []
    publish(ring, range(3, 5))
    assert [cycle.record.frame_number for cycle in reader.read()] == [3, 4]


def test_a_cycle_without_a_frame_comes_without_one() -> None:
    ring = filled(0)
    ring.publish(make_record(make_frame(7)), None)
    (cycle,) = RingReader(ring).read()
    assert cycle.frame is None


def test_the_ring_holds_what_a_stalled_disk_needs() -> None:
    stalled_s = 3.0
    assert stalled_s < BUFFER_S
    ring = filled(0)
    reader = RingReader(ring)
    publish(ring, range(round(stalled_s * RATE_HZ)))
    assert len(list(reader.read())) == stalled_s * RATE_HZ
    assert reader.missed == 0


def test_a_reader_that_is_too_slow_gets_the_newest_and_counts_the_rest() -> None:
    ring = filled(0)
    reader = RingReader(ring)
    total = ring.slots * 3 + 5
    publish(ring, range(total))
    numbers = [cycle.record.frame_number for cycle in reader.read()]
    assert numbers == list(range(total - len(numbers), total))
    assert len(numbers) >= ring.slots - 1
    assert reader.missed == total - len(numbers)


def write_until_told(ring: CycleRing, ended: Any) -> None:
    number = 0
    while not ended.value:
        frame = make_frame(number)
        ring.publish(make_record(frame), frame)
        number += 1


def test_a_reader_in_another_process_never_sees_a_torn_cycle() -> None:
    ring = CycleRing(CONTEXT, SMALL, RATE_HZ)
    ended = CONTEXT.RawValue(c_bool, False)
    writer = CONTEXT.Process(target=write_until_told, args=(ring, ended))
    writer.start()
    seen = 0
    try:
        reader = RingReader(ring)
        while seen < 5000:
            for cycle in reader.read():
                assert cycle.frame is not None
                assert np.array_equal(cycle.frame.image, make_frame(cycle.record.frame_number).image)
                seen += 1
    finally:
        ended.value = True
        writer.join()
    assert writer.exitcode == 0


def test_who_wants_the_newest_frame_gets_that_once_and_passes_over_cycles_without_one() -> None:
    ring = filled(5)
    ring.publish(make_record(make_frame(5)), None)
    reader = RingReader(ring)
    cycle = reader.newest()
    assert cycle is not None
    assert cycle.frame is not None
    assert np.array_equal(cycle.frame.image, make_frame(4).image)
    assert reader.newest() is None
    publish(ring, range(6, 6 + 3 * ring.slots))
    cycle = reader.newest()
    assert cycle is not None
    assert cycle.record.frame_number == 5 + 3 * ring.slots


def test_a_reader_may_begin_where_another_one_stopped() -> None:
    ring = filled(10)
    first = RingReader(ring)
    for _ in range(4):
        next(first.read())
    second = RingReader(ring, first=first.next_number)
    assert [cycle.record.frame_number for cycle in second.read()] == list(range(4, 10))
    assert second.missed == 0
