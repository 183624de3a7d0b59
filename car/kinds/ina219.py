"""INA219, which measures a supply's voltage and current, on the I²C bus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from car.kinds.i2c import check_i2c
from car.kinds.sensor import SensorKind, SensorSection
from car.kinds.verdict import Verdict
from hardware.clock import Clock
from hardware.computer import Computer
from hardware.sensor import Sensor
from hardware.sensors.ina219 import ADDRESS, SHUNT_OHM


class Ina219Section(SensorSection):
    """Which I²C bus it is on, and the resistance of its shunt.

    >>> Ina219Section(kind="ina219", shunt_ohm=0.01).i2c_address
    65
    """

    i2c_bus: Annotated[int, Field(ge=0, le=63)] = 1
    i2c_address: Annotated[int, Field(ge=0x40, le=0x4F)] = ADDRESS
    shunt_ohm: Annotated[float, Field(gt=0, le=10)] = SHUNT_OHM


class Ina219Kind(SensorKind[Ina219Section]):
    """An INA219 on smbus2."""

    section = Ina219Section

    def open(self, section: Ina219Section, name: str, clock: Clock) -> Sensor:
        """Open its bus and begin to measure."""
        from smbus2 import SMBus

        from hardware.sensors.ina219 import Ina219

        return Ina219(name, SMBus(section.i2c_bus), clock, section.i2c_address, section.shunt_ohm)

    def check(self, section: Ina219Section, computer: Computer) -> Iterable[Verdict]:
        """Say whether it answers."""
        yield from check_i2c(
            computer, "INA219", section.i2c_bus, section.i2c_address, "its wiring, its power and its bridges A0 and A1"
        )
