"""A Donkey Car's drivetrain in the words of ``car.toml``: its kind, its pins and its pulses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from car.config.donkey.pins import FREQUENCY_HZ, Pin, parse_pin, pigpio_pulse_us, pulse_us
from car.config.donkey.translation import Table, Translation
from hardware.drivetrains.pulses import LONGEST_PULSE_US, SHORTEST_PULSE_US

PWM = "PWM_STEERING_THROTTLE"
I2C = ("I2C_SERVO", "SERVO_ESC")
PIGPIO = "PIGPIO_PWM"
PIGPIO_FREQUENCY_HZ = 50.0

DEFAULT_COUNTS = {
    "STEERING_LEFT_PWM": 460,
    "STEERING_RIGHT_PWM": 290,
    "THROTTLE_STOPPED_PWM": 370,
    "THROTTLE_FORWARD_PWM": 500,
    "THROTTLE_REVERSE_PWM": 220,
}
"""The pulses of a Donkey Car whose myconfig.py says nothing of them."""
PULSE_KEYS = ("steering_left_us", "steering_right_us", "neutral_us", "forward_max_us", "reverse_max_us")
"""What each of them is in ``[calibration]``."""

BRIDGES: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "DC_TWO_WHEEL": {
        "left_forward_pin": ("LEFT_FWD_DUTY_PIN", "HBRIDGE_PIN_LEFT_FWD"),
        "left_backward_pin": ("LEFT_BWD_DUTY_PIN", "HBRIDGE_PIN_LEFT_BWD"),
        "right_forward_pin": ("RIGHT_FWD_DUTY_PIN", "HBRIDGE_PIN_RIGHT_FWD"),
        "right_backward_pin": ("RIGHT_BWD_DUTY_PIN", "HBRIDGE_PIN_RIGHT_BWD"),
    },
    "DC_TWO_WHEEL_L298N": {
        "left_forward_pin": ("LEFT_FWD_PIN", "HBRIDGE_L298N_PIN_LEFT_FWD"),
        "left_backward_pin": ("LEFT_BWD_PIN", "HBRIDGE_L298N_PIN_LEFT_BWD"),
        "left_enable_pin": ("LEFT_EN_DUTY_PIN", "HBRIDGE_L298N_PIN_LEFT_EN"),
        "right_forward_pin": ("RIGHT_FWD_PIN", "HBRIDGE_L298N_PIN_RIGHT_FWD"),
        "right_backward_pin": ("RIGHT_BWD_PIN", "HBRIDGE_L298N_PIN_RIGHT_BWD"),
        "right_enable_pin": ("RIGHT_EN_DUTY_PIN", "HBRIDGE_L298N_PIN_RIGHT_EN"),
    },
}
"""Two motors: each key here, what it is called in a table of pins, and what it was before there were such tables."""

HARDWARE_PWM_PAIRS = ({12, 13}, {18, 19})
"""The GPIOs that have hardware PWM with the lines that the installer puts into config.txt."""


@dataclass(frozen=True, slots=True)
class _Wire:
    """A pin, and in words the setting that names it."""

    setting: str
    pin: Pin


class _Impossible(Exception):
    """The drivetrain is not possible here; says why, in a sentence's first half."""


def translate_drivetrain(translation: Translation) -> None:
    """Take what a car's drivetrain is; one that is not possible here is a remark, and stays simulated."""
    kind = translation.value("DRIVE_TRAIN_TYPE", str) or _kind_by_its_pulses(translation)
    try:
        if kind in BRIDGES:
            _translate_bridge(translation, kind)
        elif kind in {PWM, PIGPIO, *I2C}:
            _translate_servo(translation, kind)
        elif kind != "MOCK":
            raise _Impossible(f"There is no drivetrain {kind!r:.40} here")
    except _Impossible as why:
        translation.remarks.append(
            f"{why}: car.toml has the simulated drivetrain. Choose the kind and its pins in [drivetrain]."
        )


def _kind_by_its_pulses(translation: Translation) -> str:
    """Return the drivetrain of a file that does not name it: older ones had pulses outside of a table."""
    values = translation.settings.values
    return I2C[0] if PWM not in values and DEFAULT_COUNTS.keys() & values.keys() else PWM


