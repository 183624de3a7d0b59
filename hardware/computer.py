"""This computer, as far as one can look at it without changing anything: its files, its packages, its buses."""

from __future__ import annotations

import contextlib
import errno
import getpass
import os
import platform
import struct
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from hardware.health import ROOT

COMMAND_TIMEOUT_S = 5.0
IMPORT_TIMEOUT_S = 30.0


def installed_version(package: str) -> str | None:
    """Return the version of a Python package, None when it is not installed."""
    with contextlib.suppress(PackageNotFoundError):
        return version(package)
    return None


def import_problem(*modules: str) -> str:
    """Return why Python cannot import ``modules``, or nothing when it can.

    A process of its own tries, because a module that was built for another Python or NumPy may crash, and because they
    take a second or two on a Raspberry Pi.
    """
    command = [sys.executable, "-P", "-c", f"import {', '.join(modules)}"]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, errors="replace", timeout=IMPORT_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no end in {IMPORT_TIMEOUT_S:.0f} s"
    if done.returncode == 0:
        return ""
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"the process ended with {done.returncode}"


def user_name() -> str:
    """Return the name of this user; in a container it may have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "$USER"


def may_use(path: Path) -> bool:
    """Tell whether this user may write to ``path``; some of the kernel's files can be written to alone."""
    return os.access(path, os.W_OK)


def gpio_label(path: Path) -> str:
    """Return what a GPIO chip is called, or nothing where it cannot be opened."""
    # Not on Windows.
    import fcntl

    from hardware.pins.gpiochip import CHIPINFO, GET_CHIPINFO

    info = bytearray(CHIPINFO.size)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.ioctl(descriptor, GET_CHIPINFO, info)
        finally:
            os.close(descriptor)
    except OSError:
        return ""
    return str(CHIPINFO.unpack(info)[1].rstrip(b"\0").decode(errors="replace"))


def i2c_answers(bus: int, addresses: Iterable[int]) -> list[int]:
    """Return which of ``addresses`` answer on an I²C bus; one that a driver of the kernel has counts as an answer.

    Each is asked for one byte and told nothing: a write, which is i2cdetect's way, some devices obey. Raises OSError
    when the bus cannot be opened, ImportError without smbus2.
    """
    from smbus2 import SMBus

    answers = []
    with SMBus(bus) as device:
        for address in addresses:
            try:
                device.read_byte(address)
            except OSError as problem:
                if problem.errno != errno.EBUSY:
                    continue
            answers.append(address)
    return answers


@dataclass(frozen=True, slots=True)
class Computer:
    """This computer; or, for a test, one whose files are below ``root`` and whose other answers are made up.

    >>> _ = (folder / "model").write_text("Raspberry Pi 5 Model B Rev 1.0")
    >>> Computer(root=folder).text("model")
    'Raspberry Pi 5 Model B Rev 1.0'
    >>> Computer(root=folder).is_pi
    False
    """

    root: Path = ROOT
    bits: int = struct.calcsize("P") * 8
    python: str = platform.python_version()
    platform: str = sys.platform
    prefix: Path = Path(sys.prefix)
    version_of: Callable[[str], str | None] = installed_version
    import_problem: Callable[..., str] = import_problem
    may_use: Callable[[Path], bool] = may_use
    gpio_label: Callable[[Path], str] = gpio_label
    i2c_answers: Callable[[int, Iterable[int]], list[int]] = i2c_answers
    user: str = field(default_factory=user_name)

    @property
    def board(self) -> str:
        """The Raspberry Pi's model, or nothing on any other machine."""
        model = self.text("proc/device-tree/model")
        return model if model.startswith("Raspberry Pi") else ""

    @property
    def is_pi(self) -> bool:
        """True on a Raspberry Pi."""
        return bool(self.board)

    def system(self, key: str) -> str:
        """Return what /etc/os-release says of ``key``, or nothing."""
        lines = (line.partition("=") for line in self.text("etc/os-release").splitlines())
        return next((value.strip('"') for name, _, value in lines if name == key), "")

    @property
    def pip(self) -> str:
        """The beginning of a command that installs a package into this Python."""
        return f"{self.prefix}/bin/pip install" if self.is_pi else f"{sys.executable} -m pip install"

    @property
    def system_name(self) -> str:
        """The operating system in words."""
        return self.system("PRETTY_NAME") or platform.platform(terse=True)

    def text(self, name: str) -> str:
        """Return the text of a file named from the root, or nothing when it cannot be read."""
        with contextlib.suppress(OSError, ValueError):
            return (self.root / name).read_text(encoding="utf-8").strip("\0\n ")
        return ""

    def exists(self, name: str) -> bool:
        """Tell whether there is a file or folder of that name."""
        return (self.root / name).exists()

    def run(self, name: str, *arguments: str) -> str | None:
        """Return what a system command prints; None when there is none of that name, it fails or does not end."""
        command = [str(self.root / "usr/bin" / name), *arguments]
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            done = subprocess.run(  # noqa: S603
                command, capture_output=True, text=True, errors="replace", timeout=COMMAND_TIMEOUT_S, check=True
            )
            return done.stdout
        return None
