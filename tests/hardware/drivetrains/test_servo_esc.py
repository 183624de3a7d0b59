"""A servo and an ESC: the pulse asked for is the pulse given, measured at the hardware of each kind of pins."""

import itertools
import threading
from pathlib import Path

import pytest
from gpiozero import DigitalOutputDevice, GPIOZeroError
from gpiozero.pins.mock import MockFactory, MockPWMPin

from hardware.clock import NS_PER_MS, VirtualClock
from hardware.drivetrain import NEUTRAL, Command, check_drivetrain
from hardware.drivetrains.direction import PAUSE_NS, TAP_NS
from hardware.drivetrains.pulses import EscPulses, ServoPulses
from hardware.drivetrains.servo_esc import ServoEsc
from hardware.drivetrains.timeline import TimelineFile, read_timeline
from hardware.errors import DrivetrainError
from hardware.pins.opening import open_gpios
from hardware.pins.pca9685 import Pca9685Factory
from tests.hardware.fakes import lgpio
from tests.hardware.fakes.i2c import FakeBus, Pca9685
from tests.hardware.fakes.rigs import ALL_PINS, ESC, FINE_PINS, SERVO, Rig, make_rig

VALUES = [step / 100 for step in range(-100, 101)]
NEUTRAL_PULSES = (SERVO.centre_us, ESC.neutral_us)


