"""What is read may hang, fail or be missing, and whoever wants to know it never waits."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from car.telemetry import gauge as module
from car.telemetry.gauge import STALE_NS, gauge
from hardware.clock import NS_PER_S, SystemClock, VirtualClock

PATIENCE_NS = 20 * NS_PER_S


@pytest.fixture(autouse=True)
def asked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PERIOD_S", 0.001)


def wait_for(done: Callable[[], bool]) -> None:
    clock = SystemClock()
    deadline_ns = clock.now_ns() + PATIENCE_NS
    while not done():
        assert clock.now_ns() < deadline_ns
        clock.sleep_until_ns(clock.now_ns() + NS_PER_S // 1000)


def test_the_newest_answer_is_told() -> None:
    answers = iter(range(1000))
    with gauge("counter", lambda: next(answers, 1000), VirtualClock(0)) as newest:
        wait_for(lambda: newest() == 1000)


def test_what_was_opened_for_it_is_closed_at_the_end_by_the_thread_that_used_it() -> None:
    threads: list[int] = []

    def read() -> str:
        threads.append(threading.get_ident())
        return "open"

    closed_by: list[int] = []
    with gauge("device", read, VirtualClock(0), lambda: closed_by.append(threading.get_ident())) as newest:
        wait_for(lambda: newest() == "open")
        assert closed_by == []
    wait_for(lambda: closed_by != [])
    assert closed_by == [threads[-1]]


def test_one_that_hangs_is_told_no_more_and_holds_up_nobody() -> None:
    clock, hangs, is_in_it = VirtualClock(NS_PER_S), threading.Event(), threading.Event()
    may_go = threading.Event()

    def read() -> str:
        if hangs.is_set():
            is_in_it.set()
            may_go.wait()
        return "fine"

    try:
        with gauge("stuck", read, clock) as stuck, gauge("other", lambda: "alive", clock) as other:
            wait_for(lambda: stuck() == "fine")
            hangs.set()
            assert is_in_it.wait(20.0)
            assert stuck() == "fine"
            clock.advance_ns(STALE_NS + 1)
            assert stuck() is None
            wait_for(lambda: other() == "alive")
        # The with block has ended while it still hangs.
        assert not may_go.is_set()
    finally:
        may_go.set()


def test_one_that_fails_is_asked_on() -> None:
    answers = iter([OSError("gone"), ValueError("garbled"), None])

    def read() -> str | None:
        answer = next(answers, "back")
        if isinstance(answer, Exception):
            raise answer
        return answer

    with gauge("flaky", read, VirtualClock(0)) as newest:
        wait_for(lambda: newest() == "back")
