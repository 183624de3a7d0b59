"""Made-up machines: a folder with the files that a Raspberry Pi's kernel would show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def make_machine(root: Path, files: Mapping[str, str]) -> Path:
    """Write ``files``, named from the machine's root folder, and return that folder."""
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return root


def add_command(root: Path, name: str, script: str) -> None:
    """Give the machine a command, a shell script."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)


def set_temperature(root: Path, temperature_c: float) -> None:
    """Make the machine's processor as hot as that."""
    zone = "sys/class/thermal/thermal_zone0"
    make_machine(root, {f"{zone}/type": "cpu-thermal\n", f"{zone}/temp": f"{temperature_c * 1000:.0f}\n"})
