"""``config.txt``, as the Raspberry Pi's firmware reads it: which of its lines hold for this board.

The rules are those that Raspberry Pi publishes of its conditional filters. A filter takes the place of an earlier one
of its sort and holds together with those of other sorts; ``[all]`` ends them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hardware.computer import Computer

FOLDER = "boot/firmware"
NAME = "config.txt"
MOST_INCLUDES = 10
PWM_FUNCTIONS = {12: 4, 13: 4, 18: 2, 19: 2}
"""What ``func`` is for hardware PWM on each GPIO, the same number on a Pi 4 and a Pi 5."""
_OVERLAYS = {
    "pwm": (("pin", "func"),),
    "pwm-2chan": (("pin", "func"), ("pin2", "func2")),
}
_DEFAULTS = {"pin": 18, "func": 2, "pin2": 19, "func2": 2}
_FALSE = {"0", "n", "no", "off", "false"}
_MODEL = re.compile(r"(pi|cm)\d\w*\+?|none")
_BOARDS = (
    ("Compute Module 5", ("pi5", "cm5")),
    ("Compute Module 4S", ("pi4", "cm4s")),
    ("Compute Module 4", ("pi4", "cm4")),
    ("Compute Module 3 Plus", ("pi3", "cm3", "cm3+")),
    ("Compute Module 3", ("pi3", "cm3")),
    ("500", ("pi5", "pi500")),
    ("400", ("pi4", "pi400")),
    ("5", ("pi5",)),
    ("4", ("pi4",)),
    ("3 Model A Plus", ("pi3", "pi3+")),
    ("3 Model B Plus", ("pi3", "pi3+")),
    ("3", ("pi3",)),
    ("2", ("pi2",)),
    ("Zero 2 W", ("pi0", "pi0w", "pi02")),
    ("Zero W", ("pi0", "pi0w")),
    ("Zero", ("pi0",)),
)
"""The model filters of each board, by how its name goes on after ``Raspberry Pi``."""


@dataclass(frozen=True, slots=True)
class ConfigTxt:
    """Its lines without comments: ``lines`` hold on this board, whether ``perhaps`` do is known to the firmware alone.

    It looks at a pin's level, at a monitor or a variable of the boot loader; each has the filters it stands under.
    """

    lines: tuple[str, ...]
    perhaps: tuple[tuple[str, str], ...]

    @property
    def overlays(self) -> list[str]:
        """Each overlay that is loaded, with its parameters."""
        return [name for line in self.lines if (name := _value(line, "dtoverlay"))]

    def parameter(self, name: str) -> bool | None:
        """Return whether a parameter of the device tree is on or off; None where no line that holds says so."""
        return _parameter(self.lines, name)

    def filters_of_parameter(self, name: str) -> str:
        """Return the filters under which a parameter is set, which may hold or not; nothing where there are none."""
        return next((filters for line, filters in self.perhaps if _parameter([line], name)), "")

    def pwm_functions(self) -> dict[int, int]:
        """Return the GPIOs to which overlays lead hardware PWM, each with its ``func``.

        The parameters of an overlay stand in its own line, or in ``dtparam`` lines up to the next one.
        """
        functions: dict[int, int] = {}
        overlays: list[list[str]] = []
        for line in self.lines:
            if line.partition("=")[0].strip() == "dtoverlay":
                overlays.append(_value(line, "dtoverlay").split(","))
            elif overlays:
                overlays[-1] += _value(line, "dtparam").split(",")
        for name, *settings in overlays:
            given = {**_DEFAULTS, **dict(_numbers(settings))}
            functions |= {given[pin]: given[function] for pin, function in _OVERLAYS.get(name.strip(), ())}
        return functions


def read_config_txt(computer: Computer) -> ConfigTxt:
    """Read the file and those that it includes; one that is not there has no lines."""
    models = filters_of_board(computer.board)
    serial = computer.text("proc/device-tree/serial-number")
    lines, perhaps = [], []
    active: dict[str, tuple[str, bool | None]] = {}
    for line in _all_lines(computer, NAME, MOST_INCLUDES):
        if line.startswith("["):
            words = line.strip("[] ").lower()
            if words == "all":
                active = {}
            else:
                active[_sort(words)] = (f"[{words}]", _holds(words, models, serial))
        elif all(holds for _, holds in active.values()):
            lines.append(line)
        elif all(holds is not False for _, holds in active.values()):
            perhaps.append((line, " and ".join(words for words, holds in active.values() if holds is None)))
    return ConfigTxt(tuple(lines), tuple(perhaps))


def filters_of_board(board: str) -> tuple[str, ...]:
    """Return the model filters that hold on a board.

    >>> filters_of_board("Raspberry Pi 400 Rev 1.0")
    ('pi4', 'pi400')
    """
    name = board.removeprefix("Raspberry Pi ")
    return next((filters for beginning, filters in _BOARDS if name.startswith(beginning)), ("pi1",))


def pwm_line(gpios: Sequence[int]) -> str:
    """Return the line that leads hardware PWM to two GPIOs of different channels, or to one.

    >>> pwm_line((19, 18))
    'dtoverlay=pwm-2chan,pin=18,func=2,pin2=19,func2=2'
    """
    first, *second = sorted(gpios, key=lambda gpio: (gpio % 2 if gpio < 18 else gpio - 18, gpio))
    line = f"pin={first},func={PWM_FUNCTIONS[first]}"
    if not second:
        return f"dtoverlay=pwm,{line}"
    return f"dtoverlay=pwm-2chan,{line},pin2={second[0]},func2={PWM_FUNCTIONS[second[0]]}"


def pio_lines(gpios: Sequence[int]) -> str:
    """Return the lines that lead a Pi 5's PIO to GPIOs, one each, as ``printf`` takes them."""
    return r"\n".join(f"dtoverlay=pwm-pio,gpio={gpio}" for gpio in gpios)


def _all_lines(computer: Computer, name: str, includes_left: int) -> Iterator[str]:
    for line in computer.text(f"{FOLDER}/{name}").splitlines():
        words = line.partition("#")[0].strip()
        if words.startswith("include ") and includes_left:
            yield from _all_lines(computer, words.removeprefix("include ").strip(), includes_left - 1)
        elif words:
            yield words


def _sort(words: str) -> str:
    """Return what sort a filter is of."""
    if _MODEL.fullmatch(words):
        return "model"
    return "serial" if words.startswith("0x") else re.split(r"[=:&]", words)[0]


def _holds(words: str, models: Sequence[str], serial: str) -> bool | None:
    """Return whether a filter holds on this board; None where only the firmware knows."""
    if _MODEL.fullmatch(words):
        return words in models
    if words == "tryboot":
        return False
    if words.startswith("0x") and serial:
        # The firmware compares the last 32 bits.
        return serial.lower()[-8:].lstrip("0") == words.removeprefix("0x").lstrip("0")
    return None


def _parameter(lines: Sequence[str], name: str) -> bool | None:
    parameters = [part for line in lines for part in _value(line, "dtparam").split(",")]
    values = [
        value.strip().lower() for key, _, value in (part.partition("=") for part in parameters) if key.strip() == name
    ]
    return values[-1] not in _FALSE if values else None


def _value(line: str, key: str) -> str:
    """Return what comes after ``key=``, nothing in a line of another key."""
    name, _, value = line.partition("=")
    return value.strip() if name.strip() == key else ""


def _numbers(settings: Sequence[str]) -> Iterator[tuple[str, int]]:
    for key, _, value in (setting.partition("=") for setting in settings):
        try:
            yield key.strip(), int(value, 0)
        except ValueError:
            # The firmware knows what it means.
            continue
