"""SBUS frames are found in whatever a port reads, and nothing else is taken for one."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.receivers.sbus import DISAGREEING_READS, ENDS, FRAME_BYTES, SbusDecoder, SbusFrame, encode
from tests.hardware.fakes.sbus import sticks

frames = st.builds(
    SbusFrame, st.lists(st.integers(0, 2047), min_size=16, max_size=16).map(tuple), st.booleans(), st.booleans()
)


def in_step() -> SbusDecoder:
    """Return a decoder that has seen where frames begin."""
    decoder = SbusDecoder()
    for _ in range(2):
        decoder.feed(encode(sticks()))
    return decoder


def test_a_frame_has_the_bits_that_receivers_send() -> None:
    assert encode(SbusFrame((1, *[0] * 15)))[:4] == b"\x0f\x01\x00\x00"
    assert encode(SbusFrame((0, 1, *[0] * 14)))[:4] == b"\x0f\x00\x08\x00"
    assert encode(SbusFrame((*[0] * 15, 2047)))[-5:] == b"\x00\xe0\xff\x00\x00"
    assert encode(SbusFrame((0,) * 16, is_lost=True))[-2:] == b"\x04\x00"
    assert encode(SbusFrame((0,) * 16, is_failsafe=True))[-2:] == b"\x08\x00"


@pytest.mark.parametrize(("value", "pulse_us"), [(192, 1000.0), (992, 1500.0), (1792, 2000.0)])
def test_a_channel_is_a_pulse(value: int, pulse_us: float) -> None:
    assert SbusFrame((0, value, *[0] * 14)).pulse_us(2) == pulse_us


@given(frames, st.sampled_from(sorted(ENDS)))
def test_what_is_encoded_is_decoded(frame: SbusFrame, end: int) -> None:
    assert in_step().feed(encode(frame, end)) == [frame]


@given(st.lists(frames, max_size=6), st.data())
def test_frames_are_the_same_however_the_reads_cut_them(said: list[SbusFrame], data: st.DataObject) -> None:
    sent = b"".join(encode(frame) for frame in said)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=8)))
    decoder = in_step()
    heard = [frame for start, end in pairwise([0, *cuts, len(sent)]) for frame in decoder.feed(sent[start:end])]
    assert heard == said


@given(st.binary(max_size=200), st.lists(frames, min_size=3, max_size=6))
def test_after_any_garbage_whole_frames_are_heard_again_within_three_reads(
    garbage: bytes, said: list[SbusFrame]
) -> None:
    decoder = in_step()
    decoder.feed(garbage)
    # Until then its own leftover, and what the garbage made of it, may stand in the way.
    for frame in said:
        decoder.feed(encode(frame))
    for _ in range(3):
        heard = decoder.feed(encode(sticks(ch3=1250)))
    assert heard == [sticks(ch3=1250)]


@given(st.lists(st.binary(max_size=80), max_size=10))
def test_garbage_raises_nothing_and_is_not_kept(reads: list[bytes]) -> None:
    decoder = SbusDecoder()
    for read in reads:
        assert len(decoder.feed(read)) <= len(read) // FRAME_BYTES + 1
        assert len(decoder._bytes) < 2 * FRAME_BYTES + 80


@given(frames, st.integers(1, FRAME_BYTES - 1))
def test_a_stream_that_begins_in_the_middle_of_a_frame_is_read_as_it_was_sent(frame: SbusFrame, begin: int) -> None:
    decoder = SbusDecoder()
    heard = decoder.feed(encode(frame)[begin:])
    for _ in range(20):
        heard += decoder.feed(encode(frame))
    assert heard
    assert set(heard) == {frame}


@given(frames, st.integers(0, FRAME_BYTES - 1))
def test_a_frame_that_lacks_a_byte_is_not_believed(frame: SbusFrame, missing: int) -> None:
    decoder, sent = in_step(), encode(frame)
    heard = decoder.feed(sent[:missing] + sent[missing + 1 :]) + decoder.feed(encode(frame))
    for _ in range(3):
        heard += decoder.feed(encode(frame))
    # The byte after a hole can be the one that is missing; then it is the frame that was sent.
    assert set(heard) == {frame}


# A header, flags and an end stand among its channels: in step with the wrong bytes, this would be a frame too.
_BITS = int.from_bytes(bytes((*[0] * 11, 0x0F, *[0] * 10)), "little")
MISLEADING = SbusFrame(tuple(_BITS >> 11 * number & 2047 for number in range(16)))
HEADER_AT = 12


@pytest.mark.parametrize("first_read", [13, FRAME_BYTES])
def test_a_steady_stick_that_looks_like_a_header_does_not_shift_the_channels(first_read: int) -> None:
    stream = (encode(MISLEADING) * 40)[HEADER_AT:]
    assert stream[0] == 0x0F
    decoder = SbusDecoder()
    heard = decoder.feed(stream[:first_read])
    # The first read may be cut in the middle of a frame; the others end with one.
    rest = stream[first_read + (FRAME_BYTES - HEADER_AT - first_read) % FRAME_BYTES :]
    heard += decoder.feed(stream[first_read : len(stream) - len(rest)])
    for start in range(0, len(rest), FRAME_BYTES):
        heard += decoder.feed(rest[start : start + FRAME_BYTES])
    assert len(heard) > 30
    assert set(heard) == {MISLEADING}


# Read from its byte 16 on, and then its first 16 bytes, it is a frame too.
ROTATED = SbusFrame((*[992] * 9, 192, 1024, 992 & ~127 | 7, *[992] * 4))
CUT = 16


def test_in_step_with_the_wrong_bytes_the_decoder_finds_the_right_ones_again() -> None:
    sent, decoder = encode(ROTATED), SbusDecoder()
    for _ in range(3):
        decoder.feed(sent[CUT:] + sent[:CUT])
    assert decoder.feed(sent[CUT:] + sent[:CUT]) != [ROTATED]
    decoder.feed(sent[CUT:])
    for _ in range(DISAGREEING_READS + 2):
        heard = decoder.feed(sent)
    assert heard == [ROTATED]


def test_reads_that_cut_every_frame_keep_a_decoder_in_step() -> None:
    decoder, sent = in_step(), encode(sticks(ch1=1100))
    decoder.feed(sent[:11])
    for _ in range(10 * DISAGREEING_READS):
        assert decoder.feed(sent[11:] + sent[:11]) == [sticks(ch1=1100)]


def test_nothing_is_believed_before_two_reads_ended_with_a_frame() -> None:
    decoder = SbusDecoder()
    assert decoder.feed(encode(sticks())) == []
    assert decoder.feed(encode(sticks()) * 2) == [sticks(), sticks()]


def test_a_frame_with_flags_that_nobody_knows_is_none() -> None:
    decoder, sent = in_step(), bytearray(encode(sticks()))
    sent[23] = 0x10
    assert decoder.feed(bytes(sent)) == []


def test_a_decoder_that_forgets_does_not_go_on_in_the_middle_of_a_frame() -> None:
    decoder, sent = in_step(), encode(sticks(ch1=1000))
    decoder.feed(sent[:10])
    decoder.forget()
    assert decoder.feed(sent[10:]) == []
