"""Putting a car's outputs to neutral from outside the process that drives it.

The guard, and ``ExecStopPost`` after everything else is dead, have little time and must not depend on what has just
failed. So this module imports next to nothing, and takes plain data: a list of outputs, each a mapping that says how it
is written. Neutral comes first, on all of them; an ESC sees it for some periods, and then the outputs are off. What
another program still holds is tried again and again, while the others have had their turn: a killed process that was
frozen at full throttle has been seen to hold its GPIO lines for 0.6 s.

===================  ==================================================  ==================================
``"kind"``           other keys                                          what is written
===================  ==================================================  ==================================
``"timeline"``       ``"path"``                                          a neutral command, once nobody locks the file
``"bytes"``          ``"path"`` ``"text"``                               the text, to a serial line or another file
``"pca9685"``        ``"bus"`` ``"address"`` ``"counts"`` (by channel)   pulses, then the chip's all-off
``"hardware_pwm"``   ``"gpio"`` ``"pulse_ns"``                           a pulse, then not enabled
``"pwm_pio"``        ``"gpio"`` ``"pulse_ns"``                           a pulse, then none
``"servo_lines"``    ``"gpios"`` ``"pulse_us"`` ``"period_us"``          some pulses by hand, then low
``"low_lines"``      ``"gpios"``                                         low, which is an H-bridge's off
``"output_enable"``  ``"gpio"``                                          high at the end, a PCA9685's off; named first
===================  ==================================================  ==================================
"""

from __future__ import annotations

import contextlib
import errno
import os
import struct
import time
from collections.abc import Callable, Generator, Mapping, Sequence

TYPE_CHECKING = False  # as typing has it, whose import would be a third of the guard's
if TYPE_CHECKING:
    from typing import Any

Output = Mapping[str, "Any"]
Steps = Generator["_Step", None, None]

TIMELINE_ENTRY = struct.Struct("<qddq")
"""Time in ns, steering, throttle, and the process that wrote it."""

HOLD_S = 0.06
"""How long neutral lasts before the outputs are turned off: three periods at 50 Hz."""
PULSES = 3
BUS_TIMEOUT_S = 0.15
"""How long a PCA9685 may take for neutral before its output enable is switched off without it."""
BUSY_POLL_S = 0.002
LATER_POLL_S = 0.02
TELL_EVERY_S = 1.0
"""How often somebody is told of what is busy; from then on it is tried less often, to leave the core to others."""
LONG_S = 0.1
"""A process that dies as usual has let go by then."""


class _Step:
    """What an output waits for before it can go on."""


HELD = _Step()
"""Neutral is written, and has to last."""
BUSY = _Step()
"""Another program has it."""


def _tell_nobody(_sentence: str) -> None:
    pass


def _never() -> bool:
    return False


def write_neutral(
    outputs: Sequence[Output], tell: Callable[[str], None] = _tell_nobody, gives_up: Callable[[], bool] = _never
) -> list[str]:
    """Put every output to neutral, then turn it off, whatever becomes of the others.

    Returns a sentence for each that failed. None of it may be there any more: what is off already stays off. An output
    that another program holds is tried until it lets go, or until ``gives_up`` says so when all others are done; by
    default that takes as long as it takes. ``tell`` gets a sentence each second meanwhile, and one at the end. What
    ``tell`` raises, and a Ctrl-C, ends it.
    """
    problems: list[str] = []
    writing = [_Writing(output) for output in outputs]
    try:
        while writing:
            for one in writing:
                if one.wait_s <= 0.0:
                    one.go_on(problems, tell)
            writing = [one for one in writing if not one.is_over]
            if writing and all(one.is_busy for one in writing) and gives_up():
                problems += [one.held_by_another() for one in writing]
                break
            if writing:
                nap_s = min(one.wait_s for one in writing)
                time.sleep(nap_s)
                for one in writing:
                    one.wait_s -= nap_s
    finally:
        for one in writing:
            one.leave()
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


def _steps(output: Output) -> Steps:
    if not is_writable(output):
        raise OSError(output.get("why", "there is no known way to write it"))
    yield from _WRITERS[output["kind"]](output)


