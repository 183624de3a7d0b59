"""A crowd that comes and goes leaves nothing behind, and a car that can be driven."""

import time
from pathlib import Path

from car.gate import TripReason
from tests.system.browser import Browser
from tests.system.crowd import SETTLE_S, footprint, visit
from tests.system.link_loss import timeline_car
from tests.system.strangers import greedy_strangers

CLIENTS, SECONDS = 30, 8.0
MEMORY_NOISE = 20e6
STRANGERS, GREEDY_S = 20, 4.0


def test_a_crowd_that_comes_and_goes_leaves_no_thread_no_socket_and_a_car_that_drives(tmp_path: Path) -> None:
    with timeline_car(tmp_path) as car:
        # The first crowd fills what stays filled: caches, and the threads that make pictures.
        visit(car.port, CLIENTS, SECONDS / 2)
        time.sleep(SETTLE_S)
        before = footprint(car.car.controls)
        assert visit(car.port, CLIENTS, SECONDS, seed=1) > CLIENTS
        time.sleep(SETTLE_S)
        after = footprint(car.car.controls)
        assert after.threads <= before.threads
        assert after.descriptors <= before.descriptors
        assert after.sockets <= before.sockets
        assert after.memory - before.memory <= MEMORY_NOISE
        with Browser(car.port) as browser:
            car.drive_off(browser)


def test_a_driver_drives_on_beside_strangers_who_ask_as_fast_as_they_can(tmp_path: Path) -> None:
    with timeline_car(tmp_path) as car, Browser(car.port) as browser:
        car.drive_off(browser)
        with greedy_strangers(car.port, STRANGERS, GREEDY_S):
            until_s = time.monotonic() + GREEDY_S
            while time.monotonic() < until_s:
                assert browser.state["gate"] == "armed", browser.state["trip"]
                time.sleep(0.05)
        browser.say(type="stop")
        browser.wait_for_state(gate="tripped", trip=TripReason.STOP.value)
