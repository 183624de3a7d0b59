"""What turns the wheels: what the doctor says of pins, buses, config.txt and the steering's steps."""

import errno
import subprocess
from pathlib import Path

import pytest

from car.kinds.verdict import Level
from tests.car.doctor.patients import BOOKWORM_VERSIONS, TRIXIE_VERSIONS, Clinic, bad
from tests.machines import add_command, add_pwm_chip, make_laptop, make_machine, make_pi_4, make_pi_5

COMPLETE = '[camera]\nkind = "picamera"\nfov_deg = 62.2\n[calibration]\ncalibrated = 2025-11-25\n'


def servo(pins: str) -> str:
    return f'[drivetrain]\nkind = "servo_esc"\npins = "{pins}"\n{COMPLETE}'


@pytest.fixture
def pi(tmp_path: Path) -> Clinic:
    return Clinic(tmp_path, make_pi_4, BOOKWORM_VERSIONS)


@pytest.mark.parametrize(("make", "versions"), [(make_pi_4, BOOKWORM_VERSIONS), (make_pi_5, TRIXIE_VERSIONS)])
@pytest.mark.parametrize("pins", ["pca9685", "hardware_pwm", "fine_lgpio"])
def test_a_car_that_is_set_up_as_it_should_be_is_well_on_both_boards(  # type: ignore[no-untyped-def]
    tmp_path: Path, make, versions, pins: str
) -> None:
    clinic = Clinic(tmp_path, make, versions)
    clinic.configure(servo(pins))
    assert bad(clinic.examine()) == []


@pytest.mark.parametrize(
    ("pins", "level", "words"),
    [
        ("lgpio", Level.ERROR, "200 µs: 6 positions"),
        ("pca9685", Level.OK, "4.88 µs: 205 positions"),
        ("fine_lgpio", Level.OK, "1 µs: 1001 positions"),
        ("hardware_pwm", Level.OK, "0.1 µs: 10001 positions"),
    ],
)
def test_the_steps_of_the_steering_are_told_and_gpiozeros_own_six_positions_are_an_error(
    pi: Clinic, pins: str, level: Level, words: str
) -> None:
    pi.configure(servo(pins))
    finding = pi.finding("steering")
    assert finding.level is level
    assert words in finding.text
    assert ("pca9685" in finding.fix) == (level is Level.ERROR)


def test_a_real_drivetrain_has_to_be_calibrated(pi: Clinic) -> None:
    pi.configure('[drivetrain]\nkind = "servo_esc"\n')
    finding = pi.finding("drivetrain")
    assert (finding.level, "car calibrate" in finding.fix) == (Level.ERROR, True)
    pi.configure(servo("pca9685"))
    assert "2025-11-25" in pi.finding("drivetrain").text


def test_a_real_drivetrain_on_a_laptop_is_an_error(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, make_laptop, TRIXIE_VERSIONS)
    clinic.configure(servo("pca9685"))
    assert clinic.finding("drivetrain").level is Level.ERROR


def test_chips_are_told_by_name_whatever_their_number(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, make_pi_5, TRIXIE_VERSIONS)
    assert "gpiochip4 is pinctrl-rp1" in clinic.finding("gpio").text
    assert "pwmchip2 is 1f00098000.pwm" in clinic.finding("pwm").text


@pytest.mark.parametrize(
    ("pins", "level"), [("fine_lgpio", Level.ERROR), ("lgpio", Level.ERROR), ("pca9685", Level.OK)]
)
def test_a_header_whose_chip_is_not_there_is_an_error_where_it_is_used(pi: Clinic, pins: str, level: Level) -> None:
    (pi.root / "dev/gpiochip0").unlink()
    pi.configure(servo(pins))
    assert pi.finding("gpio").level is level


