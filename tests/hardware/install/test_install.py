"""The installer, on a fake Raspberry Pi: a folder, with programs that only note how they were called."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from car.doctor.config_txt import pwm_line
from car.doctor.outputs import STRICT_GPIO
from hardware.drivetrains.plain import GPIO_SERVO_PINS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="A Pi's installer is a shell script.")

CLONE = Path(__file__).parents[3]
INSTALLER = CLONE / "hardware/install/install.sh"
HARMLESS = [
    *("sh", "env", "sed", "awk", "grep", "cut", "cat", "cp", "mv", "rm", "mkdir", "ln", "install", "cmp", "sync"),
    *("date", "mktemp", "dirname"),
]
"""The only programs of this machine that the installer finds; all others are fakes, or missing."""
OWNERS_CONFIG = "# my own\ndtparam=audio=on\n[cm4]\notg_mode=1\n"


class FakePi:
    """A Raspberry Pi in a folder; ``calls`` are the programs that were called, with their arguments."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.programs = folder / "programs"
        self.log = folder / "calls"
        self.config = self.root / "boot/firmware/config.txt"
        self.programs.mkdir()
        for name in HARMLESS:
            (self.programs / name).symlink_to(str(shutil.which(name)))
        for name in ("apt-get", "groupadd", "usermod", "systemctl", "python3"):
            self.fake(name)
        self.fake("dpkg", "echo arm64")
        self.fake("id", "echo 0")
        self.fake("getent", f"[ $2 = ada ] && echo ada:x:1000:1000::{folder}/ada:/bin/sh")
        # As the real ones leave it: a folder with a program, and a car.
        self.fake("python3", 'mkdir -p "$4/bin"; ln -sf "$(dirname "$0")/python" "$4/bin/python"')
        self.fake("python")
        self.fake("runuser", 'mkdir -p "$6" && : >"$6/car.toml"')
        self.write("etc/os-release", 'NAME="Debian GNU/Linux"\nVERSION_CODENAME=bookworm\n')
        self.write("boot/firmware/config.txt", OWNERS_CONFIG)

    def fake(self, name: str, then: str = ":") -> None:
        """Let ``name`` note its call and run a line of shell."""
        program = self.programs / name
        program.write_text(f'#!/bin/sh\necho "{name} $*" >>"{self.log}"\n{then}\n', encoding="utf-8")
        program.chmod(0o755)

    def write(self, name: str, text: str) -> None:
        """Write a file of the Pi's."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def install(self, *arguments: str, installer: Path = INSTALLER) -> subprocess.CompletedProcess[str]:
        """Run the installer as ``ada`` with sudo."""
        environment = {"PATH": str(self.programs), "DESTDIR": str(self.root), "SUDO_USER": "ada"}
        return subprocess.run(
            ["/bin/sh", installer, *arguments], env=environment, capture_output=True, text=True, check=False
        )

    def calls(self, name: str) -> list[str]:
        """Return how ``name`` was called."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        return [line for line in lines if line.startswith(f"{name} ")]

    def files(self) -> dict[str, bytes]:
        """Return the content of every file."""
        return {str(path): path.read_bytes() for path in sorted(self.root.rglob("*")) if path.is_file()}


@pytest.fixture
def pi(tmp_path: Path) -> FakePi:
    return FakePi(tmp_path)


def test_everything_is_put_in_its_place(pi: FakePi) -> None:
    done = pi.install()
    assert done.returncode == 0, done.stderr
    for installed, ours in (
        ("etc/systemd/system/pocketpilot@.service", "pocketpilot@.service"),
        ("etc/udev/rules.d/99-pocketpilot.rules", "99-pocketpilot.rules"),
        ("etc/modules-load.d/pocketpilot.conf", "i2c-dev.conf"),
    ):
        assert (pi.root / installed).read_bytes() == (INSTALLER.parent / ours).read_bytes()
    assert (pi.root / "usr/local/bin/car").readlink() == Path("/opt/pocketpilot/bin/car")
    assert pi.calls("usermod") == ["usermod --append --groups gpio,i2c,video,input ada"]
    assert (pi.root / str(pi.root.parent / "ada/mycar/car.toml").lstrip("/")).exists()


