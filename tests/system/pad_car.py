"""A car in its real processes with a made-up gamepad, which is held through a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from car.controls.layout import BTN_EAST, BTN_START, BTN_TR
from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrains.timeline import Applied, read_timeline
from tests.fake_evdev import hold_pad
from tests.system.car_process import CAR, TerminalCar, wait_for

REPOSITORY = Path(__file__).parents[2]
MODULE = """
from pathlib import Path
from tests.fake_evdev import FileEvdev

_evdev = FileEvdev(Path({path!r}))
list_devices, InputDevice = _evdev.list_devices, _evdev.InputDevice
"""


class PadCar:
    """``car drive`` in ``folder``, with a gamepad plugged in that nobody holds yet; a context manager."""

    def __init__(self, folder: Path) -> None:
        self._pad = folder / "pad"
        self._timeline = folder / "wheels.timeline"
        (folder / "mycar").mkdir()
        (folder / "mycar" / "car.toml").write_text(f'[drivetrain]\ntimeline = "{self._timeline}"\n', encoding="utf-8")
        (folder / "modules").mkdir()
        (folder / "modules" / "evdev.py").write_text(MODULE.format(path=str(self._pad)), encoding="utf-8")
        hold_pad(self._pad)
        # Our evdev is found before an installed one.
        self._car = TerminalCar(folder, command=self.command(folder / "modules"))

    @staticmethod
    def command(modules: Path) -> list[str]:
        """Return the command that drives the car."""
        return ["env", f"PYTHONPATH={modules}:{REPOSITORY}", str(CAR), "drive", "--no-record"]

    def __enter__(self) -> PadCar:
        self._car.__enter__()
        wait_for(lambda: bool(self.timeline()), "the car to start")
        return self

    def __exit__(self, *trouble: Any) -> None:
        self._car.__exit__(*trouble)

    def timeline(self) -> list[Applied]:
        """Return what reached the wheels so far."""
        return read_timeline(self._timeline) if self._timeline.exists() else []

    def drive_off(self) -> None:
        """Take hold of the pad, arm the car and push the stick up."""
        started_ns = SystemClock().now_ns()

        def is_armed() -> bool:
            # Steering is passed on once the car is armed.
            hold_pad(self._pad, BTN_TR, BTN_START, x=0.5)
            steered = any(entry.command.steering > 0.1 for entry in self.timeline() if entry.time_ns > started_ns)
            hold_pad(self._pad, BTN_TR)
            return steered

        wait_for(is_armed, "the car to arm")
        self.hold_up()
        wait_for(lambda: self.timeline()[-1].command.throttle > 0.4, "the car to drive")

    def hold_up(self) -> None:
        """Hold the stick up and the hold button down, on a pad that is plugged in if it was not."""
        hold_pad(self._pad, BTN_TR, y=-1)

    def let_go(self) -> None:
        """Let go of the hold button alone."""
        hold_pad(self._pad, y=-1)

    def press_stop(self) -> None:
        """Press stop, everything else held as it was."""
        hold_pad(self._pad, BTN_TR, BTN_EAST, y=-1)

    def unplug(self) -> None:
        """Take the pad away."""
        self._pad.unlink()

    def neutral_after_ms(self, since_ns: int) -> float:
        """Return how long after ``since_ns`` the throttle was neutral; fails when it has not stayed so."""
        wait_for(lambda: self.timeline()[-1].command.throttle == 0.0, "the car to stand")
        later = [entry for entry in self.timeline() if entry.time_ns > since_ns]
        first = next(number for number, entry in enumerate(later) if entry.command.throttle == 0.0)
        assert all(entry.command.throttle == 0.0 for entry in later[first:])
        return (later[first].time_ns - since_ns) / NS_PER_MS