class _Writing:
    """An output on its way to neutral and off: ``wait_s`` until it goes on, unless it ``is_over``.

    It ``is_busy`` while another program has it.
    """

    def __init__(self, output: Output) -> None:
        self.wait_s = 0.0
        self.is_over = self.is_busy = False
        self._output = output
        self._steps = _steps(output)
        self._busy_since_s: float | None = None
        self._tell_after_s = TELL_EVERY_S

    def go_on(self, problems: list[str], tell: Callable[[str], None]) -> None:
        """Go on until neutral is written, the output is off, or another program has it."""
        try:
            step = next(self._steps)
        except StopIteration:
            self.is_over = True
            if self._busy_s() >= LONG_S:
                tell(f"The output {_in_words(self._output)} was busy for {self._busy_s():.2f} s, and is neutral now.")
        except Exception as error:  # noqa: BLE001 - a mistake in one output must not leave the others as they are
            self.is_over = True
            words = _in_words(self._output)
            problems.append(f"The output {words} could not be put to neutral: {_reason(error)}. Cut its power.")
        else:
            self.is_busy = step is BUSY
            self.wait_s = self._wait_for_others(tell) if self.is_busy else HOLD_S

    def leave(self) -> None:
        """Leave it off, where it can be."""
        with contextlib.suppress(Exception):
            self._steps.close()

    def held_by_another(self) -> str:
        """Return a sentence that says so."""
        return f"The output {_in_words(self._output)} belongs to another program. End that, or cut its power."

    def _busy_s(self) -> float:
        return 0.0 if self._busy_since_s is None else time.monotonic() - self._busy_since_s

    def _wait_for_others(self, tell: Callable[[str], None]) -> float:
        if self._busy_since_s is None:
            self._busy_since_s = time.monotonic()
        busy_s = self._busy_s()
        if busy_s >= self._tell_after_s:
            self._tell_after_s += TELL_EVERY_S
            words = f"The output {_in_words(self._output)} has been busy for {busy_s:.0f} s: another program holds it"
            tell(f"{words}, or takes nothing from it. It is tried on; cut its power if the car moves.")
        return BUSY_POLL_S if busy_s < TELL_EVERY_S else LATER_POLL_S


def _in_words(output: Output) -> str:
    keys = ", ".join(f"{key} {value}" for key, value in output.items() if key not in {"kind", "why"})
    kind = output.get("kind", "without a kind")
    return f"{kind} ({keys})" if keys else str(kind)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return repr(error)


def _write_timeline(output: Output) -> Steps:
    # A lock on the file stands for what a program's hold on a GPIO line is.
    while _is_locked(output["path"]):
        yield BUSY
    append_to_timeline(output["path"], 0.0, 0.0)


def _is_locked(path: str) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows has no such locks.
        return False
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _write_bytes(output: Output) -> Steps:
    text = output["text"].encode()
    while (taken := _take(output["path"], text)) is None:
        yield BUSY
    if taken < len(text):
        raise OSError("it took only a part")


def _take(path: str, text: bytes) -> int | None:
    """Write to a serial line or another file; return how much of it was taken, None while it is another program's."""
    # A serial line whose other end takes nothing must not hang whoever stops the car, nor become its terminal.
    flags = os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        # Not made when it is not there: that would look like a line that has been told.
        descriptor = os.open(path, flags)
        try:
            return os.write(descriptor, text)
        finally:
            os.close(descriptor)
    except OSError as error:
        # Full of what the other end has not taken yet, or opened by a program that lets in no other.
        if error.errno in (errno.EAGAIN, errno.EBUSY):
            return None
        raise


def _write_pca9685(output: Output) -> Steps:
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
                yield HELD
        finally:
            # Where neutral cannot be written, off may still be.
            registers.write(bus, address, registers.ALL_LED, registers.pulse_bytes(0))


