"""The sensor at the supply: it may be dead or come back, and the voltage that it measures may be low."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from dataclasses import replace

from car.telemetry.telemetry import Supply
from hardware.clock import NS_PER_S, Clock
from hardware.errors import SensorError
from hardware.sensor import CURRENT, VOLTAGE, Reading, Sensor

SILENCE_NS = 3 * NS_PER_S
"""A sensor that has not measured for so long measures no more."""
RETRY_NS = 10 * NS_PER_S
"""How long after it could not be opened, or failed, it is opened again."""
LOW_NS = 3 * NS_PER_S
"""A voltage is low that has been below the limit for so long: a motor that starts takes it down for a moment."""
RESTED_NS = 30 * NS_PER_S
"""It is low no more after so long at the limit or above: an empty battery recovers while the car stands."""
MAX_TEXT = 300
LOOK = "Look at its wires, and ask car doctor."


class SupplyReader:
    """Reads the sensor that ``open_sensor`` opens, again and again if need be; ``why`` is why it last gave nothing.

    >>> reader = SupplyReader(lambda: sensor, "front", clock)
    >>> reader.read() is None, reader.why
    (True, 'The sensor front measures distance_m and no voltage_v. Name the one at the supply in [supply].')

    For one thread: ``read`` may wait for the sensor. It raises nothing.
    """

    def __init__(self, open_sensor: Callable[[], Sensor], name: str, clock: Clock) -> None:
        self._open = open_sensor
        self._name = name
        self._clock = clock
        self._sensor: Sensor | None = None
        self._retry_ns = clock.now_ns()
        self.why = ""

    def read(self) -> Supply | None:
        """Return what the sensor has measured in the last seconds; None where that is nothing."""
        now_ns = self._clock.now_ns()
        if self._sensor is None and now_ns < self._retry_ns:
            return None
        # For as long as it hangs.
        self.why = f"The sensor {self._name} does not answer. {LOOK}"
        try:
            if self._sensor is None:
                self._sensor = self._open()
            reading = self._sensor.read()
            return self._in_order(reading, self._clock.now_ns())
        except Exception as error:  # noqa: BLE001 - a stranger's sensor may raise anything
            self.close()
            self._retry_ns = now_ns + RETRY_NS
            self.why = (
                str(error) if isinstance(error, SensorError) else f"The sensor {self._name} fails: {error!r}. {LOOK}"
            )
            return None

    def close(self) -> None:
        """Close the sensor; the next ``read`` opens it again."""
        if self._sensor is not None:
            sensor, self._sensor = self._sensor, None
            with contextlib.suppress(Exception):
                sensor.close()

    def _in_order(self, reading: Reading | None, now_ns: int) -> Supply | None:
        if reading is None or not 0 <= now_ns - reading.measured_ns <= SILENCE_NS:
            self.why = f"The sensor {self._name} measures nothing. {LOOK}"
        elif VOLTAGE not in reading.values:
            names = ", ".join(reading.values)
            advice = "Name the one at the supply in [supply]."
            self.why = f"The sensor {self._name} measures {names} and no {VOLTAGE}. {advice}"
        elif not math.isfinite(reading.values[VOLTAGE]):
            self.why = f"The sensor {self._name} measures {reading.values[VOLTAGE]} V. {LOOK}"
        else:
            return Supply(float(reading.values[VOLTAGE]), float(reading.values.get(CURRENT, math.nan)))
        return None


class SupplyWatch:
    """Says in words, once each, what a driver should know of the supply, and whether its voltage is low.

    >>> watch = SupplyWatch("battery", warn_v=6.8, clock=clock, say=print, why=lambda: "It does not answer.")
    >>> watch.look(Supply(7.4, 0.8))
    Supply(voltage_v=7.4, current_a=0.8, is_low=False)

    It says ``why`` the sensor measures nothing, be it dead, frozen or late, and that the voltage has been below
    ``warn_v``; with None it never warns. It says too that either is over. ``trouble`` is what still holds of it.
    """

    def __init__(
        self, name: str, warn_v: float | None, clock: Clock, say: Callable[[str], None], why: Callable[[], str]
    ) -> None:
        self._name = name
        self._warn_v = warn_v
        self._clock = clock
        self._say = say
        self._why = why
        self._seen_ns = clock.now_ns()
        self._lost = ""
        self._low = ""
        self._turned_ns: int | None = None

    @property
    def trouble(self) -> str:
        """What is wrong now, in sentences; empty if nothing is."""
        return self._lost or self._low

    def look(self, newest: Supply | None) -> Supply | None:
        """Take note of the newest measurement, None where there is none; return it with what is to be said of it."""
        now_ns = self._clock.now_ns()
        if newest is None:
            if not self._lost and now_ns - self._seen_ns > SILENCE_NS:
                self._lost = self._why()[:MAX_TEXT]
                self._say(self._lost)
            return None
        self._seen_ns = now_ns
        if self._lost:
            self._lost = ""
            self._say(f"The sensor {self._name} measures again.")
        if self._warn_v is not None:
            self._judge(newest.voltage_v, self._warn_v, now_ns)
        return replace(newest, is_low=self._low != "")

    def _judge(self, voltage_v: float, warn_v: float, now_ns: int) -> None:
        is_low = self._low != ""
        if (voltage_v < warn_v) == is_low:
            self._turned_ns = None
            return
        if self._turned_ns is None:
            self._turned_ns = now_ns
        if now_ns - self._turned_ns >= (RESTED_NS if is_low else LOW_NS):
            self._turned_ns = None
            self._low = "" if is_low else f"The supply is at {voltage_v:.2f} V, below {warn_v:g} V. Change the battery."
            self._say(self._low or f"The supply is at {voltage_v:.2f} V again.")
