"""What stands in the way of arming, beyond what the gate sees for itself.

These checks matter to arming alone: a car that drives is not stopped in the middle of the road by a processor that gets
warm.
"""

from __future__ import annotations

from collections.abc import Iterator

from car.config.sections import CarConfig
from car.gate import ArmRefusal
from car.kinds.ours import DRIVETRAINS
from hardware.health import Health

MAX_TEMPERATURE_C = 80.0
"""Where a Raspberry Pi begins to slow down.

https://www.raspberrypi.com/documentation/computers/raspberry-pi.html#frequency-management-and-thermal-control
"""

COARSEST_STEERING_US = 20.0
"""A servo turns about 90° in 1000 µs, so that this is 2°: what a person driving by hand begins to notice."""

ADVICE = {
    ArmRefusal.TOO_HOT: "Let it cool down, and give it a heat sink or a fan.",
    ArmRefusal.UNDER_VOLTAGE: "Charge the battery, and use a supply and a cable made for a Raspberry Pi.",
    ArmRefusal.NOT_CALIBRATED: "Lift the wheels off the ground and run car calibrate.",
    ArmRefusal.COARSE_STEERING: 'Choose pins = "pca9685", "hardware_pwm" or "fine_lgpio" in car.toml.',
}
"""What to do about each of the problems that these checks find."""


def arming_problems(config: CarConfig, health: Health) -> tuple[ArmRefusal, ...]:
    """Return what stands in the way of arming, the most important first; what a machine cannot tell is no problem.

    ``config`` has the newest calibration, which reaches the outputs when somebody arms.
    """
    return (*_machine_problems(health), *drivetrain_problems(config))


def _machine_problems(health: Health) -> Iterator[ArmRefusal]:
    if health.temperature_c is not None and health.temperature_c >= MAX_TEMPERATURE_C:
        yield ArmRefusal.TOO_HOT
    if health.under_voltage:
        yield ArmRefusal.UNDER_VOLTAGE


def drivetrain_problems(config: CarConfig) -> tuple[ArmRefusal, ...]:
    """Return what in a car's drivetrain stands in the way of arming: no calibration, steering in coarse steps."""
    problems = []
    fields = DRIVETRAINS.find(config.drivetrain.kind).fields(config.drivetrain, config.calibration)
    if fields and config.calibration.calibrated is None:
        problems.append(ArmRefusal.NOT_CALIBRATED)
    step_us = config.drivetrain.steering_step_us
    if step_us is not None and step_us > COARSEST_STEERING_US:
        problems.append(ArmRefusal.COARSE_STEERING)
    return tuple(problems)
