"""A car that is driven from its page, and what carries its stop dies under the driver."""

from pathlib import Path

from hardware.clock import NS_PER_MS, SystemClock
from hardware.drivetrain import NEUTRAL
from tests.system.browser import NEUTRAL_STICK, Browser
from tests.system.car_process import wait_for
from tests.system.link_loss import timeline_car

PROMISED_MS = 350
NOISE_MS = 200


def test_controls_that_die_under_their_driver_are_a_trip_and_their_successor_lets_a_person_drive_on(
    tmp_path: Path,
) -> None:
    with timeline_car(tmp_path) as car:
        with Browser(car.port) as browser:
            car.drive_off(browser)
            controls = car.car.controls
            killed_ns = SystemClock().now_ns()
            controls.kill()
            wait_for(lambda: car.timeline()[-1].command == NEUTRAL, "neutral")
            first_ns = next(at.time_ns for at in car.timeline() if at.time_ns > killed_ns and at.command == NEUTRAL)
            assert (first_ns - killed_ns) / NS_PER_MS <= PROMISED_MS + NOISE_MS
        with Browser(car.car.port) as browser:
            browser.wait_for_state(gate="tripped", trip="the controls, which carry every stop, did not answer")
            assert all(at.command == NEUTRAL for at in car.timeline() if at.time_ns > first_ns)
            browser.stick = NEUTRAL_STICK
            car.drive_off(browser)
