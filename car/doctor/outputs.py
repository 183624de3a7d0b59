"""What turns the wheels: calibration, steps of the steering, GPIO and PWM chips, the I²C bus, config.txt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from car.arming import ADVICE, COARSEST_STEERING_US
from car.doctor import config_txt
from car.doctor.config_txt import PWM_FUNCTIONS, pio_lines, pwm_line, read_config_txt
from car.doctor.patient import Machine, Patient
from car.gate import ArmRefusal
from car.kinds.drivetrain import PinNeeds
from car.kinds.ours import DRIVETRAINS
from car.kinds.verdict import Verdict, error, ok, warning
from hardware.drivetrains.plain import I2C_ADDRESS, I2C_BUS
from hardware.pins.function import find_function
from hardware.pins.sysfs_pwm import channel_on

CONFIG_TXT = f"{config_txt.FOLDER}/{config_txt.NAME}"
STRICT_GPIO = "dtparam=strict_gpiod"
WITH_PIO = ("Raspberry Pi 5", "Raspberry Pi Compute Module 5")
CRASHING_KERNELS = (((6, 12, 34), (6, 12, 75)), ((6, 18, 0), (6, 18, 35)))
"""Where PWM by PIO was seen to crash the kernel, and the first release after it where it was seen to work, or that may
have the mend: raspberrypi/linux issues 6971 (6.12.34), 7458 (6.18.34, while 6.12.75 works) and 7439, the mend."""
I2C_DEVICES = {
    0x29: "a range sensor",
    0x3C: "a display",
    0x40: "a PCA9685",
    0x41: "a current sensor, or a PCA9685",
    0x48: "an ADC",
    0x60: "a PCA9685 on a motor board",
    0x68: "a motion sensor, or a clock",
}
"""The addresses that are asked, and what mostly lives there. Others are left alone: to some devices a read means
something."""


def drivetrain(patient: Patient) -> Iterator[Verdict]:
    """Whether the machine has what car.toml wants to drive with, and whether that is calibrated."""
    section, calibration = patient.config.drivetrain, patient.config.calibration
    kind = DRIVETRAINS.find(section.kind)
    of_package = f", of the package {kind.package}," if kind.package else ""
    if _needs(patient).is_any and not patient.machine.is_pi:
        yield error(
            f"car.toml has a {section.kind} drivetrain, and this is not a Pi.",
            '[drivetrain] kind = "simulated", or run it on the Raspberry Pi',
        )
    elif not kind.fields(section, calibration):
        if not kind.is_simulated:
            yield ok(f"The {section.kind} drivetrain{of_package} has nothing to calibrate.")
    elif calibration.calibrated is None:
        yield error(f"The {section.kind} drivetrain{of_package} is not calibrated.", ADVICE[ArmRefusal.NOT_CALIBRATED])
    else:
        yield ok(f"The {section.kind} drivetrain{of_package} was calibrated on {calibration.calibrated}.")
    yield from kind.check(section, patient.machine)


def steering(patient: Patient) -> Iterator[Verdict]:
    """How finely the steering can be set through the configured pins."""
    section = patient.config.drivetrain
    step_us = section.steering_step_us
    if step_us is None:
        yield ok("The steering uses no pulses.")
        return
    text = DRIVETRAINS.find(section.kind).steering_words(section, patient.config.calibration)
    if step_us > COARSEST_STEERING_US:
        yield error(f"{text}, too coarse to arm.", ADVICE[ArmRefusal.COARSE_STEERING])
    else:
        yield ok(f"{text}.")


def gpio(patient: Patient) -> Iterator[Verdict]:
    """Which GPIO chips there are, by name, and whether the header's is among them."""
    from hardware.pins.gpiochip import HEADER_LABELS  # Not on Windows.

    machine = patient.machine
    chips = {path.name: machine.gpio_label(path) for path in sorted(machine.root.glob("dev/gpiochip*"))}
    words = ", ".join(f"{name} is {label or 'closed to this user'}" for name, label in chips.items()) or "none"
    if any(label in HEADER_LABELS for label in chips.values()):
        yield ok(f"GPIO chips: {words}.")
    elif _needs(patient).gpio:
        yield error(f"The chip of the 40-pin header was not found; GPIO chips: {words}.", "ls -l /dev/gpiochip*")
    else:
        yield ok(f"GPIO chips: {words}; none is needed.")


