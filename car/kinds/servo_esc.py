"""The drivetrain of a steering servo and an ESC."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from car.kinds.calibration import Calibration, CalibrationField, Value
from car.kinds.drivetrain import DrivetrainKind, PinNeeds
from car.kinds.pins import OE_GPIOS, PinsSection, check_pins, needs_of, open_pins, possible_pins
from hardware.clock import Clock
from hardware.drivetrain import Command, Drivetrain
from hardware.drivetrains import plain as defaults
from hardware.drivetrains.pulses import LONGEST_PULSE_US, SHORTEST_PULSE_US, EscPulses, ServoPulses
from hardware.neutral import Output
from hardware.pins.resolution import pulse_step_us

if TYPE_CHECKING:
    from gpiozero import OutputDevice

FULL_SCALE_US = 500.0
"""From neutral to full throttle on the full scale: half of what radio control has between both ends."""
PulseUs = Annotated[float, Field(ge=SHORTEST_PULSE_US, le=LONGEST_PULSE_US)]


class ServoEscSection(PinsSection):
    """A steering servo and an ESC. A pin is a GPIO number, or a channel of the PCA9685.

    >>> section = ServoEscSection(pins="hardware_pwm", steering_pin=12, throttle_pin=13)
    >>> section.steering_step_us
    0.1
    """

    kind: str = "servo_esc"
    pins: Literal["pca9685", "hardware_pwm", "pwm_pio", "fine_lgpio", "lgpio"] = defaults.SERVO_ESC_PINS
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
        check_pins(self.used_pins(("steering_pin", "throttle_pin")), possible_pins(self.pins), self.pins)
        if self.oe_pin is not None:
            if self.pins != "pca9685":
                raise ValueError("only a PCA9685 has an oe_pin: remove it")
            check_pins({"oe_pin": self.oe_pin}, OE_GPIOS, "GPIO")
        return self


class PulseCalibration(Calibration):
    """The pulses of a servo and an ESC. Where the wheels begin to turn is taken for neutral until it is known.

    >>> calibration = PulseCalibration(steering_left_us=1100, steering_centre_us=1480, steering_right_us=1900)
    >>> calibration.servo.pulse_us(steering=-1.0)
    1100.0

    A servo mounted the other way round has its left pulse longer than its right one, and an ESC its forward pulses
    shorter than neutral.
    """

    steering_left_us: PulseUs = 1000.0
    steering_centre_us: PulseUs = defaults.CENTRE_US
    steering_right_us: PulseUs = 2000.0
    neutral_us: PulseUs = defaults.CENTRE_US
    forward_start_us: PulseUs = 1500.0
    forward_max_us: PulseUs = 2000.0
    reverse_start_us: PulseUs = 1500.0
    reverse_max_us: PulseUs = 1000.0

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

    def on_full_scale(self) -> Self:
        """Return the full scale: full steering is the end of the servo's safe range, full throttle 500 µs."""
        # Forward stays the way that it is now, so that an ESC whose pulses are inverted gets its tap before reverse.
        way = 1 if self.forward_max_us > self.neutral_us else -1
        reverse_us, forward_us = (_safe_us(self.neutral_us + share * FULL_SCALE_US) for share in (-way, way))
        changes = {
            "steering_left_us": SHORTEST_PULSE_US,
            "steering_right_us": LONGEST_PULSE_US,
            "forward_start_us": self.neutral_us,
            "forward_max_us": forward_us,
            "reverse_start_us": self.neutral_us,
            "reverse_max_us": reverse_us,
        }
        return super().on_full_scale().model_copy(update=changes)


def steering_command(scale: PulseCalibration, pulse_us: float) -> Command:
    """Return the command that sends ``pulse_us`` to the servo on the full scale, as far as it goes."""
    return Command(scale.servo.steering(pulse_us), 0.0)


def throttle_command(scale: PulseCalibration, pulse_us: float) -> Command:
    """Return the command that sends ``pulse_us`` to the ESC on the full scale, as far as it goes."""
    return Command(0.0, scale.esc.throttle(pulse_us))


_SERVO = (
    ("steering_centre_us", "Centre", "Where the car runs straight."),
    ("steering_left_us", "Left end", "As far left as the wheels go without the servo humming against its stop."),
    ("steering_right_us", "Right end", "As far right as they go."),
)
_ESC = (
    ("neutral_us", "Neutral", "Where the motor stands still."),
    ("forward_start_us", "Forward, start", "Where the wheels just begin to turn forwards."),
    ("forward_max_us", "Forward, most", "What full throttle is to be; tried no faster than a slow turn."),
)
_ESC_REVERSE = (
    ("reverse_start_us", "Reverse, start", "Where they just begin to turn backwards, after a tap on the brake."),
    ("reverse_max_us", "Reverse, most", "What full reverse is to be."),
)
_STARTS = ("forward_start_us", "reverse_start_us")


