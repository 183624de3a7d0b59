"""What the doctor says of the camera, and of the service."""

import errno
from pathlib import Path

import pytest

from car.controls.local import Refusal
from car.doctor.patient import Gamepads, gamepads
from car.kinds.verdict import Level
from hardware.computer import gpio_label, i2c_answers, import_problem, installed_version, user_name
from tests.car.doctor.patients import BOOKWORM_VERSIONS, Clinic, bad
from tests.fake_evdev import FakeEvdev, FakePad
from tests.machines import add_command, make_machine, make_pi_4

USB_MODES = """\
ioctl: VIDIOC_ENUM_FMT
\tType: Video Capture

\t[0]: 'MJPG' (Motion-JPEG, compressed)
\t\tSize: Discrete 1280x720
\t\t\tInterval: Discrete 0.033s (30.000 fps)
\t\tSize: Discrete 640x480
\t\t\tInterval: Discrete 0.017s (60.000 fps)
\t[1]: 'YUYV' (YUYV 4:2:2)
\t\tSize: Discrete 640x480
\t\t\tInterval: Discrete 0.017s (60.000 fps)
"""
BY_ID = "dev/v4l/by-id/usb-046d_HD_Webcam-video-index0"


@pytest.fixture
def pi(tmp_path: Path) -> Clinic:
    return Clinic(tmp_path, make_pi_4, BOOKWORM_VERSIONS)


def configure(clinic: Clinic, kind: str, device: str = "") -> None:
    clinic.configure(f'[camera]\nkind = "{kind}"\ndevice = "{device}"\nfov_deg = 62.2\n')


def test_a_camera_on_the_ribbon_is_told_with_its_modes(pi: Clinic) -> None:
    configure(pi, "picamera")
    assert pi.finding("camera").text == (
        "imx219 is plugged in and sees 62.2° from left to right; modes: 640x480 at 103/s, 1640x1232 at 42/s."
    )
    assert bad(pi.examine()) == []


CAMERA_3 = (
    "0 : {name} [4608x2592 10-bit RGGB] (/base/axi/imx708@1a)\\n"
    "    Modes: 'SRGGB10_CSI2P' : 1536x864 [120.13 fps - (768, 432)/3072x1728 crop]\\n"
    "                             2304x1296 [56.03 fps - (0, 0)/4608x2592 crop]\\n"
)


@pytest.mark.parametrize(
    ("name", "lines", "sees", "fix"),
    [
        ("imx708", "", "51.9°", "fov_deg = 51.9"),
        ("imx708_wide_noir", "fov_deg = 102.0", "85.6°", "fov_deg = 85.6"),
        ("imx708", "fov_deg = 55.0", "51.9°", None),
        ("imx708_wide", "fov_deg = 100.0\nwidth = 320\nheight = 180", "102°", None),
        ("imx708_wide", 'model = "pi-camera-3"', "85.6°", 'model = "pi-camera-3-wide"'),
        ("imx708", 'fov_deg = 160.0\nlens = "fisheye"', "51.9°", None),
        ("imx477", "", None, None),
    ],
)
def test_a_view_that_is_another_than_car_toml_says_is_warned_of_with_the_line_that_fixes_it(
    pi: Clinic, name: str, lines: str, sees: str | None, fix: str | None
) -> None:
    pi.configure(f'[camera]\nkind = "picamera"\n{lines}\n')
    add_command(pi.root, "usr/bin/rpicam-hello", f'printf "Available cameras\\n{CAMERA_3.format(name=name)}"')
    first, *others = [finding for finding in pi.examine().findings if finding.check == "camera"]
    assert ("sees" in first.text) == (sees is not None)
    if sees is not None:
        assert f"sees {sees} from left" in first.text
    assert [finding.level for finding in others] == ([Level.WARNING] if fix else [])
    if fix:
        assert fix in others[0].fix


def test_real_wheels_that_follow_a_simulated_camera_are_warned_of(pi: Clinic) -> None:
    simulated = pi.examine().findings
    assert [finding.level for finding in simulated if finding.check == "camera"] == [Level.OK, Level.OK]
    pi.configure('[drivetrain]\nkind = "differential"\n')
    [first, _] = [finding for finding in pi.examine().findings if finding.check == "camera"]
    assert (first.level, first.fix) == (Level.WARNING, '[camera] kind = "picamera", or "usb"')
    assert "not there" in first.text


