"""A desk that dies gets a successor, even if the machine has no room for one at first."""

from __future__ import annotations

import errno
import multiprocessing
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

import pytest

from car.config.folder import CarFolder
from car.config.sections import CarConfig
from car.kinds.pilot import Pilot, PilotOutput
from car.link.desk_link import DeskLink
from car.link.driver_slot import SlotDriver
from car.processes import desk_keeper
from car.processes.desk import DeskJob
from car.processes.desk_keeper import DeskKeeper
from hardware.camera import Frame
from hardware.drivetrain import NEUTRAL
from tests.system.car_process import wait_for


class Idle(Pilot):
    name = "idle"

    def drive(self, frame: Frame) -> PilotOutput:
        return PilotOutput(NEUTRAL)

    def close(self) -> None:
        pass


def die() -> None:
    """Be a desk that ends at once."""


def test_a_successor_that_cannot_be_started_now_is_started_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[bool] = []

    def start(*_: Any) -> SpawnProcess:
        started.append(len(started) != 1)
        if not started[-1]:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")
        process = multiprocessing.get_context("spawn").Process(target=die)
        process.start()
        return process

    monkeypatch.setattr(desk_keeper, "_start", start)
    folder = CarFolder(tmp_path, CarConfig())
    link = DeskLink(multiprocessing.get_context("spawn"), folder.config)
    keeper = DeskKeeper(link, DeskJob(folder, False, "idle"), SlotDriver(link.slot), Idle())
    keeper.start()
    wait_for(lambda: len(started) == 3, "the third start")
    keeper.close()
    assert started == [True, False, True]