@pytest.mark.parametrize(
    ("line", "level"),
    [
        ("dtoverlay=pwm-2chan", Level.ERROR),  # which is GPIO18 and GPIO19
        ("dtoverlay=pwm,pin=12,func=4", Level.ERROR),
        ("dtoverlay=pwm-2chan,pin=13,func=4,pin2=12,func2=4", Level.OK),
        ("dtoverlay=pwm,pin=12,func=4\ndtoverlay=pwm,pin=13,func=4", Level.OK),
        ("dtoverlay=an-overlay-of-ones-own", Level.OK),
    ],
)
def test_hardware_pwm_that_config_txt_leads_to_other_pins_is_an_error(tmp_path: Path, line: str, level: Level) -> None:
    clinic = Clinic(tmp_path, make_pi_4, BOOKWORM_VERSIONS)
    make_machine(clinic.root, {"boot/firmware/config.txt": f"{line}\n"})
    clinic.configure(servo("hardware_pwm"))
    assert clinic.finding("pwm").level is level


def test_a_pwm_chip_of_another_device_is_no_help(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, lambda root: make_pi_4(root), BOOKWORM_VERSIONS)
    (clinic.root / "sys/class/pwm/pwmchip0/device").unlink()
    (clinic.root / "sys/class/pwm/pwmchip0/export").unlink()
    add_pwm_chip(clinic.root, 0, "107d517a80.pwm")
    assert clinic.finding("pwm").level is Level.OK
    clinic.configure(servo("hardware_pwm"))
    finding = clinic.finding("pwm")
    assert finding.level is Level.ERROR
    assert "GPIO12 and GPIO13" in finding.text
    assert "dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4" in finding.fix


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("dtoverlay=pwm-2chan,pin=12,func=2,pin2=13,func2=4", "GPIO12 the function 2"),
        ("dtoverlay=pwm-2chan,pin=12,pin2=13", "GPIO12 and GPIO13 the function 2 and 2"),
    ],
)
def test_an_overlay_whose_function_is_not_pwm_there_is_an_error(pi: Clinic, line: str, words: str) -> None:
    make_machine(pi.root, {"boot/firmware/config.txt": f"{line}\n"})
    assert pi.finding("pwm").level is Level.OK
    pi.configure(servo("hardware_pwm"))
    finding = pi.finding("pwm")
    assert finding.level is Level.ERROR
    assert words in finding.text
    assert "dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4" in finding.fix


@pytest.mark.parametrize("chips", [True, False])
def test_the_line_for_other_pins_is_printed_with_their_functions(tmp_path: Path, chips: bool) -> None:
    clinic = Clinic(tmp_path, make_pi_5, TRIXIE_VERSIONS)
    clinic.configure(servo("hardware_pwm").replace("[camera]", "steering_pin = 18\nthrottle_pin = 19\n[camera]"))
    if not chips:
        (clinic.root / "sys/class/pwm/pwmchip2/device").unlink()
        (clinic.root / "sys/class/pwm/pwmchip2/export").unlink()
    finding = clinic.finding("pwm")
    assert finding.level is Level.ERROR
    assert "dtoverlay=pwm-2chan,pin=18,func=2,pin2=19,func2=2" in finding.fix
    make_machine(clinic.root, {"boot/firmware/config.txt": "dtoverlay=pwm-2chan\n"})
    assert (clinic.finding("pwm").level is Level.OK) == chips


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4", "sudo reboot"),
        ("", "dtoverlay=pwm-2chan,pin=12,func=4,pin2=13,func2=4"),
    ],
)
def test_a_pin_that_a_program_has_made_a_gpio_is_an_error_however_healthy_sysfs_looks(
    pi: Clinic, config: str, words: str
) -> None:
    make_machine(pi.root, {"boot/firmware/config.txt": f"{config}\n"})
    add_command(pi.root, "usr/bin/pinctrl", 'echo "$2: ip    pn | lo // GPIO$2 = input"')
    assert pi.finding("pwm").level is Level.OK
    pi.configure(servo("hardware_pwm"))
    finding = pi.finding("pwm")
    assert finding.level is Level.ERROR
    assert "GPIO12 is an input and GPIO13 is an input" in finding.text
    assert words in finding.fix
    add_command(pi.root, "usr/bin/pinctrl", 'echo "$2: a0    pn | lo // GPIO$2 = PWM0_0"')
    assert pi.finding("pwm").level is Level.OK


def pi_with_pio(tmp_path: Path) -> Clinic:
    clinic = Clinic(tmp_path, make_pi_5, TRIXIE_VERSIONS)
    clinic.configure(servo("pwm_pio").replace("[camera]", "steering_pin = 23\nthrottle_pin = 17\n[camera]"))
    return clinic


