"""From the name of the pins in ``car.toml`` to a gpiozero pin factory."""

from __future__ import annotations

from gpiozero import Factory

from hardware.clock import Clock
from hardware.errors import DrivetrainError


def open_pins(
    pins: str,
    frequency_hz: float,
    clock: Clock,
    *,
    i2c_bus: int = 1,
    i2c_address: int = 0x40,
    oscillator_hz: float = 25e6,
) -> Factory:
    """Return the factory for ``pins``: pca9685, hardware_pwm, pwm_pio, fine_lgpio, or lgpio, which is gpiozero's own.

    Raises DrivetrainError when the hardware or a package for it is not there.
    """
    if pins == "pca9685":
        from hardware.pins.pca9685 import Pca9685Factory

        return Pca9685Factory(frequency_hz, i2c_bus, i2c_address, oscillator_hz, clock)
    if pins in {"hardware_pwm", "pwm_pio"}:
        from hardware.pins.hardware_pwm import HardwarePwmFactory

        return HardwarePwmFactory(clock, pio=pins == "pwm_pio")
    return open_gpios(fine=pins == "fine_lgpio")


def open_gpios(*, fine: bool) -> Factory:
    """Return a factory for the GPIOs of the 40-pin header; raises DrivetrainError when it or lgpio is not there."""
    try:
        from hardware.pins.fine_lgpio import open_lgpio
    except (ImportError, AttributeError) as error:
        # The AttributeError is the one of lgpio 0.0.0.2, an empty package that pip finds where there is no wheel.
        raise DrivetrainError(
            f"The package lgpio does not work here ({error}). On a Raspberry Pi: apt install python3-lgpio."
        ) from error
    return open_lgpio(fine=fine)