def test_two_cameras_are_told_apart(pi: Clinic) -> None:
    configure(pi, "picamera")
    lines = "0 : imx708 [4608x2592] (/base/a)\\n    Modes: 'X' : 1536x864 [120.13 fps - x]\\n1 : ov5647 [x] (/base/b)"
    add_command(pi.root, "usr/bin/rpicam-hello", f'printf "Available cameras\\n{lines}\\n"')
    texts = [finding.text for finding in pi.examine().findings if finding.check == "camera"]
    assert texts == ["imx708 is plugged in; modes: 1536x864 at 120/s.", "ov5647 is plugged in; modes: unknown."]


def test_no_camera_on_the_ribbon_is_an_error_where_one_is_wanted(pi: Clinic) -> None:
    add_command(pi.root, "usr/bin/rpicam-hello", 'echo "No cameras available!"')
    assert bad(pi.examine()) == []
    configure(pi, "picamera")
    assert pi.finding("camera").level is Level.ERROR


def test_the_older_name_of_the_listing_command_does_as_well(pi: Clinic) -> None:
    configure(pi, "picamera")
    (pi.root / "usr/bin/rpicam-hello").rename(pi.root / "usr/bin/libcamera-hello")
    assert "imx219" in pi.finding("camera").text
    (pi.root / "usr/bin/libcamera-hello").unlink()
    finding = pi.finding("camera")
    assert (finding.level, finding.fix) == (Level.WARNING, "sudo apt install rpicam-apps-lite")


def test_a_libcamera_that_python_cannot_see_is_an_error_where_it_is_needed(pi: Clinic) -> None:
    pi.answers["import_problem"] = lambda *_: "ModuleNotFoundError: No module named 'libcamera'"
    assert pi.finding("libcamera").level is Level.OK
    configure(pi, "picamera")
    finding = pi.finding("libcamera")
    assert finding.level is Level.ERROR
    assert finding.fix.startswith("sudo apt install python3-picamera2")
    assert "No module named 'libcamera'" in finding.text


def test_a_usb_camera_is_told_by_its_lasting_name_and_a_missing_one_is_an_error(pi: Clinic) -> None:
    configure(pi, "usb")
    assert pi.finding("camera").level is Level.ERROR
    make_machine(pi.root, {BY_ID: "", "dev/video0": ""})
    assert "usb-046d_HD_Webcam" in pi.finding("camera").text
    configure(pi, "usb", "/dev/video0")
    assert pi.finding("camera").level is Level.OK
    configure(pi, "usb", "/dev/video7")
    finding = pi.finding("camera")
    assert finding.level is Level.ERROR
    assert finding.fix == f'[camera] device = "/{BY_ID}"'


def test_a_usb_cameras_modes_are_told_where_they_can_be(pi: Clinic) -> None:
    configure(pi, "usb")
    make_machine(pi.root, {BY_ID: ""})
    assert "unknown" in pi.finding("camera").text
    add_command(pi.root, "usr/bin/v4l2-ctl", f"test $2 = /{BY_ID} && cat <<'END'\n{USB_MODES}END")
    assert pi.finding("camera").text.endswith("modes: 1280x720 at 30/s, 640x480 at 60/s.")


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_a_usb_camera_on_a_system_that_does_not_tell_is_no_error(pi: Clinic, platform: str) -> None:
    configure(pi, "usb")
    pi.answers["platform"] = platform
    assert pi.finding("camera").level is Level.OK


@pytest.mark.parametrize(
    ("line", "level", "words"),
    [
        ("pocketpilot@pi.service loaded active running Pocketpilot, driven by pi", Level.OK, "is running"),
        ("pocketpilot@pi.service loaded failed failed Pocketpilot, driven by pi", Level.ERROR, "has failed"),
        ("", Level.OK, "started by hand"),
    ],
)
def test_the_services_state_is_told(pi: Clinic, line: str, level: Level, words: str) -> None:
    add_command(pi.root, "usr/bin/systemctl", f'test "$1" = list-units && echo "{line}"')
    finding = pi.finding("service")
    assert finding.level is level
    assert words in finding.text
    assert finding.fix == ("journalctl -u pocketpilot@pi.service -e" if level is Level.ERROR else "")


