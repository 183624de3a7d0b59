"""Messages come out as they went in, wherever the network cuts them and whatever stands between them."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.donkey.messages import MAX_CHARACTERS, Garbled, MessageStream, clipped, line_of, number

VALUES = st.one_of(st.text(), st.floats(allow_nan=False), st.integers(), st.none(), st.lists(st.text(), max_size=3))
MESSAGES = st.lists(st.dictionaries(st.text(), VALUES, max_size=5), max_size=6)
ENDINGS = st.sampled_from(["", "\n", " ", "\r\n", " \n "])


@given(messages=MESSAGES, ending=ENDINGS, cuts=st.lists(st.integers(0, 2000), max_size=12), escapes=st.booleans())
def test_messages_come_out_whole_however_they_are_cut(
    messages: list[dict[str, Any]], ending: str, cuts: list[int], escapes: bool
) -> None:
    data = "".join(json.dumps(message, ensure_ascii=escapes) + ending for message in messages).encode(
        "utf-8", "replace"
    )
    stream, found, start = MessageStream(), [], 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        found += stream.feed(data[start:cut])
        start = cut
    expected = [json.loads(json.dumps(message).encode("utf-8", "replace")) for message in messages]
    assert found == expected or not escapes
    assert len(found) == len(messages)


@pytest.mark.parametrize("data", [b"[1]", b"GET / HTTP/1.1\r\n\r\n", b"}", b'{"a": "1"}x', b"\x00\x01", b"null"])
def test_what_is_no_object_is_garbled(data: bytes) -> None:
    with pytest.raises(Garbled, match="else than JSON"):
        MessageStream().feed(data)


def test_an_object_without_an_end_is_garbled_before_it_fills_the_memory() -> None:
    stream = MessageStream()
    stream.feed(b'{"a": "')
    for _ in range(MAX_CHARACTERS // 1000):
        stream.feed(b"x" * 1000)
    with pytest.raises(Garbled, match="64 kB"):
        stream.feed(b"x" * 1000)


@pytest.mark.parametrize("text", ['{"a": 1, }', '{"a" 1}', '{"a": tru}', "{a: 1}"])
def test_an_object_that_no_end_can_mend_is_garbled_at_once(text: str) -> None:
    with pytest.raises(Garbled, match="no JSON"):
        MessageStream().feed(text.encode())


def test_half_a_message_waits_for_its_other_half() -> None:
    stream = MessageStream()
    assert stream.feed(b'{"msg_type": "contr') == []
    assert stream.feed(b'ol"}') == [{"msg_type": "control"}]


def test_what_goes_out_is_a_line_of_ascii() -> None:
    line = line_of({"msg_type": "scene_names", "scene_names": ["évening"], "speed": 1.5})
    assert line.isascii()
    assert line.endswith(b"}\n")
    # A client of today turns a comma after a colon without a space into a dot.
    assert b'"speed": 1.5' in line


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("0.5", 0.5),
        (0.5, 0.5),
        (1, 1.0),
        ("1e3", 1000.0),
        ("nan", 7.0),
        ("inf", 7.0),
        ("x", 7.0),
        (None, 7.0),
        ([], 7.0),
    ],
)
def test_a_number_may_be_a_string_and_is_finite(value: object, expected: float) -> None:
    assert number({"key": value}, "key", 7.0) == expected
    assert math.isclose(number({}, "key", 7.0), 7.0)


def test_a_value_beyond_its_range_is_clipped() -> None:
    assert [clipped(value, -1.0, 1.0) for value in (-3.0, 0.2, 3.0)] == [-1.0, 0.2, 1.0]
