"""VL53L1X, a range finder on the I²C bus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from car.kinds.i2c import check_i2c
from car.kinds.sensor import SensorKind, SensorSection
from car.kinds.verdict import Verdict, error
from hardware.clock import Clock
from hardware.computer import Computer
from hardware.sensor import Sensor
from hardware.sensors.vl53l1x import ADDRESS, PACKAGE


class Vl53l1xSection(SensorSection):
    """Which I²C bus it is on.

    >>> Vl53l1xSection(kind="vl53l1x", i2c_bus=3).max_m
    4.0
    """

    i2c_bus: Annotated[int, Field(ge=0, le=63)] = 1
    i2c_address: Annotated[int, Field(ge=0x08, le=0x77)] = ADDRESS
    max_m: Annotated[float, Field(gt=0, le=4)] = 4.0


class Vl53l1xKind(SensorKind[Vl53l1xSection]):
    """A VL53L1X by Adafruit's driver, on smbus2."""

    section = Vl53l1xSection

    def open(self, section: Vl53l1xSection, name: str, clock: Clock) -> Sensor:
        """Open its bus and begin to measure."""
        from smbus2 import SMBus

        from hardware.sensors.vl53l1x import Vl53l1x

        return Vl53l1x(name, SMBus(section.i2c_bus), clock, section.i2c_address, section.max_m)

    def check(self, section: Vl53l1xSection, computer: Computer) -> Iterable[Verdict]:
        """Say whether its driver is installed and whether it answers."""
        if problem := computer.import_problem("adafruit_vl53l1x"):
            yield error(f"The driver of the VL53L1X cannot be imported ({problem}).", f"{computer.pip} {PACKAGE}")
        yield from check_i2c(computer, "VL53L1X", section.i2c_bus, section.i2c_address, "its wiring and its power")
