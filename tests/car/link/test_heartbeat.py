"""Heartbeats answer while every part that is there comes round, and only then."""

from __future__ import annotations

import multiprocessing

import pytest

from car.link.heartbeat import Heartbeats

SILENCE_NS = 200


@pytest.fixture
def beats() -> Heartbeats:
    return Heartbeats(multiprocessing.get_context("spawn"), ("keys", "pages"))


def test_without_any_part_there_is_no_answer(beats: Heartbeats) -> None:
    assert not beats.answer(0, SILENCE_NS)


def test_a_part_answers_for_as_long_as_it_may_be_silent(beats: Heartbeats) -> None:
    beats.beat("keys", 1000)
    assert beats.answer(1000 + SILENCE_NS, SILENCE_NS)
    assert not beats.answer(1000 + SILENCE_NS + 1, SILENCE_NS)


def test_one_silent_part_is_enough_for_no_answer(beats: Heartbeats) -> None:
    beats.beat("keys", 1000)
    beats.beat("pages", 5000)
    assert not beats.answer(5000, SILENCE_NS)
    beats.beat("keys", 5000)
    assert beats.answer(5000, SILENCE_NS)


def test_a_part_that_has_left_is_not_missed(beats: Heartbeats) -> None:
    beats.beat("keys", 1000)
    beats.beat("pages", 5000)
    beats.leave("keys")
    assert beats.answer(5000, SILENCE_NS)


def test_nothing_of_a_dead_process_answers(beats: Heartbeats) -> None:
    beats.beat("keys", 1000)
    beats.beat("pages", 1000)
    beats.clear()
    assert not beats.answer(1000, SILENCE_NS)