def test_pwm_by_pio_needs_a_line_for_each_pin(tmp_path: Path) -> None:
    clinic = pi_with_pio(tmp_path)
    add_pwm_chip(clinic.root, 7, "pwm_pio@17")  # GPIO23's
    finding = clinic.finding("pwm")
    assert finding.level is Level.ERROR
    assert "No PWM by PIO reaches GPIO17;" in finding.text
    assert "dtoverlay=pwm-pio,gpio=23\\ndtoverlay=pwm-pio,gpio=17" in finding.fix
    add_pwm_chip(clinic.root, 8, "pwm_pio@11")
    assert clinic.finding("pwm").level is Level.OK
    add_command(clinic.root, "usr/bin/pinctrl", 'echo "$2: ip    pn | lo // GPIO$2 = input"')
    finding = clinic.finding("pwm")
    assert (finding.level, finding.fix) == (Level.ERROR, "sudo reboot")
    add_command(clinic.root, "usr/bin/pinctrl", 'echo "$2: a7    pn | lo // GPIO$2 = PIO$2"')
    assert clinic.finding("pwm").level is Level.OK


@pytest.mark.parametrize(
    ("release", "level"),
    [
        ("6.6.31+rpt-rpi-2712", Level.OK),
        ("6.12.34+rpt-rpi-2712", Level.ERROR),
        ("6.12.75+rpt-rpi-2712", Level.OK),
        ("6.18.34+rpt-rpi-v8", Level.ERROR),
        ("6.18.35-v8-16k+", Level.OK),
        ("another system", Level.OK),
    ],
)
def test_kernels_that_crash_by_it_are_named(tmp_path: Path, release: str, level: Level) -> None:
    clinic = pi_with_pio(tmp_path)
    add_pwm_chip(clinic.root, 7, "pwm_pio@17")
    add_pwm_chip(clinic.root, 8, "pwm_pio@11")
    make_machine(clinic.root, {"proc/sys/kernel/osrelease": f"{release}\n"})
    finding = clinic.finding("pwm")
    assert finding.level is level
    assert (release in finding.text) == (level is Level.ERROR)


def test_a_pi_4_has_no_pio(pi: Clinic) -> None:
    pi.configure(servo("pwm_pio"))
    finding = pi.finding("pwm")
    assert finding.level is Level.ERROR
    assert "this is Raspberry Pi 4" in finding.text


@pytest.mark.parametrize(
    ("lines", "words", "fix"),
    [
        ("dtparam=strict_gpiod=false", "switches strict_gpiod off", "make that line dtparam=strict_gpiod"),
        ("[gpio4=1]\ndtparam=strict_gpiod", "under [gpio4=1] only", "[all]"),
    ],
)
def test_strict_gpiod_that_is_off_or_may_not_hold_is_told(pi: Clinic, lines: str, words: str, fix: str) -> None:
    make_machine(pi.root, {"boot/firmware/config.txt": f"{lines}\n"})
    assert pi.finding("released_pins").level is Level.OK
    pi.configure(f'[drivetrain]\nkind = "differential"\n{COMPLETE}')
    strict = pi.finding("released_pins")
    assert strict.level is Level.ERROR
    assert words in strict.text
    assert fix in strict.fix


@pytest.mark.parametrize(
    ("lines", "has_it"),
    [
        ("", False),
        ("dtparam=strict_gpiod", True),
        ("dtparam=i2c_arm=on,strict_gpiod", True),
        ("#dtparam=strict_gpiod", False),
        ("dtparam=strict_gpiod # for the motors", True),
        ("dtparam=strict_gpiod=off", False),
        ("[pi5]\ndtparam=strict_gpiod", False),
        ("[pi4]\ndtparam=strict_gpiod", True),
        ("[pi5]\narm_boost=1\n[all]\ndtparam=strict_gpiod", True),
        ("[none]\ndtparam=strict_gpiod", False),
    ],
)
def test_motors_on_gpio_pins_need_strict_gpiod(pi: Clinic, lines: str, has_it: bool) -> None:
    make_machine(pi.root, {"boot/firmware/config.txt": f"{lines}\n"})
    pi.configure(f'[drivetrain]\nkind = "differential"\n{COMPLETE}')
    strict = pi.finding("released_pins")
    assert strict.level is (Level.OK if has_it else Level.ERROR)
    assert ("dtparam=strict_gpiod" in strict.fix) is not has_it