@pytest.mark.parametrize(("release", "versions"), [("bookworm", "bookworm.txt"), ("trixie", "current.txt")])
def test_each_release_gets_the_versions_that_fit_it_and_no_tensorflow(pi: FakePi, release: str, versions: str) -> None:
    pi.write("etc/os-release", f"VERSION_CODENAME={release}\n")
    pi.install()
    (pip,) = pi.calls("python")
    assert pip.endswith(f"--constraint {CLONE}/constraints/{versions} {CLONE}[pi]")
    assert pi.calls("python3") == [f"python3 -m venv --system-site-packages {pi.root}/opt/pocketpilot"]
    packages = pi.calls("apt-get")[-1].split()
    assert {"python3-picamera2", "python3-lgpio", "python3-evdev", "libsdl2-2.0-0"} <= set(packages)


def test_the_service_is_installed_and_not_enabled(pi: FakePi) -> None:
    (pi.root / "run/systemd/system").mkdir(parents=True)
    done = pi.install()
    assert pi.calls("systemctl") == ["systemctl daemon-reload"]
    assert "systemctl enable --now pocketpilot@ada" in done.stdout


def test_the_lines_for_the_firmware_have_those_that_the_doctor_asks_for() -> None:
    lines = (INSTALLER.parent / "config.txt").read_text(encoding="utf-8").splitlines()
    overlay = pwm_line(GPIO_SERVO_PINS)
    assert {overlay, STRICT_GPIO, "dtparam=i2c_arm=on"} <= set(lines)
    assert lines.index("[all]") == 0
    # A parameter after an overlay would be that overlay's.
    assert lines.index("dtoverlay=") < lines.index(STRICT_GPIO) < lines.index(overlay)


def test_config_txt_keeps_the_owners_lines_and_a_copy_of_what_it_was(pi: FakePi) -> None:
    done = pi.install()
    text = pi.config.read_text(encoding="utf-8")
    assert text.startswith(OWNERS_CONFIG)
    assert "\ndtparam=strict_gpiod\n" in text
    assert "dtparam=strict_gpiod" in done.stdout
    (copy,) = pi.config.parent.glob("config.txt.before-pocketpilot-*")
    assert copy.read_text(encoding="utf-8") == OWNERS_CONFIG


def test_a_config_txt_without_a_last_newline_keeps_its_last_line(pi: FakePi) -> None:
    pi.config.write_text("camera_auto_detect=1", encoding="utf-8")
    pi.install()
    assert "camera_auto_detect=1\n#" in pi.config.read_text(encoding="utf-8")


def test_the_second_time_nothing_changes(pi: FakePi) -> None:
    pi.install()
    before = pi.files()
    done = pi.install()
    assert done.returncode == 0
    assert pi.files() == before
    assert "Reboot" not in done.stdout
    assert len(pi.calls("runuser")) == 1


def test_old_lines_of_ours_are_replaced_where_they_stand(pi: FakePi) -> None:
    pi.install()
    text = pi.config.read_text(encoding="utf-8")
    older = (
        text.replace("dtparam=i2c_arm=on\n", "").replace("dtparam=strict_gpiod", "dtparam=older") + "[pi5]\nmine=1\n"
    )
    pi.config.write_text(older, encoding="utf-8")
    pi.install()
    assert pi.config.read_text(encoding="utf-8") == text + "[pi5]\nmine=1\n"


def test_a_lost_end_line_is_refused_rather_than_taking_the_owners_lines_along(pi: FakePi) -> None:
    pi.install()
    cut = pi.config.read_text(encoding="utf-8").replace("# Pocketpilot ends.\n", "mine=1\n")
    pi.config.write_text(cut, encoding="utf-8")
    done = pi.install()
    assert done.returncode == 1
    assert "Remove" in done.stderr
    assert pi.config.read_text(encoding="utf-8") == cut


