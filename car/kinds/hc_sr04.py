"""HC-SR04, an ultrasonic range finder on two GPIOs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Self

from pydantic import Field, model_validator

from car.kinds.pins import HEADER_GPIOS, check_pins
from car.kinds.sensor import SensorKind, SensorSection
from car.kinds.verdict import Verdict, error, ok
from hardware.clock import Clock
from hardware.computer import Computer
from hardware.sensor import Sensor


class HcSr04Section(SensorSection):
    """Which GPIOs its two pins are on.

    >>> HcSr04Section(kind="hc_sr04", echo_pin=16).trigger_pin
    20
    """

    trigger_pin: int = 20
    echo_pin: int = 21
    max_m: Annotated[float, Field(gt=0, le=6)] = 4.0

    @property
    def used_gpios(self) -> tuple[int, ...]:
        """Its two pins."""
        return self.trigger_pin, self.echo_pin

    @model_validator(mode="after")
    def _has_possible_pins(self) -> Self:
        check_pins({"trigger_pin": self.trigger_pin, "echo_pin": self.echo_pin}, HEADER_GPIOS, "the header")
        return self


class HcSr04Kind(SensorKind[HcSr04Section]):
    """An HC-SR04 by gpiozero, on lgpio."""

    section = HcSr04Section

    def open(self, section: HcSr04Section, name: str, clock: Clock) -> Sensor:
        """Open its pins and begin to measure."""
        from hardware.pins.opening import open_gpios
        from hardware.sensors.hc_sr04 import HcSr04

        return HcSr04(name, open_gpios(fine=False), section.trigger_pin, section.echo_pin, clock, section.max_m)

    def check(self, section: HcSr04Section, computer: Computer) -> Iterable[Verdict]:
        """Say whether this computer has the pins, and who may use them, without a ping."""
        if not computer.is_pi:
            yield error(
                "An HC-SR04 needs the GPIOs of a Raspberry Pi, and this is none.",
                'Run it on the Raspberry Pi, or set its kind to "simulated".',
            )
        elif problem := computer.import_problem("lgpio"):
            yield error(f"lgpio cannot be imported ({problem}).", "sudo apt install python3-lgpio")
        else:
            yield ok(
                f"The HC-SR04 is on GPIO {section.trigger_pin} (trigger) and {section.echo_pin} (echo). "
                "That its echo is brought down from 5 V to 3.3 V cannot be seen from here."
            )
