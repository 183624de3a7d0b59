"""The car's configuration, the user's rights on this machine, and the service."""

from __future__ import annotations

from collections.abc import Iterator

from car.config.plain import CONFIG_NAME
from car.controls.pad_search import forbidden_pads, pads_on
from car.doctor.patient import Patient
from car.kinds.ours import CAMERAS, DRIVETRAINS
from car.kinds.verdict import Verdict, error, ok, split_advice, warning
from hardware.errors import TrackError
from simulator.track_file import open_track

DEVICES = {
    "dev/gpiochip*": "gpio",
    "sys/class/pwm/pwmchip*/export": "gpio",
    "dev/i2c-1": "i2c",
    "dev/video*": "video",
    "dev/media*": "video",
    "dev/dma_heap/*": "video",
    "dev/input/event*": "input",
}
"""What a car on a Raspberry Pi drives with, and the group that may."""
UNIT = "pocketpilot@*"


def configuration(patient: Patient) -> Iterator[Verdict]:
    """Whether car.toml says what it may."""
    if patient.problem:
        text, advice = split_advice(patient.problem)
        yield error(f"{text} Pilot, camera and outputs are not examined until then.", advice)
    else:
        yield ok(f"{patient.folder / CONFIG_NAME} is in order.")
        if DRIVETRAINS.find(patient.config.drivetrain.kind).is_simulated:
            yield from _track(patient.config.simulator.track)


def _track(name: str) -> Iterator[Verdict]:
    try:
        open_track(name)
    except TrackError as problem:
        text, advice = split_advice(f"{problem}")
        yield error(text, advice)


def permissions(patient: Patient) -> Iterator[Verdict]:
    """Whether this user may use the machine's devices."""
    machine = patient.machine
    groups: dict[str, str] = {}
    for pattern, group in DEVICES.items():
        for path in sorted(machine.root.glob(pattern)):
            if not machine.may_use(path):
                groups.setdefault(group, f"/{path.relative_to(machine.root)}")
    if groups:
        names = ",".join(groups)
        text = f"{machine.user} may not use {', '.join(groups.values())}."
        fix = f"sudo usermod -aG {names} {machine.user} && sudo reboot"
        kinds = DRIVETRAINS.find(patient.config.drivetrain.kind), CAMERAS.find(patient.config.camera.kind)
        is_driving = not all(kind.is_simulated for kind in kinds)
        yield error(text, fix) if is_driving and set(groups) != {"input"} else warning(text, fix)
    else:
        yield ok(f"{machine.user} may use the pins, the buses and the cameras.")


def service(patient: Patient) -> Iterator[Verdict]:
    """Whether the car starts with the machine, and how the service is."""
    listing = patient.machine.run("systemctl", "list-units", "--all", "--plain", "--no-legend", UNIT)
    states = [line.split()[:4] for line in (listing or "").splitlines()]
    failed = [state[0] for state in states if len(state) == 4 and state[2] == "failed"]
    active = [state[0] for state in states if len(state) == 4 and state[2] == "active"]
    folder = patient.machine.root / "etc/systemd/system"
    enabled = [path.name for path in sorted(folder.glob(f"*.wants/{UNIT}"))]
    if failed:
        yield error(f"The service {failed[0]} has failed.", f"journalctl -u {failed[0]} -e")
    elif active:
        yield ok(f"The service {active[0]} is running.")
    elif enabled:
        yield ok(f"The service {enabled[0]} starts with the machine.")
    elif (folder / "pocketpilot@.service").exists():
        yield ok(
            f"The service is installed, and not enabled: sudo systemctl enable --now pocketpilot@{patient.machine.user}"
        )
    else:
        yield ok("There is no service: the car is started by hand.")


EVDEV = "sudo apt install python3-evdev"
"""The command that installs what reads gamepads."""


def gamepad(patient: Patient) -> Iterator[Verdict]:
    """Whether a gamepad on the car can drive it, and why another cannot."""
    machine = patient.machine
    if not patient.config.gamepad.enabled:
        yield ok("car.toml switches the gamepad off.")
        return
    found = machine.gamepads()
    if found is None:
        for name, _ in pads_on(machine.root):
            yield warning(f"{name} cannot drive: evdev, which reads gamepads, is not installed.", EVDEV)
        if not any(pads_on(machine.root)):
            yield ok(f"No gamepad is plugged in or paired. One needs evdev, which is not installed: {EVDEV}")
        return
    for name in found.names:
        yield ok(f"{name} is there; hold R1 or L1 to drive.")
    refusals = [*found.refusals, *forbidden_pads(machine.root, machine.may_use, machine.user)]
    for refusal in refusals:
        yield warning(refusal.text, refusal.fix)
    if not found.names and not refusals:
        yield ok("No gamepad is plugged in or paired.")
