"""A gamepad on a car in its real processes: it drives while it is held and there, and stops when it is not."""

from collections.abc import Callable
from pathlib import Path

import pytest

from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import NEUTRAL
from tests.system.car_process import wait_for
from tests.system.pad_car import PadCar

PROMISED_MS = 350
NOISE_MS = 300
"""What a busy machine may add."""


@pytest.mark.parametrize("stop", [PadCar.unplug, PadCar.let_go, PadCar.press_stop])
def test_a_car_driven_by_gamepad_is_neutral_soon_after(tmp_path: Path, stop: Callable[[PadCar], None]) -> None:
    with PadCar(tmp_path) as car:
        assert all(entry.command == NEUTRAL for entry in car.timeline())
        car.drive_off()
        stopped_ns = SystemClock().now_ns()
        stop(car)
        assert car.neutral_after_ms(stopped_ns) <= PROMISED_MS + NOISE_MS

        # Back with the stick still up: the throttle has to be let go first.
        back_ns = SystemClock().now_ns()
        car.hold_up()
        wait_for(lambda: car.timeline()[-1].time_ns > back_ns + 2000 * NS_PER_MS, "two seconds")
        assert all(entry.command.throttle == 0.0 for entry in car.timeline() if entry.time_ns > back_ns)
