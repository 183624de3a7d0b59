"""Neutral from outside, for every kind of output: neutral first, then off, whatever is left of it."""

import contextlib
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from gpiozero import PWMOutputDevice

from car.neutral import outputs_of
from hardware import neutral
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import read_timeline
from hardware.neutral import Output, write_neutral
from hardware.pins import sysfs_pwm as sysfs_pwm_module
from hardware.pins.hardware_pwm import HardwarePwmFactory
from tests.hardware.fakes import gpiochip, i2c, sysfs_pwm
from tests.system.car_process import wait_for

PI_4_LINES = {0: "pinctrl-bcm2711"}
SERVO_LINES: Output = {"kind": "servo_lines", "gpios": [12, 13], "pulse_us": [1500.0, 1480.0], "period_us": 20_000.0}
PCA9685: Output = {"kind": "pca9685", "bus": 1, "address": 0x40, "counts": {"1": 307, "0": 303}}


def running_pca9685(*, throttle_counts: int = 400) -> i2c.Pca9685:
    """A chip as a killed drive leaves it: throttle on channel 0, steering on channel 1."""
    chip = i2c.Pca9685()
    chip.write(i2c.PRE_SCALE, [121])
    chip.write(i2c.MODE1, [i2c.AUTO_INCREMENT])
    for channel, counts in ((0, throttle_counts), (1, 250)):
        chip.write(i2c.LED0 + 4 * channel, [0, 0, counts & 0xFF, counts >> 8])
    chip.history.clear()
    return chip


class Time:
    """A time that passes while one sleeps; ``acts`` are what others do, each when its moment has come."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.naps: list[float] = []
        self.acts: list[tuple[float, Callable[[], object]]] = []

    def monotonic(self) -> float:
        # It counts from some moment long ago.
        return 1000.0 + self.now_s

    def sleep(self, seconds: float) -> None:
        assert len(self.naps) < 10_000, "slept for ever"
        self.naps.append(seconds)
        self.now_s += seconds
        for moment, act in [due for due in self.acts if due[0] <= self.now_s]:
            self.acts.remove((moment, act))
            act()


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> Time:
    """Time that passes only while somebody sleeps."""
    passing = Time()
    monkeypatch.setattr("hardware.neutral.time.sleep", passing.sleep)
    monkeypatch.setattr("hardware.neutral.time.monotonic", passing.monotonic)
    return passing


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it slept, instead of sleeping."""
    slept: list[float] = []
    monkeypatch.setattr("hardware.neutral.time.sleep", slept.append)
    return slept