def pwm(patient: Patient) -> Iterator[Verdict]:
    """Which PWM chips there are, by the name of their hardware, and whether they reach the configured pins."""
    machine, needs = patient.machine, _needs(patient)
    pio = bool(needs.pio_gpios)
    wanted = needs.pio_gpios if pio else needs.pwm_gpios
    folder = machine.root / "sys/class/pwm"
    chips = {path.name: (path / "device").resolve().name for path in sorted(folder.glob("pwmchip*"))}
    words = ", ".join(f"{name} is {device}" for name, device in chips.items()) or "none"
    missing = [pin for pin in wanted if all(channel_on(device, pin, pio=pio) is None for device in chips.values())]
    if pio and not machine.board.startswith(WITH_PIO):
        yield error(
            f'pins = "pwm_pio" needs the PIO of a Raspberry Pi 5, and this is {machine.board or "no Raspberry Pi"}.',
            'In [drivetrain] of car.toml, set pins = "pca9685" or "hardware_pwm".',
        )
    elif missing:
        name, lines = ("PWM by PIO", pio_lines(wanted)) if pio else ("hardware PWM", pwm_line(wanted))
        yield error(f"No {name} reaches {_in_words(missing)}; PWM chips: {words}.", _add_line(lines))
    elif problem := _wrong_overlay(machine, needs.pwm_gpios) or _wrong_function(machine, wanted, pio=pio):
        yield problem
    elif pio and (seen := _crashing_kernel(machine)):
        yield seen
    else:
        yield ok(f"PWM chips: {words}.")


def _crashing_kernel(machine: Machine) -> Verdict | None:
    """Return what is known of this kernel's PWM by PIO, where that is bad."""
    release = machine.text("proc/sys/kernel/osrelease")
    numbers = re.match(r"(\d+)\.(\d+)\.(\d+)", release)
    version = tuple(map(int, numbers.groups())) if numbers else ()
    for first, good in CRASHING_KERNELS:
        if first <= version < good:
            return error(
                f"The kernel {release} may crash when PWM by PIO is switched on, with the car at full throttle.",
                f"sudo apt full-upgrade && sudo reboot, until `uname -r` says {'.'.join(map(str, good))} or newer",
            )
    return None


def _wrong_overlay(machine: Machine, wanted: Sequence[int]) -> Verdict | None:
    """Return what is wrong with the overlay of hardware PWM; one that nobody knows may do as well."""
    led_out = read_config_txt(machine).pwm_functions()
    if not led_out or not wanted:
        return None
    if not set(led_out).issuperset(wanted):
        own = pwm_line(wanted)
        return error(
            f"config.txt leads hardware PWM to {_in_words(sorted(led_out))}, and car.toml has the servo and the ESC "
            "elsewhere.",
            f"Set steering_pin and throttle_pin to those; or, for {_in_words(wanted)}, make its line {own}",
        )
    wrong = [pin for pin in wanted if led_out[pin] != PWM_FUNCTIONS[pin]]
    if not wrong:
        return None
    functions = " and ".join(f"{led_out[pin]}" for pin in wrong)
    return error(
        f"config.txt gives {_in_words(wrong)} the function {functions}, which is not PWM there.",
        f"In /{CONFIG_TXT}, make its line {pwm_line(wanted)}, then: sudo reboot",
    )


def _wrong_function(machine: Machine, wanted: Sequence[int], *, pio: bool) -> Verdict | None:
    """Return which pins carry no PWM although the chip sends it; what cannot be known is taken to be right."""
    functions = [function for pin in wanted if (function := find_function(pin, machine)) is not None]
    wrong = " and ".join(f"{function}" for function in functions if not function.carries(pio=pio))
    if not wrong:
        return None
    text = f"{wrong}, so that PWM does not come out, whatever /sys/class/pwm shows"
    # A chip of the PIO's is there for its overlay alone.
    if pio or set(read_config_txt(machine).pwm_functions()).issuperset(wanted):
        return error(f"{text}: a program has used it as a GPIO.", "sudo reboot")
    return error(f"{text}.", _add_line(pwm_line(wanted)))


