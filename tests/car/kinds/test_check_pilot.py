"""The pilots' checker: ours pass, and each broken promise is found."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from car.kinds import Command, Frame, Pilot, PilotAnswer, PilotSection, check_pilot
from car.pilots.choosing import open_chosen
from hardware.camera import CameraGeometry
from hardware.errors import ContractError

GEOMETRY = CameraGeometry()


class Puppet(Pilot):
    """Does with each frame what it is told to."""

    name = "puppet"

    def __init__(self, act: Callable[[Frame], Any]) -> None:
        self._act = act
        self.closed = 0

    def drive(self, frame: Frame) -> PilotAnswer:
        answer: PilotAnswer = self._act(frame)
        return answer

    def close(self) -> None:
        self.closed += 1


def test_the_pilot_that_ships_keeps_every_promise(tmp_path: Path) -> None:
    check_pilot(open_chosen(PilotSection(), GEOMETRY, tmp_path), GEOMETRY)


def test_a_good_pilot_is_closed_twice() -> None:
    puppet = Puppet(lambda _: PilotAnswer(Command(0.0, 0.1)))
    check_pilot(puppet)
    assert puppet.closed == 2


def _scribble(frame: Frame) -> PilotAnswer:
    frame.image.flags.writeable = True
    frame.image[:] = 7
    return PilotAnswer(Command(0.0, 0.0))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda _: Command(0.0, 0.0), "not a car.kinds.PilotAnswer"),
        (lambda _: None, "not a car.kinds.PilotAnswer"),
        (lambda _: PilotAnswer(Command(math.nan, 0.0)), "not finite"),
        (lambda _: PilotAnswer(Command(0.0, 1.5)), "not in"),
        (lambda _: PilotAnswer(Command(0.0, 0.0), -1), "-1 ns"),
        (lambda _: PilotAnswer(Command(0.0, 0.0), uncertainty=math.nan), "an uncertainty of nan"),
        (lambda _: PilotAnswer(Command(0.0, 0.0), uncertainty=-0.1), "an uncertainty of -0.1"),
        (_scribble, "writes to the frame"),
    ],
)
def test_a_broken_promise_is_found_and_the_pilot_closed(act: Callable[[Frame], Any], words: str) -> None:
    puppet = Puppet(act)
    with pytest.raises(ContractError, match=words):
        check_pilot(puppet)
    assert puppet.closed == 1


def test_a_pilot_has_a_name() -> None:
    puppet = Puppet(lambda _: None)
    puppet.name = ""
    with pytest.raises(ContractError, match="no name"):
        check_pilot(puppet)
