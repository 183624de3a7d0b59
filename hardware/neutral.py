"""Putting a car's outputs to neutral from outside the process that drives it.

The guard, and ``ExecStopPost`` after everything else is dead, have little time and must not depend on what has just
failed. So this module imports next to nothing, and takes plain data: a list of outputs, each a mapping that says how it
is written. Neutral comes first, on all of them; an ESC sees it for some periods, and then the outputs are off.

===================  ==================================================  ==================================
``"kind"``           other keys                                          what is written
===================  ==================================================  ==================================
``"timeline"``       ``"path"``                                          a neutral command at the file's end
``"bytes"``          ``"path"`` ``"text"``                               the text, to a serial line or another file
``"pca9685"``        ``"bus"`` ``"address"`` ``"counts"`` (by channel)   pulses, then the chip's all-off
``"hardware_pwm"``   ``"gpio"`` ``"pulse_ns"``                           a pulse, then not enabled
``"servo_lines"``    ``"gpios"`` ``"pulse_us"`` ``"period_us"``          some pulses by hand, then low
``"low_lines"``      ``"gpios"``                                         low, which is an H-bridge's off
``"output_enable"``  ``"gpio"``                                          high at the end, a PCA9685's off; named first
===================  ==================================================  ==================================
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

TYPE_CHECKING = False  # as typing has it, whose import would be a third of the guard's
if TYPE_CHECKING:
    from typing import Any

Output = Mapping[str, "Any"]

TIMELINE_ENTRY = struct.Struct("<qddq")
"""Time in ns, steering, throttle, and the process that wrote it."""

HOLD_S = 0.06
"""How long neutral lasts before the outputs are turned off: three periods at 50 Hz."""
PULSES = 3
BUS_TIMEOUT_S = 0.15
"""How long a PCA9685 may take for neutral before its output enable is switched off without it."""


def write_neutral(outputs: Sequence[Output]) -> list[str]:
    """Put every output to neutral, then turn it off, whatever becomes of the others.

    Returns a sentence for each that failed. None of it may be there any more: what is off already stays off.
    """
    problems: list[str] = []
    writing = []
    for output in outputs:
        steps = _steps(output)
        if _advance(steps, output, problems):
            writing.append((steps, output))
    if writing:
        time.sleep(HOLD_S)
    for steps, output in writing:
        _advance(steps, output, problems)
    return problems


def is_writable(output: Output) -> bool:
    """Tell whether it is of a kind that can be written."""
    return output.get("kind") in _WRITERS


def prepare(outputs: Sequence[Output]) -> None:
    """Load what ``write_neutral`` will need for these outputs: later, the disk may be the thing that hangs."""
    for output in outputs:
        for name in _MODULES.get(output["kind"], ()):
            # What is missing now will be missing then, and the error names it then.
            with contextlib.suppress(ImportError):
                __import__(name)


def append_to_timeline(path: str, steering: float, throttle: float) -> None:
    """Append a command to a timeline file, in one write, so that several processes may do it at a time."""
    clock_id = getattr(time, "CLOCK_BOOTTIME", None)
    now_ns = time.monotonic_ns() if clock_id is None else time.clock_gettime_ns(clock_id)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, TIMELINE_ENTRY.pack(now_ns, steering, throttle, os.getpid()))
    finally:
        os.close(descriptor)


def _steps(output: Output) -> Iterator[None]:
    if not is_writable(output):
        raise OSError(output.get("why", "there is no known way to write it"))
    yield from _WRITERS[output["kind"]](output)


def _advance(steps: Iterator[None], output: Output, problems: list[str]) -> bool:
    """Go on until neutral is written, or the output is off; return False when there is no more to be done."""
    try:
        next(steps)
    except StopIteration:
        return False
    except Exception as error:  # noqa: BLE001 - a mistake in one output must not leave the others as they are
        problems.append(f"The output {_in_words(output)} could not be put to neutral: {_reason(error)}. Cut its power.")
        return False
    return True


def _in_words(output: Output) -> str:
    keys = ", ".join(f"{key} {value}" for key, value in output.items() if key not in {"kind", "why"})
    kind = output.get("kind", "without a kind")
    return f"{kind} ({keys})" if keys else str(kind)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return repr(error)


def _write_timeline(output: Output) -> Iterator[None]:
    append_to_timeline(output["path"], 0.0, 0.0)
    return iter(())


def _write_bytes(output: Output) -> Iterator[None]:
    # A serial line whose other end takes nothing must not hang whoever stops the car, nor become its terminal.
    flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_NONBLOCK", 0)
    text = output["text"].encode()
    # Not made when it is not there: that would look like a line that has been told.
    descriptor = os.open(output["path"], flags)
    try:
        if os.write(descriptor, text) < len(text):
            raise OSError("it took only a part")
    finally:
        os.close(descriptor)
    return iter(())


def _write_pca9685(output: Output) -> Iterator[None]:
    from smbus2 import SMBus

    from hardware.pins import pca9685_registers as registers

    address = output["address"]
    with SMBus(output["bus"]) as bus:
        try:
            mode = registers.read(bus, address, registers.MODE1)
            registers.write(bus, address, registers.MODE1, [mode & registers.SLEEP | registers.AUTO_INCREMENT])
            # A chip that has lost its power sleeps, at another frequency: its pulses would mean something else.
            if not mode & registers.SLEEP:
                for channel, counts in output["counts"].items():
                    pulse = registers.pulse_bytes(counts)
                    registers.write(bus, address, registers.channel_register(int(channel)), pulse)
                yield
        finally:
            # Where neutral cannot be written, off may still be.
            registers.write(bus, address, registers.ALL_LED, registers.pulse_bytes(0))


def _write_hardware_pwm(output: Output) -> Iterator[None]:
    from hardware.pins import sysfs_pwm

    found = sysfs_pwm.find_channel(output["gpio"])
    if found is None:
        raise FileNotFoundError(f"the GPIO has no hardware PWM in {sysfs_pwm.PWM_CLASS}")
    folder = f"{found[0]}/pwm{found[1]}"
    if not os.path.exists(folder):  # noqa: PTH110 - pathlib costs a tenth of the time car neutral has
        return
    try:
        if sysfs_pwm.read(f"{folder}/enable"):
            sysfs_pwm.write(f"{folder}/duty_cycle", output["pulse_ns"])
            yield
    finally:
        # Where neutral is no pulse that the kernel takes, off is.
        sysfs_pwm.write(f"{folder}/duty_cycle", 0)
        sysfs_pwm.write(f"{folder}/enable", 0)


def _write_servo_lines(output: Output) -> Iterator[None]:
    from hardware.pins.gpiochip import Lines

    lines = Lines(output["gpios"], 0)
    try:
        for _ in range(PULSES):
            started_s = time.monotonic()
            for index, pulse_us in enumerate(output["pulse_us"]):
                _pulse(lines.set, index, pulse_us / 1e6)
            time.sleep(max(started_s + output["period_us"] / 1e6 - time.monotonic(), 0.0))
    finally:
        lines.close()
    return iter(())


def _pulse(set_level: Callable[[int, int], None], index: int, length_s: float) -> None:
    set_level(index, 1)
    # A sleep may last a tenth of a millisecond too long, which is a twentieth of full throttle.
    end_s = time.perf_counter() + length_s
    while time.perf_counter() < end_s:
        pass
    set_level(index, 0)


def _write_low_lines(output: Output) -> Iterator[None]:
    from hardware.pins.gpiochip import Lines

    Lines(output["gpios"], 0).close()
    return iter(())


def _write_output_enable(output: Output) -> Iterator[None]:
    import threading

    from hardware.pins.gpiochip import Lines

    def turn_off() -> None:
        Lines([output["gpio"]], 1).close()

    def turn_off_early() -> None:
        with contextlib.suppress(Exception):  # The error comes when its turn does.
            turn_off()

    # The chip's bus may be what hangs, for seconds, and the switch needs no bus.
    last_resort = threading.Timer(BUS_TIMEOUT_S, turn_off_early)
    last_resort.daemon = True
    last_resort.start()
    yield
    last_resort.cancel()
    turn_off()


_MODULES = {
    "pca9685": ("smbus2", "hardware.pins.pca9685_registers"),
    "hardware_pwm": ("hardware.pins.sysfs_pwm",),
    "servo_lines": ("hardware.pins.gpiochip",),
    "low_lines": ("hardware.pins.gpiochip",),
    "output_enable": ("threading", "hardware.pins.gpiochip"),
}
_WRITERS: dict[str, Callable[[Output], Iterator[None]]] = {
    "timeline": _write_timeline,
    "bytes": _write_bytes,
    "pca9685": _write_pca9685,
    "hardware_pwm": _write_hardware_pwm,
    "servo_lines": _write_servo_lines,
    "low_lines": _write_low_lines,
    "output_enable": _write_output_enable,
}
