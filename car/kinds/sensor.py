"""``[sensors.NAME]`` of ``car.toml``, and what a kind of sensor is."""

from __future__ import annotations

from abc import abstractmethod
from typing import TypeVar

from car.kinds.kind import Kind
from car.kinds.section import Section
from hardware.clock import Clock
from hardware.sensor import Sensor


class SensorSection(Section):
    """A sensor; a kind of your own derives from it, and adds the keys that it needs.

    >>> class RangeSection(SensorSection):
    ...     pin: int
    >>> RangeSection(kind="range", pin=17).pin
    17
    """

    kind: str

    @property
    def used_gpios(self) -> tuple[int, ...]:
        """The GPIOs of a Raspberry Pi's header that nothing else may have."""
        return ()


SensorSectionT = TypeVar("SensorSectionT", bound=SensorSection)


class SensorKind(Kind[SensorSectionT]):
    """A kind of sensor.

    ::

        class RangeKind(SensorKind[RangeSection]):
            section = RangeSection

            def open(self, section: RangeSection, name: str, clock: Clock) -> Sensor:
                return RangeSensor(name, section.pin, clock)
    """

    @abstractmethod
    def open(self, section: SensorSectionT, name: str, clock: Clock) -> Sensor:
        """Open the sensor that ``car.toml`` calls ``name``; raises SensorError when it is not there."""
