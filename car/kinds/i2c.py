"""What the doctor says of a sensor on an I²C bus."""

from __future__ import annotations

from collections.abc import Iterator

from car.kinds.verdict import Verdict, error, ok
from hardware.computer import Computer


def check_i2c(computer: Computer, chip: str, bus: int, address: int, to_look_at: str) -> Iterator[Verdict]:
    """Say whether something answers where ``chip`` is to be; where nothing does, ``to_look_at`` may be the cause."""
    try:
        answers = computer.i2c_answers(bus, [address])
    except (ImportError, OSError) as problem:
        yield error(f"The I²C bus {bus} cannot be opened ({problem}).", "sudo raspi-config nonint do_i2c 0")
        return
    if answers:
        yield ok(f"Something answers at {address:#04x} on /dev/i2c-{bus}, where the {chip} is to be.")
    else:
        yield error(
            f"No {chip} answers at {address:#04x} on /dev/i2c-{bus}.",
            f"Check {to_look_at}, then look again: i2cdetect -y {bus}",
        )
