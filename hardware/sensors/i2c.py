"""What the sensors on an I²C bus share: a thread of its own for each, since a bus that is stuck holds up a transfer."""

from __future__ import annotations

import contextlib
import threading
from abc import abstractmethod
from typing import Any, ClassVar

from hardware.clock import Clock
from hardware.errors import SensorError
from hardware.sensor import Reading, Sensor

START_TIMEOUT_S = 2.0
END_TIMEOUT_S = 1.0


class I2cSensor(Sensor):
    """Measures in a thread of its own; what it has noted last is its newest reading.

    ``bus`` is an open ``smbus2.SMBus``, which is closed with the sensor. One that derives from it sets what its
    methods need before it calls this constructor, which begins to measure, and has

    - ``chip``, what it is called, ``silent``, what is said where it does not begin in time, and ``remedy``;
    - ``_begin`` and ``_end``, which may raise anything, and ``_measure``, which is called each ``period_s`` and raises
      OSError where a transfer is disturbed.

    Raises SensorError when it does not begin to measure.
    """

    chip: ClassVar[str]
    silent: ClassVar[str]
    remedy: ClassVar[str]
    period_s: ClassVar[float]

    def __init__(self, name: str, bus: Any, clock: Clock, address: int) -> None:
        self.name = name
        self._bus = bus
        self._clock = clock
        self._address = address
        self._newest: Reading | None = None
        self._problem: Exception | None = None
        self._is_closed = False
        self._has_begun = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{self.chip} {name}", daemon=True)
        self._thread.start()
        begun = self._has_begun.wait(START_TIMEOUT_S)
        if self._problem is not None or not begun:
            self.close()
            raise SensorError(
                f"No {self.chip} measures at address {address:#x} ({self._problem or self.silent}). {self.remedy}"
            ) from self._problem

    def read(self) -> Reading | None:
        """Return the newest reading; raises SensorError once closed."""
        if self._is_closed:
            raise SensorError(f"The {self.chip} {self.name} is closed. Open the car again to go on.")
        return self._newest

    def close(self) -> None:
        """Measure no more, and let go of the bus."""
        if not self._is_closed:
            self._is_closed = True
            self._ended.set()
            self._thread.join(END_TIMEOUT_S)
            self._bus.close()

    @abstractmethod
    def _begin(self) -> None:
        """Have the chip measure."""

    @abstractmethod
    def _measure(self) -> None:
        """Note a reading, if there is a new one."""

    def _end(self) -> None:
        """Leave the chip as it is."""
        return

    def _run(self) -> None:
        try:
            self._begin()
        except Exception as error:  # noqa: BLE001 - whatever it is, whoever opens the sensor is to hear it
            self._problem = error
            return
        finally:
            self._has_begun.set()
        while not self._ended.wait(self.period_s):
            try:
                self._measure()
            except OSError:
                # A motor's spark disturbs a transfer now and then: the next measurement comes soon.
                continue
            except Exception:
                if not self._ended.is_set():
                    raise
                # The bus was closed meanwhile, which had been stuck.
        with contextlib.suppress(Exception):
            self._end()
