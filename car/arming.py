"""What stands in the way of arming, beyond what the gate sees for itself.

These checks matter to arming alone: a car that drives is not stopped in the middle of the road by a processor that gets
warm.
"""

from __future__ import annotations

from collections.abc import Iterator

from car.gate import ArmRefusal
from hardware.health import Health

MAX_TEMPERATURE_C = 80.0
"""Where a Raspberry Pi begins to slow down.

https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#frequency-management-and-thermal-control
"""

ADVICE = {
    ArmRefusal.TOO_HOT: "Let it cool down, and give it a heat sink or a fan.",
    ArmRefusal.UNDER_VOLTAGE: "Charge the battery, and use a supply and a cable made for a Raspberry Pi.",
}
"""What to do about each of the problems that these checks find."""


def arming_problems(health: Health) -> tuple[ArmRefusal, ...]:
    """Return what stands in the way of arming, the most important first; what a machine cannot tell is no problem."""
    return tuple(_problems(health))


def _problems(health: Health) -> Iterator[ArmRefusal]:
    if health.temperature_c is not None and health.temperature_c >= MAX_TEMPERATURE_C:
        yield ArmRefusal.TOO_HOT
    if health.under_voltage:
        yield ArmRefusal.UNDER_VOLTAGE
