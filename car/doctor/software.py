"""Python, the packages that have to fit together, and how fast the pilot answers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from car.doctor.patient import Machine, Patient
from car.errors import KNOWN_ERRORS
from car.gate import Limits
from car.kinds.ours import CAMERAS, DRIVETRAINS, PILOTS, SENSORS
from car.kinds.pilot import TFLITE
from car.kinds.registry import PluginError, Registry
from car.kinds.verdict import Verdict, error, ok, split_advice, warning
from hardware.clock import NS_PER_MS

OPENCV = "opencv-python-headless"
OPENCV_OF_NUMPY_2 = (4, 12)
"""The first OpenCV that needs NumPy 2."""
RUNTIMES = ("ai-edge-litert", "tflite-runtime")
PILOT_CALLS = 200
WARM_UP_CALLS = 10
BUSY_LOAD = 1.0
"""Programs that want a core, for each core there is: beyond it, what is slow may be the others."""


def python(patient: Patient) -> Iterator[Verdict]:
    """Which Python, and whether it sees the packages that come with Raspberry Pi OS."""
    machine = patient.machine
    settings = machine.prefix / "pyvenv.cfg"
    text = settings.read_text(encoding="utf-8") if settings.exists() else ""
    if machine.is_pi and "include-system-site-packages = false" in text.lower():
        yield error(
            f"The virtual environment {machine.prefix} hides Raspberry Pi OS's own packages, the camera's among them.",
            f"sed -i 's/^include-system-site-packages.*/include-system-site-packages = true/' {settings}",
        )
    else:
        yield ok(f"Python {machine.python} in {machine.prefix}.")


def arrays_and_images(patient: Patient) -> Iterator[Verdict]:
    """Whether NumPy, OpenCV and the system's camera packages fit together."""
    machine = patient.machine
    numpy, opencv = machine.version_of("numpy"), machine.version_of(OPENCV)
    if numpy is None or opencv is None:
        missing = "NumPy" if numpy is None else "OpenCV"
        yield error(f"{missing} is not installed.", f"{machine.pip} numpy {OPENCV}")
    elif _release(numpy) >= (2,) and _has_old_picamera(machine):
        yield error(
            f"NumPy {numpy} breaks Bookworm's picamera2, which is built for NumPy 1.",
            f'{machine.pip} "numpy<2" "{OPENCV}<4.12"',
        )
    elif _release(numpy) < (2,) and _release(opencv) >= OPENCV_OF_NUMPY_2:
        yield error(
            f"OpenCV {opencv} needs NumPy 2, and this is NumPy {numpy}.", f'{machine.pip} "{OPENCV}<4.12" "numpy<2"'
        )
    elif problem := machine.import_problem("cv2"):
        yield error(
            f"OpenCV {opencv} cannot be imported ({problem}).", f"{machine.pip} --force-reinstall --no-deps {OPENCV}"
        )
    else:
        yield ok(f"NumPy {numpy} and OpenCV {opencv} fit together.")


def runtime(patient: Patient) -> Iterator[Verdict]:
    """Which TFLite runtime runs the pilot."""
    machine = patient.machine
    found = {name: version for name in RUNTIMES if (version := machine.version_of(name)) is not None}
    numpy = machine.version_of("numpy")
    if "ai-edge-litert" not in found and numpy is not None and _release(numpy) >= (2,):
        # The other one imports under NumPy 2, and fails at the first model.
        found = {}
    if found:
        yield ok(", ".join(f"{name} {version}" for name, version in found.items()) + ".")
    else:
        yield error("No TFLite runtime works here.", f'{machine.pip} "ai-edge-litert>=2,<3"')


def pilot(patient: Patient) -> Iterator[Verdict]:
    """How long the car's pilot takes for a frame, over 200 of them."""
    from car.pilots.choosing import open_chosen
    from hardware.camera import Frame

    camera, section = patient.config.camera, patient.config.pilot
    if section.kind == TFLITE and not section.model:
        yield ok("No pilot is chosen: the car is driven by hand.")
        return
    try:
        pilot = open_chosen(section, camera.geometry, patient.folder)
    except KNOWN_ERRORS as problem:
        yield error(*split_advice(str(problem)))
        return
    image = np.random.default_rng(0).integers(0, 256, (camera.height, camera.width, 3), np.uint8)
    image.flags.writeable = False
    times_ms = []
    with pilot:
        for number in range(WARM_UP_CALLS + PILOT_CALLS):
            asked_ns = time.perf_counter_ns()
            pilot.drive(Frame(image, 0, number))
            times_ms.append((time.perf_counter_ns() - asked_ns) / NS_PER_MS)
    p50_ms, p99_ms = np.percentile(times_ms[WARM_UP_CALLS:], (50, 99))
    period_ms = 1000 / camera.rate_hz
    yield judge_latency(pilot.name, float(p50_ms), float(p99_ms), period_ms, patient.machine.load_per_core())
    for sentence in pilot.warnings:
        yield warning(sentence, "Train a pilot on this car's own sessions: car train")
    yield from PILOTS.find(section.kind).check(section, patient.machine)


