"""A gamepad on a car in its real processes: it drives while it is held and there, and stops when it is not."""

from pathlib import Path

import pytest

from car.processes.gamepad import BTN_START, BTN_TR
from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import NEUTRAL
from hardware.drivetrains.timeline import Applied, read_timeline
from tests.fake_evdev import hold_pad
from tests.system.car_process import CAR, TerminalCar, wait_for

REPOSITORY = Path(__file__).parents[2]
PROMISED_MS = 350
NOISE_MS = 300
"""What a busy machine may add."""
MODULE = """
from pathlib import Path
from tests.fake_evdev import FileEvdev

_evdev = FileEvdev(Path({path!r}))
list_devices, InputDevice = _evdev.list_devices, _evdev.InputDevice
"""


class PadCar:
    """A car whose gamepad is held by the test, through a file."""

    def __init__(self, folder: Path) -> None:
        self.pad = folder / "pad"
        self._timeline = folder / "wheels.timeline"

    def timeline(self) -> list[Applied]:
        return read_timeline(self._timeline) if self._timeline.exists() else []

    def throttle(self) -> float:
        applied = self.timeline()
        return applied[-1].command.throttle if applied else 0.0

    def drive_off(self) -> None:
        hold_pad(self.pad, BTN_TR)
        wait_for(self._is_armed, "the car to arm")
        hold_pad(self.pad, BTN_TR, y=-1)
        wait_for(lambda: self.throttle() > 0.4, "the car to drive")

    def neutral_after_ms(self, since_ns: int) -> float:
        """Return how long after ``since_ns`` the wheels were neutral, and have stayed it."""
        wait_for(lambda: self.throttle() == 0.0, "the car to stand")
        later = [applied for applied in self.timeline() if applied.time_ns > since_ns]
        first = next(number for number, applied in enumerate(later) if applied.command.throttle == 0.0)
        assert all(applied.command.throttle == 0.0 for applied in later[first:])
        return (later[first].time_ns - since_ns) / NS_PER_MS

    def _is_armed(self) -> bool:
        # Steering is passed on once the car is armed.
        hold_pad(self.pad, BTN_TR, BTN_START, x=0.5)
        is_armed = any(applied.command.steering > 0.1 for applied in self.timeline())
        hold_pad(self.pad, BTN_TR)
        return is_armed


@pytest.fixture
def pad_car(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PadCar:
    (tmp_path / "mycar").mkdir()
    (tmp_path / "mycar" / "car.toml").write_text('[drivetrain]\ntimeline = "../wheels.timeline"\n', encoding="utf-8")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "evdev.py").write_text(MODULE.format(path=str(tmp_path / "pad")), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path / 'modules'}:{REPOSITORY}")
    hold_pad(tmp_path / "pad")
    return PadCar(tmp_path)


@pytest.mark.parametrize("how", ["unplugged", "hold button let go"])
def test_a_car_driven_by_gamepad_is_neutral_soon_after_it_is(tmp_path: Path, pad_car: PadCar, how: str) -> None:
    with TerminalCar(tmp_path, command=[str(CAR), "drive", "--no-record"]) as car:
        wait_for(lambda: "disarmed" in car.screen(), "the view")
        assert all(applied.command == NEUTRAL for applied in pad_car.timeline())
        pad_car.drive_off()
        gone_ns = SystemClock().now_ns()
        if how == "unplugged":
            pad_car.pad.unlink()
        else:
            hold_pad(pad_car.pad, y=-1)
        assert pad_car.neutral_after_ms(gone_ns) <= PROMISED_MS + NOISE_MS

        # Back with the stick still up: the throttle has to be let go first.
        back_ns = SystemClock().now_ns()
        hold_pad(pad_car.pad, BTN_TR, y=-1)
        wait_for(lambda: pad_car.timeline()[-1].time_ns > back_ns + 2000 * NS_PER_MS, "two seconds")
        assert all(applied.command.throttle == 0.0 for applied in pad_car.timeline() if applied.time_ns > back_ns)