def test_a_service_that_is_installed_is_told_with_what_enables_it(pi: Clinic) -> None:
    make_machine(pi.root, {"etc/systemd/system/pocketpilot@.service": ""})
    assert "sudo systemctl enable --now pocketpilot@pi" in pi.finding("service").text
    make_machine(pi.root, {"etc/systemd/system/multi-user.target.wants/pocketpilot@pi.service": ""})
    assert "pocketpilot@pi.service starts with the machine" in pi.finding("service").text


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (None, "apt install python3-evdev"),
        (Gamepads(), "No gamepad"),
        (Gamepads(("Wireless Controller",)), "Wireless Controller is there"),
    ],
)
def test_a_gamepad_is_told_by_its_name(pi: Clinic, seen: Gamepads | None, words: str) -> None:
    pi.answers["gamepads"] = lambda: seen
    finding = pi.finding("gamepad")
    assert (finding.level, words in finding.text) == (Level.OK, True)


def test_every_gamepad_is_named_and_why_one_cannot_drive(pi: Clinic) -> None:
    odd = Refusal("No-name cannot drive: it only counts.", "Switch it.")
    pi.answers["gamepads"] = lambda: Gamepads(("Left", "Right"), (odd,))
    findings = [finding for finding in pi.examine().findings if finding.check == "gamepad"]
    assert [finding.level for finding in findings] == [Level.OK, Level.OK, Level.WARNING]
    assert (findings[-1].text, findings[-1].fix) == (odd.text, odd.fix)


def test_the_doctor_finds_what_a_drive_would_find(pi: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    unknown = FakePad("No-name", vendor=0x1234, product=0x5678, buttons=(*range(0x130, 0x13C),))
    plugged_in = FakeEvdev(FakePad("Left"), unknown)
    monkeypatch.setattr("car.doctor.patient.import_evdev", lambda: plugged_in)
    pi.answers["gamepads"] = gamepads
    findings = [finding for finding in pi.examine().findings if finding.check == "gamepad"]
    assert [finding.level for finding in findings] == [Level.OK, Level.WARNING]
    assert "No-name cannot drive" in findings[1].text


def test_a_gamepad_that_this_user_may_not_use_is_named_with_the_command_that_grants_it(pi: Clinic) -> None:
    make_machine(
        pi.root,
        {
            "dev/input/event5": "",
            "sys/class/input/event5/device/js0/dev": "13:0",
            "sys/class/input/event5/device/name": "Wireless Controller\n",
            "dev/input/event6": "",
            "sys/class/input/event6/device/name": "Keyboard\n",
        },
    )
    pi.answers["may_use"] = lambda path: path.parent.name != "input"
    finding = pi.finding("gamepad")
    assert finding.level is Level.WARNING
    assert finding.text == "Wireless Controller cannot drive: this user may not use /dev/input/event5."
    assert finding.fix == "sudo usermod -aG input pi && sudo reboot"


def test_a_gamepad_that_nothing_reads_is_named_with_what_does(pi: Clinic) -> None:
    pi.answers["gamepads"] = lambda: None
    make_machine(
        pi.root,
        {
            "dev/input/event5": "",
            "sys/class/input/event5/device/js0/dev": "13:0",
            "sys/class/input/event5/device/name": "Wireless Controller\n",
        },
    )
    finding = pi.finding("gamepad")
    assert finding.level is Level.WARNING
    assert finding.text == "Wireless Controller cannot drive: evdev, which reads gamepads, is not installed."
    assert finding.fix == "sudo apt install python3-evdev"


def test_this_machines_own_answers_are_answers(tmp_path: Path) -> None:
    assert gamepads() in (None, Gamepads())
    assert gpio_label(tmp_path / "nothing") == ""
    assert gpio_label(Path("/dev/null")) == ""
    assert import_problem("json", "decimal") == ""
    assert import_problem("json", "no_such_module") == "ModuleNotFoundError: No module named 'no_such_module'"
    assert user_name()
    assert installed_version("no-such-package") is None


class I2cBus:
    """An smbus2.SMBus at which some addresses answer, one is held by a driver, and a write would be seen."""

    def __init__(self, bus: int) -> None:
        assert bus == 1

    def __enter__(self) -> "I2cBus":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read_byte(self, i2c_addr: int, force: bool | None = None) -> int:
        if i2c_addr == 0x68:
            raise OSError(errno.EBUSY, "Device or resource busy")
        if i2c_addr != 0x40:
            raise OSError(errno.EREMOTEIO, "Remote I/O error")
        return 0


def test_the_i2c_bus_is_only_read_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smbus2.SMBus", I2cBus)
    assert i2c_answers(1, [0x3C, 0x40, 0x68]) == [0x40, 0x68]