def foxglove(patient: Patient) -> Iterator[Verdict]:
    """Whether the live stream for Foxglove can be served, where car.toml asks for it."""
    section, machine = patient.config.foxglove, patient.machine
    if not section.enabled:
        yield ok("The live stream for Foxglove is off.")
    elif (version := machine.version_of("foxglove-sdk")) is None:
        yield warning(
            "Foxglove is enabled in car.toml, and its package is not installed.",
            f"{machine.pip} 'pocketpilot[foxglove]'",
        )
    else:
        yield ok(f"foxglove-sdk {version} streams on port {section.port}, to this machine alone.")


def plugins(patient: Patient) -> Iterator[Verdict]:
    """Which packages bring kinds of their own, and whether those can be used."""
    found = False
    for registry in (CAMERAS, DRIVETRAINS, SENSORS, PILOTS):
        for name, package in registry.packages().items():
            found = True
            yield _plugin(patient.machine, registry, name, package)
    if not found:
        yield ok("No package with a camera, drivetrain, sensor or pilot of its own is installed.")


def _plugin(machine: Machine, registry: Registry[Any], name: str, package: str) -> Verdict:
    # In a process of its own first: the doctor is asked while the car drives, and a package may crash.
    if problem := machine.import_problem(registry.modules()[name]):
        return warning(f"The kind {name} of the package {package} cannot be loaded ({problem}).", "Fix the package.")
    try:
        registry.find(name)
    except PluginError as error:
        return warning(*split_advice(str(error)))
    return ok(f"The package {package} has the {registry.group.rpartition('.')[2].removesuffix('s')} {name}.")


def sensors(patient: Patient) -> Iterator[Verdict]:
    """Which sensors the car has."""
    for name, section in patient.config.sensors.items():
        kind = SENSORS.find(section.kind)
        of_package = f", of the package {kind.package}" if kind.package else ""
        yield ok(f"The sensor {name} is a {section.kind}{of_package}.")
        yield from kind.check(section, patient.machine)
    if (obstacle := patient.config.obstacle) is not None:
        names = " and ".join(obstacle.sensors)
        stop, slow = f"{obstacle.stop_m:g} m", f"{obstacle.slow_m:g} m"
        yield ok(f"The car stops {stop} before what {names} sees, and is slower from {slow} on.")
    if (supply := patient.config.supply) is not None and supply.warn_v is not None:
        yield ok(f"The car warns below {supply.warn_v:g} V, and drives on.")
    elif supply is not None:
        yield warning(
            f"The car warns of no low voltage, though {supply.sensor} measures it.",
            "Set warn_v in [supply] of car.toml; hardware/README.md says how low a battery may be.",
        )
    if (speed := patient.config.speed) is not None:
        text = f"The car's speed is what {speed.sensor} measures"
        held = f": it holds it, {speed.max_m_s:g} m/s at full throttle, and trips without it" if speed.control else ""
        yield ok(f"{text}{held}.")
    if not patient.config.sensors:
        yield ok("The car has no sensors.")


def judge_latency(name: str, p50_ms: float, p99_ms: float, period_ms: float, load_per_core: float = 0.0) -> Verdict:
    """Return what to say of a pilot that takes so long on a car whose camera gives a frame every ``period_ms``."""
    text = f"{name} answers in {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms, over {PILOT_CALLS} frames"
    valid_ms = Limits().pilot_valid_ns / NS_PER_MS
    if p99_ms > period_ms and load_per_core > BUSY_LOAD:
        busy = f"on a machine with {load_per_core:.1f} other programs for each core"
        return warning(f"{text}, {busy}.", "Look again when the machine has less to do: car doctor")
    advice = "Train a smaller pilot with `car train`, or lower camera.rate_hz in car.toml."
    if p50_ms > valid_ms:
        return error(f"{text}: too late for the gate ({valid_ms:.0f} ms).", advice)
    if p99_ms > period_ms:
        return warning(f"{text}: slower than the camera ({period_ms:.0f} ms).", advice)
    return ok(f"{text}.")


def _has_old_picamera(machine: Machine) -> bool:
    return machine.is_pi and machine.system("VERSION_CODENAME") == "bookworm"


def _release(version: str) -> tuple[int, ...]:
    """Return a version's first two numbers."""
    parts = version.split(".")[:2]
    return tuple(int("".join(character for character in part if character.isdigit()) or 0) for part in parts)
