"""A machine that is too hot, a car that is not calibrated: it is not armed, and the reason is shown.

A car that drives is not stopped by it.
"""

import re
import sys
from pathlib import Path
from typing import Any

import httpx

from hardware.clock import NS_PER_S, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import Applied, read_timeline
from tests.machines import set_temperature
from tests.system.car_process import TerminalCar, run_to_end, wait_for

SCRIPT = """
import sys
from pathlib import Path
from car.assembly.devices import open_devices
from car.pilots.find import find_model
from car.pilots.loading import open_pilot
from car.kinds.simulated import SimulatedSection
from car.config.folder import find_car
from car.processes.drive import drive
from car.processes.summary import DriveOptions
from car.processes.summary_view import show_drive

folder, _ = find_car(None)
pilot, _ = open_pilot(find_model(folder.config.pilot.model, folder.path), folder.config.camera.geometry)


def open_simulated(config, clock):
    simulated = SimulatedSection(timeline=config.drivetrain.timeline)
    return open_devices(config.model_copy(update={"drivetrain": simulated}), clock)


options = DriveOptions(folder, pilot, "--headless" in sys.argv, None, True, Path(sys.argv[1]), open_simulated)
summary = drive(options)
show_drive(summary)
sys.exit(summary.exit_code)
"""
"""What ``car drive`` does, on a made-up machine, and in the simulator whatever car.toml names."""
LONGER_THAN_A_CHECK_NS = 4 * NS_PER_S


def command(machine: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-P", "-c", SCRIPT, str(machine), *arguments]


def timeline(folder: Path) -> list[Applied]:
    path = folder / "wheels.timeline"
    return read_timeline(path) if path.exists() else []


def status(car: TerminalCar) -> dict[str, Any]:
    address = re.search(r"http://127\.0\.0\.1:\d+/", car.screen())
    assert address is not None
    answer: dict[str, Any] = httpx.get(f"{address[0]}api/status").raise_for_status().json()
    return answer


def test_a_headless_car_that_is_too_hot_ends_with_the_reason_and_what_to_do(tmp_path: Path) -> None:
    set_temperature(tmp_path / "machine", 85)
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text('[drivetrain]\ntimeline = "../wheels.timeline"\n', encoding="utf-8")
    done = run_to_end(command(tmp_path / "machine", "--headless"), cwd=tmp_path)
    assert done.returncode == 1
    assert "the processor is too hot" in done.stdout
    assert "a fan" in done.stdout
    written = timeline(tmp_path)
    assert written
    assert all(applied.command == NEUTRAL for applied in written)
    assert not list((tmp_path / "mycar" / "sessions").glob("*.mcap"))


def test_a_headless_car_that_is_not_calibrated_ends_with_the_reason_and_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text('[drivetrain]\nkind = "servo_esc"\n', encoding="utf-8")
    done = run_to_end(command(tmp_path / "machine", "--headless"), cwd=tmp_path)
    assert done.returncode == 1
    assert "steering and throttle are not calibrated yet" in done.stdout
    assert "car calibrate" in " ".join(done.stdout.split())


def test_heat_keeps_a_car_from_arming_and_does_not_stop_one_that_drives(tmp_path: Path) -> None:
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text('[drivetrain]\ntimeline = "../wheels.timeline"\n', encoding="utf-8")
    machine = tmp_path / "machine"

    def drives() -> bool:
        return timeline(tmp_path)[-1].command.throttle > 0.05

    def arm_and_see() -> bool:
        car.press(b"a")
        return drives()

    set_temperature(machine, 85)
    with TerminalCar(tmp_path, command=command(machine)) as car:
        wait_for(lambda: "disarmed" in car.screen(), "the view")
        wait_for(lambda: "http://127" in car.screen(), "the page")
        wait_for(
            lambda: status(car)["telemetry"].get("processor") == {"temperature_c": 85.0},
            "the page to tell the temperature",
        )
        car.press(b"a")
        wait_for(lambda: "the processor is too hot" in car.screen(), "the refusal")
        assert all(applied.command == NEUTRAL for applied in timeline(tmp_path))

        set_temperature(machine, 60)
        # Until the desk has looked again.
        wait_for(arm_and_see, "the car to drive once it has cooled down")

        set_temperature(machine, 95)
        heated_ns = SystemClock().now_ns()
        wait_for(lambda: timeline(tmp_path)[-1].time_ns > heated_ns + LONGER_THAN_A_CHECK_NS, "the next checks")
        assert all(applied.command.throttle > 0 for applied in timeline(tmp_path) if applied.time_ns > heated_ns)

        car.press(b"d")
        wait_for(lambda: not drives(), "the car to stand")
        car.wipe_screen()
        car.press(b"a")
        wait_for(lambda: "the processor is too hot" in car.screen(), "the refusal of the hot car")
        assert not drives()
        car.press(b"q")
        assert car.process.wait(timeout=60) == 0
