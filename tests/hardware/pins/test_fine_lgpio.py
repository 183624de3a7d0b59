"""The GPIOs of the header through gpiozero's real LGPIOFactory, on a fake lgpio."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import pytest
from gpiozero import DigitalOutputDevice, PinInvalidState, PWMOutputDevice

from hardware.errors import DrivetrainError
from hardware.pins.opening import open_gpios
from tests.hardware.fakes.lgpio import PI_4B, PI_5B, FakeLgpio, install


@pytest.fixture
def lgpio(monkeypatch: pytest.MonkeyPatch) -> FakeLgpio:
    return install(monkeypatch)


@pytest.mark.parametrize(
    ("chips", "revision", "number"),
    [
        ({0: "pinctrl-bcm2711", 1: "raspberrypi-exp-gpio"}, PI_4B, 0),
        ({0: "gpio-brcmstb@107d508500", 4: "pinctrl-rp1"}, PI_5B, 4),
        ({0: "pinctrl-rp1", 10: "gpio-brcmstb@107d508500"}, PI_5B, 0),
        ({0: "gpio-brcmstb@107d508500", 15: "pinctrl-rp1"}, PI_5B, 15),
    ],
)
@pytest.mark.parametrize("fine", [True, False])
def test_the_chip_is_found_by_its_label_whatever_its_number(
    monkeypatch: pytest.MonkeyPatch, chips: Mapping[int, str], revision: int, number: int, fine: bool
) -> None:
    lgpio = install(monkeypatch, chips, revision)
    with open_gpios(fine=fine) as factory:
        assert factory.chip == number
        assert list(lgpio.opened.values()) == [number]
    assert not lgpio.opened


def test_no_chip_of_a_raspberry_pi_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch, {0: "gpio-mockup"})
    with pytest.raises(DrivetrainError, match="group gpio"):
        open_gpios(fine=True)


@pytest.mark.parametrize("module", [None, ModuleType("lgpio")], ids=["none", "the empty 0.0.0.2"])
def test_no_lgpio_says_what_to_do(monkeypatch: pytest.MonkeyPatch, module: ModuleType | None) -> None:
    install(monkeypatch)
    monkeypatch.setitem(sys.modules, "lgpio", module)
    with pytest.raises(DrivetrainError, match="apt install python3-lgpio"):
        open_gpios(fine=True)


def test_importing_lgpio_leaves_the_program_where_it_was(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lgpio: FakeLgpio
) -> None:
    class MovingFinder:
        """Goes where LG_WD says when lgpio is imported, as lgpio's own C code does."""

        @staticmethod
        def find_spec(name: str, *_: object) -> None:
            if name == "gpiozero.pins.lgpio":
                os.chdir(os.environ["LG_WD"])

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LG_WD", raising=False)
    monkeypatch.setattr(sys, "meta_path", [MovingFinder, *sys.meta_path])
    open_gpios(fine=True).close()
    assert Path.cwd() == tmp_path
    assert os.access(os.environ["LG_WD"], os.W_OK)
    monkeypatch.delenv("LG_WD")


def test_a_float_duty_reaches_lgpio_and_is_what_is_read_back(lgpio: FakeLgpio) -> None:
    with open_gpios(fine=True) as factory, PWMOutputDevice(12, frequency=50, pin_factory=factory) as device:
        device.value = 0.07505
        assert lgpio.pulses_us(12) == [1501]
        assert device.value == pytest.approx(0.07505)


def test_a_write_that_fails_is_an_error_and_not_taken_for_done(lgpio: FakeLgpio) -> None:
    with (
        open_gpios(fine=True) as factory,
        PWMOutputDevice(12, frequency=50, initial_value=0.075, pin_factory=factory) as device,
    ):
        lgpio.broken = True
        with pytest.raises(PinInvalidState, match="unexpected error"):
            device.value = 0.1
        assert device.value == pytest.approx(0.075)
        lgpio.broken = False


def test_a_plain_output_is_still_one(lgpio: FakeLgpio) -> None:
    with open_gpios(fine=True) as factory, DigitalOutputDevice(4, pin_factory=factory) as device:
        device.on()
        assert lgpio.gpio_read(0, 4) == 1


def test_a_line_that_another_program_has_is_named(lgpio: FakeLgpio) -> None:
    lgpio.busy.add(12)
    with open_gpios(fine=True) as factory, pytest.raises(DrivetrainError, match=r"12.*GPIO busy"):
        PWMOutputDevice(12, frequency=50, pin_factory=factory)


def test_closing_twice_leaves_every_line_an_input(lgpio: FakeLgpio) -> None:
    factory = open_gpios(fine=True)
    with PWMOutputDevice(12, frequency=50, initial_value=0.075, pin_factory=factory):
        assert 12 in lgpio.outputs
    factory.close()
    factory.close()
    assert 12 not in lgpio.outputs
