"""What a pin of the header is led to inside the Raspberry Pi's chip: hardware PWM, plain input or output, or another.

``/sys/class/pwm`` does not tell: once a program has had a pin as a GPIO, the pin stays one, and PWM that is enabled
there goes nowhere until the Pi is started again. The program ``pinctrl`` of Raspberry Pi OS tells everybody in the
group gpio, the kernel's debug files tell root. Where neither does, nothing is known, which keeps nobody from driving.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from hardware.computer import Computer

ROOT = Path("/")
PINS_FILES = "sys/kernel/debug/pinctrl/*/pins"
BCM_PWM = {12: "alt0", 13: "alt0", 18: "alt5", 19: "alt5"}
"""The functions that are PWM on a Raspberry Pi 4 and those before; a Pi 5's kernel names what they lead to."""
_IN_WORDS = {
    "gpio_in": "an input",
    "ip": "an input",
    "gpio": "an input or output",
    "gpio_out": "an output",
    "op": "an output",
    "none": "led to nothing",
    "no": "led to nothing",
}


@dataclass(frozen=True, slots=True)
class PinFunction:
    """What a pin is led to, as the system names it; ``is_pwm`` where that is hardware PWM.

    >>> function = PinFunction(12, "ip", is_pwm=False)
    >>> str(function)
    'GPIO12 is an input'
    """

    gpio: int
    name: str
    is_pwm: bool

    def carries(self, *, pio: bool) -> bool:
        """Tell whether pulses of a Pi 5's PIO come out of it; or else those of hardware PWM."""
        return self.name.upper().startswith("PIO") if pio else self.is_pwm

    def __str__(self) -> str:
        """Return it in words."""
        return f"GPIO{self.gpio} is {_IN_WORDS.get(self.name, f'led to {self.name}')}"


def find_function(gpio: int, computer: Computer | None = None) -> PinFunction | None:
    """Return what ``gpio`` is led to, None where this user cannot know; it takes some milliseconds."""
    computer = computer or Computer(root=ROOT)
    if (listing := computer.run("pinctrl", "get", str(gpio))) and (function := function_in_listing(listing, gpio)):
        return function
    try:
        # A Pi 5's processor has pins of such names too, which are not the header's.
        files = sorted(computer.root.glob(PINS_FILES), key=lambda file: ("rp1" not in str(file), str(file)))
    except OSError:
        return None
    return next(filter(None, (function_in_pins(computer.text(str(file)), gpio) for file in files)), None)


def function_in_listing(listing: str, gpio: int) -> PinFunction | None:
    """Return the function in what ``pinctrl get`` prints; None when it is not there in words that are known.

    >>> function_in_listing("12: a0    pd | lo // GPIO12 = PWM0_CHAN0", 12)
    PinFunction(gpio=12, name='PWM0_CHAN0', is_pwm=True)
    """
    found = re.search(rf"^\s*{gpio}:\s+(\S+)\s.*//.*=\s*(\S+)\s*$", listing, re.MULTILINE)
    if found is None:
        return None
    short, name = found.groups()
    return PinFunction(gpio, short if short in _IN_WORDS else name, is_pwm=name.upper().startswith("PWM"))


def function_in_pins(pins: str, gpio: int) -> PinFunction | None:
    """Return the function in the kernel's debug file ``pins``; None when it is not there in words that are known.

    >>> function_in_pins("pin 12 (gpio12) function alt0 in lo; irq 178 (none)", 12)
    PinFunction(gpio=12, name='alt0', is_pwm=True)
    >>> function_in_pins("pin 12 (gpio12) 12:pinctrl-rp1 function gpio (gpio) in lo; irq 0 (none)", 12)
    PinFunction(gpio=12, name='gpio', is_pwm=False)
    """
    found = re.search(
        rf"^pin {gpio} \(gpio{gpio}\).*? function (\w+)(?: \((\w+)\))?", pins, re.MULTILINE | re.IGNORECASE
    )
    if found is None:
        return None
    select, leads_to = (word and word.lower() for word in found.groups())
    if leads_to is not None:
        return PinFunction(gpio, leads_to, is_pwm=leads_to.startswith("pwm"))
    return PinFunction(gpio, select, is_pwm=select == BCM_PWM.get(gpio) or select.startswith("pwm"))
