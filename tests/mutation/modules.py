"""The modules whose tests are tested by mutation, each with the tests that must notice when it is broken."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Module:
    """A module by its name, the tests that must notice, and the share of mutants that they must kill."""

    name: str
    tests: tuple[str, ...]
    least_killed: float
    timeout_s: int = 90

    @property
    def path(self) -> Path:
        """Where the module stands."""
        return ROOT / (self.name.replace(".", "/") + ".py")

    @property
    def survivors(self) -> Path:
        """The list of the mutants that survive, with the reasons."""
        short = self.name.rpartition(".")[2]
        return Path(__file__).with_name("survivors.txt" if short == "gate" else f"survivors_{short}.txt")

    def listed_survivors(self) -> set[str]:
        """Return the names in the list; its indented lines are the reasons."""
        if not self.survivors.exists():
            return set()
        lines = self.survivors.read_text("utf-8").splitlines()
        return {line for line in lines if line and not line.startswith((" ", "#"))}


def _gate_tests() -> tuple[str, ...]:
    found = sorted((ROOT / "tests/car").glob("test_gate*.py"))
    return tuple(str(path) for path in found if "car.gate import" in path.read_text("utf-8"))


GATE = Module("car.gate", _gate_tests(), 0.95)
MODULES = {
    module.name.rpartition(".")[2]: module
    for module in (
        GATE,
        Module("car.link.driver_slot", ("tests/car/link/test_driver_slot.py",), 0.95),
        Module("car.processes.guard", ("tests/car/processes/test_watchdog.py",), 0.85),
        Module("car.processes.watchdog", ("tests/car/processes/test_watchdog.py",), 0.85),
        Module("car.web.client_clock", ("tests/car/web/test_client_clock.py",), 0.95),
        Module("car.web.drive_channel", ("tests/car/web/test_drive_channel.py",), 0.85),
        Module("hardware.neutral", ("tests/hardware/test_neutral.py",), 0.85),
    )
}
"""By the last part of their names."""
