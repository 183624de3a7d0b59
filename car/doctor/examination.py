"""The table of checks, and going through it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from car.config.folder import open_car
from car.config.sections import CarConfig
from car.doctor import board, camera, outputs, receiver, setup, software, storage
from car.doctor.patient import Machine, Patient
from car.doctor.report import Finding, Report
from car.errors import ConfigError
from car.kinds.verdict import Verdict, warning
from hardware.computer import installed_version


@dataclass(frozen=True, slots=True)
class Check:
    """One row of the table: its lasting name, its place in the report, what it calls, and where it makes sense."""

    name: str
    group: str
    title: str
    run: Callable[[Patient], Iterable[Verdict]]
    pi_only: bool = False

    @property
    def needs_configuration(self) -> bool:
        """Whether it looks at what ``car.toml`` names; without that it would examine a car that nobody has."""
        return self.group in {"Camera", "Outputs"} or self.name == "pilot"


CHECKS = (
    Check("board", "Machine", "board", board.board),
    Check("system", "Machine", "system", board.system),
    Check("clock", "Machine", "clock", board.clock, pi_only=True),
    Check("governor", "Machine", "governor", board.governor, pi_only=True),
    Check("priority", "Machine", "priority", board.priority),
    Check("temperature", "Machine", "temperature", board.temperature, pi_only=True),
    Check("supply", "Machine", "supply", board.supply, pi_only=True),
    Check("throttling", "Machine", "throttling", board.throttling_history, pi_only=True),
    Check("python", "Software", "Python", software.python),
    Check("arrays", "Software", "NumPy, OpenCV", software.arrays_and_images),
    Check("runtime", "Software", "TFLite runtime", software.runtime),
    Check("plugins", "Software", "plug-ins", software.plugins),
    Check("foxglove", "Software", "Foxglove", software.foxglove),
    Check("pilot", "Software", "pilot", software.pilot),
    Check("libcamera", "Camera", "libcamera", camera.libcamera, pi_only=True),
    Check("camera", "Camera", "camera", camera.camera),
    Check("sensors", "Camera", "sensors", software.sensors),
    Check("drivetrain", "Outputs", "drivetrain", outputs.drivetrain),
    Check("steering", "Outputs", "steering", outputs.steering),
    Check("gpio", "Outputs", "GPIO", outputs.gpio, pi_only=True),
    Check("pwm", "Outputs", "PWM", outputs.pwm, pi_only=True),
    Check("i2c", "Outputs", "I²C", outputs.i2c, pi_only=True),
    Check("overlays", "Outputs", "overlays", outputs.overlays, pi_only=True),
    Check("released_pins", "Outputs", "strict_gpiod", outputs.released_pins, pi_only=True),
    Check("permissions", "Outputs", "permissions", setup.permissions, pi_only=True),
    Check("configuration", "Car", "car.toml", setup.configuration),
    Check("disk_space", "Car", "disk space", storage.disk_space),
    Check("disk_speed", "Car", "disk speed", storage.disk_speed),
    Check("gamepad", "Car", "gamepad", setup.gamepad),
    Check("receiver", "Car", "RC receiver", receiver.receiver),
    Check("service", "Car", "service", setup.service, pi_only=True),
)


def examine(folder: Path, machine: Machine | None = None, progress: Callable[[str], None] | None = None) -> Report:
    """Go through every check that makes sense for the car in ``folder``; raises nothing.

    It takes a second or two, most of it for the pilot and the disk. ``progress`` is told each check's title before it
    begins. With a ``car.toml`` that cannot be read, what it names is not examined.
    """
    patient = _patient(folder, machine or Machine())
    tell = progress or (lambda _title: None)
    return Report(
        car=folder.resolve().name if patient.problem else patient.config.car.name,
        machine=patient.machine.board or patient.machine.system_name,
        is_pi=patient.machine.is_pi,
        version=installed_version("pocketpilot") or "",
        findings=tuple(_findings(patient, tell)),
    )


def _patient(folder: Path, machine: Machine) -> Patient:
    try:
        return Patient(machine, folder, open_car(folder).config)
    except ConfigError as problem:
        return Patient(machine, folder, CarConfig(), str(problem))


def _findings(patient: Patient, tell: Callable[[str], None]) -> Iterator[Finding]:
    for check in CHECKS:
        if patient.problem and check.needs_configuration:
            continue
        if patient.machine.is_pi or not check.pi_only:
            tell(check.title)
            for verdict in _verdicts(check, patient):
                yield Finding(check.name, check.group, check.title, verdict.level, verdict.text, verdict.fix)


def _verdicts(check: Check, patient: Patient) -> Iterator[Verdict]:
    try:
        yield from check.run(patient)
    except Exception as problem:  # noqa: BLE001 - whatever fails on a stranger's machine, the other checks still help
        yield warning(f"The check itself failed ({problem!r}).", "Report it, with the output of: car doctor --json")
