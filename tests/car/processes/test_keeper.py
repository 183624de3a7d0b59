"""A process that dies before its time gets a successor, even if the machine has no room for one at first."""

from __future__ import annotations

import errno
import multiprocessing
import os
import sys
from collections.abc import Callable
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event

import pytest

from car.processes.keeper import ProcessKeeper, start_process
from car.processes.priority import ahead_of_all
from tests.system.car_process import wait_for


def die() -> None:
    """Be a process that ends at once."""


def run_out_of_files() -> None:
    """Be a process that may open no file more."""
    raise OSError(errno.EMFILE, "Too many open files")


def run_out_of_memory() -> None:
    """Be a process that gets no memory more."""
    raise MemoryError


def run_out_of_threads() -> None:
    """Be a process that may start no thread more."""
    raise RuntimeError("can't start new thread")


def wait(ended: Event) -> None:
    """Be a process that waits for its end."""
    ended.wait(60)


@pytest.mark.parametrize(
    ("run", "words"),
    [(run_out_of_files, "ulimit -n"), (run_out_of_memory, "too little memory"), (run_out_of_threads, "ulimit -u")],
)
def test_a_process_that_the_machine_has_no_room_for_says_so_in_a_sentence(
    run: Callable[[], None], words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    process = start_process("desk", run)
    process.join(30)
    said = capfd.readouterr().err
    assert process.exitcode == 1
    assert said.startswith("car: The desk ended. ")
    assert words in said
    assert "Traceback" not in said


def test_a_successor_that_cannot_be_started_now_is_started_later() -> None:
    started: list[bool] = []
    told: list[str] = []

    def start() -> SpawnProcess:
        started.append(len(started) != 1)
        if not started[-1]:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        process = multiprocessing.get_context("spawn").Process(target=die)
        process.start()
        return process

    keeper = ProcessKeeper("desk", start, finish=lambda: told.append("finish"), tidy=lambda: told.append("tidy"))
    keeper.start()
    wait_for(lambda: len(started) == 3, "the third start")
    keeper.close()
    assert started == [True, False, True]
    assert told == ["tidy", "tidy", "finish"]


def test_a_process_that_ends_because_the_drive_is_over_has_not_died() -> None:
    told: list[str] = []

    def start() -> SpawnProcess:
        process = multiprocessing.get_context("spawn").Process(target=die)
        process.start()
        return process

    with ProcessKeeper("desk", start, finish=lambda: told.append("finish"), is_over=lambda: True) as keeper:
        keeper.join(30)
        assert not keeper.is_alive()
        assert told == []
    assert keeper.deaths == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has real-time priority for a process")
def test_a_keeper_goes_with_the_loop_and_what_it_starts_waits_in_line() -> None:
    ended = multiprocessing.get_context("spawn").Event()
    with (
        ahead_of_all(),
        ProcessKeeper("desk", lambda: start_process("desk", wait, ended), finish=ended.set) as keeper,
    ):
        assert keeper.native_id is not None
        assert os.sched_getscheduler(keeper.native_id) == os.sched_getscheduler(0)
        assert os.sched_getscheduler(keeper.pid) == os.SCHED_OTHER
