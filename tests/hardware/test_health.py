"""What a machine tells of its temperature and its supply, on made-up machines; what it cannot tell is None."""

import time
from pathlib import Path

import pytest

from hardware.health import VCGENCMD_TIMEOUT_S, Health, Throttling, read_health, read_throttling
from tests.machines import add_command, make_machine, set_temperature

FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
VCGENCMD = "usr/bin/vcgencmd"


def test_a_machine_that_tells_nothing_is_not_guessed_at(tmp_path: Path) -> None:
    assert read_health(tmp_path) == Health(temperature_c=None, under_voltage=None)
    assert read_throttling(tmp_path) is None


def test_the_health_of_this_machine_is_read_without_a_warning() -> None:
    read_health()
    read_throttling()


@pytest.mark.parametrize("kind", ["cpu-thermal", "cpu_thermal"])
def test_the_processors_own_sensor_is_read(tmp_path: Path, kind: str) -> None:
    make_machine(
        tmp_path,
        {
            "sys/class/thermal/thermal_zone0/type": "rp1_adc\n",
            "sys/class/thermal/thermal_zone0/temp": "31000\n",
            "sys/class/thermal/thermal_zone1/type": f"{kind}\n",
            "sys/class/thermal/thermal_zone1/temp": "61835\n",
        },
    )
    assert read_health(tmp_path).temperature_c == pytest.approx(61.835)


def test_a_laptops_processor_which_is_hot_by_design_is_left_out(tmp_path: Path) -> None:
    zone = "sys/class/thermal/thermal_zone0"
    make_machine(tmp_path, {f"{zone}/type": "x86_pkg_temp\n", f"{zone}/temp": "96000\n"})
    assert read_health(tmp_path).temperature_c is None


@pytest.mark.parametrize("content", ["", "hot\n"])
def test_a_sensor_that_talks_nonsense_tells_nothing(tmp_path: Path, content: str) -> None:
    set_temperature(tmp_path, 50)
    make_machine(tmp_path, {"sys/class/thermal/thermal_zone0/temp": content, FIRMWARE: content})
    add_command(tmp_path, VCGENCMD, f"echo '{content}'")
    assert read_health(tmp_path) == Health(None, None)
    assert read_throttling(tmp_path) is None


@pytest.mark.parametrize(("alarm", "under_voltage"), [("0\n", False), ("1\n", True)])
def test_the_kernels_voltage_sensor_is_found_by_its_name(tmp_path: Path, alarm: str, under_voltage: bool) -> None:
    make_machine(
        tmp_path,
        {
            "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
            "sys/class/hwmon/hwmon0/in0_lcrit_alarm": "1\n",
            "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
            "sys/class/hwmon/hwmon1/in0_lcrit_alarm": alarm,
        },
    )
    assert read_health(tmp_path).under_voltage is under_voltage


@pytest.mark.parametrize(
    "path", [FIRMWARE, "sys/devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled"]
)
def test_without_that_sensor_the_kernels_copy_of_the_firmwares_flags_tells(tmp_path: Path, path: str) -> None:
    make_machine(tmp_path, {path: "50005\n"})
    assert read_health(tmp_path).under_voltage is True
    make_machine(tmp_path, {path: "50000\n"})
    assert read_health(tmp_path).under_voltage is False


def test_without_both_the_firmware_is_asked(tmp_path: Path) -> None:
    add_command(tmp_path, VCGENCMD, 'test "$1" = get_throttled && echo throttled=0x50005')
    assert read_health(tmp_path).under_voltage is True


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("0x0", Throttling(False, False, False, False)),
        ("0x1", Throttling(True, False, False, False)),
        ("0x2", Throttling(False, True, False, False)),
        ("0x4", Throttling(False, True, False, False)),
        ("0x8", Throttling(False, True, False, False)),
        ("0x10000", Throttling(False, False, True, False)),
        ("0x20000", Throttling(False, False, False, True)),
        ("0x40000", Throttling(False, False, False, True)),
        ("0x80000", Throttling(False, False, False, True)),
        ("0xf000f", Throttling(True, True, True, True)),
    ],
)
def test_every_flag_of_the_firmware_is_understood(tmp_path: Path, flags: str, expected: Throttling) -> None:
    add_command(tmp_path, VCGENCMD, f"echo throttled={flags}")
    assert read_throttling(tmp_path) == expected


def test_the_kernels_copy_is_not_taken_for_a_history(tmp_path: Path) -> None:
    make_machine(tmp_path, {FIRMWARE: "50005\n"})
    assert read_throttling(tmp_path) == Throttling(True, True, None, None)


def test_a_firmware_that_refuses_or_hangs_is_not_waited_for(tmp_path: Path) -> None:
    add_command(tmp_path, VCGENCMD, "exit 1")
    assert read_throttling(tmp_path) is None
    add_command(tmp_path, VCGENCMD, "exec sleep 60")
    started_s = time.monotonic()
    assert read_throttling(tmp_path) is None
    assert time.monotonic() - started_s < VCGENCMD_TIMEOUT_S + 20
