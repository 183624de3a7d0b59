"""The RC receiver: whether it can be heard, and what it says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from car.config.sections import ReceiverSection
from car.controls.local import DEAD_ZONE, MIDDLE
from car.controls.receiver import (
    LEAST_US,
    MODE_END_US,
    MODES,
    MOST_US,
    ON,
    STOP_END_US,
    Channels,
    has_pulses,
    position_of,
    switch_position,
)
from car.doctor.patient import Heard, Patient
from car.kinds.verdict import Verdict, error, ok, warning
from hardware.receivers.sbus import SbusFrame

WELL_TRIMMED = 0.03
MINI_UART = "ttyS0"
WIRING = "hardware/README.md has its wiring"


def receiver(patient: Patient) -> Iterator[Verdict]:
    """Whether frames of a transmitter arrive at the port that car.toml names, and what its channels say."""
    section = patient.config.receiver
    if not section.port:
        yield ok("car.toml has no RC receiver.")
        return
    if patient.machine.is_pi and Path(section.port).resolve().name == MINI_UART:
        yield warning(
            f"{section.port} is the Pi's mini UART, which knows no parity, and SBUS has it.",
            "Give the header the other one: dtoverlay=disable-bt in /boot/firmware/config.txt, then: sudo reboot",
        )
    heard = patient.machine.listen(section.port)
    if heard.is_busy:
        # The page asks the doctor while the car drives, and then the car has the port.
        text = f"{section.port} is in use, so that nothing could be heard here: by this car, if it is being driven."
        yield warning(text, f"Ask again when it is not; sudo fuser -v {section.port} names any other program")
    elif heard.refusal is not None:
        yield error(heard.refusal.text, heard.refusal.fix)
    elif not heard.bytes_read:
        yield warning(f"Nothing comes in at {section.port}.", f"Give the receiver its supply; {WIRING}")
    elif not heard.frames:
        text = f"{heard.bytes_read} bytes came in at {section.port}, and no frame of SBUS: is its signal inverted?"
        yield warning(text, f"Put an inverter between them, or let the receiver invert it: {WIRING}")
    else:
        yield from _transmitter(section, heard)


def _transmitter(section: ReceiverSection, heard: Heard) -> Iterator[Verdict]:
    live = [frame for frame in heard.frames if frame.is_live]
    if not live:
        text = f"The receiver at {section.port} is there, and says that it hears no transmitter."
        yield warning(text, "Switch the transmitter on, and bind the two")
        return
    if not has_pulses(live[-1], Channels(**section.channels)):
        text = f"{_in_pulses(section, live[-1])}: one of these no transmitter says, so that to the car it is gone."
        ends = f"{LEAST_US:.0f} … {MOST_US:.0f} µs"
        fix = f"Switch the transmitter on; if it is, set the ends of its channels within {ends}"
        yield warning(text, fix)
        return
    lost = len(heard.frames) - len(live)
    without = f", {lost} of them lost" if lost else ""
    yield ok(f"{len(heard.frames)} frames in a second at {section.port}{without}: {_in_words(section, live[-1])}.")
    throttle = position_of(live[-1], section.throttle_channel)
    if abs(throttle) > MIDDLE:
        yield warning(
            f"The throttle, channel {section.throttle_channel}, is at {throttle:+.0%}; it counts only once it has "
            "rested in its middle.",
            "Let go of it; a stick without a spring is no throttle: choose another throttle_channel",
        )
    elif abs(throttle) > WELL_TRIMMED:
        yield warning(
            f"The throttle, channel {section.throttle_channel}, rests at {throttle:+.0%}.",
            f"Let go of it; then trim it to 0% in the transmitter: from {DEAD_ZONE:.0%} on the car moves",
        )


def _in_words(section: ReceiverSection, frame: SbusFrame) -> str:
    words = []
    for name, channel in section.channels.items():
        pulse_us = frame.pulse_us(channel)
        if name == "mode":
            value = MODES[switch_position(pulse_us, MODE_END_US)].value
        elif name == "stop":
            value = "on" if switch_position(pulse_us, STOP_END_US) == ON else "off"
        else:
            value = f"{position_of(frame, channel):+.0%}"
        words.append(f"{name} (channel {channel}) {value}")
    return ", ".join(words)


def _in_pulses(section: ReceiverSection, frame: SbusFrame) -> str:
    words = [
        f"{name} (channel {channel}) {frame.pulse_us(channel):.0f} µs" for name, channel in section.channels.items()
    ]
    return f"At {section.port} there is {', '.join(words)}"
