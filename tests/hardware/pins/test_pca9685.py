"""The PCA9685 driver against the chip's registers, and the traps of the chip."""

import errno

import pytest
from gpiozero import GPIOPinInUse, PinInvalidFunction, PinInvalidPin, PinInvalidState, PWMOutputDevice, Servo

from hardware.clock import NS_PER_MS, VirtualClock
from hardware.errors import DrivetrainError
from hardware.pins.pca9685 import WRITES_BETWEEN_LOOKS, Pca9685Factory
from tests.hardware.fakes.i2c import AUTO_INCREMENT, LED0, MODE1, PRE_SCALE, RESTART, SLEEP, FakeBus, Pca9685, install


def open_factory(
    chip: Pca9685, *, frequency_hz: float = 50.0, oscillator_hz: float = 25e6, clock: VirtualClock | None = None
) -> Pca9685Factory:
    return Pca9685Factory(frequency_hz, FakeBus({0x40: chip}), 0x40, oscillator_hz, clock or VirtualClock())


@pytest.mark.parametrize(("frequency_hz", "prescale"), [(50.0, 121), (60.0, 101), (100.0, 60), (200.0, 30), (1.0, 255)])
def test_the_prescale_is_the_datasheets(frequency_hz: float, prescale: int) -> None:
    chip = Pca9685()
    open_factory(chip, frequency_hz=frequency_hz)
    assert chip.registers[PRE_SCALE] == prescale


@pytest.mark.parametrize("frequency_hz", [40.0, 50.0, 60.0, 100.0, 200.0])
def test_a_pulse_is_as_long_as_asked_whatever_frequency_the_chip_can_have(frequency_hz: float) -> None:
    chip = Pca9685()
    with open_factory(chip, frequency_hz=frequency_hz) as factory:
        device = PWMOutputDevice(5, frequency=frequency_hz, pin_factory=factory)
        device.value = 1500e-6 * device.frequency
        assert chip.pulses_us[5] == pytest.approx(1500.0, abs=0.6e6 / frequency_hz / 4096)


def test_an_oscillator_that_is_off_by_five_percent_is_calibrated_away() -> None:
    chip = Pca9685(oscillator_hz=26.25e6)
    with open_factory(chip, oscillator_hz=26.25e6) as factory:
        device = PWMOutputDevice(0, frequency=50, pin_factory=factory)
        device.value = 1500e-6 * device.frequency
        assert chip.pulses_us[0] == pytest.approx(1500.0, abs=2.5)
        assert chip.frequency_hz == pytest.approx(50.0, rel=0.005)


def test_the_chip_is_woken_and_waited_for() -> None:
    chip, clock = Pca9685(), VirtualClock()
    open_factory(chip, clock=clock)
    assert not chip.registers[MODE1] & SLEEP
    assert chip.registers[MODE1] & AUTO_INCREMENT
    assert clock.now_ns() >= 0.5 * NS_PER_MS


def test_what_a_sleeping_chip_had_in_its_registers_never_comes_out() -> None:
    chip = Pca9685()
    for channel in range(16):
        chip.registers[LED0 + 4 * channel : LED0 + 4 * channel + 4] = [0, 0, 0x99, 0x01]
    with open_factory(chip) as factory:
        _device = PWMOutputDevice(0, frequency=50, initial_value=0.075, pin_factory=factory)
    assert {pulse_us for pulses in chip.history for pulse_us in pulses[1:]} <= {0.0}


def test_a_chip_that_was_put_to_sleep_while_it_pulsed_pulses_again() -> None:
    chip = Pca9685()
    chip.write(MODE1, [AUTO_INCREMENT])
    chip.write(LED0, [0, 0, 0x99, 0x01])
    chip.write(MODE1, [AUTO_INCREMENT | SLEEP])
    assert chip.registers[MODE1] & RESTART
    with (
        open_factory(chip) as factory,
        PWMOutputDevice(0, frequency=50, initial_value=0.075, pin_factory=factory),
    ):
        assert chip.pulses_us[0] == pytest.approx(1500.0, abs=5)


def test_a_chip_that_runs_at_another_frequency_sends_nothing_of_before_at_ours() -> None:
    chip = Pca9685()
    with (
        open_factory(chip, frequency_hz=100.0) as factory,
        PWMOutputDevice(0, frequency=100, initial_value=0.15, pin_factory=factory),
    ):
        registers = list(chip.registers)
    # The program that did so was killed, say, and has closed nothing.
    chip.registers = registers
    assert chip.pulses_us[0]
    chip.history.clear()
    with open_factory(chip, frequency_hz=50.0) as factory:
        assert chip.pulses_us == (0.0,) * 16
        _device = PWMOutputDevice(0, frequency=50, initial_value=0.075, pin_factory=factory)
        assert chip.pulses_us[0] == pytest.approx(1500.0, abs=5)
    assert all(pulses[0] == 0 or pulses[0] == pytest.approx(1500.0, abs=5) for pulses in chip.history)


