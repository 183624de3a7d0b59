"""Work on all cores: in order, and ended together."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from car.errors import TrainingError
from training.cores import work_on_all


def double(number: int, progress: Callable[[float], None]) -> tuple[int, int]:
    progress(1.0)
    return 2 * number, os.getpid()


def work_until_told(number: int, progress: Callable[[float], None], *, breaks: str) -> None:
    if number == 0 and breaks == "raises":
        raise TrainingError("Nothing works.")
    if number == 0 and breaks == "dies":
        os._exit(9)
    while True:
        progress(0.5)


def test_results_come_in_the_order_of_the_jobs_from_other_processes() -> None:
    told: list[float] = []
    results = work_on_all(double, range(5), told.append, cores=2)
    assert [result for result, _ in results] == [0, 2, 4, 6, 8]
    assert os.getpid() not in {process for _, process in results}
    assert told == [0.2, 0.4, 0.6, 0.8, 1.0]


def test_one_core_works_in_this_process() -> None:
    told: list[float] = []
    assert work_on_all(double, [1, 2], told.append, cores=1) == [(2, os.getpid()), (4, os.getpid())]
    assert told == [0.5, 1.0]


def test_nothing_to_do_is_done_at_once() -> None:
    assert work_on_all(double, []) == []


@pytest.mark.parametrize(("breaks", "words"), [("raises", "Nothing works"), ("dies", "was ended")])
def test_what_ends_one_ends_all(breaks: str, words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        work_on_all(partial(work_until_told, breaks=breaks), range(3), cores=2)


def test_what_a_killed_process_worked_on_is_begun_again_and_the_rest_kept(tmp_path: Path) -> None:
    given: list[int] = []
    results = work_on_all(partial(die_once, folder=tmp_path), range(3), done=given.append, cores=2)
    assert results == [0, 1, 2]
    assert sorted(given) == [0, 1, 2]


def die_once(number: int, progress: Callable[[float], None], *, folder: Path) -> int:
    try:
        (folder / str(number)).touch(exist_ok=number != 1)
    except FileExistsError:
        return number
    if number == 1:
        os._exit(9)
    return number


def test_a_ctrl_c_ends_them_all() -> None:
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work_on_all(finish_the_first, range(3), interrupt, cores=2)


def finish_the_first(number: int, progress: Callable[[float], None]) -> None:
    while number:
        progress(0.5)
