"""``car neutral``: every output of the car to neutral, from outside, whatever has become of the drive.

It is what systemd runs when the service has ended, however it ended. It reads ``car.toml`` without checking more of it
than it needs, because a car whose configuration has a mistake must stop as well.
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

from car.config.plain import CONFIG_ENCODING, CONFIG_NAME, DEFAULT_CAR
from car.terminal.interrupts import INTERRUPTED
from car.terminal.streams import say_if_heard
from hardware.drivetrains.plain import OUTPUTS
from hardware.neutral import Output, write_neutral

PWM_OUTPUTS = ("hardware_pwm", "pwm_pio")
USAGE = "usage: car neutral [--car DIR]"
HELP = """\
Put every output of the car to neutral, even while a drive runs. GPIO lines belong to the program that drives: they are
tried until it has let go of them. Ctrl-C ends that."""


def outputs_of(content: Mapping[str, Any], folder: str = "") -> list[Output]:
    """Return how the outputs of a car with this ``car.toml`` are put to neutral from outside.

    A file in it is named from the car's ``folder``. What is missing or makes no sense has its default here; a kind that
    cannot be asked is an output that nobody can write.
    """
    drivetrain, calibration = (_section(content, name) for name in ("drivetrain", "calibration"))
    kind = str(drivetrain.get("kind", "simulated"))
    outputs = list(OUTPUTS.get(kind, _outputs_of_another)(drivetrain, calibration))
    if timeline := drivetrain.get("timeline"):
        outputs.append({"kind": "timeline", "path": os.path.join(folder, str(timeline))})  # noqa: PTH118
    return outputs


def _outputs_of_another(drivetrain: Mapping[str, Any], calibration: Mapping[str, Any]) -> list[Output]:
    """Ask the package that has this kind of drivetrain, which takes a while to load."""
    name = drivetrain["kind"]
    try:
        from car.kinds.ours import DRIVETRAINS
        from car.kinds.registry import UnknownKind

        try:
            return [dict(output) for output in DRIVETRAINS.find(name).outputs(drivetrain, calibration)]
        except UnknownKind:
            return [{"kind": f"of a {str(name)!r} drivetrain"}]
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a stranger's package does, the others are written
        return [{"kind": f"of a {str(name)!r} drivetrain", "why": str(error) or repr(error)}]


def _section(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = content.get(name, {})
    return section if isinstance(section, dict) else {}


def main(arguments: Sequence[str]) -> int:
    """Run the command; return its exit code: 0 when all outputs are neutral.

    It tries for as long as another program has one of them, and says so each second. systemd ends it after the unit's
    ``TimeoutStopSec``.
    """
    if list(arguments) in (["--help"], ["-h"]):
        sys.stdout.write(f"{USAGE}\n\n{HELP}\n")
        return 0
    folder = _folder(arguments)
    if folder is None:
        return _fail(f"{USAGE}. Unknown arguments.")
    path = os.path.join(folder, CONFIG_NAME)  # noqa: PTH118 - pathlib costs a tenth of the time this command has
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            content = tomllib.loads(file.read().decode(CONFIG_ENCODING))
    except OSError as error:
        return _fail(f"{path} cannot be read ({error.strerror}). Name the car with --car, and cut its power.")
    except ValueError as error:
        return _fail(f"{path} is not valid TOML ({error}). Cut the car's power, and correct that line.")
    if not isinstance(content.get("drivetrain", {}), dict):
        return _fail(f"{path} has a drivetrain that is not a section. Cut the car's power, and correct that line.")
    outputs = outputs_of(content, folder)
    try:
        problems = write_neutral(outputs, lambda sentence: say_if_heard(f"car: {sentence}"))
        problems += _pulses_that_do_not_come_out(outputs)
    except KeyboardInterrupt:
        _fail("Interrupted: not every output is neutral. End the program that has it, or cut the car's power.")
        return INTERRUPTED
    return _fail(" ".join(problems)) if problems else 0


def _pulses_that_do_not_come_out(outputs: Sequence[Output]) -> list[str]:
    """Return a sentence for each output of PWM whose pin is no longer led to it: neutral did not reach it."""
    by_pio = {output["gpio"]: output["kind"] == "pwm_pio" for output in outputs if output.get("kind") in PWM_OUTPUTS}
    if not by_pio:
        return []
    # It takes its time to load, and the wheels are neutral by now.
    from hardware.pins.function import find_function

    return [
        f"{function}: what PWM sends does not come out. Cut its power if the car moves; then `sudo reboot`."
        for gpio, pio in by_pio.items()
        if (function := find_function(gpio)) is not None and not function.carries(pio=pio)
    ]


def _folder(arguments: Sequence[str]) -> str | None:
    """Return the car's folder: named, else this one, else ``mycar``; None for arguments that are not understood."""
    if len(arguments) == 2 and arguments[0] == "--car":
        return arguments[1]
    if len(arguments) == 1 and arguments[0].startswith("--car="):
        return arguments[0].removeprefix("--car=")
    if arguments:
        return None
    return "." if os.path.exists(CONFIG_NAME) else DEFAULT_CAR  # noqa: PTH110


def _fail(message: str) -> int:
    sys.stderr.write(f"car: {message}\n")
    return 1
