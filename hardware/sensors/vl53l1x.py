"""VL53L1X, a range finder on the I²C bus that times its own light, through Adafruit's driver for it.

That driver wants a bus as CircuitPython has one. ``SmbusI2c`` is one on smbus2, which the car has in any case.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from hardware.clock import NS_PER_MS, Clock
from hardware.errors import SensorError
from hardware.sensor import DISTANCE, Reading, Sensor

ADDRESS = 0x29
LONG_RANGE = 2
BUDGET_MS = 50
"""How long the chip collects light for each measurement."""
POLL_S = 0.01
START_TIMEOUT_S = 2.0
END_TIMEOUT_S = 1.0
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


class Vl53l1x(Sensor):
    """Measures 20 times a second, in a thread of its own, how far the nearest thing is that throws the light back.

    Where none comes back the chip says so, and the reading is ``max_m``. ``bus`` is an open ``smbus2.SMBus``, which is
    closed with the sensor. ``open_chip`` makes Adafruit's driver of a bus and an address. A reading counts from when
    the chip began to collect its light. A chip that lost its power for a moment measures nothing more: what it answers
    then looks new each time it is asked, and a measurement never is.

    Raises SensorError when no chip answers or it does not begin to measure.
    """

    def __init__(
        self,
        name: str,
        bus: Any,
        clock: Clock,
        address: int = ADDRESS,
        max_m: float = 4.0,
        open_chip: Callable[[Any, int], Any] | None = None,
    ) -> None:
        self.name = name
        self._bus = bus
        self._clock = clock
        self._address = address
        self._max_m = max_m
        self._open_chip = open_chip or _adafruits
        self._newest: Reading | None = None
        self._problem: Exception | None = None
        self._is_closed = False
        self._has_begun = threading.Event()
        self._ended = threading.Event()
        # Adafruit's driver waits for the first measurement of a chip without an end.
        self._thread = threading.Thread(target=self._run, name=f"VL53L1X {name}", daemon=True)
        self._thread.start()
        begun = self._has_begun.wait(START_TIMEOUT_S)
        if self._problem is not None or not begun:
            self.close()
            raise SensorError(
                f"No VL53L1X measures at address {address:#x} ({self._problem or 'it does not begin'}). "
                "Check its wiring and power, and see car doctor."
            ) from self._problem

    def read(self) -> Reading | None:
        """Return the newest reading; raises SensorError once closed."""
        if self._is_closed:
            raise SensorError(f"The VL53L1X {self.name} is closed. Open the car again to go on.")
        return self._newest

    def close(self) -> None:
        """Have the chip measure no more, and let go of the bus."""
        if not self._is_closed:
            self._is_closed = True
            self._ended.set()
            self._thread.join(END_TIMEOUT_S)
            self._bus.close()

    def _run(self) -> None:
        try:
            chip = self._open_chip(SmbusI2c(self._bus), self._address)
            chip.distance_mode = LONG_RANGE
            chip.timing_budget = BUDGET_MS
            chip.start_ranging()
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever opens the sensor is to hear it
            self._problem = error
            return
        finally:
            self._has_begun.set()
        self._measure(chip)

    def _measure(self, chip: Any) -> None:
        was_ready = True
        while not self._ended.wait(POLL_S):
            try:
                is_ready = chip.data_ready
                if is_ready:
                    # One that is ready without having been busy before is an old one, or none.
                    if not was_ready:
                        self._note(chip.distance)
                    chip.clear_interrupt()
                was_ready = is_ready
            except OSError:
                # A motor's spark disturbs a transfer now and then: the next measurement comes soon.
                was_ready = True
        try:
            chip.stop_ranging()
        except OSError:
            return

    def _note(self, distance_cm: float | None) -> None:
        distance_m = self._max_m if distance_cm is None else min(distance_cm / 100, self._max_m)
        self._newest = Reading({DISTANCE: distance_m}, self._clock.now_ns() - BUDGET_MS * NS_PER_MS)


def _adafruits(bus: Any, address: int) -> Any:
    try:
        from adafruit_vl53l1x import VL53L1X
    except ImportError as error:
        raise SensorError(f"the package {PACKAGE} is not installed: {error}") from error
    return VL53L1X(bus, address)
