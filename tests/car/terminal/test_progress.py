"""Where there is no terminal, a work says how far it is, on time however seldom it tells anything."""

from __future__ import annotations

import queue
import threading
import time

import pytest

from car.terminal import progress
from car.terminal.progress import ProgressLine, progress_bar, progress_lines
from hardware.clock import NS_PER_S, VirtualClock

PATIENCE_S = 30.0


def test_the_time_left_is_what_it_took_so_far_continued() -> None:
    clock = VirtualClock()
    line = ProgressLine("driving on oval", clock)
    clock.advance_ns(10 * NS_PER_S)
    assert str(line) == "driving on oval: 10 s so far"
    line.tell("driving on oval", 0.25)
    assert str(line) == "driving on oval: 25%, about 30 s left"
    clock.advance_ns(10 * NS_PER_S)
    assert str(line) == "driving on oval: 25%, about 60 s left"


def test_the_time_counts_anew_for_another_work() -> None:
    clock = VirtualClock()
    line = ProgressLine("reading", clock)
    clock.advance_ns(100 * NS_PER_S)
    line.tell("training", 0.0)
    clock.advance_ns(10 * NS_PER_S)
    line.tell("training", 0.5)
    assert str(line) == "training: 50%, about 10 s left"


def test_the_time_left_is_the_works_own_where_it_tells_it() -> None:
    line = ProgressLine("training", VirtualClock())
    line.tell("training", 0.5, 42.4, "epoch 3: loss 0.1")
    assert str(line) == "training: 50%, about 42 s left (epoch 3: loss 0.1)"


def test_a_work_that_tells_nothing_is_heard_of_again_and_again() -> None:
    lines: queue.Queue[str] = queue.Queue()
    with progress_lines("exporting", every_s=0.001, say=lines.put) as line:
        assert lines.get(timeout=PATIENCE_S).startswith("exporting: ")
        line.tell("exporting", 0.5)
        while not lines.get(timeout=PATIENCE_S).startswith("exporting: 50%"):
            pass


def test_nothing_is_said_after_the_end_although_the_work_failed() -> None:
    before = threading.active_count()
    with pytest.raises(ValueError, match="no"), progress_lines("exporting", every_s=0.001):
        raise ValueError("no")
    assert threading.active_count() == before


def test_a_bar_without_a_terminal_prints_lines(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.001)
    printed, deadline_s = "", time.monotonic() + PATIENCE_S
    with progress_bar("driving on [oval]") as tell:
        tell(0.5)
        while "driving on [oval]: 50%, about " not in printed:
            assert time.monotonic() < deadline_s, printed
            printed += capsys.readouterr().out


def test_a_line_is_printed_every_10_s_with_time_to_spare() -> None:
    assert progress.LINE_EVERY_S <= 9
