"""Does everything that a Raspberry Pi installs have a wheel for it? ``python -m tests.aarch64_wheels`` asks pip.

Base and the ``pi`` extra are resolved for aarch64, under the constraints that the installer uses: Python 3.11 for
Bookworm and 3.13 for Trixie. Nothing is installed. What comes from Raspberry Pi OS (picamera2, lgpio on Python 3.13,
evdev) is not among them, because it has no such wheels.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).parents[1]
TARGETS = {"3.11": "bookworm.txt", "3.13": "current.txt"}
"""Each Python of Raspberry Pi OS and the set of versions for it."""
PLATFORMS = ["manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in range(17, 37))]
"""pip takes exactly these; those after glibc 2.36, which is Bookworm's, would not run there."""


def main() -> int:
    """Resolve for each target; return 1 when one of them does not resolve."""
    return max(_resolve(python, constraints) for python, constraints in TARGETS.items())


def _resolve(python: str, constraints: str) -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["pi"]
    pinned = (ROOT / "constraints" / constraints).read_text(encoding="utf-8").splitlines()
    with tempfile.TemporaryDirectory() as folder:
        pins, report = Path(folder, "pins.txt"), Path(folder, "report.json")
        pins.write_text("\n".join(_for_target(pinned, python)), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "-qq", "--ignore-installed"]
        # pip holds Requires-Python against its own Python, whatever it was asked for; it is read from the report.
        command += ["--ignore-requires-python", "--target", folder, "--only-binary", ":all:"]
        command += ["--python-version", python, "--constraint", str(pins), "--report", str(report)]
        command += [f"--platform={platform}" for platform in PLATFORMS]
        done = subprocess.run([*command, *_for_target(wanted, python)], check=False)
        if done.returncode:
            print(f"Python {python} on aarch64 with {constraints}: not everything has a wheel.")
            return 1
        found = [item["metadata"] for item in json.loads(report.read_text(encoding="utf-8"))["install"]]
    unfit = [item["name"] for item in found if python not in SpecifierSet(item.get("requires_python", ""))]
    if unfit:
        print(f"Python {python} on aarch64 with {constraints}: not for this Python: {', '.join(unfit)}.")
        return 1
    print(f"Python {python} on aarch64 with {constraints}: {len(found)} wheels")
    return 0


def _for_target(lines: list[str], python: str) -> Iterator[str]:
    """Yield the requirements among ``lines`` that apply on the target: pip reads markers for its own machine."""
    environment = {name: str(value) for name, value in default_environment().items()}
    environment |= {"python_version": python, "python_full_version": f"{python}.0"}
    environment |= {"platform_machine": "aarch64", "sys_platform": "linux"}
    for line in lines:
        if not line or line.startswith("#"):
            continue
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            requirement.marker = None
            yield str(requirement)


if __name__ == "__main__":
    sys.exit(main())
