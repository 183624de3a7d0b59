"""What a pin is led to, in the words of each board's tool and kernel."""

import os
from pathlib import Path

import pytest
from gpiozero import PWMOutputDevice

from car.neutral import main as car_neutral
from hardware.computer import Computer
from hardware.errors import DrivetrainError
from hardware.pins import function as function_module
from hardware.pins.function import PinFunction, find_function, function_in_listing, function_in_pins
from hardware.pins.hardware_pwm import HardwarePwmFactory
from tests.hardware.fakes import sysfs_pwm
from tests.machines import add_command, make_machine

PI_3 = """\
registered pins: 54
pin 2 (gpio2) function alt0 in hi; irq 168 (none)
pin 12 (gpio12) function {} in lo; irq 178 (none)
pin 13 (gpio13) function alt0 in lo; irq 179 (none)
pin 18 (gpio18) function alt5 in lo; irq 184 (none)
pin 19 (gpio19) function alt0 in lo; irq 185 (none)
"""
PI_4 = """\
registered pins: 58
pin 12 (gpio12) 12:pinctrl-bcm2711 function {} in lo; irq 65 (none)
pin 13 (gpio13) 13:pinctrl-bcm2711 function alt0 in lo; irq 66 (none)
pin 18 (gpio18) 18:pinctrl-bcm2711 function alt5 in lo; irq 71 (none)
pin 19 (gpio19) 19:pinctrl-bcm2711 function alt0 in lo; irq 72 (none)
"""
PI_5 = """\
registered pins: 54
pin 12 (gpio12) 12:pinctrl-rp1 function {} in lo; irq 0 (none)
pin 13 (gpio13) 13:pinctrl-rp1 function alt0 (pwm0) in lo; irq 0 (none)
pin 18 (gpio18) 18:pinctrl-rp1 function alt3 (pwm0) in lo; irq 0 (none)
pin 19 (gpio19) 19:pinctrl-rp1 function alt2 (i2s0) in lo; irq 0 (none)
"""
LISTING = """\
12: {} // GPIO12 = {}
13: a0    pd | lo // GPIO13 = PWM0_CHAN1
"""


@pytest.mark.parametrize(
    ("pins", "word", "is_pwm", "words"),
    [
        (PI_3, "alt0", True, "GPIO12 is led to alt0"),
        (PI_3, "gpio_in", False, "GPIO12 is an input"),
        (PI_3, "gpio_out", False, "GPIO12 is an output"),
        (PI_4, "alt0", True, "GPIO12 is led to alt0"),
        (PI_4, "alt3", False, "GPIO12 is led to alt3"),
        (PI_4, "gpio_in", False, "GPIO12 is an input"),
        (PI_5, "alt0 (pwm0)", True, "GPIO12 is led to pwm0"),
        (PI_5, "alt5 (gpio)", False, "GPIO12 is an input or output"),
        (PI_5, "none (none)", False, "GPIO12 is led to nothing"),
        (PI_5, "alt2 (uart4)", False, "GPIO12 is led to uart4"),
    ],
)
def test_the_kernels_debug_file_tells(pins: str, word: str, is_pwm: bool, words: str) -> None:
    function = function_in_pins(pins.format(word), 12)
    assert function is not None
    assert (function.is_pwm, str(function)) == (is_pwm, words)


@pytest.mark.parametrize("pins", [PI_3, PI_4, PI_5])
def test_a_function_that_is_pwm_on_one_pin_is_not_on_another(pins: str) -> None:
    found = {gpio: function_in_pins(pins, gpio) for gpio in (13, 18, 19)}
    assert {gpio: function and function.is_pwm for gpio, function in found.items()} == {13: True, 18: True, 19: False}


@pytest.mark.parametrize(
    ("state", "name", "is_pwm", "words"),
    [
        ("a0    pn | lo", "PWM0", True, "GPIO12 is led to PWM0"),
        ("a0    pn | lo", "PWM0_0", True, "GPIO12 is led to PWM0_0"),
        ("a0    pd | lo", "PWM0_CHAN0", True, "GPIO12 is led to PWM0_CHAN0"),
        ("ip    pn | lo", "input", False, "GPIO12 is an input"),
        ("op -- pn | hi", "output", False, "GPIO12 is an output"),
        ("no    pd | --", "none", False, "GPIO12 is led to nothing"),
        ("a5    pn | lo", "SDA5", False, "GPIO12 is led to SDA5"),
    ],
)
def test_the_tool_tells(state: str, name: str, is_pwm: bool, words: str) -> None:
    function = function_in_listing(LISTING.format(state, name), 12)
    assert function is not None
    assert (function.is_pwm, str(function)) == (is_pwm, words)


