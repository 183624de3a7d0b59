"""A wheel encoder on one GPIO or two."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from car.kinds.pins import HEADER_GPIOS, check_pins
from car.kinds.sensor import SensorKind, SensorSection
from car.kinds.verdict import Verdict, error, ok
from hardware.clock import Clock
from hardware.computer import Computer
from hardware.sensor import Sensor


class EncoderSection(SensorSection):
    """Which GPIOs its one or two channels are on, and how far the car rolls from one mark to the next.

    >>> EncoderSection(kind="encoder", mm_per_tick=10.4).used_gpios
    (16,)
    """

    mm_per_tick: Annotated[float, Field(gt=0, le=500)]
    a_pin: int = 16
    b_pin: int | None = None
    inverted: bool = False
    pull: Literal["up", "down", "none"] = "up"
    debounce_us: Annotated[int, Field(ge=0, le=10_000)] = 0

    @property
    def used_gpios(self) -> tuple[int, ...]:
        """Its one or two pins."""
        return (self.a_pin,) if self.b_pin is None else (self.a_pin, self.b_pin)

    @model_validator(mode="after")
    def _has_possible_pins(self) -> Self:
        pins = {"a_pin": self.a_pin} if self.b_pin is None else {"a_pin": self.a_pin, "b_pin": self.b_pin}
        check_pins(pins, HEADER_GPIOS, "the header")
        if self.inverted and self.b_pin is None:
            raise ValueError("inverted is for two channels: one cannot tell the direction, so take the line out")
        return self


class EncoderKind(SensorKind[EncoderSection]):
    """A wheel encoder by the kernel's own edges."""

    section = EncoderSection

    def open(self, section: EncoderSection, name: str, clock: Clock) -> Sensor:
        """Take its pins; raises SensorError when they cannot be had."""
        from hardware.pins.edges import GpioEdges
        from hardware.sensors.wheel_encoder import WheelEncoder

        edges = GpioEdges(section.used_gpios, section.pull, section.debounce_us)
        return WheelEncoder(name, edges, section.mm_per_tick / 1000, clock, inverted=section.inverted)

    def check(self, section: EncoderSection, computer: Computer) -> Iterable[Verdict]:
        """Say whether this computer has the pins, without taking them: the doctor is asked while the car drives."""
        pins = " and ".join(f"GPIO {gpio}" for gpio in section.used_gpios)
        direction = "which tell the direction" if section.b_pin is not None else "which does not tell the direction"
        if not computer.is_pi:
            yield error(
                "A wheel encoder needs the GPIOs of a Raspberry Pi, and this is none.",
                'Run it on the Raspberry Pi, or set its kind to "simulated_encoder".',
            )
        else:
            yield ok(
                f"The wheel encoder is on {pins}, {direction}; the car rolls {section.mm_per_tick:g} mm from one mark "
                "to the next. Push the car by a metre and see the page say so."
            )
