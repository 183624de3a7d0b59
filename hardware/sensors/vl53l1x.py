"""VL53L1X, a range finder on the I²C bus that times its own light, through Adafruit's driver for it.

That driver wants a bus as CircuitPython has one. ``SmbusI2c`` is one on smbus2, which the car has in any case.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hardware.clock import NS_PER_MS, Clock
from hardware.errors import SensorError
from hardware.sensor import DISTANCE, Reading
from hardware.sensors.i2c import I2cSensor

ADDRESS = 0x29
LONG_RANGE = 2
BUDGET_MS = 50
"""How long the chip collects light for each measurement."""
PACKAGE = "adafruit-circuitpython-vl53l1x"


class SmbusI2c:
    """An I²C bus as CircuitPython's libraries want one, for one thread, on an open ``smbus2.SMBus``.

    >>> SmbusI2c(bus).try_lock()
    True
    """

    def __init__(self, bus: Any) -> None:
        self._bus = bus

    def try_lock(self) -> bool:
        """Return True: the kernel keeps the transfers of several programs apart."""
        return True

    def unlock(self) -> None:
        """Do nothing, as ``try_lock`` does."""

    def writeto(self, address: int, buffer: Any, *, start: int = 0, end: int | None = None) -> None:
        """Send a part of ``buffer``; raises OSError when nobody answers."""
        from smbus2 import i2c_msg

        self._bus.i2c_rdwr(i2c_msg.write(address, bytes(buffer[start:end])))

    def readfrom_into(self, address: int, buffer: Any, *, start: int = 0, end: int | None = None) -> None:
        """Fill a part of ``buffer``; raises OSError when nobody answers."""
        from smbus2 import i2c_msg

        end = len(buffer) if end is None else end
        message = i2c_msg.read(address, end - start)
        self._bus.i2c_rdwr(message)
        buffer[start:end] = bytes(message)


class Vl53l1x(I2cSensor):
    """Measures 20 times a second, in a thread of its own, how far the nearest thing is that throws the light back.

    Where none comes back the chip says so, and the reading is ``max_m``. ``bus`` is an open ``smbus2.SMBus``, which is
    closed with the sensor. ``open_chip`` makes Adafruit's driver of a bus and an address. A reading counts from when
    the chip began to collect its light. A chip that lost its power for a moment measures nothing more: what it answers
    then looks new each time it is asked, and a measurement never is.

    Raises SensorError when no chip answers or it does not begin to measure.
    """

    chip = "VL53L1X"
    silent = "it does not begin"
    remedy = "Check its wiring and power, and see car doctor."
    period_s = 0.01

    def __init__(
        self,
        name: str,
        bus: Any,
        clock: Clock,
        address: int = ADDRESS,
        max_m: float = 4.0,
        open_chip: Callable[[Any, int], Any] | None = None,
    ) -> None:
        self._max_m = max_m
        self._open_chip = open_chip or _adafruits
        self._was_ready = True
        super().__init__(name, bus, clock, address)

    def _begin(self) -> None:
        self._driver = self._open_chip(SmbusI2c(self._bus), self._address)
        self._driver.distance_mode = LONG_RANGE
        self._driver.timing_budget = BUDGET_MS
        self._driver.start_ranging()

    def _measure(self) -> None:
        # One that is ready without having been busy before is an old one, or none; so is one after a disturbance.
        was_ready, self._was_ready = self._was_ready, True
        if is_ready := self._driver.data_ready:
            if not was_ready:
                self._note(self._driver.distance)
            self._driver.clear_interrupt()
        self._was_ready = is_ready

    def _end(self) -> None:
        self._driver.stop_ranging()

    def _note(self, distance_cm: float | None) -> None:
        distance_m = self._max_m if distance_cm is None else min(distance_cm / 100, self._max_m)
        self._newest = Reading({DISTANCE: distance_m}, self._clock.now_ns() - BUDGET_MS * NS_PER_MS)


def _adafruits(bus: Any, address: int) -> Any:
    try:
        from adafruit_vl53l1x import VL53L1X
    except ImportError as error:
        raise SensorError(f"the package {PACKAGE} is not installed: {error}") from error
    return VL53L1X(bus, address)