def _write_hardware_pwm(output: Output) -> Steps:
    from hardware.pins import sysfs_pwm

    pio = output["kind"] == "pwm_pio"
    found = sysfs_pwm.find_channel(output["gpio"], pio=pio)
    if found is None:
        raise FileNotFoundError(f"the GPIO has no {'PWM by PIO' if pio else 'hardware PWM'} in {sysfs_pwm.PWM_CLASS}")
    folder = f"{found[0]}/pwm{found[1]}"
    if not os.path.exists(folder):  # noqa: PTH110 - pathlib costs a tenth of the time car neutral has
        return
    try:
        if sysfs_pwm.read(f"{folder}/enable"):
            sysfs_pwm.write(f"{folder}/duty_cycle", output["pulse_ns"])
            yield HELD
    finally:
        # Where neutral is no pulse that the kernel takes, off is.
        sysfs_pwm.write(f"{folder}/duty_cycle", 0)
        if not pio:  # Stopped in the middle of a pulse, its pin would stay high.
            sysfs_pwm.write(f"{folder}/enable", 0)


def _write_servo_lines(output: Output) -> Steps:
    waiting = dict(zip(output["gpios"], output["pulse_us"], strict=True))
    while True:
        for gpio in _send_pulses(waiting, output["period_us"] / 1e6):
            del waiting[gpio]
        if not waiting:
            return
        yield BUSY


def _send_pulses(pulses_us: Mapping[int, float], period_s: float) -> list[int]:
    """Send some pulses on those of the GPIOs that no other program has, and leave them low; return which those are."""
    from hardware.pins.gpiochip import take_lines

    lines = take_lines(list(pulses_us), 0)
    try:
        for _ in range(PULSES if lines else 0):
            started_s = time.monotonic()
            for gpio, line in lines.items():
                _pulse(line.set, pulses_us[gpio] / 1e6)
            time.sleep(max(started_s + period_s - time.monotonic(), 0.0))
    finally:
        for line in lines.values():
            line.close()
    return list(lines)


def _pulse(set_level: Callable[[int], None], length_s: float) -> None:
    set_level(1)
    # A sleep may last a tenth of a millisecond too long, which is a twentieth of full throttle.
    end_s = time.perf_counter() + length_s
    while time.perf_counter() < end_s:
        pass
    set_level(0)


def _write_low_lines(output: Output) -> Steps:
    return _set_lines(output["gpios"], 0)


def _set_lines(gpios: Sequence[int], level: int) -> Steps:
    """Set each of the lines as soon as no other program has it."""
    waiting = list(gpios)
    while True:
        done = _set_free_lines(waiting, level)
        waiting = [gpio for gpio in waiting if gpio not in done]
        if not waiting:
            return
        yield BUSY


def _set_free_lines(gpios: Sequence[int], level: int) -> list[int]:
    from hardware.pins.gpiochip import take_lines

    lines = take_lines(gpios, level)
    for line in lines.values():
        line.close()
    return list(lines)


def _write_output_enable(output: Output) -> Steps:
    import threading

    gpios, over = [output["gpio"]], threading.Event()

    def turn_off_early() -> None:
        # The error comes when its turn does.
        with contextlib.suppress(Exception):
            wait_s = BUS_TIMEOUT_S
            while not over.wait(wait_s) and not _set_free_lines(gpios, 1):
                wait_s = BUSY_POLL_S

    # The chip's bus may be what hangs, for seconds, and the switch needs no bus.
    threading.Thread(target=turn_off_early, daemon=True).start()
    try:
        yield HELD
    finally:
        over.set()
    yield from _set_lines(gpios, 1)


_MODULES = {
    "timeline": ("fcntl",),
    "pca9685": ("smbus2", "hardware.pins.pca9685_registers"),
    "hardware_pwm": ("hardware.pins.sysfs_pwm",),
    "pwm_pio": ("hardware.pins.sysfs_pwm",),
    "servo_lines": ("hardware.pins.gpiochip",),
    "low_lines": ("hardware.pins.gpiochip",),
    "output_enable": ("threading", "hardware.pins.gpiochip"),
}
_WRITERS: dict[str, Callable[[Output], Steps]] = {
    "timeline": _write_timeline,
    "bytes": _write_bytes,
    "pca9685": _write_pca9685,
    "hardware_pwm": _write_hardware_pwm,
    "pwm_pio": _write_hardware_pwm,
    "servo_lines": _write_servo_lines,
    "low_lines": _write_low_lines,
    "output_enable": _write_output_enable,
}
