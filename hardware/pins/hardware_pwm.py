"""Hardware PWM through the kernel: pulses to a fraction of a microsecond, without jitter, on GPIO 12, 13, 18 or 19.

It needs an overlay in ``config.txt``, which hardware/install has. A Raspberry Pi 5 has the like on any GPIO, made by
its PIO, with an overlay for each.
"""

from __future__ import annotations

import contextlib
import os

from hardware.clock import NS_PER_MS, NS_PER_S, Clock, SystemClock
from hardware.errors import DrivetrainError
from hardware.pins import sysfs_pwm
from hardware.pins.channels import ChannelFactory, ChannelPin
from hardware.pins.function import find_function

EXPORT_TIMEOUT_NS = 1000 * NS_PER_MS
EXPORT_POLL_NS = 5 * NS_PER_MS


class HardwarePwmFactory(ChannelFactory):
    """Makes pins of the GPIOs that have hardware PWM.

    ::

        factory = HardwarePwmFactory()
        servo = PWMOutputDevice(12, frequency=50, initial_value=1500e-6 * 50, pin_factory=factory)

    The chip is found by its device's name, never by its number. With ``pio`` it makes pins of the GPIOs that a Pi 5's
    PIO has.
    """

    def __init__(self, clock: Clock | None = None, *, pio: bool = False) -> None:
        super().__init__()
        self._clock = clock or SystemClock()
        self._pio = pio
        self._users: dict[tuple[str, int], int] = {}

    def _make_pin(self, name: int) -> ChannelPin:
        found = sysfs_pwm.find_channel(name, pio=self._pio)
        if found is None:
            pwm, overlay = ("PWM by PIO", "pwm-pio") if self._pio else ("hardware PWM", "PWM")
            raise DrivetrainError(
                f"GPIO {name} has no {pwm} here. Add the {overlay} overlay to config.txt, restart, and see car doctor."
            )
        function = find_function(name)
        if function is not None and not function.carries(pio=self._pio):
            raise DrivetrainError(
                f"{function}, so that PWM does not come out of it: a program has used it as a GPIO, or "
                "config.txt has no overlay for it. Restart the Pi with `sudo reboot`, then ask car doctor."
            )
        user = self._users.setdefault(found, name)
        if user != name:
            raise DrivetrainError(
                f"GPIO {user} and GPIO {name} are one PWM channel here, and would get the same pulses. "
                "Use 12 or 18 for one, and 13 or 19 for the other."
            )
        return HardwarePwmPin(self, name, *found, self._clock, stops=not self._pio)


class HardwarePwmPin(ChannelPin):
    """A channel of the kernel's; its pulses are whole nanoseconds.

    ``stops`` says that its pin is low once the channel is not enabled any more.
    """

    def __init__(
        self, factory: ChannelFactory, number: int, chip: str, channel: int, clock: Clock, *, stops: bool
    ) -> None:
        super().__init__(factory, number)
        self._stops = stops
        self._chip = chip
        self._channel = channel
        self._folder = f"{chip}/pwm{channel}"
        self._clock = clock
        self._period_ns = 0
        self._enabled = False

    def _start(self, frequency_hz: float) -> float:
        period_ns = round(NS_PER_S / frequency_hz)
        if not os.path.exists(self._folder):  # noqa: PTH110 - everything here is a plain path
            self._write_when_ours(f"{self._chip}/export", self._channel)
        if sysfs_pwm.read(f"{self._folder}/duty_cycle") > period_ns:
            sysfs_pwm.write(f"{self._folder}/duty_cycle", 0)
        self._write_when_ours(f"{self._folder}/period", period_ns)
        self._period_ns = period_ns
        return NS_PER_S / period_ns

    def _write(self, duty: float) -> float:
        duty_ns = round(duty * self._period_ns)
        sysfs_pwm.write(f"{self._folder}/duty_cycle", duty_ns)
        if not self._enabled:
            sysfs_pwm.write(f"{self._folder}/enable", 1)
            self._enabled = True
        return duty_ns / self._period_ns

    def _turn_off(self) -> None:
        self._enabled = False
        # A channel that somebody else has given back already sends nothing.
        with contextlib.suppress(FileNotFoundError):
            sysfs_pwm.write(f"{self._folder}/duty_cycle", 0)
            if self._stops:
                sysfs_pwm.write(f"{self._folder}/enable", 0)
            sysfs_pwm.write(f"{self._chip}/unexport", self._channel)

    def _write_when_ours(self, path: str, value: int) -> None:
        """Write a file of a chip or channel that may be new: udev gives it to our group a moment after it is there."""
        deadline_ns = self._clock.now_ns() + EXPORT_TIMEOUT_NS
        while True:
            try:
                sysfs_pwm.write(path, value)
            except PermissionError:
                if self._clock.now_ns() >= deadline_ns:
                    raise DrivetrainError(
                        f"{path} cannot be written. Install the udev rules of hardware/install, and join group gpio."
                    ) from None
                self._clock.sleep_until_ns(self._clock.now_ns() + EXPORT_POLL_NS)
            else:
                return