class ServoEscKind(DrivetrainKind[ServoEscSection, PulseCalibration]):
    """A steering servo and an ESC, on a PCA9685 or on GPIOs."""

    section = ServoEscSection
    calibration = PulseCalibration

    def open(self, section: ServoEscSection, calibration: PulseCalibration, clock: Clock) -> Drivetrain:
        """Open the pins and whatever enables them, at neutral."""
        from hardware.drivetrains.servo_esc import ServoEsc

        with contextlib.ExitStack() as opened:
            factory = open_pins(section, section.pins, section.frequency_hz, clock)
            opened.callback(factory.close)
            output_enable = None if section.oe_pin is None else _open_output_enable(section.oe_pin)
            opened.pop_all()
        return ServoEsc(
            factory,
            section.steering_pin,
            section.throttle_pin,
            calibration.servo,
            calibration.esc,
            clock,
            frequency_hz=section.frequency_hz,
            reverse=section.reverse,
            steering_step_us=section.steering_step_us,
            output_enable=output_enable,
        )

    def outputs(self, drivetrain: Mapping[str, Any], calibration: Mapping[str, Any]) -> Iterable[Output]:
        """Return both pulses at neutral."""
        return defaults.servo_esc_outputs(drivetrain, calibration)

    def fields(self, section: ServoEscSection, calibration: PulseCalibration) -> Sequence[CalibrationField]:
        """Return the servo's pulses and the ESC's, reverse only where there is one."""
        throttle = _ESC if section.reverse == "none" else (*_ESC, *_ESC_REVERSE)
        return [*_fields("steering", _SERVO, calibration), *_fields("throttle", throttle, calibration)]

    def recalibrate(self, drivetrain: Drivetrain, calibration: PulseCalibration) -> None:
        """Follow other pulses, from neutral on."""
        from hardware.drivetrains.servo_esc import ServoEsc

        if isinstance(drivetrain, ServoEsc):
            drivetrain.calibrate(calibration.servo, calibration.esc)

    def changed(self, values: Mapping[str, Value], name: str, value: Value) -> dict[str, Value]:
        """Return ``values`` with another one for ``name``; what begins at neutral goes along with neutral."""
        follows = [start for start in _STARTS if name == "neutral_us" and values.get(start) == values[name]]
        return {**values, name: value, **dict.fromkeys(follows, value)}

    def inverted(self, output: str, values: Mapping[str, Value]) -> dict[str, Value]:
        """Return the servo's ends swapped, or the ESC's pulses mirrored about neutral."""
        if output == "steering":
            return {"steering_left_us": values["steering_right_us"], "steering_right_us": values["steering_left_us"]}
        neutral_us = values["neutral_us"]
        names = [name for name in values if name.startswith(("forward_", "reverse_"))]
        return {name: _safe_us(2 * neutral_us - values[name]) for name in names}

    def pin_needs(self, section: ServoEscSection) -> PinNeeds:
        """Return what its pins are on."""
        return needs_of(section, section.pins, (section.steering_pin, section.throttle_pin))

    def steering_words(self, section: ServoEscSection, calibration: PulseCalibration) -> str:
        """Return how many positions the steering has."""
        step_us = section.steering_step_us
        positions = int(abs(calibration.steering_right_us - calibration.steering_left_us) / step_us) + 1
        return f"{section.pins} sets the steering in steps of {step_us:g} µs: {positions} positions from left to right"


def _fields(
    output: str, names: tuple[tuple[str, str, str], ...], calibration: PulseCalibration
) -> list[CalibrationField]:
    show = steering_command if output == "steering" else throttle_command
    return [
        CalibrationField(
            *(name, label, output, getattr(calibration, name), words, show),
            minimum=SHORTEST_PULSE_US,
            maximum=LONGEST_PULSE_US,
            step=1.0,
            unit="µs",
        )
        for name, label, words in names
    ]


def _safe_us(pulse_us: float) -> float:
    return min(max(pulse_us, SHORTEST_PULSE_US), LONGEST_PULSE_US)


def _open_output_enable(pin: int) -> OutputDevice:
    """Return a PCA9685's OE, off: low enables its outputs."""
    from gpiozero import DigitalOutputDevice

    from hardware.pins.opening import open_gpios

    with contextlib.ExitStack() as opened:
        factory = opened.enter_context(open_gpios(fine=False))
        output_enable = DigitalOutputDevice(pin, active_high=False, pin_factory=factory)
        opened.pop_all()
    return output_enable
