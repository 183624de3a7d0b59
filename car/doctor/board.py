"""The board, its system, its temperature and its power."""

from __future__ import annotations

from collections.abc import Iterator

from car.arming import ADVICE, MAX_TEMPERATURE_C
from car.doctor.patient import Patient
from car.gate import ArmRefusal
from car.kinds.verdict import Verdict, error, ok, warning
from hardware.health import read_health, read_throttling
from hardware.realtime import GRANT_COMMAND

BOARDS = tuple(f"Raspberry Pi {name}" for name in ("4", "5", "Compute Module 4", "Compute Module 5"))
SYSTEMS = ("bookworm", "trixie")
WARM_C = 70.0
SLOW_GOVERNORS = ("powersave", "conservative")


def board(patient: Patient) -> Iterator[Verdict]:
    """Which Raspberry Pi it is."""
    model = patient.machine.board
    if not model:
        yield ok("Not a Pi: simulated hardware.")
    elif model.startswith(BOARDS):
        yield ok(f"{model}.")
    else:
        yield warning(f"{model} is not a board that Pocketpilot is made for.", "Use a Raspberry Pi 4 or 5.")


def system(patient: Patient) -> Iterator[Verdict]:
    """Which operating system, and whether it is a 64-bit one."""
    machine = patient.machine
    name = machine.system_name
    if not machine.is_pi:
        yield ok(f"{name}.")
    elif machine.bits != 64:
        yield error(f"{name} is a {machine.bits}-bit system.", "Write the card with Raspberry Pi OS (64-bit).")
    elif machine.system("VERSION_CODENAME") not in SYSTEMS:
        yield warning(f"{name} is not tested.", "Write the card with Raspberry Pi OS (64-bit), Bookworm or Trixie.")
    else:
        yield ok(f"{name}, 64-bit.")


def governor(patient: Patient) -> Iterator[Verdict]:
    """How the processor's clock is chosen."""
    name = patient.machine.text("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if name in SLOW_GOVERNORS:
        yield warning(
            f"The processor's governor is {name}, which makes the pilot slow.",
            "echo ondemand | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor",
        )
    else:
        yield ok(f"The processor's governor is {name}." if name else "The system names no governor.")


def priority(patient: Patient) -> Iterator[Verdict]:
    """Whether what stops the car may go before all other programs."""
    if patient.machine.platform != "linux":
        yield ok("This system has no real-time priority to grant.")
    elif patient.machine.may_have_priority():
        yield ok("Real-time priority is granted: a busy machine does not end a drive.")
    else:
        yield warning(
            "Real-time priority is not granted: on a busy machine a drive may end early, wheels at neutral.",
            f"{GRANT_COMMAND}, then log in again",
        )


def temperature(patient: Patient) -> Iterator[Verdict]:
    """How hot the processor is."""
    temperature_c = read_health(patient.machine.root).temperature_c
    advice = ADVICE[ArmRefusal.TOO_HOT]
    if temperature_c is None:
        yield ok("The system does not report the processor's temperature.")
    elif temperature_c >= MAX_TEMPERATURE_C:
        yield error(f"The processor is at {temperature_c:.0f} °C, too hot to arm ({MAX_TEMPERATURE_C:.0f} °C).", advice)
    elif temperature_c >= WARM_C:
        yield warning(
            f"The processor is at {temperature_c:.0f} °C; at {MAX_TEMPERATURE_C:.0f} °C it slows down.", advice
        )
    else:
        yield ok(f"The processor is at {temperature_c:.0f} °C.")


def supply(patient: Patient) -> Iterator[Verdict]:
    """Whether the supply holds its voltage, now and since the machine was started."""
    throttling = read_throttling(patient.machine.root)
    advice = ADVICE[ArmRefusal.UNDER_VOLTAGE]
    if read_health(patient.machine.root).under_voltage:
        yield error("The supply voltage is too low now.", advice)
    elif throttling is None or throttling.under_voltage_since_boot is None:
        yield ok("The supply voltage is high enough now; its history is unknown.")
    elif throttling.under_voltage_since_boot:
        yield warning("The supply voltage has been too low since the start.", advice)
    else:
        yield ok("The supply voltage has been high enough since the start.")


def throttling_history(patient: Patient) -> Iterator[Verdict]:
    """Whether the processor is slowed down, now and since the machine was started."""
    throttling = read_throttling(patient.machine.root)
    advice = "Fix its supply and its cooling, then start the Pi again: sudo reboot"
    if throttling is None:
        yield ok("The firmware does not report whether it slows the processor down.")
    elif throttling.throttled:
        yield warning("The firmware slows the processor down now.", advice)
    elif throttling.throttled_since_boot:
        yield warning("The firmware has slowed the processor down since the start.", advice)
    elif throttling.throttled_since_boot is None:
        yield ok("The firmware does not slow the processor down now; its history is unknown.")
    else:
        yield ok("The firmware has not slowed the processor down since the start.")


def clock(patient: Patient) -> Iterator[Verdict]:
    """Whether the wall clock has been set; sessions are named by it."""
    service = "run/systemd/timesync"
    if patient.machine.exists(service) and not patient.machine.exists(f"{service}/synchronized"):
        yield warning(
            "The network has not set the wall clock yet; sessions get a wrong date in their names.",
            "sudo timedatectl set-ntp true",
        )
    else:
        yield ok("The wall clock is set; driving does not depend on it.")
