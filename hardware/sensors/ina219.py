"""INA219, a chip on the I²C bus that measures a supply's voltage, and its current across a small resistor, the shunt.

The registers are those of its data sheet (Texas Instruments, SBOS448), section 8.6. Its own arithmetic is not used: the
current is the shunt's voltage over its resistance.
"""

from __future__ import annotations

import threading
from typing import Any

from hardware.clock import NS_PER_MS, Clock
from hardware.errors import SensorError
from hardware.sensor import CURRENT, VOLTAGE, Reading, Sensor

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
PERIOD_S = 0.5
START_TIMEOUT_S = 2.0
END_TIMEOUT_S = 1.0


class Ina219(Sensor):
    """Measures twice a second, in a thread of its own, ``voltage_v`` and ``current_a``; it is negative into the supply.

    ``bus`` is an open ``smbus2.SMBus``, which is closed with the sensor. A reading counts from when the chip began to
    convert. A chip that answers no more, or converts no more, gives no new reading; one that was without power for a
    moment goes on. Beyond 320 mV at the shunt, 3.2 A with 0.1 Ω, the current reads as that.

    Nothing is written to a chip whose configuration is not that of an INA219: at the same address a PCA9685 may turn
    the wheels. Raises SensorError when none answers.
    """

    def __init__(self, name: str, bus: Any, clock: Clock, address: int = ADDRESS, shunt_ohm: float = SHUNT_OHM) -> None:
        self.name = name
        self._bus = bus
        self._clock = clock
        self._address = address
        self._shunt_ohm = shunt_ohm
        self._newest: Reading | None = None
        self._problem: OSError | SensorError | None = None
        self._is_closed = False
        self._has_begun = threading.Event()
        self._ended = threading.Event()
        # A bus that is stuck holds up a transfer for as long as it likes.
        self._thread = threading.Thread(target=self._run, name=f"INA219 {name}", daemon=True)
        self._thread.start()
        begun = self._has_begun.wait(START_TIMEOUT_S)
        if self._problem is not None or not begun:
            self.close()
            raise SensorError(
                f"No INA219 measures at address {address:#x} ({self._problem or 'the bus does not answer'}). "
                "Check its wiring, its power and its bridges, and see car doctor."
            ) from self._problem

    def read(self) -> Reading | None:
        """Return the newest reading; raises SensorError once closed."""
        if self._is_closed:
            raise SensorError(f"The INA219 {self.name} is closed. Open the car again to go on.")
        return self._newest

    def close(self) -> None:
        """Let go of the bus; the chip measures on by itself."""
        if not self._is_closed:
            self._is_closed = True
            self._ended.set()
            self._thread.join(END_TIMEOUT_S)
            self._bus.close()

    def _run(self) -> None:
        try:
            found = self._read(CONFIGURATION)
            if found not in {AFTER_POWER_UP, OURS}:
                raise SensorError(f"what answers there has {found:#06x} where an INA219 has {AFTER_POWER_UP:#06x}")
            self._bus.write_i2c_block_data(self._address, CONFIGURATION, list(OURS.to_bytes(2, "big")))
            self._read(POWER)
        except (OSError, SensorError) as error:
            self._problem = error
            return
        finally:
            self._has_begun.set()
        while not self._ended.wait(PERIOD_S):
            try:
                self._measure()
            except OSError:
                # A motor's spark disturbs a transfer now and then: the next measurement comes soon.
                continue

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
