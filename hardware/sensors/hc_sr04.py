"""HC-SR04, an ultrasonic range finder on two GPIOs: a ping out, and an echo for as long as the sound was away."""

from __future__ import annotations

import warnings
from typing import Any

from gpiozero import DistanceSensor, Factory, GPIOZeroError
from gpiozero.exc import DistanceSensorNoEcho, PWMSoftwareFallback

from hardware.clock import Clock
from hardware.errors import HardwareError, SensorError
from hardware.sensor import DISTANCE, Reading, Sensor


class HcSr04(Sensor):
    """Measures every 65 to 100 ms, in a thread of gpiozero's, how far the nearest thing is that throws the sound back.

    >>> sensor = HcSr04("front", factory, trigger_pin=20, echo_pin=21, clock=clock)
    >>> sensor.read() is None   # nothing is wired to these pins
    True
    >>> sensor.close()

    Where the echo is longer than from ``max_m`` away, the reading is that. A ping whose echo never comes is no
    measurement: the newest reading gets old. A reading counts from its ping: of several sensors one pings at a time,
    and to wait for its turn makes no measurement old. ``factory`` is closed with the sensor. Raises SensorError when
    the pins cannot be used.
    """

    def __init__(
        self, name: str, factory: Factory, trigger_pin: int, echo_pin: int, clock: Clock, max_m: float = 4.0
    ) -> None:
        self.name = name
        self._factory = factory
        self._newest: Reading | None = None

        def note(share: float, measured_ns: int) -> None:
            self._newest = Reading({DISTANCE: share * max_m}, measured_ns)

        # gpiozero would say so of every single ping, on the terminal of the drive.
        warnings.simplefilter("ignore", DistanceSensorNoEcho)
        warnings.simplefilter("ignore", PWMSoftwareFallback)
        try:
            self._device: Any = _Pings(
                note, clock, echo=echo_pin, trigger=trigger_pin, max_distance=max_m, pin_factory=factory
            )
        except HardwareError as error:
            factory.close()
            raise SensorError(str(error)) from error
        except GPIOZeroError as error:
            factory.close()
            raise SensorError(
                f"The HC-SR04 {name} cannot use GPIO {trigger_pin} and {echo_pin} ({error}). "
                f"Check [sensors.{name}] in car.toml."
            ) from error

    def read(self) -> Reading | None:
        """Return the newest reading; raises SensorError once closed."""
        if self._device is None:
            raise SensorError(f"The HC-SR04 {self.name} is closed. Open the car again to go on.")
        return self._newest

    def close(self) -> None:
        """End the pings and let go of both pins."""
        if self._device is not None:
            self._device.close()
            self._device = None
            self._factory.close()


class _Pings(DistanceSensor):  # type: ignore[misc] # gpiozero has no types
    """gpiozero's sensor, that tells of each measurement when it was made; its own value is the median of many."""

    def __init__(self, note: Any, clock: Clock, **keywords: Any) -> None:
        self._note = note
        self._clock = clock
        self._rose_ns = 0
        super().__init__(queue_len=1, partial=True, **keywords)

    def close(self) -> None:
        # gpiozero takes the trigger from under the ping that is under way, or waits for its turn.
        if (queue := getattr(self, "_queue", None)) is not None and queue.is_alive():
            queue.stop()
        super().close()

    def _read(self) -> float | None:
        share: float | None = super()._read()
        if share is not None:
            self._note(max(share, 0.0), self._rose_ns)
        return share

    def _echo_changed(self, ticks: float, level: int) -> None:
        # The sensor raises the echo's pin half a millisecond after its ping.
        if level:
            self._rose_ns = self._clock.now_ns()
        super()._echo_changed(ticks, level)
