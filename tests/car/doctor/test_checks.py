"""Each thing that can be wrong with a machine, and what the doctor says of it."""

from pathlib import Path

import pytest

from car.doctor.software import judge_latency
from car.kinds.ours import CAMERAS
from car.kinds.verdict import Level
from tests.car.doctor.patients import BOOKWORM_VERSIONS, TRIXIE_VERSIONS, Clinic
from tests.car.kinds.strange import FakePackage
from tests.machines import (
    BOOKWORM,
    GOVERNOR,
    TRIXIE,
    VENV,
    add_command,
    make_laptop,
    make_machine,
    make_pi_4,
    make_pi_5,
    set_temperature,
)

OPENCV = "opencv-python-headless"


@pytest.fixture
def pi(tmp_path: Path) -> Clinic:
    return Clinic(tmp_path, make_pi_4, BOOKWORM_VERSIONS)


def test_a_board_that_is_too_old_is_named(pi: Clinic) -> None:
    make_machine(pi.root, {"proc/device-tree/model": "Raspberry Pi Zero 2 W Rev 1.0\0"})
    finding = pi.finding("board")
    assert (finding.level, finding.fix) == (Level.WARNING, "Use a Raspberry Pi 4 or 5.")
    assert "Zero 2 W" in finding.text


def test_a_32_bit_system_is_an_error(pi: Clinic) -> None:
    pi.answers["bits"] = 32
    finding = pi.finding("system")
    assert finding.level is Level.ERROR
    assert "32-bit" in finding.text
    assert "64-bit" in finding.fix


def test_another_system_is_a_warning(pi: Clinic) -> None:
    make_machine(pi.root, {"etc/os-release": 'PRETTY_NAME="Ubuntu 24.04"\nVERSION_CODENAME=noble\n'})
    assert pi.finding("system").level is Level.WARNING


def test_a_governor_that_saves_power_is_a_warning_with_the_command(pi: Clinic) -> None:
    make_machine(pi.root, {GOVERNOR: "powersave\n"})
    finding = pi.finding("governor")
    assert finding.level is Level.WARNING
    assert finding.fix.startswith("echo ondemand | sudo tee /sys/")


@pytest.mark.parametrize(
    ("temperature_c", "level"), [(69.9, Level.OK), (70, Level.WARNING), (79.9, Level.WARNING), (80, Level.ERROR)]
)
def test_heat_is_a_warning_and_an_error_where_the_car_does_not_arm(
    pi: Clinic, temperature_c: float, level: Level
) -> None:
    set_temperature(pi.root, temperature_c)
    assert pi.finding("temperature").level is level


@pytest.mark.parametrize(
    ("alarm", "flags", "supply", "throttling"),
    [
        ("0", "0x0", Level.OK, Level.OK),
        ("0", "0x50000", Level.WARNING, Level.WARNING),
        ("1", "0x50005", Level.ERROR, Level.WARNING),
        ("0", "0x80000", Level.OK, Level.WARNING),
        ("0", "0x80008", Level.OK, Level.WARNING),
    ],
)
def test_a_weak_supply_and_a_slowed_processor_are_told_now_and_since_the_start(
    pi: Clinic, alarm: str, flags: str, supply: Level, throttling: Level
) -> None:
    make_machine(pi.root, {"sys/class/hwmon/hwmon1/in0_lcrit_alarm": alarm})
    add_command(pi.root, "usr/bin/vcgencmd", f"echo throttled={flags}")
    assert pi.finding("supply").level is supply
    assert pi.finding("throttling").level is throttling


def test_a_history_that_is_not_told_is_not_made_up(pi: Clinic) -> None:
    (pi.root / "usr/bin/vcgencmd").unlink()
    assert "unknown" in pi.finding("supply").text
    assert "unknown" in pi.finding("throttling").text


def test_a_clock_that_was_never_set_is_a_warning(pi: Clinic) -> None:
    (pi.root / "run/systemd/timesync/synchronized").unlink()
    finding = pi.finding("clock")
    assert (finding.level, finding.fix) == (Level.WARNING, "sudo timedatectl set-ntp true")


