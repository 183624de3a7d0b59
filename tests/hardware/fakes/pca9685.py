"""A PCA9685 that models the chip's registers, those of NXP's datasheet, section 7.3."""

from __future__ import annotations

from collections.abc import Sequence

MODE1, PRE_SCALE, LED0, ALL_LED = 0x00, 0xFE, 0x06, 0xFA
RESTART, AUTO_INCREMENT, SLEEP = 0x80, 0x20, 0x10
CHANNELS = 16
COUNTS = 4096


class Pca9685:
    """The chip after power-on: asleep, at 200 Hz, no auto-increment, every channel off.

    ``oscillator_hz`` is how fast this specimen runs. ``history`` has the pulses of all channels, in µs, after each
    transfer that changed one.
    """

    def __init__(self, oscillator_hz: float = 25e6) -> None:
        self.oscillator_hz = oscillator_hz
        self.registers = [0] * 256
        self.registers[MODE1], self.registers[PRE_SCALE] = SLEEP | 0x01, 0x1E
        for channel in range(CHANNELS):
            self.registers[LED0 + 4 * channel + 3] = 0x10
        self.history: list[tuple[float, ...]] = []

    @property
    def frequency_hz(self) -> float:
        """How often it really pulses."""
        return self.oscillator_hz / (COUNTS * (self.registers[PRE_SCALE] + 1))

    @property
    def pulses_us(self) -> tuple[float, ...]:
        """How long each channel is really high in each period; 0 while the chip sleeps, or waits for a restart."""
        return tuple(self._counts(channel) / COUNTS / self.frequency_hz * 1e6 for channel in range(CHANNELS))

    def write(self, register: int, values: Sequence[int]) -> None:
        """Take a transfer; the outputs change at its end."""
        before = self.pulses_us
        for value in values:
            self._set(register, value)
            if self.registers[MODE1] & AUTO_INCREMENT:
                register = (register + 1) % 256
        if self.pulses_us != before:
            self.history.append(self.pulses_us)

    def read(self, register: int) -> int:
        """Answer with a register; those for all channels at once read as zero."""
        return 0 if register in range(ALL_LED, ALL_LED + 4) else self.registers[register]

    def _set(self, register: int, value: int) -> None:
        if register == MODE1:
            self._set_mode(value)
        elif register == PRE_SCALE:
            if self.registers[MODE1] & SLEEP:
                self.registers[PRE_SCALE] = max(value, 3)
        elif register in range(ALL_LED, ALL_LED + 4):
            for channel in range(CHANNELS):
                self.registers[LED0 + 4 * channel + register - ALL_LED] = value
            if register == ALL_LED + 3 and value & 0x10 and not self.registers[MODE1] & SLEEP:
                self.registers[MODE1] &= ~RESTART
        else:
            self.registers[register] = value

    def _set_mode(self, value: int) -> None:
        was = self.registers[MODE1]
        waits = was & RESTART and not value & RESTART
        if value & SLEEP and not was & SLEEP and any(self.pulses_us):
            waits = True
        self.registers[MODE1] = value & ~RESTART | (RESTART if waits else 0)

    def _counts(self, channel: int) -> int:
        on_low, on_high, off_low, off_high = self.registers[LED0 + 4 * channel : LED0 + 4 * channel + 4]
        if self.registers[MODE1] & (SLEEP | RESTART) or off_high & 0x10:
            return 0
        if on_high & 0x10:
            return COUNTS
        counts = ((off_high & 0x0F) << 8 | off_low) - ((on_high & 0x0F) << 8 | on_low)
        # On and off at the same count is not allowed, and what the chip then does is not said: take the worst.
        return counts or COUNTS
