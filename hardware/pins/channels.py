"""Pins that are channels of a PWM chip: numbered outputs that know nothing but pulses."""

from __future__ import annotations

import threading
import weakref
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

from gpiozero import Device, Factory, GPIOPinInUse, Pin, PinInvalidFunction, PinInvalidState


@dataclass(frozen=True, slots=True)
class ChannelInfo:
    """What gpiozero wants to know of a pin: its name."""

    name: int


class ChannelFactory(Factory):  # type: ignore[misc] # gpiozero has no types
    """Makes pins for the channels of a PWM chip, each once; gpiozero's output devices take them as any other.

    ``close`` turns every channel off that was used, and may be called twice.
    """

    def __init__(self) -> None:
        super().__init__()
        self._pins: dict[int, ChannelPin] = {}
        self._owners: dict[int, weakref.ref[Device]] = {}
        self._owners_lock = threading.Lock()

    def reserve_pins(self, requester: Device, *names: int) -> None:
        """Reserve channels for a device; raises GPIOPinInUse when another has them."""
        with self._owners_lock:
            for name in names:
                owner = self._owners.get(name, lambda: None)()
                if owner is not None and owner is not requester:
                    raise GPIOPinInUse(f"channel {name} is already in use by {owner!r}")
                self._owners[name] = weakref.ref(requester)

    def release_pins(self, reserver: Device, *names: int) -> None:
        """Give back what ``reserver`` has of the named channels."""
        with self._owners_lock:
            for name in names:
                if self._owners.get(name, lambda: None)() is reserver:
                    del self._owners[name]

    def release_all(self, reserver: Device) -> None:
        """Give back all that ``reserver`` has."""
        self.release_pins(reserver, *list(self._owners))

    def pin(self, name: int) -> ChannelPin:
        """Return the pin of a channel; raises PinInvalidPin when there is none of that number."""
        if name not in self._pins:
            self._pins[name] = self._make_pin(name)
        return self._pins[name]

    def close(self) -> None:
        """Turn off the channels that were used."""
        for pin in self._pins.values():
            pin.close()

    @abstractmethod
    def _make_pin(self, name: int) -> ChannelPin:
        """Return a new pin for the channel of that number, or raise PinInvalidPin."""


class ChannelPin(Pin):  # type: ignore[misc]
    """One channel; ``state`` is the share of the period for which it is high, 0 … 1.

    It is silent until its first state: nothing is sent that nobody has asked for.
    """

    def __init__(self, factory: ChannelFactory, number: int) -> None:
        super().__init__()
        self._factory = factory
        self.number = number
        self._duty = 0.0
        self._frequency_hz: float | None = None

    @property
    def factory(self) -> ChannelFactory:
        """The factory that made it."""
        return self._factory

    def __repr__(self) -> str:
        return f"channel {self.number}"

    def close(self) -> None:
        """Turn it off."""
        self.frequency = None

    def output_with_state(self, state: float) -> None:
        """Set the state, as a channel is an output in any case."""
        self.state = state

    def _get_info(self) -> ChannelInfo:
        return ChannelInfo(self.number)

    def _get_function(self) -> str:
        return "output"

    def _set_function(self, value: str) -> None:
        if value != "output":
            raise PinInvalidFunction(f"{self!r} can be an output only, not {value}")

    def _get_state(self) -> float:
        return self._duty

    def _set_state(self, value: Any) -> None:
        if not 0 <= value <= 1:
            raise PinInvalidState(f"invalid state {value!r} for {self!r}: it is a share, 0 to 1")
        self._duty = self._write(float(value))

    def _get_frequency(self) -> float | None:
        return self._frequency_hz

    def _set_frequency(self, value: float | None) -> None:
        if value is not None:
            self._frequency_hz = self._start(value)
        elif self._frequency_hz is not None:
            self._frequency_hz, self._duty = None, 0.0
            self._turn_off()

    @abstractmethod
    def _start(self, frequency_hz: float) -> float:
        """Make ready for pulses and return the frequency they will really have."""

    @abstractmethod
    def _write(self, duty: float) -> float:
        """Send pulses of ``duty`` from now on; return the duty really sent."""

    @abstractmethod
    def _turn_off(self) -> None:
        """Send no more pulses, and stay low."""
