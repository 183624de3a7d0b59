"""INA219, a chip on the I²C bus that measures a supply's voltage, and its current across a small resistor, the shunt.

The registers are those of its data sheet (Texas Instruments, SBOS448), section 8.6. Its own arithmetic is not used: the
current is the shunt's voltage over its resistance.
"""

from __future__ import annotations

from typing import Any

from hardware.clock import NS_PER_MS, Clock
from hardware.errors import SensorError
from hardware.sensor import CURRENT, VOLTAGE, Reading
from hardware.sensors.i2c import I2cSensor

ADDRESS = 0x41
"""With its bridge A0 closed; without it has 0x40, which is where a PCA9685 is."""
SHUNT_OHM = 0.1
"""What is on the boards that people buy."""

CONFIGURATION, SHUNT_VOLTAGE, BUS_VOLTAGE, POWER = range(4)
AFTER_POWER_UP = 0x399F
OURS = 0x3FFF
"""Up to 32 V and 320 mV at the shunt, each the mean of 128 conversions, again and again."""
IS_NEW = 0x2
"""The bit of the bus voltage that says that it was measured since the power was last read."""
CONVERSION_MS = 2 * 68.1
SHUNT_LSB_V = 10e-6
BUS_LSB_V = 4e-3


class Ina219(I2cSensor):
    """Measures twice a second, in a thread of its own, ``voltage_v`` and ``current_a``; it is negative into the supply.

    ``bus`` is an open ``smbus2.SMBus``, which is closed with the sensor. A reading counts from when the chip began to
    convert. A chip that answers no more, or converts no more, gives no new reading; one that was without power for a
    moment goes on. Beyond 320 mV at the shunt, 3.2 A with 0.1 Ω, the current reads as that.

    Nothing is written to a chip whose configuration is not that of an INA219: at the same address a PCA9685 may turn
    the wheels. Raises SensorError when none answers.
    """

    chip = "INA219"
    silent = "the bus does not answer"
    remedy = "Check its wiring, its power and its bridges, and see car doctor."
    period_s = 0.5

    def __init__(self, name: str, bus: Any, clock: Clock, address: int = ADDRESS, shunt_ohm: float = SHUNT_OHM) -> None:
        self._shunt_ohm = shunt_ohm
        super().__init__(name, bus, clock, address)

    def _begin(self) -> None:
        found = self._read(CONFIGURATION)
        if found not in {AFTER_POWER_UP, OURS}:
            raise SensorError(f"what answers there has {found:#06x} where an INA219 has {AFTER_POWER_UP:#06x}")
        self._bus.write_i2c_block_data(self._address, CONFIGURATION, list(OURS.to_bytes(2, "big")))
        self._read(POWER)

    def _measure(self) -> None:
        measured_ns = self._clock.now_ns() - round(CONVERSION_MS * NS_PER_MS)
        bus = self._read(BUS_VOLTAGE)
        if not bus & IS_NEW:
            return
        shunt = int.from_bytes(self._read(SHUNT_VOLTAGE).to_bytes(2, "big"), "big", signed=True)
        self._read(POWER)
        self._newest = Reading(
            {VOLTAGE: (bus >> 3) * BUS_LSB_V, CURRENT: shunt * SHUNT_LSB_V / self._shunt_ohm}, measured_ns
        )

    def _read(self, register: int) -> int:
        return int.from_bytes(bytes(self._bus.read_i2c_block_data(self._address, register, 2)), "big")
