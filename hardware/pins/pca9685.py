"""PCA9685, the servo board with 16 channels on the I²C bus: 12 bits for each period, and no work for the processor."""

from __future__ import annotations

from typing import Any

from gpiozero import PinInvalidPin

from hardware.clock import NS_PER_S, Clock, SystemClock
from hardware.errors import DrivetrainError
from hardware.pins import pca9685_registers as registers
from hardware.pins.channels import ChannelFactory, ChannelPin

CHANNELS = range(16)
WRITES_BETWEEN_LOOKS = 64
"""Half a second at 60 commands per second."""


class Pca9685Factory(ChannelFactory):
    """Makes pins of a PCA9685's channels, numbered as on the board.

    >>> from gpiozero import PWMOutputDevice
    >>> factory = Pca9685Factory(frequency_hz=50, bus=bus)
    >>> servo = PWMOutputDevice(0, frequency=50, initial_value=1500e-6 * 50, pin_factory=factory)
    >>> servo.value = 1900e-6 * 50
    >>> factory.close()

    All channels share one frequency. The chip's oscillator may be off by several percent: ``oscillator_hz`` is how fast
    it really runs, 25 MHz by its datasheet. ``bus`` is an open ``smbus2.SMBus``, or the number of one to open. A chip
    that runs at this frequency already is left running, so that no pulse is cut before the first one is sent.

    Raises DrivetrainError when no chip answers.
    """

    def __init__(
        self,
        frequency_hz: float = 50.0,
        bus: Any = 1,
        address: int = 0x40,
        oscillator_hz: float = 25e6,
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        self._address = address
        self._clock = clock or SystemClock()
        self._prescale = registers.prescale(frequency_hz, oscillator_hz)
        self.frequency_hz = oscillator_hz / (registers.COUNTS * (self._prescale + 1))
        self._asked_hz = frequency_hz
        self._writes = 0
        self._owns_bus = isinstance(bus, int)
        self._bus = _open_bus(bus) if self._owns_bus else bus
        try:
            self._set_up()
        except OSError as error:
            self._close_bus()
            raise DrivetrainError(
                f"No PCA9685 answers at address {address:#x} ({error}). Check its wiring and power, and see car doctor."
            ) from error

    def close(self) -> None:
        """Turn every channel of the chip off, used or not, and let go of the bus."""
        if self._bus is None:
            return
        try:
            super().close()
            self.write(registers.ALL_LED, registers.pulse_bytes(0))
        finally:
            self._close_bus()

    def write(self, register: int, values: list[int]) -> None:
        """Write registers from ``register`` on, in one transfer; raises OSError when the chip does not answer."""
        if self._bus is None:
            raise DrivetrainError("The PCA9685 is closed. Open the car again to go on.")
        registers.write(self._bus, self._address, register, values)
        self._writes += 1
        if self._writes % WRITES_BETWEEN_LOOKS == 0:
            self._look_whether_it_is_awake()

    def check_frequency(self, frequency_hz: float) -> float:
        """Return the chip's real frequency; raises DrivetrainError when a device wants another than it was set to."""
        if abs(frequency_hz - self._asked_hz) > 0.01 * self._asked_hz:
            raise DrivetrainError(
                f"All channels of a PCA9685 have one frequency, here {self._asked_hz:g} Hz, not {frequency_hz:g}. "
                "Use the same for every device on it."
            )
        return self.frequency_hz

    def _set_up(self) -> None:
        asleep = self._read(registers.MODE1) & registers.SLEEP
        self._write_byte(registers.MODE1, registers.AUTO_INCREMENT | asleep)
        self._write_byte(registers.MODE2, registers.TOTEM_POLE)
        if asleep or self._read(registers.PRE_SCALE) != self._prescale:
            self._start_anew()

    def _start_anew(self) -> None:
        # What its registers hold, from another program or at another frequency, must not come out on waking.
        self.write(registers.ALL_LED, registers.pulse_bytes(0))
        # The chip takes a new frequency only while it sleeps.
        self._write_byte(registers.MODE1, registers.AUTO_INCREMENT | registers.SLEEP)
        self._write_byte(registers.PRE_SCALE, self._prescale)
        self._write_byte(registers.MODE1, registers.AUTO_INCREMENT)
        self._clock.sleep_until_ns(self._clock.now_ns() + round(registers.OSCILLATOR_START_S * NS_PER_S))
        self._write_byte(registers.MODE1, registers.AUTO_INCREMENT | registers.RESTART)

    def _look_whether_it_is_awake(self) -> None:
        # After a power dip it sleeps, takes every command, and sends nothing.
        if self._read(registers.MODE1) & registers.SLEEP:
            raise DrivetrainError("The PCA9685 lost its power for a moment. Give it and the servo a stronger supply.")

    def _read(self, register: int) -> int:
        return registers.read(self._bus, self._address, register)

    def _write_byte(self, register: int, value: int) -> None:
        registers.write(self._bus, self._address, register, [value])

    def _close_bus(self) -> None:
        if self._owns_bus and self._bus is not None:
            self._bus.close()
        self._bus = None

    def _make_pin(self, name: int) -> ChannelPin:
        if name not in CHANNELS:
            raise PinInvalidPin(f"a PCA9685 has channels 0 to {CHANNELS.stop - 1}, and no {name}")
        return Pca9685Pin(self, name)


class Pca9685Pin(ChannelPin):
    """A channel; its pulses are whole counts of 1/4096 of the period."""

    def __init__(self, factory: Pca9685Factory, number: int) -> None:
        super().__init__(factory, number)
        self._chip = factory
        self._register = registers.channel_register(number)

    def _start(self, frequency_hz: float) -> float:
        return self._chip.check_frequency(frequency_hz)

    def _write(self, duty: float) -> float:
        counts = round(duty * registers.COUNTS)
        self._chip.write(self._register, registers.pulse_bytes(counts))
        return counts / registers.COUNTS

    def _turn_off(self) -> None:
        self._chip.write(self._register, registers.pulse_bytes(0))


def _open_bus(number: int) -> Any:
    from smbus2 import SMBus

    try:
        return SMBus(number)
    except OSError as error:
        advice = (
            "Run `sudo usermod -aG i2c $USER`, and log in again."
            if isinstance(error, PermissionError)
            else "Add dtparam=i2c_arm=on to config.txt and restart."
        )
        raise DrivetrainError(f"The I²C bus {number} cannot be opened ({error.strerror}). {advice}") from error