def _translate_servo(translation: Translation, kind: str) -> None:
    table = Table(translation, kind)
    for name in ("PWM_STEERING_INVERTED", "PWM_THROTTLE_INVERTED", "STEERING_PWM_INVERTED", "THROTTLE_PWM_INVERTED"):
        if table.get(name, bool, False):
            raise _Impossible(f"{name} is on, and pulses are not inverted here")
    wires = {"steering_pin": _wire(table, "STEERING", 1, 13), "throttle_pin": _wire(table, "THROTTLE", 0, 18)}
    frequency_hz = FREQUENCY_HZ
    if kind == PIGPIO:
        frequency_hz = float(table.get("STEERING_PWM_FREQ", float, PIGPIO_FREQUENCY_HZ))
    numbers = {wire.pin.number for wire in wires.values()}
    on_gpios = "hardware_pwm" if numbers in HARDWARE_PWM_PAIRS else "fine_lgpio"
    _take_wires(table, "servo_esc", wires, on_gpios)
    translation.take(f"pulses of {frequency_hz:g} Hz", "drivetrain", "frequency_hz", frequency_hz)
    _take_pulses(table)


def _wire(table: Table, output: str, channel: int, gpio: int) -> _Wire:
    """Return the pin of an output, STEERING or THROTTLE; ``channel`` and ``gpio`` are where it is by default."""
    if table.name == PIGPIO:
        name = f"{output}_PWM_PIN"
        number = table.get(name, int, gpio)
        return _Wire(table.words(name, number), Pin(number))
    if table.name in I2C:
        name = f"{output}_CHANNEL"
        number = table.get(name, int, channel)
        board = (table.get("PCA9685_I2C_BUSNUM", int, 1), table.get("PCA9685_I2C_ADDR", int, 0x40))
        return _Wire(table.words(name, number), Pin(number, board))
    name = f"PWM_{output}_PIN"
    return _named_wire(table, name, table.get(name, str, f"PCA9685.1:40.{channel}"))


def _named_wire(table: Table, name: str, text: str) -> _Wire:
    pin = parse_pin(text)
    if pin is None:
        raise _Impossible(f"{name} is {text!r:.40}, which is no pin of a Raspberry Pi or a PCA9685")
    return _Wire(table.words(name, text), pin)


def _take_pulses(table: Table) -> None:
    take = table.translation.take
    pulses_us, words = {}, {}
    for (name, default), key in zip(DEFAULT_COUNTS.items(), PULSE_KEYS, strict=True):
        count = table.get(name, float, default)
        words[key] = table.words(name, count)
        output = name.partition("_")[0]
        if table.name == PIGPIO:
            frequency_hz = table.get(f"{output}_PWM_FREQ", float, PIGPIO_FREQUENCY_HZ)
            pulses_us[key] = pigpio_pulse_us(count, max(frequency_hz, 1.0))
        else:
            pulses_us[key] = pulse_us(count, table.get(f"PWM_{output}_SCALE", float, 1.0))
    if pulses_us["reverse_max_us"] == pulses_us["neutral_us"]:
        # There is no reverse; its pulse only has to be on the other side of neutral.
        take(words["reverse_max_us"], "drivetrain", "reverse", "none")
        mirrored_us = 2 * pulses_us["neutral_us"] - pulses_us["forward_max_us"]
        pulses_us["reverse_max_us"] = min(max(mirrored_us, SHORTEST_PULSE_US), LONGEST_PULSE_US)
    for key in PULSE_KEYS:
        take(words[key], "calibration", key, pulses_us[key])
    centre_us = (pulses_us["steering_left_us"] + pulses_us["steering_right_us"]) / 2
    take("half-way between both", "calibration", "steering_centre_us", round(centre_us, 1))


def _translate_bridge(translation: Translation, kind: str) -> None:
    table = Table(translation, kind)
    wires = {}
    for key, (name, older) in BRIDGES[kind].items():
        text = table.get(name, str, "")
        if not text:
            # These were places on the header.
            number = translation.value(older, int)
            if number is None:
                raise _Impossible(f"Neither {name} nor {older} is set, though config.py may have it")
            name, text = older, f"RPI_GPIO.BOARD.{number}"
        wires[key] = _named_wire(table, name, text)
    _take_wires(table, "differential", wires, "fine_lgpio")


def _take_wires(table: Table, kind: str, wires: Mapping[str, _Wire], on_gpios: str) -> None:
    """Take where a drivetrain of that kind is wired to; ``on_gpios`` is what makes its pulses on GPIOs."""
    boards = {wire.pin.board for wire in wires.values()}
    if len(boards) > 1:
        raise _Impossible("Some pins are on one board and some on another, which is not possible here")
    (board,) = boards
    take = table.translation.take
    where = Table(table.translation, "").words("DRIVE_TRAIN_TYPE", table.name)
    take(where, "drivetrain", "kind", kind)
    take(where, "drivetrain", "pins", "pca9685" if board else on_gpios)
    if board is not None:
        for key, number in zip(("i2c_bus", "i2c_address"), board, strict=True):
            take("where the PCA9685 is", "drivetrain", key, number)
    for key, wire in wires.items():
        take(wire.setting, "drivetrain", key, wire.pin.number)