def test_a_virtual_environment_that_hides_the_systems_packages_is_an_error_with_the_command(pi: Clinic) -> None:
    make_machine(pi.root, {f"{VENV}/pyvenv.cfg": "include-system-site-packages = false\n"})
    finding = pi.finding("python")
    assert finding.level is Level.ERROR
    assert finding.fix.endswith(f"{VENV}/pyvenv.cfg")


@pytest.mark.parametrize(
    ("release", "numpy", "opencv", "level", "fix"),
    [
        (BOOKWORM, "1.26.4", "4.11.0.86", Level.OK, ""),
        (TRIXIE, "2.5.5", "5.0.0.93", Level.OK, ""),
        # pip brings NumPy 2 in with the newest OpenCV, and the camera is gone.
        (BOOKWORM, "2.4.6", "4.12.0.88", Level.ERROR, '"numpy<2" "opencv-python-headless<4.12"'),
        (BOOKWORM, "2.0.0", "4.11.0.86", Level.ERROR, '"numpy<2"'),
        (BOOKWORM, "1.26.4", "4.12.0.88", Level.ERROR, '"opencv-python-headless<4.12"'),
        (TRIXIE, "1.26.4", "5.0.0.93", Level.ERROR, '"opencv-python-headless<4.12"'),
        (TRIXIE, None, "5.0.0.93", Level.ERROR, "numpy"),
        (TRIXIE, "2.5.5", None, Level.ERROR, "opencv"),
    ],
)
def test_numpy_and_opencv_have_to_fit_each_other_and_the_systems_camera(
    pi: Clinic, release: str, numpy: str | None, opencv: str | None, level: Level, fix: str
) -> None:
    make_machine(pi.root, {"etc/os-release": release})
    pi.versions |= {"numpy": numpy, OPENCV: opencv}
    finding = pi.finding("arrays")
    assert finding.level is level
    assert fix in finding.fix


def test_on_a_laptop_with_bookworms_debian_numpy_2_is_no_trap(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, make_laptop, TRIXIE_VERSIONS)
    make_machine(clinic.root, {"etc/os-release": BOOKWORM})
    assert clinic.finding("arrays").level is Level.OK


@pytest.mark.parametrize(
    ("versions", "level"),
    [
        ({"numpy": "1.26.4", "tflite-runtime": "2.14.0"}, Level.OK),
        ({"numpy": "2.4.6", "tflite-runtime": "2.14.0"}, Level.ERROR),
        ({"numpy": "2.4.6", "ai-edge-litert": "2.3.0"}, Level.OK),
        ({"numpy": "2.4.6", "ai-edge-litert": "2.3.0", "tflite-runtime": "2.14.0"}, Level.OK),
        ({"numpy": "2.4.6"}, Level.ERROR),
    ],
)
def test_a_runtime_has_to_be_there_that_works_with_this_numpy(
    pi: Clinic, versions: dict[str, str | None], level: Level
) -> None:
    pi.versions = versions
    finding = pi.finding("runtime")
    assert finding.level is level
    assert ("ai-edge-litert>=2,<3" in finding.fix) == (level is Level.ERROR)


def test_a_pilot_that_is_not_there_or_does_not_fit_is_an_error_with_what_to_do(pi: Clinic) -> None:
    pi.configure("[pilot]\nmodel = 'lost'\n")
    finding = pi.finding("pilot")
    assert (finding.level, finding.text) == (Level.ERROR, "There is no model lost.")
    assert "simulated-lane" in finding.fix
    pi.configure("[camera]\nwidth = 320\nheight = 240\n")
    assert "320x240" in pi.finding("pilot").text


@pytest.mark.parametrize(
    ("p50_ms", "p99_ms", "level"),
    [(5, 30, Level.OK), (5, 40, Level.WARNING), (199, 210, Level.WARNING), (201, 210, Level.ERROR)],
)
def test_a_pilot_slower_than_the_camera_is_a_warning_and_one_too_slow_for_the_gate_an_error(
    p50_ms: float, p99_ms: float, level: Level
) -> None:
    assert judge_latency("pilot", p50_ms, p99_ms, period_ms=33.3).level is level