def test_a_line_that_waits_for_a_reboot_is_told(pi: Clinic) -> None:
    make_machine(pi.root, {"sys/module/pinctrl_bcm2835/parameters/persist_gpio_outputs": "Y\n"})
    strict = pi.finding("released_pins")
    assert (strict.level, strict.fix) == (Level.WARNING, "sudo reboot")
    assert pi.finding("overlays").text == "Overlays: vc4-kms-v3d; pwm-2chan,pin=12,func=4,pin2=13,func2=4."


def test_the_command_that_fixes_config_txt_fixes_it(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, make_pi_4, BOOKWORM_VERSIONS)
    make_machine(clinic.root, {"boot/firmware/config.txt": "dtoverlay=vc4-kms-v3d\n[pi5]\narm_boost=1\n"})
    clinic.configure(f'[drivetrain]\nkind = "differential"\n{COMPLETE}')
    command = clinic.finding("released_pins").fix.partition(" && ")[0]
    command = command.replace("sudo ", "").replace("/boot", str(clinic.root / "boot"))
    subprocess.run(["sh", "-c", command], check=True, capture_output=True)
    assert bad(clinic.examine()) == []


def test_an_i2c_bus_that_is_off_is_an_error_where_it_is_used(pi: Clinic) -> None:
    (pi.root / "dev/i2c-1").unlink()
    assert pi.finding("i2c").level is Level.OK
    pi.configure(servo("pca9685"))
    finding = pi.finding("i2c")
    assert (finding.level, finding.fix) == (Level.ERROR, "sudo raspi-config nonint do_i2c 0")


def test_a_servo_board_that_does_not_answer_is_an_error_with_those_that_do(pi: Clinic) -> None:
    pi.answers["i2c_answers"] = lambda _bus, addresses: [address for address in addresses if address == 0x68]
    assert pi.finding("i2c").level is Level.OK
    pi.configure(servo("pca9685"))
    finding = pi.finding("i2c")
    assert finding.level is Level.ERROR
    assert "0x40" in finding.text
    assert "0x68 (a motion sensor, or a clock)" in finding.text


@pytest.mark.parametrize(
    ("problem", "fix"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "sudo usermod -aG i2c pi && sudo reboot"),
        (ImportError("smbus2"), "smbus2"),
    ],
)
def test_a_bus_that_cannot_be_looked_at_is_told_with_what_to_do(pi: Clinic, problem: Exception, fix: str) -> None:
    def answers(_bus: int, _addresses: list[int]) -> list[int]:
        raise problem

    pi.answers["i2c_answers"] = answers
    finding = pi.finding("i2c")
    assert finding.level is Level.WARNING
    assert fix in finding.fix


def test_the_servo_board_is_asked_for_where_car_toml_says_it_is(pi: Clinic) -> None:
    asked: list[int] = []

    def answers(bus: int, addresses: list[int]) -> list[int]:
        asked.extend([bus, *addresses])
        return [0x55]

    pi.answers["i2c_answers"] = answers
    (pi.root / "dev/i2c-3").touch()
    pi.configure(f'[drivetrain]\nkind = "servo_esc"\ni2c_bus = 3\ni2c_address = 0x55\n{COMPLETE}')
    assert pi.finding("i2c").level is Level.OK
    assert asked[0] == 3
    # The all-call addresses, and those at which a read means something to somebody, are left alone.
    assert not {0x00, 0x70, *range(0x30, 0x38), *range(0x50, 0x55)} & set(asked[1:])


def test_a_user_who_may_not_use_the_devices_is_told_the_groups(pi: Clinic) -> None:
    pi.answers["may_use"] = lambda path: path.name not in {"gpiochip0", "i2c-1", "export"}
    assert pi.finding("permissions").level is Level.WARNING
    pi.configure(servo("pca9685"))
    finding = pi.finding("permissions")
    assert finding.level is Level.ERROR
    assert finding.fix == "sudo usermod -aG gpio,i2c pi && sudo reboot"
