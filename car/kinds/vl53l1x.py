"""VL53L1X, a range finder on the I²C bus."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from car.kinds.sensor import SensorKind, SensorSection
from car.kinds.verdict import Verdict, error, ok
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
        bus, address = section.i2c_bus, section.i2c_address
        try:
            answers = computer.i2c_answers(bus, [address])
        except (ImportError, OSError) as problem:
            yield error(f"The I²C bus {bus} cannot be opened ({problem}).", "sudo raspi-config nonint do_i2c 0")
            return
        if answers:
            yield ok(f"Something answers at {address:#04x} on /dev/i2c-{bus}, where the VL53L1X is to be.")
        else:
            yield error(
                f"No VL53L1X answers at {address:#04x} on /dev/i2c-{bus}.",
                f"Check its wiring and its power, then look again: i2cdetect -y {bus}",
            )