def test_a_disk_that_is_nearly_full_is_a_warning(pi: Clinic) -> None:
    pi.configure("[recording]\nmin_free_mb = 1_000_000_000\n")
    finding = pi.finding("disk_space")
    assert finding.level is Level.WARNING
    assert "car sessions list" in finding.fix


def test_the_check_of_the_disk_leaves_nothing_behind(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, make_pi_5, TRIXIE_VERSIONS)
    before = sorted(path.name for path in clinic.car.iterdir())
    assert "MB/s" in clinic.finding("disk_speed").text
    assert sorted(path.name for path in clinic.car.iterdir()) == before


def test_a_user_without_real_time_priority_hears_the_command_that_grants_it(pi: Clinic) -> None:
    pi.answers["may_have_priority"] = lambda: False
    finding = pi.finding("priority")
    assert finding.level is Level.WARNING
    assert "rtprio" in finding.fix
    pi.answers["may_have_priority"] = lambda: True
    assert pi.finding("priority").level is Level.OK


def test_a_package_that_crashes_when_it_is_imported_is_not_imported_by_the_doctor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = FakePackage(monkeypatch)
    package.offer("cameras", "crashing_eye", "exit")
    clinic = Clinic(tmp_path, make_pi_4, BOOKWORM_VERSIONS)
    clinic.answers["import_problem"] = lambda *modules: (
        "Segmentation fault" if "tests.car.kinds.strange" in modules else ""
    )
    finding = clinic.finding("plugins")
    assert finding.level is Level.WARNING
    assert "crashing_eye of the package strange-parts cannot be loaded (Segmentation fault)" in finding.text
    assert "crashing_eye" not in CAMERAS._found


def test_a_slow_answer_on_a_busy_machine_is_not_blamed_on_the_pilot() -> None:
    verdict = judge_latency("pilot", 5.0, 90.0, period_ms=33.3, load_per_core=4.0)
    assert "4.0 other programs" in verdict.text
    assert "Train" not in verdict.fix
    assert "Train" in judge_latency("pilot", 5.0, 90.0, period_ms=33.3).fix


def test_a_car_without_a_pilot_is_driven_by_hand(pi: Clinic) -> None:
    pi.configure('[pilot]\nmodel = ""\n')
    finding = pi.finding("pilot")
    assert (finding.level, finding.text) == (Level.OK, "No pilot is chosen: the car is driven by hand.")


LOOKS_AHEAD = """
[sensors.front]
kind = "hc_sr04"
echo_pin = 26
[obstacle]
stop_m = 0.5
"""


def sensor_words(clinic: Clinic) -> list[tuple[Level, str]]:
    return [(each.level, each.text) for each in clinic.examine().findings if each.check == "sensors"]


def test_a_range_sensor_is_told_with_its_pins_and_what_the_car_does_by_it(pi: Clinic) -> None:
    pi.configure(LOOKS_AHEAD)
    assert [level for level, _ in sensor_words(pi)] == [Level.OK] * 3
    words = " ".join(text for _, text in sensor_words(pi))
    assert "GPIO 20 (trigger) and 26 (echo)" in words
    assert "stops 0.5 m before what front sees, and is slower from 2 m on" in words


def test_a_range_sensor_without_lgpio_or_a_raspberry_pi_is_an_error_with_the_next_step(
    pi: Clinic, tmp_path: Path
) -> None:
    pi.configure(LOOKS_AHEAD)
    pi.answers["import_problem"] = lambda *modules: "No module named 'lgpio'" if "lgpio" in modules else ""
    assert (Level.ERROR, "lgpio cannot be imported (No module named 'lgpio').") in sensor_words(pi)
    laptop = Clinic(tmp_path / "laptop", lambda root: root, {})
    laptop.configure(LOOKS_AHEAD)
    assert any(level is Level.ERROR and "this is none" in text for level, text in sensor_words(laptop))


HOLDS_SPEED = """
[sensors.wheel]
kind = "encoder"
mm_per_tick = 10.4
b_pin = 26
[speed]
control = true
"""


