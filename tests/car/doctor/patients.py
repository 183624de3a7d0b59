"""Cars on made-up machines, for the doctor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from car.config.folder import init_car
from car.doctor.examination import examine
from car.doctor.patient import Gamepads, Machine
from car.doctor.report import Finding, Report
from car.kinds.verdict import Level
from tests.machines import VENV

BOOKWORM_VERSIONS = {"numpy": "1.26.4", "opencv-python-headless": "4.11.0.86", "tflite-runtime": "2.14.0"}
PCA9685 = 0x40
TRIXIE_VERSIONS = {"numpy": "2.5.5", "opencv-python-headless": "5.0.0.93", "ai-edge-litert": "2.3.0"}


def machine_at(root: Path, versions: dict[str, str | None], **answers: Any) -> Machine:
    """Return the machine whose files are below ``root``, and in which these packages are installed."""
    made_up: dict[str, Any] = {
        "prefix": root / VENV if (root / VENV).exists() else Path("/usr"),
        "version_of": versions.get,
        "import_problem": lambda *_modules: "",
        "may_use": lambda _path: True,
        # Of a made-up chip, the file says what it is called.
        "gpio_label": lambda path: path.read_text(encoding="utf-8"),
        "i2c_answers": lambda _bus, addresses: [address for address in addresses if address == PCA9685],
        "gamepads": Gamepads,
        "load_per_core": lambda: 0.0,
        "may_have_priority": lambda: True,
        "user": "pi",
    }
    return Machine(root=root, **{**made_up, **answers})


class Clinic:
    """Examines a car in ``folder`` on a made-up machine."""

    def __init__(self, folder: Path, make: Callable[[Path], Path], versions: dict[str, str]) -> None:
        self.root = make(folder / "machine")
        self.car = folder / "mycar"
        self.versions: dict[str, str | None] = {**versions}
        self.answers: dict[str, Any] = {}
        init_car(self.car)

    def configure(self, text: str) -> None:
        """Replace car.toml."""
        (self.car / "car.toml").write_text(text, encoding="utf-8")

    def examine(self) -> Report:
        """Return the report."""
        return examine(self.car, machine_at(self.root, self.versions, **self.answers))

    def finding(self, check: str) -> Finding:
        """Return the one finding of that check."""
        (finding,) = (finding for finding in self.examine().findings if finding.check == check)
        return finding


def bad(report: Report) -> list[Finding]:
    """Return all findings that are not ok, but for those on how fast this machine is at the moment."""
    measured = {("pilot", Level.WARNING), ("disk_speed", Level.WARNING)}
    return [
        finding
        for finding in report.findings
        if finding.level is not Level.OK and (finding.check, finding.level) not in measured
    ]