@pytest.fixture
def rig(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Rig:
    return make_rig(request.param, monkeypatch, tmp_path)


on_fine_pins = pytest.mark.parametrize("rig", FINE_PINS, indirect=True)
on_all_pins = pytest.mark.parametrize("rig", ALL_PINS, indirect=True)


@on_fine_pins
def test_a_servo_esc_keeps_every_promise_of_a_drivetrain(rig: Rig) -> None:
    check_drivetrain(rig.open, rig.clock, rig.outputs)


def test_a_servo_esc_on_any_factory_of_gpiozeros_keeps_every_promise_of_a_drivetrain() -> None:
    clock = VirtualClock()
    factory = MockFactory(pin_class=MockPWMPin)
    pins = [factory.pin(number) for number in (12, 13)]
    check_drivetrain(lambda: ServoEsc(factory, 12, 13, SERVO, ESC, clock), clock)
    for pin, neutral_us in zip(pins, NEUTRAL_PULSES, strict=True):
        pulses = [state.state for state in pin.states if state.state]
        assert (pulses[0], pulses[-1]) == pytest.approx((neutral_us * 50e-6, neutral_us * 50e-6))


@on_fine_pins
def test_a_timeline_file_counts_as_a_drivetrain(rig: Rig, tmp_path: Path) -> None:
    timeline = tmp_path / "wheels.timeline"
    check_drivetrain(lambda: TimelineFile(rig.open(), timeline), rig.clock, rig.outputs)
    assert TimelineFile(rig.open(), timeline).steering_step_us == rig.step_us
    assert read_timeline(timeline)[0].command == NEUTRAL


@pytest.mark.parametrize("name", ["no/such/folder", "a\0b"])
def test_a_timeline_that_cannot_be_written_closes_the_wheels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    rig = make_rig("pca9685", monkeypatch, tmp_path)
    with pytest.raises(DrivetrainError, match="timeline"):
        TimelineFile(rig.open(), tmp_path / name)
    assert rig.pulses_us()[-1] == (0.0, 0.0)


@on_all_pins
def test_neutral_is_answered_with_neutral_whatever_steps_the_device_has(rig: Rig) -> None:
    with rig.open(servo=ServoPulses(1123.0, 1483.0, 1913.0)) as drivetrain:
        assert drivetrain.apply(NEUTRAL) == NEUTRAL
        small = [drivetrain.apply(Command(value / 1000, 0.0)).steering for value in range(-20, 21)]
        assert small == sorted(small)


@on_fine_pins
def test_commands_give_monotone_clamped_calibrated_pulses(rig: Rig) -> None:
    with rig.open() as drivetrain:
        wait_for_reverse(drivetrain, rig.clock)
        given = []
        for value in VALUES:
            applied = drivetrain.apply(Command(value, value))
            given.append(rig.outputs()[-1])
            asked = (SERVO.pulse_us(value), ESC.pulse_us(value))
            assert given[-1] == pytest.approx(asked, abs=rig.step_us / 2 + 0.01)
            assert (applied.steering, applied.throttle) == pytest.approx((value, value), abs=rig.step_us / 250)
    for axis, low_us, high_us in ((0, SERVO.left_us, SERVO.right_us), (1, ESC.reverse_max_us, ESC.forward_max_us)):
        pulses_us = [pulses[axis] for pulses in given]
        assert pulses_us == sorted(pulses_us)
        assert low_us - rig.step_us < min(pulses_us) <= max(pulses_us) < high_us + rig.step_us


@pytest.mark.parametrize("rig", ["pca9685"], indirect=True)
def test_devices_the_other_way_round_get_their_pulses_the_other_way_round(rig: Rig) -> None:
    servo, esc = ServoPulses(1910.0, 1480.0, 1120.0), EscPulses(1500.0, 1450.0, 1100.0, 1550.0, 1900.0)
    with rig.open(servo=servo, esc=esc) as drivetrain:
        drivetrain.apply(Command(-1.0, 1.0))
        assert rig.outputs()[-1] == pytest.approx((1910.0, 1100.0), abs=2.5)


@on_all_pins
def test_the_first_pulses_ever_are_neutral(rig: Rig) -> None:
    rig.open().close()
    first = next(pulses for pulses in rig.pulses_us() if any(pulses))
    assert [pulse for pulse in first if pulse] == pytest.approx([SERVO.centre_us], abs=2 * rig.step_us / 2 + 0.01)
    for steering_us, throttle_us in rig.pulses_us():
        assert steering_us == 0 or steering_us == pytest.approx(SERVO.centre_us, abs=rig.step_us)
        assert throttle_us == 0 or throttle_us == pytest.approx(ESC.neutral_us, abs=rig.step_us)


@on_all_pins
def test_closing_holds_neutral_for_three_periods_and_then_turns_off(rig: Rig) -> None:
    drivetrain = rig.open()
    drivetrain.apply(Command(1.0, 1.0))
    before, before_ns = len(rig.pulses_us()), rig.clock.now_ns()
    drivetrain.close()
    assert rig.clock.now_ns() - before_ns >= 60 * NS_PER_MS
    after = rig.pulses_us()[before:]
    neutral_from = next(i for i, pulses in enumerate(after) if pulses == pytest.approx(NEUTRAL_PULSES, abs=rig.step_us))
    for pulses in after[neutral_from:]:
        for pulse_us, neutral_us in zip(pulses, NEUTRAL_PULSES, strict=True):
            assert pulse_us == 0 or pulse_us == pytest.approx(neutral_us, abs=rig.step_us)
    assert after[-1] == (0.0, 0.0)


@pytest.mark.parametrize("rig", ["pca9685", "hardware_pwm", "fine_lgpio"], indirect=True)
def test_a_constructor_that_fails_leaves_neutral_then_off(rig: Rig) -> None:
    with pytest.raises((DrivetrainError, GPIOZeroError)):
        ServoEsc(rig.open_factory(), 12, 99, SERVO, ESC, rig.clock)
    sent = [steering_us for steering_us, _ in rig.pulses_us()]
    assert [pulse_us for pulse_us in sent if pulse_us] == pytest.approx([SERVO.centre_us], abs=rig.step_us)
    assert sent[-1] == 0


def wait_for_reverse(drivetrain: ServoEsc, clock: VirtualClock) -> None:
    for _ in range(5):
        drivetrain.apply(Command(0.0, -1.0))
        clock.advance_ns(100 * NS_PER_MS)


@on_fine_pins
def test_reverse_from_forward_passes_neutral_taps_the_brake_and_passes_neutral_again(rig: Rig) -> None:
    with rig.open() as drivetrain:
        drivetrain.apply(Command(0.0, 0.5))
        started_ns, phases = rig.clock.now_ns(), []
        while rig.clock.now_ns() - started_ns < 400 * NS_PER_MS:
            applied = drivetrain.apply(Command(0.0, -0.5)).throttle
            throttle_us = rig.outputs()[-1][1]
            assert throttle_us == pytest.approx(ESC.pulse_us(applied), abs=rig.step_us)
            phases.append(round(applied, 1))
            rig.clock.advance_ns(10 * NS_PER_MS)
    lengths = [(phase, len(list(times))) for phase, times in itertools.groupby(phases)]
    pause, tap = PAUSE_NS // (10 * NS_PER_MS), TAP_NS // (10 * NS_PER_MS)
    assert lengths == [(0.0, pause), (-0.5, tap), (0.0, pause), (-0.5, 10)]


@pytest.mark.parametrize("rig", ["pca9685"], indirect=True)
def test_an_esc_without_the_habit_gets_neutral_only(rig: Rig) -> None:
    with rig.open(reverse="direct") as drivetrain:
        drivetrain.apply(Command(0.0, 0.5))
        assert drivetrain.apply(Command(0.0, -0.5)).throttle == 0.0
        rig.clock.advance_ns(PAUSE_NS)
        assert drivetrain.apply(Command(0.0, -0.5)).throttle == pytest.approx(-0.5, abs=0.01)
        assert drivetrain.apply(Command(0.0, 0.5)).throttle == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("rig", ["pca9685"], indirect=True)
def test_an_esc_that_cannot_reverse_gets_neutral_for_ever(rig: Rig) -> None:
    with rig.open(reverse="none") as drivetrain:
        for _ in range(10):
            assert drivetrain.apply(Command(0.0, -1.0)).throttle == 0.0
            rig.clock.advance_ns(PAUSE_NS)


@pytest.mark.parametrize("rig", ["pca9685"], indirect=True)
def test_reverse_goes_on_after_neutral_and_begins_anew_after_forward(rig: Rig) -> None:
    with rig.open() as drivetrain:
        wait_for_reverse(drivetrain, rig.clock)
        drivetrain.neutral()
        assert drivetrain.apply(Command(0.0, -0.5)).throttle < 0
        assert drivetrain.apply(Command(0.0, 0.5)).throttle > 0
        assert drivetrain.apply(Command(0.0, -0.5)).throttle == 0.0
        # Whoever lets go during the change begins it anew.
        rig.clock.advance_ns(PAUSE_NS)
        assert drivetrain.apply(Command(0.0, -0.5)).throttle < 0
        drivetrain.neutral()
        assert drivetrain.apply(Command(0.0, -0.5)).throttle == 0.0


class SlowBus(FakeBus):
    """A bus that stops in the middle of a write when told to, as one that a servo's noise disturbs."""

    def __init__(self, chip: Pca9685) -> None:
        super().__init__({0x40: chip})
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.go_on.set()

    def write_i2c_block_data(self, address: int, register: int, values: object) -> None:
        self.reached.set()
        assert self.go_on.wait(10)
        super().write_i2c_block_data(address, register, values)  # type: ignore[arg-type]


def test_neutral_has_the_last_word_over_a_command_in_flight_and_those_behind_it() -> None:
    chip, clock = Pca9685(), VirtualClock()
    bus = SlowBus(chip)
    drivetrain = ServoEsc(Pca9685Factory(50, bus, clock=clock), 1, 0, SERVO, ESC, clock)
    bus.reached.clear()
    bus.go_on.clear()
    answers: list[Command] = []
    threads = [threading.Thread(target=lambda: answers.append(drivetrain.apply(Command(1.0, 1.0)))) for _ in range(3)]
    threads[0].start()
    assert bus.reached.wait(10)
    for thread in threads[1:]:
        thread.start()
    stopping = threading.Thread(target=drivetrain.neutral)
    # The commands behind the first one wait for its write, as does neutral; whoever is let in next, neutral is last.
    while drivetrain._neutrals == 0:
        if not stopping.is_alive():
            stopping.start()
    bus.go_on.set()
    for thread in (*threads, stopping):
        thread.join(10)
    assert chip.pulses_us[:2] == pytest.approx((ESC.neutral_us, SERVO.centre_us), abs=2.5)
    assert answers.count(NEUTRAL) == 2
    drivetrain.close()


def test_a_bus_that_breaks_is_an_error_of_the_drivetrain_and_close_still_lets_go() -> None:
    bus = FakeBus({0x40: Pca9685()})
    drivetrain = ServoEsc(Pca9685Factory(50, bus, clock=VirtualClock()), 1, 0, SERVO, ESC, VirtualClock())
    bus.unplugged = True
    for act in (lambda: drivetrain.apply(Command(0.1, 0.1)), drivetrain.neutral, drivetrain.close):
        with pytest.raises(DrivetrainError, match="wiring"):
            act()
    drivetrain.close()


def test_output_enable_is_on_only_between_neutral_and_neutral(monkeypatch: pytest.MonkeyPatch) -> None:
    library, chip = lgpio.install(monkeypatch), Pca9685()
    seen: list[tuple[int, tuple[float, ...]]] = []
    write = library.gpio_write

    def watch(handle: int, gpio: int, level: int) -> int:
        seen.append((level, chip.pulses_us[:2]))
        return write(handle, gpio, level)

    monkeypatch.setattr(library, "gpio_write", watch)
    output_enable = DigitalOutputDevice(4, active_high=False, pin_factory=open_gpios(fine=False))
    factory = Pca9685Factory(50, FakeBus({0x40: chip}), clock=VirtualClock())
    drivetrain = ServoEsc(factory, 1, 0, SERVO, ESC, VirtualClock(), output_enable=output_enable)
    disabled, enabled = seen
    assert disabled == (1, (0.0, 0.0))
    assert enabled[0] == 0
    assert enabled[1] == pytest.approx((ESC.neutral_us, SERVO.centre_us), abs=2.5)
    drivetrain.close()
    assert 4 not in library.outputs
    assert not library.opened


@on_fine_pins
def test_another_calibration_is_followed_from_neutral_on(rig: Rig) -> None:
    servo, esc = ServoPulses(2500.0, 1530.0, 500.0), EscPulses(1520.0, 1520.0, 2020.0, 1520.0, 1020.0)
    with rig.open() as drivetrain:
        drivetrain.apply(Command(1.0, 1.0))
        before = len(rig.outputs())
        drivetrain.calibrate(servo, esc)
        standing = rig.outputs()[before:]
        assert pytest.approx(standing[1], abs=rig.step_us) == NEUTRAL_PULSES
        assert standing[-1] == pytest.approx((servo.centre_us, esc.neutral_us), abs=rig.step_us)
        assert all(pulses[1] < 1530 for pulses in standing[1:])
        applied = drivetrain.apply(Command(-1.0, 0.2))
        assert rig.outputs()[-1] == pytest.approx((2500.0, 1620.0), abs=rig.step_us)
        assert (applied.steering, applied.throttle) == pytest.approx((-1.0, 0.2), abs=0.01)
    with pytest.raises(DrivetrainError, match="closed"):
        drivetrain.calibrate(servo, esc)
