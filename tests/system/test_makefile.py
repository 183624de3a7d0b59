"""What somebody sees who types ``make`` for the first time."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLED = Path(".venv") / ".base-installed"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return what make needs of a clone, with a Python environment and a pip that waits until it is told its end."""
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "constraints", tmp_path / "constraints")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "python").write_text("")
    os.mkfifo(tmp_path / "told")
    (tmp_path / "pip.sh").write_text("read code < told; exit $code\n")
    return tmp_path


def making(clone: Path) -> subprocess.Popen[str]:
    """Install into ``clone`` by the pip that waits."""
    command = ["make", "--old-file", ".venv/bin/python", str(INSTALLED), "PIP=sh pip.sh"]
    # The tests may run under a make of their own, which would say in which folder this one works.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKELEVEL", "MAKEFLAGS")}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=clone, env=environment, stdout=pipe, stderr=pipe, text=True)


def test_an_installation_says_its_size_first_and_then_that_it_goes_on(clone: Path) -> None:
    with making(clone) as make:
        assert make.stdout is not None
        assert "downloads about 150 MB" in make.stdout.readline()
        assert "still installing, 9 s so far" in make.stdout.readline()
        (clone / "told").write_text("0\n")
        assert "still installing" not in make.stdout.read()
    assert make.returncode == 0
    assert (clone / INSTALLED).exists()


def test_an_installation_that_fails_is_not_taken_for_done(clone: Path) -> None:
    with making(clone) as make:
        (clone / "told").write_text("3\n")
    assert make.returncode != 0
    assert not (clone / INSTALLED).exists()
