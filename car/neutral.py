"""``car neutral``: every output of the car to neutral, from outside, whatever has become of the drive.

It is what systemd runs when the service has ended, however it ended. It reads ``car.toml`` without checking more of it
than it needs, because a car whose configuration has a mistake must stop as well.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from car.config import plain as defaults
from car.config.plain import CONFIG_ENCODING, CONFIG_NAME, DEFAULT_CAR
from hardware.neutral import Output, write_neutral
from hardware.pins.resolution import US_PER_S, pulse_step_us

USAGE = "usage: car neutral [--car DIR]"
NS_PER_US = 1000


def outputs_of(content: Mapping[str, Any], folder: str = "") -> list[Output]:
    """Return how the outputs of a car with this ``car.toml`` are put to neutral from outside.

    A file in it is named from the car's ``folder``. What is missing or makes no sense has its default here.
    """
    drivetrain, calibration = (_section(content, name) for name in ("drivetrain", "calibration"))
    kind = str(drivetrain.get("kind", "simulated"))
    unknown: Output = {"kind": f"of a {kind!r} drivetrain"}
    outputs = list(_KINDS[kind](drivetrain, calibration)) if kind in _KINDS else [unknown]
    if timeline := drivetrain.get("timeline"):
        outputs.append({"kind": "timeline", "path": os.path.join(folder, str(timeline))})  # noqa: PTH118
    return outputs


def _simulated(_drivetrain: Mapping[str, Any], _calibration: Mapping[str, Any]) -> Iterator[Output]:
    return iter(())


def _servo_esc(drivetrain: Mapping[str, Any], calibration: Mapping[str, Any]) -> Iterator[Output]:
    pins = drivetrain.get("pins", defaults.SERVO_ESC_PINS)
    steering_pin, throttle_pin = defaults.servo_pins(str(pins))
    # The throttle first: it is what must stop.
    pulses_us = {
        _integer(drivetrain, "throttle_pin", throttle_pin): _number(calibration, "neutral_us", defaults.CENTRE_US),
        _integer(drivetrain, "steering_pin", steering_pin): _number(
            calibration, "steering_centre_us", defaults.CENTRE_US
        ),
    }
    frequency_hz = _number(drivetrain, "frequency_hz", defaults.SERVO_FREQUENCY_HZ)
    if pins == "pca9685":
        step_us = pulse_step_us("pca9685", frequency_hz, _number(drivetrain, "oscillator_hz", defaults.OSCILLATOR_HZ))
        # First, so that it watches over what the bus does.
        if "oe_pin" in drivetrain:
            yield {"kind": "output_enable", "gpio": drivetrain["oe_pin"]}
        yield _pca9685(drivetrain, {str(pin): round(pulse_us / step_us) for pin, pulse_us in pulses_us.items()})
    elif pins == "hardware_pwm":
        for gpio, pulse_us in pulses_us.items():
            yield {"kind": "hardware_pwm", "gpio": gpio, "pulse_ns": round(pulse_us * NS_PER_US)}
    else:
        yield {
            "kind": "servo_lines",
            "gpios": list(pulses_us),
            "pulse_us": list(pulses_us.values()),
            "period_us": US_PER_S / frequency_hz,
        }


def _differential(drivetrain: Mapping[str, Any], _calibration: Mapping[str, Any]) -> Iterator[Output]:
    pins = {name: _integer(drivetrain, name, number) for name, number in defaults.MOTOR_PINS.items()}
    pins |= {name: _integer(drivetrain, name, 0) for name in drivetrain if name.endswith("_pin")}
    if drivetrain.get("pins", defaults.DIFFERENTIAL_PINS) == "pca9685":
        yield _pca9685(drivetrain, {str(channel): 0 for channel in pins.values()})
    else:
        yield {"kind": "low_lines", "gpios": list(pins.values())}


_KINDS = {"simulated": _simulated, "servo_esc": _servo_esc, "differential": _differential}


def _pca9685(drivetrain: Mapping[str, Any], counts: Mapping[str, int]) -> Output:
    bus = _integer(drivetrain, "i2c_bus", defaults.I2C_BUS)
    return {
        "kind": "pca9685",
        "bus": bus,
        "address": _integer(drivetrain, "i2c_address", defaults.I2C_ADDRESS),
        "counts": counts,
    }


def _section(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = content.get(name, {})
    return section if isinstance(section, dict) else {}


def _integer(section: Mapping[str, Any], name: str, default: int) -> int:
    value = section.get(name)
    return value if isinstance(value, int) else default


def _number(section: Mapping[str, Any], name: str, default: float) -> float:
    value = section.get(name)
    return value if isinstance(value, int | float) and 0 < value < US_PER_S else default


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code: 0 when all outputs are neutral."""
    if list(arguments) in (["--help"], ["-h"]):
        sys.stdout.write(f"{USAGE}\n\nPut every output of the car to neutral, from outside a running drive too.\n")
        return 0
    folder = _folder(arguments)
    if folder is None:
        return _fail(f"{USAGE}. Those are not its arguments.")
    path = os.path.join(folder, CONFIG_NAME)  # noqa: PTH118 - pathlib costs a tenth of the time this command has
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            content = tomllib.loads(file.read().decode(CONFIG_ENCODING))
    except OSError as error:
        return _fail(f"{path} cannot be read ({error.strerror}). Name the car with --car, and cut its power.")
    except ValueError as error:
        return _fail(f"{path} is not valid TOML ({error}). Cut the car's power, and mend that line.")
    if not isinstance(content.get("drivetrain", {}), dict):
        return _fail(f"{path} has a drivetrain that is not a section. Cut the car's power, and mend that line.")
    problems = write_neutral(outputs_of(content, folder))
    return _fail(" ".join(problems)) if problems else 0


def _folder(arguments: Sequence[str]) -> str | None:
    """Return the car's folder: named, else this one, else ``mycar``; None for arguments that are not understood."""
    if len(arguments) == 2 and arguments[0] == "--car":
        return arguments[1]
    if len(arguments) == 1 and arguments[0].startswith("--car="):
        return arguments[0].removeprefix("--car=")
    if arguments:
        return None
    return "." if os.path.exists(CONFIG_NAME) else DEFAULT_CAR  # noqa: PTH110


def _fail(message: str) -> int:
    sys.stderr.write(f"car: {message}\n")
    return 1
