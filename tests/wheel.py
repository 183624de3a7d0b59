"""Are the sdist and the wheel all that a stranger needs? ``python -m tests.wheel`` builds both, and drives with each.

The wheel goes into an empty environment outside this repository, with what it needs, and then the sdist in its place.
With each, ``car`` drives a lap of the simulator in an empty folder, the doctor finds nothing wrong, and a type checker
sees our types.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ROOT / "constraints" / "current.txt"
PACKAGES = ("car", "hardware", "models", "simulator", "training")
NOT_IN_SDIST = (".ci/", ".github/")
GENERATED = {"PKG-INFO"}
RELATIVE_LINK = re.compile(r"\]\((?!https:)[^)]+\)")
WHERE = f"import {', '.join(PACKAGES)}; print(*({', '.join(f'{name}.__file__' for name in PACKAGES)},), sep='\\n')"
TYPED = "from hardware.clock import SystemClock\n\nname: str = SystemClock().now_ns()\n"
"""A mistake that a type checker sees only where it may read our annotations."""


class WheelError(Exception):
    """What is built, or installed from it, is not what a stranger needs."""


def main() -> int:
    """Build both and try both; return 1 when one of them falls short."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            sdist, wheel = _build(Path(folder, "dist"))
            _check_sdist(sdist)
            _check_wheel(wheel)
            environment = Path(folder, "environment")
            _run([sys.executable, "-m", "venv", str(environment)], ROOT)
            _try_out(wheel, environment, "--constraint", str(CONSTRAINTS))
            _try_out(sdist, environment, "--force-reinstall", "--no-deps")
        except WheelError as error:
            print(error)
            return 1
    return 0


def _build(folder: Path) -> tuple[Path, Path]:
    _run([sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)], ROOT)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    for path in (sdist, wheel):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
    return sdist, wheel


def _check_sdist(sdist: Path) -> None:
    """Check that it has exactly what the repository has, but for what only its host uses, in the same modes."""
    with tarfile.open(sdist) as tar:
        modes = {member.name.partition("/")[2]: member.mode for member in tar.getmembers() if member.isfile()}
    wanted = {name for name in _tracked() if not name.startswith(NOT_IN_SDIST)}
    _compare(sdist, wanted, modes.keys() - GENERATED)
    for name in wanted:
        if os.access(ROOT / name, os.X_OK) != bool(modes[name] & 0o100):
            raise WheelError(f"{sdist.name}: {name} may be run here or there, not in both.")


def _check_wheel(wheel: Path) -> None:
    """Check that it has every file of the packages and nothing else, and a description that stands alone."""
    with zipfile.ZipFile(wheel) as content:
        names = {name for name in content.namelist() if ".dist-info/" not in name}
        (metadata,) = (name for name in content.namelist() if name.endswith(".dist-info/METADATA"))
        description = content.read(metadata).decode()
    _compare(wheel, {name for name in _tracked() if name.startswith(tuple(f"{name}/" for name in PACKAGES))}, names)
    untyped = [package for package in PACKAGES if f"{package}/py.typed" not in names]
    if untyped:
        raise WheelError(f"{wheel.name}: no py.typed in {', '.join(untyped)}.")
    if found := RELATIVE_LINK.search(description):
        raise WheelError(f"{wheel.name}: its description links to {found[0][2:-1]}, which is not there.")


def _tracked() -> set[str]:
    listed = _run(["git", "ls-files", "-z"], ROOT).stdout
    return {name for name in listed.split("\0") if name}


def _compare(archive: Path, wanted: set[str], found: set[str]) -> None:
    for problem, names in (("lacks", wanted - found), ("has what is not in the repository", found - wanted)):
        if names:
            raise WheelError(f"{archive.name} {problem}: {', '.join(sorted(names))}.")


def _try_out(archive: Path, environment: Path, *options: str) -> None:
    """Install ``archive`` into ``environment``, and drive a lap in an empty folder."""
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    python, car = str(scripts / "python"), str(scripts / "car")
    here = Path(tempfile.mkdtemp(dir=environment.parent))
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    _run([*pip, *options, str(archive)], here)
    for module in _run([python, "-c", WHERE], here).stdout.splitlines():
        if not Path(module).resolve().is_relative_to(environment.resolve()):
            raise WheelError(f"{archive.name}: {module} was imported, which is not what was installed.")
    _run([car, "--help"], here)
    _run([car, "drive", "--headless", "--laps", "1"], here)
    if not list(here.glob("mycar/sessions/*.mcap")):
        raise WheelError(f"{archive.name}: the lap left no session.")
    _run([car, "doctor"], here)
    _check_types(archive, python, here)
    print(f"{archive.name}: installed, drove a lap, recorded it, and is typed")


def _check_types(archive: Path, python: str, here: Path) -> None:
    program = here / "typed.py"
    program.write_text(TYPED, encoding="utf-8")
    mypy = [sys.executable, "-m", "mypy", "--config-file=", f"--python-executable={python}", str(program)]
    said = _run(mypy, here, expected=1).stdout
    if "[assignment]" not in said:
        raise WheelError(f"{archive.name}: a type checker does not see its types. {said}")


def _run(command: list[str], folder: Path, expected: int = 0) -> subprocess.CompletedProcess[str]:
    """Run ``command`` in ``folder``, without what would lead an interpreter to this repository."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    environment |= {"PYTHONUTF8": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != expected:
        raise WheelError(f"{' '.join(command)} ended with {done.returncode}.\n{done.stdout}{done.stderr}")
    return done


if __name__ == "__main__":
    sys.exit(main())
