"""A USB camera pulled out while the car drives: it stops, the camera comes back by itself, and a person arms again."""

import sys
from pathlib import Path

import tests
from car.gate import TripReason
from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import read_timeline
from tests.system.car_process import TerminalCar, run_to_end, wait_for

SCRIPT = f"""
import sys
from pathlib import Path

import cv2

sys.path.insert(0, {str(Path(tests.__file__).parents[1])!r})
from tests.hardware.cameras.fake_capture import FakeCapture, UsbRig

rig = UsbRig(Path("video0").resolve(), rates_hz=[30.0])
cv2.VideoCapture = lambda _device, _backend: FakeCapture(rig)
sys.argv[:] = ["car", "drive", "--no-record", *sys.argv[1:]]
from car.entry import main
main()
"""
"""``car drive`` with a USB camera that is plugged in while there is a file ``video0``."""
MARGIN_MS = 250
"""For a busy machine, over the 150 ms that a frame is fresh and the cycle in which the gate is asked."""


def make_car(folder: Path) -> Path:
    device = folder / "video0"
    device.touch()
    (folder / "car.toml").write_text(
        f'[camera]\nkind = "usb"\ndevice = "{device}"\n[drivetrain]\ntimeline = "wheels.timeline"\n', encoding="utf-8"
    )
    return device


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-c", SCRIPT, *arguments]


def test_an_unplugged_camera_stops_the_car_is_opened_again_and_drives_when_it_is_armed(tmp_path: Path) -> None:
    device = make_car(tmp_path)
    timeline = tmp_path / "wheels.timeline"

    def drives() -> bool:
        return read_timeline(timeline)[-1].command.throttle > 0

    def arm_and_see() -> bool:
        car.press(b"a")
        return drives()

    with TerminalCar(tmp_path, command=command()) as car:
        wait_for(lambda: "disarmed" in car.screen(), "the view")
        wait_for(arm_and_see, "the car to drive")
        device.unlink()
        pulled_ns = SystemClock().now_ns()
        wait_for(lambda: TripReason.STALE_FRAME.value in car.screen(), "the gate to trip")
        moving = [applied.time_ns for applied in read_timeline(timeline) if applied.command.throttle > 0]
        assert (moving[-1] - pulled_ns) / NS_PER_MS <= 150 + MARGIN_MS
        assert not drives()
        device.touch()
        wait_for(arm_and_see, "the car to drive again")
        car.press(b"q")
        assert car.process.wait(timeout=60) == 0
        wait_for(lambda: "camera restarts: " in " ".join(car.screen().split()), "the summary")
    assert read_timeline(timeline)[-1].command == NEUTRAL


def test_with_nobody_there_to_arm_it_again_the_drive_ends_in_neutral(tmp_path: Path) -> None:
    device = make_car(tmp_path)
    timeline = tmp_path / "wheels.timeline"
    with TerminalCar(tmp_path, command=command("--headless")) as car:
        wait_for(lambda: timeline.exists() and read_timeline(timeline)[-1].command.throttle > 0, "the car to drive")
        device.unlink()
        assert car.process.wait(timeout=60) == 1
        wait_for(lambda: f"The gate tripped: {TripReason.STALE_FRAME}" in car.screen(), "the reason")
    assert read_timeline(timeline)[-1].command == NEUTRAL


def test_a_camera_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    make_car(tmp_path).unlink()
    done = run_to_end(command("--headless"), cwd=tmp_path)
    assert done.returncode == 1
    assert "video0. Plug it in" in done.stderr
    assert "Traceback" not in done.stderr
