"""Hardware PWM through the kernel's files: the right chip, errors that are heard, and pulses that end."""

import contextlib
import errno
from collections.abc import Mapping
from pathlib import Path

import pytest
from gpiozero import PWMOutputDevice

from hardware.errors import DrivetrainError
from hardware.pins import sysfs_pwm
from hardware.pins.hardware_pwm import HardwarePwmFactory
from tests.hardware.fakes.sysfs_pwm import PI_4, PI_5, PI_5_OTHER_KERNEL, PI_5_PIO, SysfsPwm, install


@pytest.mark.parametrize(
    ("chips", "gpio", "device", "channel"),
    [
        (PI_4, 12, "fe20c000.pwm", 0),
        (PI_4, 13, "fe20c000.pwm", 1),
        (PI_4, 19, "fe20c000.pwm", 1),
        (PI_5, 12, "1f00098000.pwm", 0),
        (PI_5, 18, "1f00098000.pwm", 2),
        (PI_5_OTHER_KERNEL, 19, "1f00098000.pwm", 3),
    ],
)
def test_the_chip_is_found_by_its_device_whatever_its_number(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chips: Mapping[int, str], gpio: int, device: str, channel: int
) -> None:
    kernel = install(monkeypatch, tmp_path, chips)
    with (
        HardwarePwmFactory(kernel) as factory,
        PWMOutputDevice(gpio, frequency=50, initial_value=0.075, pin_factory=factory),
    ):
        assert kernel.pulses_ns(device, channel) == [1_500_000]
        folder = kernel.channel(device, channel)
        assert [int((folder / name).read_text()) for name in ("period", "duty_cycle", "enable")] == [
            20_000_000,
            1_500_000,
            1,
        ]
        assert not [path for path in kernel.root.glob("*/pwm*") if path != folder]


@pytest.mark.parametrize(("gpio", "device"), [(12, "pwm_pio@c"), (13, "pwm_pio@d"), (23, "pwm_pio@17")])
def test_a_pi_5s_pio_has_a_chip_for_each_gpio_named_in_hexadecimal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gpio: int, device: str
) -> None:
    kernel = install(monkeypatch, tmp_path, PI_5_PIO)
    with (
        HardwarePwmFactory(kernel, pio=True) as factory,
        PWMOutputDevice(gpio, frequency=50, initial_value=0.075, pin_factory=factory),
    ):
        assert kernel.pulses_ns(device, 0) == [1_500_000]
    assert kernel.sent[-1][1] == 0
    assert kernel.stuck == []


def test_a_gpio_that_the_pio_does_not_have_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path, PI_5_PIO)
    for gpio in (17, 18):  # 17 in decimal is another's name in hexadecimal, and 18 has hardware PWM.
        with (
            HardwarePwmFactory(pio=True) as factory,
            pytest.raises(DrivetrainError, match=r"pwm-pio overlay to config"),
        ):
            _device = PWMOutputDevice(gpio, frequency=50, pin_factory=factory)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SysfsPwm:
    return install(monkeypatch, tmp_path, PI_4)


def test_files_that_udev_has_not_reached_yet_are_waited_for(kernel: SysfsPwm) -> None:
    with HardwarePwmFactory(kernel) as factory:
        _device = PWMOutputDevice(12, frequency=50, pin_factory=factory)
        assert kernel.now_ns() > 0


def test_files_that_never_become_ours_are_an_error_that_says_what_to_do(
    kernel: SysfsPwm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.hardware.fakes.sysfs_pwm.UDEV_NS", 2**60)
    with HardwarePwmFactory(kernel) as factory, pytest.raises(DrivetrainError, match="udev rules"):
        _device = PWMOutputDevice(12, frequency=50, pin_factory=factory)


def test_a_chip_that_never_becomes_ours_is_the_same_error(kernel: SysfsPwm, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str, _value: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(sysfs_pwm, "write", refuse)
    with HardwarePwmFactory(kernel) as factory, pytest.raises(DrivetrainError, match=r"export cannot be.*udev rules"):
        _device = PWMOutputDevice(12, frequency=50, pin_factory=factory)


def test_a_machine_without_the_overlay_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    install(monkeypatch, tmp_path, {0: "107d517a80.pwm"})
    with HardwarePwmFactory() as factory, pytest.raises(DrivetrainError, match=r"overlay to config\.txt"):
        _device = PWMOutputDevice(12, frequency=50, pin_factory=factory)
    monkeypatch.setattr(sysfs_pwm, "PWM_CLASS", str(tmp_path / "none"))
    assert sysfs_pwm.find_channel(12) is None


def test_two_gpios_of_one_channel_would_have_the_motor_follow_the_steering(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for folder, chips, names in (("pi_4", PI_4, "GPIO 12 and GPIO 18"), ("pi_5", PI_5, None)):
        kernel = install(monkeypatch, tmp_path / folder, chips)
        with HardwarePwmFactory(kernel) as factory:
            factory.pin(12)
            with pytest.raises(DrivetrainError, match=names) if names else contextlib.nullcontext():
                factory.pin(18)


def test_an_error_of_the_kernel_is_heard_at_once() -> None:
    # The kernel answers a write; a file object that is not flushed never asks.
    with pytest.raises(OSError, match="No space left"):
        sysfs_pwm.write("/dev/full", 1_500_000)


def test_a_shorter_number_leaves_nothing_of_the_longer_one(tmp_path: Path) -> None:
    path = tmp_path / "duty_cycle"
    path.touch()
    for value in (1_500_000, 900):
        sysfs_pwm.write(str(path), value)
        assert sysfs_pwm.read(str(path)) == value


def test_what_was_left_running_goes_to_neutral_without_a_gap(kernel: SysfsPwm) -> None:
    left = HardwarePwmFactory(kernel)
    _left_device = PWMOutputDevice(12, frequency=50, initial_value=0.1, pin_factory=left)
    kernel.sent.clear()
    with HardwarePwmFactory(kernel) as factory:
        _device = PWMOutputDevice(12, frequency=50, initial_value=0.075, pin_factory=factory)
        # The period as it was, then our pulse: at no time none.
        assert [duty for _, duty in kernel.sent] == [2_000_000, 1_500_000, 1_500_000]


def test_a_longer_pulse_left_by_another_program_is_no_hindrance(kernel: SysfsPwm) -> None:
    with HardwarePwmFactory(kernel) as other:
        _other_device = PWMOutputDevice(12, frequency=50, initial_value=0.5, pin_factory=other)
        with HardwarePwmFactory(kernel) as factory:
            _device = PWMOutputDevice(12, frequency=200, initial_value=0.3, pin_factory=factory)
            assert kernel.pulses_ns("fe20c000.pwm", 0)[-1] == 1_500_000
            assert sysfs_pwm.read(f"{kernel.channel('fe20c000.pwm', 0)}/period") == 5_000_000


def test_closing_ends_the_pulses_and_gives_the_channel_back(kernel: SysfsPwm) -> None:
    factory = HardwarePwmFactory(kernel)
    device = PWMOutputDevice(12, frequency=50, initial_value=0.075, pin_factory=factory)
    device.close()
    factory.close()
    factory.close()
    assert kernel.sent[-1][1] == 0
    assert not kernel.left_enabled
    assert not kernel.channel("fe20c000.pwm", 0).exists()
