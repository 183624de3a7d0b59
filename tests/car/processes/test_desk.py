"""The desk tells how it stands for as long as it lives, and does not outlive that."""

from __future__ import annotations

import threading
from typing import Any, cast

import pytest

from car.processes.desk import DESK, DeskContext

PATIENCE_S = 20.0


class Told:
    """As much of a desk's context as its notice needs; ``look`` fails when it is asked for the third time."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.looks = 0

    def look(self) -> None:
        self.looks += 1
        if self.looks == 3:
            raise OSError("no shared memory")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_desk_that_can_tell_nobody_how_it_stands_ends() -> None:
    told: Any = Told()
    notice = next(service for service in DESK if service.name == "notice")
    with notice.open(cast(DeskContext, told)):
        assert told.ended.wait(PATIENCE_S)
    assert told.looks == 3


def test_the_notice_begins_before_the_library_which_takes_seconds() -> None:
    names = [service.name for service in DESK]
    assert names.index("recorder") < names.index("notice") < names.index("library")
