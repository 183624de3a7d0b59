"""The registers of a PCA9685, as its datasheet (NXP, revision 4) has them in section 7.3, and how they are written.

It imports next to nothing, so that ``car neutral`` can use it.
"""

from __future__ import annotations

from collections.abc import Sequence

TYPE_CHECKING = False  # as typing has it, whose import would be a third of the guard's
if TYPE_CHECKING:
    from typing import Any

MODE1 = 0x00
MODE2 = 0x01
LED0 = 0x06
ALL_LED = 0xFA
PRE_SCALE = 0xFE

RESTART = 0x80
AUTO_INCREMENT = 0x20
SLEEP = 0x10
TOTEM_POLE = 0x04

REGISTERS_PER_CHANNEL = 4
COUNTS = 4096
FULL = 0x1000
"""Bit 4 of a high byte: the output is on, or off, for the whole period; off wins."""

OSCILLATOR_START_S = 500e-6
"""How long the oscillator needs after the chip has been woken."""

PRESCALES = range(3, 256)

TRIES = 3
"""A motor's spark disturbs a transfer now and then; one that is lost is sent again at once."""


def prescale(frequency_hz: float, oscillator_hz: float) -> int:
    """Return what to write to PRE_SCALE for the frequency nearest to ``frequency_hz``; section 7.3.5."""
    nearest = round(oscillator_hz / (COUNTS * frequency_hz)) - 1
    return min(max(nearest, PRESCALES.start), PRESCALES.stop - 1)


def channel_register(channel: int) -> int:
    """Return the first of a channel's four registers."""
    return LED0 + REGISTERS_PER_CHANNEL * channel


def pulse_bytes(counts: int) -> list[int]:
    """Return a channel's four registers for a pulse of ``counts`` in 0 … 4096 from the start of each period."""
    on, off = (0, FULL) if counts <= 0 else (FULL, 0) if counts >= COUNTS else (0, counts)
    return [on & 0xFF, on >> 8, off & 0xFF, off >> 8]


def write(bus: Any, address: int, register: int, values: Sequence[int]) -> None:
    """Write registers from ``register`` on, in one transfer; raises OSError when the chip does not answer at all."""
    for tries_left in reversed(range(TRIES)):
        try:
            bus.write_i2c_block_data(address, register, values)
        except OSError:
            if not tries_left:
                raise
        else:
            return


def read(bus: Any, address: int, register: int) -> int:
    """Read a register; raises OSError when the chip does not answer at all."""
    for _ in range(TRIES - 1):
        try:
            return int(bus.read_byte_data(address, register))
        except OSError:
            continue
    return int(bus.read_byte_data(address, register))
