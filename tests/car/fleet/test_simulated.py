"""A class's simulated cars: what is half made is no car."""

from __future__ import annotations

from pathlib import Path

import pytest

from car.config.folder import open_car
from car.errors import CarError
from car.fleet.simulated import SimulatedCars
from hardware.clock import SystemClock
from tests.car.sessions.test_writer import largest_file
from tests.system.car_process import wait_for


def test_a_disk_that_fills_up_leaves_no_half_of_a_car(tmp_path: Path) -> None:
    with SimulatedCars(tmp_path, 1, SystemClock()) as cars, largest_file(10), pytest.raises(CarError, match="car-01"):
        next(cars.start())
    assert not list((tmp_path / "car-01").glob("car.toml"))


def test_a_car_of_an_earlier_time_keeps_its_settings(tmp_path: Path) -> None:
    (tmp_path / "car-01").mkdir()
    text = '[car]\nname = "mine"\n[web]\nport = 8899\ntls = true\nannounce = false\n'
    (tmp_path / "car-01" / "car.toml").write_text(text, encoding="utf-8")
    with SimulatedCars(tmp_path, 1, SystemClock()) as cars:
        assert next(cars.start()) == "car-01"
        wait_for(lambda: len(cars.ring.keys()) == 1, "the pairing")
    assert (tmp_path / "car-01" / "car.toml").read_text(encoding="utf-8") == text
    assert open_car(tmp_path / "car-01").config.car.name == "mine"
