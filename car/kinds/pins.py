"""What the drivetrains on a Raspberry Pi's pins share: where a PCA9685 is, and which pins there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from car.kinds.drivetrain import DrivetrainSection, PinNeeds
from hardware.clock import Clock
from hardware.drivetrains import plain as defaults

if TYPE_CHECKING:
    from gpiozero import Factory

PCA9685_CHANNELS = range(16)
HEADER_GPIOS = range(2, 28)
OE_GPIOS = range(4, 28)
"""The header's, without the two of the I²C bus that the board itself is on."""
BOARD_I2C_GPIOS = (2, 3)
HARDWARE_PWM_GPIOS = (12, 13, 18, 19)
PULLED_DOWN_GPIOS = range(9, 28)
"""A Raspberry Pi pulls these down from power-on; it pulls up the ones below, and a motor there would start with it."""


class PinsSection(DrivetrainSection):
    """Where a PCA9685 is, and how fast its oscillator really runs; other pins have no use for this."""

    i2c_bus: Annotated[int, Field(ge=0, le=63)] = defaults.I2C_BUS
    i2c_address: Annotated[int, Field(ge=0x40, le=0x7F)] = defaults.I2C_ADDRESS
    oscillator_hz: Annotated[float, Field(ge=20e6, le=30e6)] = defaults.OSCILLATOR_HZ

    @property
    def used_gpios(self) -> tuple[int, ...]:
        """Every pin that is no channel of a PCA9685, or else the bus that this is on."""
        names = [name for name in type(self).model_fields if name.endswith("_pin")]
        if getattr(self, "pins", "") != "pca9685":
            return tuple(self.used_pins(names).values())
        bus = BOARD_I2C_GPIOS if self.i2c_bus == defaults.I2C_BUS else ()
        return (*bus, *self.used_pins(name for name in names if name == "oe_pin").values())

    def used_pins(self, names: Iterable[str]) -> dict[str, int]:
        """Return those of the keys ``names`` that have a pin, with their pins."""
        return {name: pin for name in names if (pin := getattr(self, name)) is not None}


def possible_pins(pins: str) -> Iterable[int]:
    """Return the numbers that a servo's or an ESC's pin may have."""
    return {"pca9685": PCA9685_CHANNELS, "hardware_pwm": HARDWARE_PWM_GPIOS}.get(pins, HEADER_GPIOS)


def check_pins(used: dict[str, int], possible: Iterable[int], pins: str) -> None:
    """Raise ValueError, in words, for a pin that these pins do not have or that is used twice."""
    for name, pin in used.items():
        if pin not in possible:
            raise ValueError(f"{name} is {pin}, and {pins} has {_in_words(possible)}: choose one of those")
    pin, count = Counter(used.values()).most_common(1)[0]
    if count > 1:
        names = " and ".join(name for name, number in used.items() if number == pin)
        raise ValueError(f"{names} are both {pin}: give each its own")


def _in_words(numbers: Iterable[int]) -> str:
    if isinstance(numbers, range):
        return f"{numbers.start} to {numbers.stop - 1}"
    return ", ".join(map(str, numbers))


def open_pins(
    section: PinsSection,
    pins: Literal["pca9685", "hardware_pwm", "pwm_pio", "fine_lgpio", "lgpio"],
    frequency_hz: float,
    clock: Clock,
) -> Factory:
    """Open the pins that ``section`` has; raises whatever gpiozero and lgpio raise, or DrivetrainError."""
    from hardware.pins.opening import open_pins as open_factory

    return open_factory(
        pins,
        frequency_hz,
        clock,
        i2c_bus=section.i2c_bus,
        i2c_address=section.i2c_address,
        oscillator_hz=section.oscillator_hz,
    )


def needs_of(section: PinsSection, pins: str, pwm_gpios: tuple[int, ...] = ()) -> PinNeeds:
    """Return what of a Raspberry Pi's header is used through these ``pins``."""
    return PinNeeds(
        gpio=pins in {"lgpio", "fine_lgpio"},
        pwm_gpios=pwm_gpios if pins == "hardware_pwm" else (),
        pio_gpios=pwm_gpios if pins == "pwm_pio" else (),
        pca9685=(section.i2c_bus, section.i2c_address) if pins == "pca9685" else None,
    )
