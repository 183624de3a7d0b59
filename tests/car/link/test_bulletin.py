"""A bulletin shows its newest whole notice to every process, and makes nobody wait."""

from __future__ import annotations

import multiprocessing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car.link.bulletin import _HEAD, SIZE_BYTES, Bulletin

SPAWN = multiprocessing.get_context("spawn")


def echo(asked: Bulletin, answered: Bulletin) -> None:
    """Be another process that reads one bulletin and posts on another."""
    answered.post({"heard": asked.read()})


def test_a_bulletin_that_nobody_has_written_is_empty() -> None:
    assert Bulletin(SPAWN).read() == {}


@given(notices=st.lists(st.dictionaries(st.text(max_size=8), st.integers() | st.text(max_size=20), max_size=5)))
def test_the_newest_notice_takes_the_place_of_the_one_before(notices: list[dict[str, Any]]) -> None:
    bulletin = Bulletin(SPAWN)
    for notice in notices:
        bulletin.post(notice)
        assert bulletin.read() == notice


def test_a_notice_crosses_into_another_process_and_back() -> None:
    asked, answered = Bulletin(SPAWN), Bulletin(SPAWN)
    asked.post({"on": True, "name": "évening"})
    process = SPAWN.Process(target=echo, args=(asked, answered))
    process.start()
    process.join(60)
    assert answered.read() == {"heard": {"on": True, "name": "évening"}}


def test_a_notice_that_is_being_written_leaves_the_one_before() -> None:
    bulletin = Bulletin(SPAWN)
    bulletin.post({"number": 1})
    bulletin.read()
    memory = bulletin._bytes()
    sequence, size = _HEAD.unpack_from(memory)
    _HEAD.pack_into(memory, 0, sequence + 1, size)
    assert bulletin.read() == {"number": 1}


def test_the_successor_of_a_writer_that_died_in_the_middle_goes_on() -> None:
    bulletin = Bulletin(SPAWN)
    bulletin.post({"number": 1})
    memory = bulletin._bytes()
    sequence, size = _HEAD.unpack_from(memory)
    _HEAD.pack_into(memory, 0, sequence + 1, size)
    bulletin.post({"number": 2})
    assert bulletin.read() == {"number": 2}


def test_a_notice_that_does_not_fit_is_refused_and_the_one_before_stays() -> None:
    bulletin = Bulletin(SPAWN)
    bulletin.post({"number": 1})
    with pytest.raises(ValueError, match="do not fit"):
        bulletin.post({"words": "x" * SIZE_BYTES})
    assert bulletin.read() == {"number": 1}
