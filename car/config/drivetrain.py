"""``[drivetrain]`` and ``[calibration]`` of ``car.toml``: which outputs turn the wheels, and by which pulses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from car.config import plain as defaults
from car.kinds.section import Section
from hardware.drivetrains.pulses import LONGEST_PULSE_US, SHORTEST_PULSE_US, EscPulses, ServoPulses
from hardware.pins.resolution import pulse_step_us

UNKNOWN_KIND = "unknown_kind"
PCA9685_CHANNELS = range(16)
HEADER_GPIOS = range(2, 28)
OE_GPIOS = range(4, 28)
"""The header's, without the two of the I²C bus that the board itself is on."""
HARDWARE_PWM_GPIOS = (12, 13, 18, 19)
PULLED_DOWN_GPIOS = range(9, 28)
"""A Raspberry Pi pulls these down from power-on; it pulls up the ones below, and a motor there would start with it."""

PulseUs = Annotated[float, Field(ge=SHORTEST_PULSE_US, le=LONGEST_PULSE_US)]


class _DrivetrainSection(Section):
    """What every kind has: with ``timeline``, every command is appended to that file as well."""

    timeline: str = ""

    @property
    def is_real(self) -> bool:
        """True where wheels turn; such a drivetrain is calibrated before it drives."""
        return True

    @property
    def steering_step_us(self) -> float | None:
        """The smallest change of the steering pulse; None where steering has no pulses."""
        return None


class SimulatedSection(_DrivetrainSection):
    """The simulated world's car."""

    kind: Literal["simulated"] = "simulated"

    @property
    def is_real(self) -> bool:
        """Return False: these wheels are drawn."""
        return False


class _I2cSection(_DrivetrainSection):
    """Where a PCA9685 is, and how fast its oscillator really runs; other pins have no use for this."""

    i2c_bus: Annotated[int, Field(ge=0, le=63)] = defaults.I2C_BUS
    i2c_address: Annotated[int, Field(ge=0x40, le=0x7F)] = defaults.I2C_ADDRESS
    oscillator_hz: Annotated[float, Field(ge=20e6, le=30e6)] = defaults.OSCILLATOR_HZ