def test_a_wheel_encoder_is_told_with_its_pins_and_what_the_car_does_by_it(pi: Clinic, tmp_path: Path) -> None:
    pi.configure(HOLDS_SPEED)
    assert [level for level, _ in sensor_words(pi)] == [Level.OK] * 3
    words = " ".join(text for _, text in sensor_words(pi))
    assert "on GPIO 16 and GPIO 26, which tell the direction; the car rolls 10.4 mm" in words
    assert "speed is what wheel measures: it holds it, 4 m/s at full throttle, and trips without it" in words
    pi.configure(HOLDS_SPEED.replace("control = true", "").replace("b_pin = 26", ""))
    words = " ".join(text for _, text in sensor_words(pi))
    assert "on GPIO 16, which does not tell the direction" in words
    assert "speed is what wheel measures." in words
    laptop = Clinic(tmp_path / "laptop", lambda root: root, {})
    laptop.configure(HOLDS_SPEED)
    assert any(level is Level.ERROR and "this is none" in text for level, text in sensor_words(laptop))


BY_LIGHT = '[sensors.front]\nkind = "vl53l1x"\n'


def test_a_vl53l1x_is_looked_for_on_its_bus(pi: Clinic) -> None:
    pi.configure(BY_LIGHT)
    assert (Level.ERROR, "No VL53L1X answers at 0x29 on /dev/i2c-1.") in sensor_words(pi)
    pi.answers["i2c_answers"] = lambda _bus, addresses: list(addresses)
    assert [level for level, _ in sensor_words(pi)] == [Level.OK, Level.OK]


def test_a_vl53l1x_without_its_driver_or_its_bus_is_an_error_with_the_next_step(pi: Clinic) -> None:
    def closed(_bus: int, _addresses: object) -> list[int]:
        raise FileNotFoundError(2, "No such file or directory")

    pi.configure(BY_LIGHT)
    pi.answers["i2c_answers"] = closed
    pi.answers["import_problem"] = lambda *modules: "No module named it" if "adafruit_vl53l1x" in modules else ""
    driver, bus = (each for each in pi.examine().findings if each.check == "sensors" and each.level is Level.ERROR)
    assert driver.fix.endswith("pip install adafruit-circuitpython-vl53l1x")
    assert "The I²C bus 1 cannot be opened" in bus.text
    assert bus.fix == "sudo raspi-config nonint do_i2c 0"


AT_THE_SUPPLY = '[sensors.battery]\nkind = "ina219"\n[supply]\nwarn_v = 6.8\n'


def test_an_ina219_is_looked_for_on_its_bus(pi: Clinic) -> None:
    pi.configure(AT_THE_SUPPLY)
    assert (Level.ERROR, "No INA219 answers at 0x41 on /dev/i2c-1.") in sensor_words(pi)
    pi.answers["i2c_answers"] = lambda _bus, addresses: list(addresses)
    assert any("where the INA219 is to be" in words for level, words in sensor_words(pi) if level is Level.OK)
    assert any("warns below 6.8 V" in words for level, words in sensor_words(pi) if level is Level.OK)


def test_an_ina219_on_a_bus_that_is_closed_is_an_error_with_the_next_step(pi: Clinic) -> None:
    def closed(_bus: int, _addresses: object) -> list[int]:
        raise FileNotFoundError("No such file or directory")

    pi.configure(AT_THE_SUPPLY)
    pi.answers["i2c_answers"] = closed
    assert any("The I²C bus 1 cannot be opened" in words for level, words in sensor_words(pi) if level is Level.ERROR)


def test_a_supply_that_warns_of_nothing_is_told_how(pi: Clinic) -> None:
    pi.configure(AT_THE_SUPPLY.replace("warn_v = 6.8", ""))
    pi.answers["i2c_answers"] = lambda _bus, addresses: list(addresses)
    assert any("warns of no low voltage" in words for level, words in sensor_words(pi) if level is Level.WARNING)


def test_a_live_stream_whose_package_is_missing_is_a_warning_with_the_command(pi: Clinic) -> None:
    assert pi.finding("foxglove").level is Level.OK
    pi.configure("[foxglove]\nenabled = true\n")
    finding = pi.finding("foxglove")
    assert finding.level is Level.WARNING
    assert finding.fix.endswith("'pocketpilot[foxglove]'")
    pi.versions["foxglove-sdk"] = "0.30.3"
    assert "0.30.3" in pi.finding("foxglove").text