def _in_words(pins: Iterable[int]) -> str:
    return " and ".join(f"GPIO{pin}" for pin in pins)


def released_pins(patient: Patient) -> Iterator[Verdict]:
    """Whether a pin becomes an input when its program is gone, whatever it was set to."""
    config = read_config_txt(patient.machine)
    outlives = any(
        patient.machine.text(f"sys/module/{module}/parameters/persist_gpio_outputs") == "Y"
        for module in ("pinctrl_bcm2835", "pinctrl_rp1")
    )
    if config.parameter("strict_gpiod"):
        if outlives:
            yield warning("config.txt has strict_gpiod, and it is not in force yet.", "sudo reboot")
        else:
            yield ok("config.txt has strict_gpiod: when a program lets go of a pin, the pin becomes an input.")
    elif not _needs(patient).gpio:
        yield ok("config.txt lacks strict_gpiod, which only motors on GPIO pins need.")
    elif config.parameter("strict_gpiod") is False:
        yield error(
            "config.txt switches strict_gpiod off: a killed program's pins stay as they are, motors at full power "
            "included.",
            f"In /{CONFIG_TXT}, make that line {STRICT_GPIO}, then: sudo reboot",
        )
    elif filters := config.filters_of_parameter("strict_gpiod"):
        yield error(
            f"config.txt has strict_gpiod under {filters} only, which may hold or not: where it does not, a killed "
            "program's pins stay as they are.",
            _add_line(STRICT_GPIO),
        )
    else:
        yield error(
            "config.txt lacks strict_gpiod: a killed program's pins stay as they are, motors at full power included.",
            _add_line(STRICT_GPIO),
        )


def overlays(patient: Patient) -> Iterator[Verdict]:
    """Which overlays config.txt loads."""
    yield ok(f"Overlays: {'; '.join(read_config_txt(patient.machine).overlays) or 'none'}.")


def i2c(patient: Patient) -> Iterator[Verdict]:
    """Which of the known addresses answer on the I²C bus, and whether the servo board's is among them."""
    board = _needs(patient).pca9685
    bus, address = board or (I2C_BUS, I2C_ADDRESS)
    device = f"/dev/i2c-{bus}"
    if not patient.machine.exists(device.removeprefix("/")):
        text = f"There is no {device}: the I²C bus is off"
        yield error(f"{text}.", "sudo raspi-config nonint do_i2c 0") if board else ok(f"{text}, and not needed.")
        return
    known = I2C_DEVICES if board is None else {**I2C_DEVICES, address: "car.toml's PCA9685"}
    try:
        answers = patient.machine.i2c_answers(bus, sorted(known))
    except ImportError:
        yield warning("The I²C bus cannot be searched without smbus2.", f'{patient.machine.pip} "smbus2>=0.4,<1"')
        return
    except OSError as problem:
        user = patient.machine.user
        yield warning(f"{device} cannot be opened ({problem.strerror}).", f"sudo usermod -aG i2c {user} && sudo reboot")
        return
    words = ", ".join(f"{number:#04x} ({known[number]})" for number in answers)
    if board is not None and address not in answers:
        yield error(
            f"No PCA9685 answers at {address:#04x} on {device}; these answer: {words or 'none'}.",
            f"Check its wiring and its power, then look again: i2cdetect -y {bus}",
        )
    else:
        yield ok(f"These answer on {device}: {words or 'none of the known addresses'}.")


def _needs(patient: Patient) -> PinNeeds:
    needs: PinNeeds = DRIVETRAINS.find(patient.config.drivetrain.kind).pin_needs(patient.config.drivetrain)
    return needs


def _add_line(line: str) -> str:
    # The last filter or overlay in the file must not take the line for its own.
    return f"printf '[all]\\ndtoverlay=\\n{line}\\n' | sudo tee -a /{CONFIG_TXT} && sudo reboot"