class ServoEscSection(_I2cSection):
    """A steering servo and an ESC. A pin is a GPIO number, or a channel of the PCA9685."""

    kind: Literal["servo_esc"]
    pins: Literal["pca9685", "hardware_pwm", "fine_lgpio", "lgpio"] = defaults.SERVO_ESC_PINS
    steering_pin: int = defaults.PCA9685_SERVO_PINS[0]
    throttle_pin: int = defaults.PCA9685_SERVO_PINS[1]
    frequency_hz: Annotated[float, Field(ge=40, le=200)] = defaults.SERVO_FREQUENCY_HZ
    reverse: Literal["double_tap", "direct", "none"] = "double_tap"
    oe_pin: int | None = None

    @property
    def steering_step_us(self) -> float:
        """The smallest change of the steering pulse that these pins can make, in µs."""
        return pulse_step_us(self.pins, self.frequency_hz, self.oscillator_hz)

    @model_validator(mode="before")
    @classmethod
    def _has_pins_of_its_kind(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        steering_pin, throttle_pin = defaults.servo_pins(str(content.get("pins", defaults.SERVO_ESC_PINS)))
        return {"steering_pin": steering_pin, "throttle_pin": throttle_pin, **content}

    @model_validator(mode="after")
    def _has_possible_pins(self) -> Self:
        _check_pins(_pins_of(self, ("steering_pin", "throttle_pin")), _possible_pins(self.pins), self.pins)
        if self.oe_pin is not None:
            if self.pins != "pca9685":
                raise ValueError("only a PCA9685 has an oe_pin: remove it")
            _check_pins({"oe_pin": self.oe_pin}, OE_GPIOS, "GPIO")
        return self


class DifferentialSection(_I2cSection):
    """Two motors on an H-bridge. ``…_enable_pin`` and ``standby_pin`` are for bridges that have them."""

    kind: Literal["differential"]
    pins: Literal["fine_lgpio", "lgpio", "pca9685"] = defaults.DIFFERENTIAL_PINS
    left_forward_pin: int = defaults.MOTOR_PINS["left_forward_pin"]
    left_backward_pin: int = defaults.MOTOR_PINS["left_backward_pin"]
    left_enable_pin: int | None = None
    right_forward_pin: int = defaults.MOTOR_PINS["right_forward_pin"]
    right_backward_pin: int = defaults.MOTOR_PINS["right_backward_pin"]
    right_enable_pin: int | None = None
    standby_pin: int | None = None
    frequency_hz: Annotated[float, Field(ge=50, le=1000)] = defaults.MOTOR_FREQUENCY_HZ

    @property
    def output_pins(self) -> dict[str, int]:
        """Every pin that is used, by its key."""
        return _pins_of(self, (name for name in type(self).model_fields if name.endswith("_pin")))

    @model_validator(mode="after")
    def _has_possible_pins(self) -> Self:
        possible = PCA9685_CHANNELS if self.pins == "pca9685" else PULLED_DOWN_GPIOS
        _check_pins(self.output_pins, possible, self.pins)
        return self


def _kind_of(section: Any) -> str | None:
    return section.get("kind", "simulated") if isinstance(section, dict) else getattr(section, "kind", None)


DrivetrainSection = Annotated[
    Annotated[SimulatedSection, Tag("simulated")]
    | Annotated[ServoEscSection, Tag("servo_esc")]
    | Annotated[DifferentialSection, Tag("differential")],
    Discriminator(
        _kind_of,
        custom_error_type=UNKNOWN_KIND,
        custom_error_message="choose simulated, servo_esc or differential",
    ),
]
"""Steering and motor, one of three kinds."""


class CalibrationSection(Section):
    """What ``car calibrate`` found, and on which day; without a day, a real car does not arm.

    Where the wheels begin to turn is taken for neutral until it is known. A servo mounted the other way round has its
    left pulse longer than its right one, and an ESC its forward pulses shorter than neutral. A motor that runs
    backwards is ``inverted``; below ``motor_start`` of full power it does not turn.
    """

    calibrated: date | None = None
    steering_left_us: PulseUs = 1000.0
    steering_centre_us: PulseUs = defaults.CENTRE_US
    steering_right_us: PulseUs = 2000.0
    neutral_us: PulseUs = defaults.CENTRE_US
    forward_start_us: PulseUs = 1500.0
    forward_max_us: PulseUs = 2000.0
    reverse_start_us: PulseUs = 1500.0
    reverse_max_us: PulseUs = 1000.0
    left_inverted: bool = False
    right_inverted: bool = False
    motor_start: Annotated[float, Field(ge=0, le=0.9)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _starts_at_neutral(cls, content: Any) -> Any:
        if not isinstance(content, dict) or "neutral_us" not in content:
            return content
        neutral_us = content["neutral_us"]
        return {"forward_start_us": neutral_us, "reverse_start_us": neutral_us, **content}

    @property
    def servo(self) -> ServoPulses:
        """The steering's pulses as ``hardware`` knows them."""
        return ServoPulses(self.steering_left_us, self.steering_centre_us, self.steering_right_us)

    @property
    def esc(self) -> EscPulses:
        """The ESC's pulses as ``hardware`` knows them."""
        return EscPulses(
            self.neutral_us, self.forward_start_us, self.forward_max_us, self.reverse_start_us, self.reverse_max_us
        )

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        # Each of them raises ValueError in words when its pulses are not in order.
        _ = self.servo, self.esc
        return self


def _pins_of(section: Section, names: Iterable[str]) -> dict[str, int]:
    return {name: pin for name in names if (pin := getattr(section, name)) is not None}


def _possible_pins(pins: str) -> Iterable[int]:
    return {"pca9685": PCA9685_CHANNELS, "hardware_pwm": HARDWARE_PWM_GPIOS}.get(pins, HEADER_GPIOS)


def _check_pins(used: dict[str, int], possible: Iterable[int], pins: str) -> None:
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