def test_a_running_chip_is_not_interrupted_before_the_first_pulse_of_ours() -> None:
    chip = Pca9685()
    chip.write(PRE_SCALE, [121])
    chip.write(MODE1, [AUTO_INCREMENT])
    chip.write(LED0, [0, 0, 0x99, 0x01])
    chip.history.clear()
    open_factory(chip)
    assert not chip.history


def test_four_registers_in_one_transfer_need_the_auto_increment() -> None:
    chip = Pca9685()
    with open_factory(chip) as factory:
        _device = PWMOutputDevice(2, frequency=50, initial_value=0.075, pin_factory=factory)
        assert chip.registers[LED0 + 8 : LED0 + 12] == [0, 0, 0x33, 0x01]


@pytest.mark.parametrize(("duty", "pulse_us"), [(0.0, 0.0), (1.0, 19988.5)])
def test_off_and_on_have_bits_of_their_own(duty: float, pulse_us: float) -> None:
    chip = Pca9685()
    with open_factory(chip) as factory:
        _device = PWMOutputDevice(0, frequency=50, initial_value=duty, pin_factory=factory)
        assert chip.pulses_us[0] == pytest.approx(pulse_us, abs=0.1)


def test_a_transfer_that_is_disturbed_is_sent_again_and_a_bus_that_is_dead_is_an_error() -> None:
    chip = Pca9685()
    bus = FakeBus({0x40: chip})
    with (
        Pca9685Factory(50, bus, clock=VirtualClock()) as factory,
        PWMOutputDevice(0, frequency=50, pin_factory=factory) as device,
    ):
        bus.glitches = 2
        device.value = 0.075
        assert chip.pulses_us[0] == pytest.approx(1500.0, abs=5)
        bus.glitches = 3
        with pytest.raises(OSError, match="Remote I/O"):
            device.value = 0.1
        bus.glitches = 2
    bus = FakeBus({0x40: chip})
    bus.glitches = 2
    Pca9685Factory(50, bus, clock=VirtualClock()).close()


def test_a_chip_that_lost_its_power_for_a_moment_is_noticed() -> None:
    chip = Pca9685()
    with (
        open_factory(chip) as factory,
        PWMOutputDevice(0, frequency=50, initial_value=0.075, pin_factory=factory) as device,
    ):
        for _ in range(WRITES_BETWEEN_LOOKS):
            device.value = 0.075
        chip.registers = Pca9685().registers

        def drive_on() -> None:
            for _ in range(WRITES_BETWEEN_LOOKS):
                device.value = 0.075

        with pytest.raises(DrivetrainError, match="lost its power"):
            drive_on()


def test_closing_turns_every_channel_off_those_of_others_too() -> None:
    chip = Pca9685()
    factory = open_factory(chip)
    _device = PWMOutputDevice(0, frequency=50, initial_value=0.075, pin_factory=factory)
    factory.write(LED0 + 60, [0, 0, 0x33, 0x01])
    assert chip.pulses_us[15]
    factory.close()
    factory.close()
    assert chip.pulses_us == (0.0,) * 16
    with pytest.raises(DrivetrainError, match="closed"):
        factory.write(LED0, [0, 0, 0, 0])


def test_a_device_that_wants_another_frequency_is_refused() -> None:
    with open_factory(Pca9685(), frequency_hz=60.0) as factory, pytest.raises(DrivetrainError, match="60 Hz, not 50"):
        Servo(0, pin_factory=factory)


def test_a_channel_has_one_device_and_is_free_again_after_it() -> None:
    with open_factory(Pca9685()) as factory:
        with PWMOutputDevice(0, frequency=50, pin_factory=factory):
            with pytest.raises(GPIOPinInUse):
                _device = PWMOutputDevice(0, frequency=50, pin_factory=factory)
            PWMOutputDevice(1, frequency=50, pin_factory=factory).close()
        PWMOutputDevice(0, frequency=50, pin_factory=factory).close()


def test_what_no_channel_can_do_is_refused() -> None:
    with open_factory(Pca9685()) as factory:
        for name in (16, -1):
            with pytest.raises(PinInvalidPin, match="0 to 15"):
                factory.pin(name)
        with pytest.raises(PinInvalidFunction):
            factory.pin(0).function = "input"
        for state in (1.01, -0.01, float("nan")):
            with pytest.raises(PinInvalidState):
                factory.pin(0).state = state


def test_a_bus_that_belongs_to_another_group_is_not_told_to_be_switched_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(number: int) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", f"/dev/i2c-{number}")

    monkeypatch.setattr("smbus2.SMBus", refuse)
    with pytest.raises(DrivetrainError, match=r"Permission denied.*usermod -aG i2c"):
        Pca9685Factory()


def test_no_bus_and_no_chip_say_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    buses = install(monkeypatch, {0x41: Pca9685()})
    with pytest.raises(DrivetrainError, match="i2c_arm=on"):
        Pca9685Factory(bus=7)
    with pytest.raises(DrivetrainError, match=r"0x40.*wiring"):
        Pca9685Factory(bus=1)
    Pca9685Factory(bus=1, address=0x41, clock=VirtualClock()).close()
    assert [bus.closed for bus in buses] == [True, True]