def test_a_dry_run_says_all_of_it_and_does_nothing(pi: FakePi) -> None:
    before = pi.files()
    done = pi.install("--dry-run")
    assert done.returncode == 0
    assert pi.files() == before
    for name in ("apt-get", "python3", "python", "groupadd", "usermod", "runuser"):
        assert pi.calls(name) == []
    said = done.stdout
    pi.install()
    for name in ("apt-get", "groupadd", "usermod", "runuser"):
        assert pi.calls(name), name
        for call in pi.calls(name):
            assert call in said


def test_a_dry_run_elsewhere_says_why_it_would_be_refused_and_goes_on(pi: FakePi) -> None:
    pi.fake("dpkg", "echo amd64")
    pi.fake("id", "echo 1000")
    pi.write("etc/os-release", "VERSION_CODENAME=trixie\n")
    pi.config.unlink()
    done = pi.install("--dry-run")
    assert done.returncode == 0
    assert "would refuse: This is no 64-bit Raspberry Pi" in done.stdout
    assert "constraints/current.txt" in done.stdout
    assert "dtparam=strict_gpiod" in done.stdout


def no_root(pi: FakePi) -> None:
    pi.fake("id", "echo 1000")


def no_apt(pi: FakePi) -> None:
    (pi.programs / "apt-get").unlink()


def armhf(pi: FakePi) -> None:
    # A 64-bit kernel runs below a 32-bit Raspberry Pi OS, so `uname` says aarch64 there.
    pi.fake("dpkg", "echo armhf")
    pi.fake("uname", "echo aarch64")


def laptop(pi: FakePi) -> None:
    pi.fake("dpkg", "echo amd64")


def bullseye(pi: FakePi) -> None:
    pi.write("etc/os-release", "VERSION_CODENAME=bullseye\n")


def no_firmware(pi: FakePi) -> None:
    pi.config.unlink()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (no_root, "Run it with sudo"),
        (no_apt, "There is no apt here"),
        (armhf, "32-bit Raspberry Pi OS"),
        (laptop, "no 64-bit Raspberry Pi"),
        (bullseye, "This is bullseye"),
        (no_firmware, "no /boot/firmware/config.txt"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence_before_anything_is_done(
    pi: FakePi, make: object, words: str
) -> None:
    assert callable(make)
    make(pi)
    before = pi.files()
    done = pi.install()
    assert done.returncode == 1
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert pi.files() == before
    assert not pi.calls("apt-get") + pi.calls("python3") + pi.calls("usermod")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--user", "root"], "Whose car is it?"),
        (["--user", "nobody-known"], "There is no user nobody-known"),
        (["--user"], "--user needs a name"),
        (["--frobnicate"], "--frobnicate is not an argument"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(pi: FakePi, arguments: list[str], words: str) -> None:
    done = pi.install(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert pi.calls("apt-get") == []


@pytest.mark.parametrize("arguments", [[], ["--dry-run"]])
def test_without_its_clone_it_does_nothing(pi: FakePi, tmp_path: Path, arguments: list[str]) -> None:
    alone = Path(shutil.copy(INSTALLER, tmp_path))
    before = pi.files()
    done = pi.install(*arguments, installer=alone)
    assert (done.returncode, done.stdout.count("\n")) == (1, len(arguments))
    assert "needs the clone" in done.stderr
    assert done.stderr.count("\n") == 1
    assert pi.files() == before
    assert not pi.calls("apt-get")


def test_a_clone_may_have_spaces_in_its_path(pi: FakePi, tmp_path: Path) -> None:
    clone = tmp_path / "my clones" / "pocket pilot"
    shutil.copytree(INSTALLER.parent, clone / "hardware/install")
    (clone / "pyproject.toml").touch()
    (clone / "constraints").mkdir()
    done = pi.install(installer=clone / "hardware/install/install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{clone}[pi]" in pi.calls("python")[0]
    assert "strict_gpiod" in pi.config.read_text(encoding="utf-8")


def test_a_package_that_does_not_install_ends_it(pi: FakePi) -> None:
    pi.fake("apt-get", "exit 100")
    done = pi.install()
    assert done.returncode == 100
    assert pi.calls("python3") == []
    assert pi.config.read_text(encoding="utf-8") == OWNERS_CONFIG
