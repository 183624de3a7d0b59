"""A virtual environment of a stranger's: Pocketpilot as it stands here, and a package beside it."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGE = Path(__file__).parent / "package"
PATIENCE_S = 300


class Stranger:
    """A fresh environment in ``folder``; what it does not have itself it sees in the one that runs the tests."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False)
        self.python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
        ours = [ROOT, *{sysconfig.get_paths()[name] for name in ("purelib", "platlib")}]
        lines = [f"import site; site.addsitedir({str(path)!r})" for path in ours]
        (self._site_packages() / "ours.pth").write_text("\n".join(lines), encoding="utf-8")

    def install(self, wheel: Path) -> None:
        """Install a wheel with pip, which needs no network for it."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.python), "--disable-pip-version-check"]
        subprocess.run([*pip, "install", "--quiet", "--no-deps", "--no-index", str(wheel)], check=True)

    def car(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run ``car`` to its end and return what it printed."""
        return subprocess.run(
            self.command(*arguments), cwd=cwd, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    def command(self, *arguments: str) -> list[str]:
        """Return what runs ``car`` here."""
        return [str(self.python), "-P", "-c", "from car.entry import main; main()", *arguments]

    def _site_packages(self) -> Path:
        printed = subprocess.run(
            [str(self.python), "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"],
            capture_output=True,
            text=True,
            check=True,
        )
        return Path(printed.stdout.strip())


def build_wheel(folder: Path, name: str, modules: dict[str, str], entry_points: dict[str, dict[str, str]]) -> Path:
    """Write the wheel of a package with these modules and entry points; a build backend would make the same one."""
    lines = [
        line
        for group, table in entry_points.items()
        for line in (f"[{group}]", *(f"{k} = {v}" for k, v in table.items()))
    ]
    info = f"{name.replace('-', '_')}-1.0.dist-info"
    files = {f"{module}.py": text for module, text in modules.items()} | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "\n".join(lines) + "\n",
    }
    files[f"{info}/RECORD"] = "".join(map(_record, files.items())) + f"{info}/RECORD,,\n"
    path = folder / f"{name.replace('-', '_')}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for file, text in files.items():
            wheel.writestr(file, text)
    return path


def toy_rover(folder: Path) -> Path:
    """Write the wheel of the package beside this file."""
    project: dict[str, Any] = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]
    modules = {path.stem: path.read_text("utf-8") for path in PACKAGE.glob("*.py")}
    return build_wheel(folder, project["name"], modules, project["entry-points"])


def _record(file: tuple[str, str]) -> str:
    name, text = file
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{name},sha256={digest},{len(text.encode())}\n"