@pytest.mark.parametrize(
    "text", ["", "Permission denied", "12: ip", "pin 12", "112: ip pn | lo // GPIO112 = input", "\0"]
)
def test_what_is_said_in_other_words_is_not_known(text: str) -> None:
    assert function_in_listing(text, 12) is None
    assert function_in_pins(text, 12) is None


def test_where_nobody_tells_nothing_is_known(tmp_path: Path) -> None:
    computer = Computer(root=tmp_path)
    assert find_function(12, computer) is None
    add_command(tmp_path, "usr/bin/pinctrl", "echo 'No GPIO chips found'; exit 1")
    make_machine(tmp_path, {"sys/kernel/debug/pinctrl/fe200000.gpio-pinctrl-bcm2711/pins": "registered pins: 0\n"})
    assert find_function(12, computer) is None


def test_a_pi_5s_own_chip_is_not_taken_for_the_headers(tmp_path: Path) -> None:
    make_machine(
        tmp_path,
        {
            "sys/kernel/debug/pinctrl/107d504100.pinctrl-107d504100.pinctrl/pins": "pin 12 (gpio12) function gpio\n",
            "sys/kernel/debug/pinctrl/1f000d0000.gpio-pinctrl-rp1/pins": PI_5.format("alt0 (pwm0)"),
        },
    )
    assert find_function(12, Computer(root=tmp_path)) == PinFunction(12, "pwm0", is_pwm=True)


def test_the_tool_comes_first_and_the_debug_files_are_for_where_there_is_none(tmp_path: Path) -> None:
    computer = Computer(root=tmp_path)
    make_machine(
        tmp_path,
        {
            "sys/kernel/debug/pinctrl/107d504100.pinctrl-107d504100.pinctrl/pins": "pin 0 (gpio0) function alt1\n",
            "sys/kernel/debug/pinctrl/1f000d0000.gpio-pinctrl-rp1/pins": PI_5.format("alt5 (gpio)"),
        },
    )
    assert find_function(12, computer) == PinFunction(12, "gpio", is_pwm=False)
    add_command(tmp_path, "usr/bin/pinctrl", 'echo "$2: a0    pd | lo // GPIO$2 = PWM0_CHAN0"')
    assert find_function(12, computer) == PinFunction(12, "PWM0_CHAN0", is_pwm=True)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> sysfs_pwm.SysfsPwm:
    """A Pi 4 on which a program has had GPIO12 as a GPIO, and whose PWM files look healthy."""
    monkeypatch.setattr(function_module, "ROOT", tmp_path / "root")
    add_command(
        tmp_path / "root",
        "usr/bin/pinctrl",
        'case $2 in 12) echo "12: ip    pn | lo // GPIO12 = input";; '
        '*) echo "$2: a0    pn | lo // GPIO$2 = PWM0_1";; esac',
    )
    return sysfs_pwm.install(monkeypatch, tmp_path, sysfs_pwm.PI_4)


def test_a_drivetrain_whose_pulses_would_not_come_out_does_not_open(kernel: sysfs_pwm.SysfsPwm) -> None:
    factory = HardwarePwmFactory(kernel)
    with pytest.raises(DrivetrainError, match=r"GPIO12 is an input, .*sudo reboot"):
        PWMOutputDevice(12, frequency=50, pin_factory=factory)
    PWMOutputDevice(13, frequency=50, pin_factory=factory).close()
    factory.close()


def test_car_neutral_says_that_its_pulses_reach_nobody_once_the_others_are_neutral(
    kernel: sysfs_pwm.SysfsPwm, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _device = PWMOutputDevice(13, frequency=50, initial_value=0.1, pin_factory=HardwarePwmFactory(kernel))
    monkeypatch.setattr("hardware.neutral.time.sleep", lambda _: None)
    (tmp_path / "car.toml").write_text('[drivetrain]\nkind = "servo_esc"\npins = "hardware_pwm"\n', encoding="utf-8")
    assert car_neutral(["--car", os.fspath(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "GPIO12 is an input" in said
    assert "sudo reboot" in said
    assert "GPIO13" not in said
    assert [duty for _, duty in kernel.sent[-3:]] == [1_500_000, 0, 0]
