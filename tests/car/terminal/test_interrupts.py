"""A Ctrl-C ends the program, unless a work takes it to end by itself."""

from __future__ import annotations

import pytest

from car.terminal.interrupts import Interrupts


def test_the_first_is_taken_by_the_work_that_it_is_offered_to_and_the_second_ends_the_program() -> None:
    interrupts, answers = Interrupts(), [True, False]
    with interrupts.offered_to(lambda: answers.pop(0)):
        interrupts(2, None)
        assert not interrupts.seen
        with pytest.raises(KeyboardInterrupt):
            interrupts(2, None)
    assert interrupts.seen


def test_after_the_work_nobody_takes_it() -> None:
    interrupts = Interrupts()
    with interrupts.offered_to(lambda: True):
        pass
    with pytest.raises(KeyboardInterrupt):
        interrupts(2, None)


def test_one_that_insists_is_offered_to_nobody() -> None:
    interrupts = Interrupts()
    interrupts.insist = True
    with interrupts.offered_to(lambda: True), pytest.raises(KeyboardInterrupt):
        interrupts(2, None)