def test_a_pca9685_goes_to_neutral_then_off(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    chip = running_pca9685()
    i2c.install(monkeypatch, {0x40: chip})
    held: list[tuple[float, ...]] = []
    monkeypatch.setattr("hardware.neutral.time.sleep", lambda seconds: held.append((seconds, *chip.pulses_us[:2])))
    assert write_neutral([PCA9685]) == []
    [(seconds, throttle_us, steering_us)] = held
    assert seconds >= 3 * 0.02
    assert (throttle_us, steering_us) == pytest.approx((1478.6, 1498.2), abs=0.1)
    assert chip.pulses_us == (0.0,) * 16
    assert all(not pulses[0] or pulses[0] == pytest.approx(1478.6, abs=0.1) for pulses in chip.history[1:])


def test_a_pca9685_that_lost_its_power_is_not_woken(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    chip = i2c.Pca9685()
    i2c.install(monkeypatch, {0x40: chip})
    assert write_neutral([PCA9685]) == []
    assert not chip.history
    assert chip.registers[i2c.MODE1] & i2c.SLEEP
    assert not naps


def test_a_pca9685_on_a_disturbed_bus_is_asked_again(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    chip = running_pca9685()
    i2c.install(monkeypatch, {0x40: chip}, glitches=2)
    assert write_neutral([PCA9685]) == []
    assert chip.pulses_us == (0.0,) * 16


def test_a_pca9685_without_auto_increment_gets_it(monkeypatch: pytest.MonkeyPatch, naps: list[float]) -> None:
    chip = running_pca9685()
    chip.write(i2c.MODE1, [0])
    i2c.install(monkeypatch, {0x40: chip})
    assert write_neutral([PCA9685]) == []
    assert chip.pulses_us == (0.0,) * 16


def test_hardware_pwm_goes_to_neutral_then_off(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel = sysfs_pwm.install(monkeypatch, tmp_path, sysfs_pwm.PI_5)
    _device = PWMOutputDevice(13, frequency=50, initial_value=0.1, pin_factory=HardwarePwmFactory(kernel))
    kernel.sent.clear()
    monkeypatch.setattr("hardware.neutral.time.sleep", lambda _: kernel.sent.append((("", 0), -1)))
    assert write_neutral([{"kind": "hardware_pwm", "gpio": 13, "pulse_ns": 1_490_000}]) == []
    assert [duty for _, duty in kernel.sent] == [1_490_000, -1, 0, 0]


def test_pwm_by_pio_goes_to_neutral_and_then_on_without_a_pulse(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    kernel = sysfs_pwm.install(monkeypatch, tmp_path, sysfs_pwm.PI_5_PIO)
    factory = HardwarePwmFactory(kernel, pio=True)
    _device = PWMOutputDevice(13, frequency=50, initial_value=0.1, pin_factory=factory)
    kernel.sent.clear()
    monkeypatch.setattr("hardware.neutral.time.sleep", lambda _: kernel.sent.append((("", 0), -1)))
    outputs: list[Output] = [{"kind": "pwm_pio", "gpio": gpio, "pulse_ns": 1_490_000} for gpio in (13, 14)]
    [problem] = write_neutral(outputs)
    assert "the GPIO has no PWM by PIO" in problem
    assert [duty for _, duty in kernel.sent] == [1_490_000, -1, 0]
    assert kernel.stuck == []


def test_hardware_pwm_that_was_released_already_is_left_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, naps: list[float]
) -> None:
    kernel = sysfs_pwm.install(monkeypatch, tmp_path, sysfs_pwm.PI_4)
    output: Output = {"kind": "hardware_pwm", "gpio": 12, "pulse_ns": 1_500_000}
    assert write_neutral([output]) == []
    _device = PWMOutputDevice(12, frequency=50, pin_factory=HardwarePwmFactory(kernel))
    sysfs_pwm_module.write(f"{kernel.channel('fe20c000.pwm', 0)}/enable", 0)
    assert write_neutral([output]) == []
    assert {duty for _, duty in kernel.sent} == {0}
    assert not naps


def test_servo_lines_get_neutral_pulses_then_stay_low(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel = gpiochip.install(monkeypatch, tmp_path, {0: "gpio-brcmstb@107d508500", 15: "pinctrl-rp1"})
    ticks = itertools.count()
    monkeypatch.setattr("hardware.neutral.time.perf_counter", lambda: next(ticks) * 1e-6)
    assert write_neutral([SERVO_LINES]) == []
    for gpio, pulse_us in ((12, 1500.0), (13, 1480.0)):
        assert kernel.pulses_us(gpio) == pytest.approx([pulse_us] * 3, abs=5)
        assert kernel.last_level(gpio) == 0


def test_an_h_bridges_lines_are_low_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, naps: list[float]) -> None:
    kernel = gpiochip.install(monkeypatch, tmp_path, PI_4_LINES)
    assert write_neutral([{"kind": "low_lines", "gpios": [17, 27, 23, 24, 22]}]) == []
    assert [(change.gpio, change.level) for change in kernel.levels] == [(17, 0), (27, 0), (23, 0), (24, 0), (22, 0)]
    assert not naps


def test_a_chip_that_cannot_be_opened_hides_none_of_the_others(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel = gpiochip.install(monkeypatch, tmp_path, {15: "pinctrl-rp1"})
    # Of another kernel's numbers, as links of an older Raspberry Pi OS are.
    (tmp_path / "gpiochip0").symlink_to(tmp_path / "gone")
    assert write_neutral([{"kind": "low_lines", "gpios": [17]}]) == []
    assert kernel.last_level(17) == 0


def test_output_enable_goes_off_when_the_pulses_have_ended(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, naps: list[float]
) -> None:
    chip = running_pca9685()
    order: list[tuple[int | None, bool]] = []
    i2c.install(monkeypatch, {0x40: chip})
    kernel = gpiochip.install(monkeypatch, tmp_path, PI_4_LINES)
    monkeypatch.setattr(
        "hardware.neutral.time.sleep", lambda _: order.append((kernel.last_level(4), chip.pulses_us[0] > 0))
    )
    assert write_neutral([{"kind": "output_enable", "gpio": 4}, PCA9685]) == []
    assert order == [(None, True)]
    assert kernel.last_level(4) == 1


def test_a_bus_that_hangs_does_not_keep_output_enable_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel = gpiochip.install(monkeypatch, tmp_path, PI_4_LINES)
    [output] = outputs_of({"drivetrain": {"kind": "servo_esc", "oe_pin": 4}})[:1]
    assert output["kind"] == "output_enable"
    off = threading.Event()

    def hang(_: Output) -> neutral.Steps:
        # As long as it takes: the bus comes back only when the switch is off.
        assert off.wait(timeout=60)
        yield neutral.HELD

    monkeypatch.setitem(neutral._WRITERS, "pca9685", hang)

    def look() -> None:
        wait_for(lambda: kernel.last_level(4) == 1, "the switch")
        off.set()

    watch = threading.Thread(target=look)
    watch.start()
    assert write_neutral([output, PCA9685]) == []
    watch.join()
    assert off.is_set()


@pytest.mark.parametrize("busy_s", [0.0, 0.59, 29.7])
def test_a_line_that_a_dying_program_still_has_is_tried_until_it_lets_go(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, passing: Time, busy_s: float
) -> None:
    kernel = gpiochip.install(monkeypatch, tmp_path, PI_4_LINES)
    told: list[str] = []
    if busy_s:
        kernel.busy[23] = 2**30
        passing.acts = [(busy_s, kernel.busy.clear)]
    assert write_neutral([{"kind": "low_lines", "gpios": [17, 23, 24]}], told.append) == []
    # The others do not wait for it, and it waits no longer than it must.
    assert [change.gpio for change in kernel.levels] == ([17, 24, 23] if busy_s else [17, 23, 24])
    assert passing.now_s == pytest.approx(busy_s, abs=0.021)
    assert len(told) == int(busy_s) + (busy_s > 0)
    if told:
        assert f"was busy for {busy_s:.1f}"[:-1] in told[-1]
    # A core has better things to do.
    assert len(passing.naps) < 520 + busy_s * 55


def test_who_gives_up_does_so_when_all_else_is_off_and_says_what_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, passing: Time
) -> None:
    chip = running_pca9685()
    i2c.install(monkeypatch, {0x40: chip})
    kernel = gpiochip.install(monkeypatch, tmp_path, PI_4_LINES)
    kernel.busy[23] = 2**30
    asked_s: list[float] = []

    def gives_up() -> bool:
        asked_s.append(passing.now_s)
        return passing.now_s >= 2.0

    [problem] = write_neutral([{"kind": "low_lines", "gpios": [17, 23]}, PCA9685], gives_up=gives_up)
    assert problem.startswith("The output low_lines (gpios [17, 23]) belongs to another program. End that, or cut")
    assert [change.gpio for change in kernel.levels] == [17]
    assert chip.pulses_us[0] == 0.0
    # Nobody is asked while neutral still has to last.
    assert asked_s[0] >= 0.06
    assert passing.now_s == pytest.approx(2.0, abs=0.03)


def test_servo_pulses_reach_each_line_as_soon_as_it_is_free(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, passing: Time
) -> None:
    kernel = gpiochip.install(monkeypatch, tmp_path, PI_4_LINES)
    ticks = itertools.count()
    monkeypatch.setattr("hardware.neutral.time.perf_counter", lambda: next(ticks) * 1e-6)
    kernel.busy[12] = 2**30
    passing.acts = [(1.0, kernel.busy.clear)]
    assert write_neutral([SERVO_LINES]) == []
    assert {change.gpio for change in kernel.levels[:7]} == {13}
    # Those that are busy are tried often, with no pulses in between.
    assert passing.now_s == pytest.approx(1.06, abs=0.025)
    assert len(passing.naps) > 400
    for gpio, pulse_us in ((12, 1500.0), (13, 1480.0)):
        assert kernel.pulses_us(gpio) == pytest.approx([pulse_us] * 3, abs=5)
        assert kernel.last_level(gpio) == 0


def test_a_line_that_stays_busy_holds_no_other_output_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, passing: Time
) -> None:
    kernel = sysfs_pwm.install(monkeypatch, tmp_path / "sys", sysfs_pwm.PI_4)
    _device = PWMOutputDevice(13, frequency=50, initial_value=0.1, pin_factory=HardwarePwmFactory(kernel))
    kernel.sent.clear()
    chip = running_pca9685()
    i2c.install(monkeypatch, {0x40: chip})
    lines = gpiochip.install(monkeypatch, tmp_path / "dev", PI_4_LINES)
    lines.busy[17] = 2**30
    seen: list[tuple[float, float, int]] = []
    passing.acts = [
        (moment, lambda: seen.append((passing.now_s, chip.pulses_us[0], kernel.sent[-1][1])))
        for moment in (0.0, 0.058, 0.07)
    ]
    passing.acts.append((5.0, lines.busy.clear))
    pwm: Output = {"kind": "hardware_pwm", "gpio": 13, "pulse_ns": 1_490_000}
    assert write_neutral([{"kind": "low_lines", "gpios": [17]}, PCA9685, pwm]) == []
    [(first_s, throttle_us, pwm_ns), (_, *held), (_, *off)] = seen
    # Neutral before the first nap is over, and off once it has lasted.
    assert first_s < 0.01
    assert throttle_us == pytest.approx(1478.6, abs=0.1)
    assert pwm_ns == 1_490_000
    assert held == [throttle_us, pwm_ns]
    assert off == [0.0, 0]
    assert lines.last_level(17) == 0


def test_output_enable_that_is_busy_is_switched_off_once_it_is_free(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, passing: Time
) -> None:
    chip = running_pca9685()
    i2c.install(monkeypatch, {0x40: chip})
    lines = gpiochip.install(monkeypatch, tmp_path, PI_4_LINES)
    lines.busy[4] = 2**30
    passing.acts = [(0.59, lines.busy.clear)]
    assert write_neutral([{"kind": "output_enable", "gpio": 4}, PCA9685]) == []
    assert chip.pulses_us == (0.0,) * 16
    assert lines.last_level(4) == 1
    assert passing.now_s == pytest.approx(0.59, abs=0.07)


def test_a_line_that_a_living_program_keeps_is_told_each_second_until_somebody_has_enough(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, passing: Time
) -> None:
    kernel = gpiochip.install(monkeypatch, tmp_path, PI_4_LINES)
    chip = running_pca9685()
    i2c.install(monkeypatch, {0x40: chip})
    kernel.busy[23] = 2**30
    told: list[tuple[float, str]] = []

    def tell(sentence: str) -> None:
        told.append((passing.now_s, sentence))
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_neutral([{"kind": "low_lines", "gpios": [17, 23]}, PCA9685], tell)
    assert [moment for moment, _ in told] == pytest.approx([1.0, 2.0, 3.0], abs=0.03)
    assert all("busy" in sentence and "power" in sentence and "23" in sentence for _, sentence in told)
    assert chip.pulses_us == (0.0,) * 16


def test_a_ctrl_c_while_neutral_is_held_leaves_the_outputs_off(monkeypatch: pytest.MonkeyPatch) -> None:
    chip = running_pca9685()
    i2c.install(monkeypatch, {0x40: chip})

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("hardware.neutral.time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_neutral([PCA9685])
    assert chip.pulses_us == (0.0,) * 16


def test_a_line_that_is_not_there_lets_go_of_those_that_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel = gpiochip.install(monkeypatch, tmp_path, PI_4_LINES)
    before = set(Path("/proc/self/fd").iterdir())
    [problem] = write_neutral([{"kind": "low_lines", "gpios": [17, -1]}])
    assert "could not be put to neutral" in problem
    assert kernel.last_level(17) == 0
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_a_timeline_that_somebody_has_locked_is_written_once_it_is_free(tmp_path: Path, passing: Time) -> None:
    fcntl = pytest.importorskip("fcntl", reason="Windows has no such locks")
    wheels = tmp_path / "wheels.timeline"
    neutral.append_to_timeline(str(wheels), 0.1, 0.5)
    holder = os.open(wheels, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    passing.acts = [(2.0, lambda: os.close(holder))]
    told: list[str] = []
    assert write_neutral([{"kind": "timeline", "path": str(wheels)}], told.append) == []
    assert passing.now_s == pytest.approx(2.0, abs=0.021)
    assert "was busy for 2.0" in told[-1]
    assert [applied.command.throttle for applied in read_timeline(wheels)] == [0.5, 0.0]


def test_a_serial_line_is_told_what_its_other_end_takes_for_neutral(tmp_path: Path) -> None:
    line = tmp_path / "ttyACM0"
    line.touch()
    assert write_neutral([{"kind": "bytes", "path": str(line), "text": "0 0\n"}]) == []
    assert line.read_bytes() == b"0 0\n"


def test_a_serial_line_that_was_pulled_out_is_said_and_not_made_a_file(tmp_path: Path) -> None:
    line = tmp_path / "ttyACM0"
    [problem] = write_neutral([{"kind": "bytes", "path": str(line), "text": "0 0\n"}])
    assert "ttyACM0" in problem
    assert not line.exists()


def test_a_line_that_nobody_reads_does_not_hang_whoever_stops_the_car(tmp_path: Path) -> None:
    line = tmp_path / "pipe"
    os.mkfifo(line)
    reader = os.open(line, os.O_RDONLY | os.O_NONBLOCK)
    try:
        [problem] = write_neutral([{"kind": "bytes", "path": str(line), "text": "0" * 1_000_000}])
    finally:
        os.close(reader)
    assert "could not be put to neutral" in problem


def test_a_line_that_is_full_gets_neutral_when_its_other_end_has_read(tmp_path: Path, passing: Time) -> None:
    line = tmp_path / "pipe"
    os.mkfifo(line)
    reader = os.open(line, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(line, os.O_WRONLY | os.O_NONBLOCK)
    try:
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(writer, b"1 1\n" * 1024)
        passing.acts = [(0.3, lambda: os.read(reader, 2**20))]
        assert write_neutral([{"kind": "bytes", "path": str(line), "text": "0 0\n"}]) == []
        assert os.read(reader, 2**20) == b"0 0\n"
    finally:
        os.close(reader)
        os.close(writer)


def test_why_a_kind_could_not_be_asked_is_told() -> None:
    [problem] = write_neutral([{"kind": "of a 'winch' drivetrain", "why": "its package is broken"}])
    assert "of a 'winch' drivetrain could not be put to neutral: its package is broken. Cut its power." in problem


def broken_outputs() -> list[Output]:
    return [
        {"kind": "hardware_pwm", "gpio": 12, "pulse_ns": 1_500_000},
        {"kind": "low_lines", "gpios": [17]},
        {"kind": "pca9685", "bus": 9, "address": 0x40, "counts": {}},
        {"kind": "pca9685", "bus": 1, "address": 0x41, "counts": {"0": 300}},
        {"kind": "of a 'tracks' drivetrain"},
        {"kind": "timeline"},
        {"kind": "bytes", "path": "/no/such/line", "text": "stop"},
        {"kind": "bytes", "path": "/dev/full", "text": "stop"},
        {"gpios": [17]},
        {"kind": "output_enable", "gpio": "four"},
        {"kind": "low_lines", "gpios": [-1]},
    ]


@pytest.mark.parametrize("output", broken_outputs(), ids=lambda output: str(output.get("kind")))
def test_what_cannot_be_written_is_said_and_hinders_nothing_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, naps: list[float], output: Output
) -> None:
    chip = running_pca9685()
    i2c.install(monkeypatch, {0x40: chip})
    sysfs_pwm.install(monkeypatch, tmp_path / "sys", {})
    chips = {0: "gpio-mockup"} if output.get("gpios") == [17] else PI_4_LINES
    gpiochip.install(monkeypatch, tmp_path / "dev", chips)
    wheels = tmp_path / "wheels.timeline"
    [problem] = write_neutral([output, PCA9685, {"kind": "timeline", "path": str(wheels)}])
    assert "could not be put to neutral" in problem
    assert chip.pulses_us == (0.0,) * 16
    assert [applied.command for applied in read_timeline(wheels)] == [NEUTRAL]


@pytest.mark.parametrize(
    ("output", "modules"),
    [
        (PCA9685, {"smbus2", "hardware.pins.pca9685_registers"}),
        ({"kind": "hardware_pwm", "gpio": 12, "pulse_ns": 1_500_000}, {"hardware.pins.sysfs_pwm"}),
        (SERVO_LINES, {"hardware.pins.gpiochip"}),
        ({"kind": "timeline", "path": "/"}, {"fcntl"}),
        ({"kind": "low_lines", "gpios": [17]}, {"hardware.pins.gpiochip"}),
        ({"kind": "output_enable", "gpio": 4}, {"hardware.pins.gpiochip"}),
    ],
    ids=lambda value: str(value.get("kind")) if isinstance(value, dict) else "",
)
def test_all_that_an_output_needs_is_loaded_beforehand(output: Output, modules: set[str]) -> None:
    code = (
        "import json, sys; from hardware.neutral import prepare, write_neutral; output = json.loads(sys.argv[1]);"
        "prepare([output]); before = set(sys.modules); write_neutral([output]);"
        "print(json.dumps([sorted(before), sorted(set(sys.modules) - before)]))"
    )
    done = subprocess.run([sys.executable, "-c", code, json.dumps(output)], capture_output=True, text=True, check=True)
    before, later = json.loads(done.stdout)
    assert modules <= set(before)
    assert not later


def test_a_chip_whose_neutral_makes_no_sense_is_off_all_the_same(
    monkeypatch: pytest.MonkeyPatch, naps: list[float]
) -> None:
    chip = running_pca9685()
    i2c.install(monkeypatch, {0x40: chip})
    [problem] = write_neutral([{**PCA9685, "counts": {"0": 303, "one": 303}}])
    assert "one" in problem
    assert chip.pulses_us == (0.0,) * 16


def test_a_pwm_whose_neutral_is_longer_than_its_period_is_off_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, naps: list[float]
) -> None:
    kernel = sysfs_pwm.install(monkeypatch, tmp_path, sysfs_pwm.PI_5)
    _device = PWMOutputDevice(13, frequency=50, initial_value=0.1, pin_factory=HardwarePwmFactory(kernel))
    [problem] = write_neutral([{"kind": "hardware_pwm", "gpio": 13, "pulse_ns": 30_000_000}])
    assert "Invalid argument" in problem
    assert kernel.sent[-1][1] == 0


def test_a_bus_that_breaks_while_neutral_is_held_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    chips = {0x40: running_pca9685()}
    i2c.install(monkeypatch, chips)
    monkeypatch.setattr("hardware.neutral.time.sleep", lambda _: chips.clear())
    [problem] = write_neutral([PCA9685])
    assert "Remote I/O" in problem


@pytest.mark.parametrize(
    ("output", "sentence"),
    [
        (
            {"kind": "timeline", "path": "/"},
            "The output timeline (path /) could not be put to neutral: Is a directory. Cut its power.",
        ),
        (
            {"kind": "timeline"},
            "The output timeline could not be put to neutral: KeyError('path'). Cut its power.",
        ),
        (
            {"kind": "tracks", "port": 1, "rate": 2},
            "The output tracks (port 1, rate 2) could not be put to neutral: there is no known way to write it. "
            "Cut its power.",
        ),
    ],
)
def test_a_person_is_told_which_output_it_is_and_why(naps: list[float], output: Output, sentence: str) -> None:
    assert write_neutral([output]) == [sentence]
    # Nothing has been written that would have to last.
    assert naps == []


def test_a_gpio_without_hardware_pwm_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sysfs_pwm.install(monkeypatch, tmp_path, {})
    [problem] = write_neutral([{"kind": "hardware_pwm", "gpio": 12, "pulse_ns": 1_500_000}])
    assert "the GPIO has no hardware PWM" in problem


def test_hardware_pwm_is_switched_off_in_the_end(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, naps: list[float]
) -> None:
    kernel = sysfs_pwm.install(monkeypatch, tmp_path, sysfs_pwm.PI_4)
    _device = PWMOutputDevice(12, frequency=50, initial_value=0.1, pin_factory=HardwarePwmFactory(kernel))
    assert write_neutral([{"kind": "hardware_pwm", "gpio": 12, "pulse_ns": 1_490_000}]) == []
    assert sysfs_pwm_module.read(f"{kernel.channel('fe20c000.pwm', 0)}/enable") == 0


@pytest.mark.parametrize(("period_us", "nap_s"), [(20e6, 19.0), (0.0, 0.0)])
def test_servo_lines_get_a_pulse_each_period_and_at_once_when_it_is_over_already(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, naps: list[float], period_us: float, nap_s: float
) -> None:
    gpiochip.install(monkeypatch, tmp_path, PI_4_LINES)
    monkeypatch.setattr("hardware.neutral.time.perf_counter", itertools.count().__next__)
    monkeypatch.setattr("hardware.neutral.time.monotonic", itertools.count().__next__)
    # The pulses took a second.
    assert write_neutral([{**SERVO_LINES, "period_us": period_us}]) == []
    assert naps == [nap_s] * 3


def test_a_timeline_is_written_by_the_clock_that_goes_on_while_the_machine_sleeps_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "wheels"
    monkeypatch.setattr("hardware.neutral.time.CLOCK_BOOTTIME", 7, raising=False)
    monkeypatch.setattr("hardware.neutral.time.clock_gettime_ns", {7: 1111}.__getitem__, raising=False)
    monkeypatch.setattr("hardware.neutral.time.monotonic_ns", lambda: 2222)
    neutral.append_to_timeline(str(path), 0.0, 0.0)
    monkeypatch.delattr("hardware.neutral.time.CLOCK_BOOTTIME")
    neutral.append_to_timeline(str(path), 0.0, 0.0)
    assert [applied.time_ns for applied in read_timeline(path)] == [1111, 2222]


def test_a_timeline_may_be_read_by_all_and_is_closed_again(tmp_path: Path) -> None:
    path = tmp_path / "wheels"
    before = os.umask(0)
    try:
        neutral.append_to_timeline(str(path), 0.0, 0.0)
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o644
    descriptor = os.open(path, os.O_RDONLY)
    os.close(descriptor)
    neutral.append_to_timeline(str(path), 0.0, 0.0)
    # The lowest free number: it would not be free any more.
    again = os.open(path, os.O_RDONLY)
    os.close(again)
    assert again == descriptor
