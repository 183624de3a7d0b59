"""What the driver does at the desk reaches the drive loop: the newest command, and every press of a button."""

import multiprocessing

from car.gate import Arm, Disarm, DriverCommand, Mode, Stop
from car.processes.driver_slot import DriverDesk, DriverSlot, SlotDriver
from hardware.drivetrain import Command


def make_pair() -> tuple[DriverDesk, SlotDriver]:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    return DriverDesk(slot), SlotDriver(slot)


def test_nothing_pressed_is_no_event() -> None:
    _, driver = make_pair()
    assert list(driver.events(0)) == []


def test_the_newest_command_comes_once_with_the_time_it_was_sampled() -> None:
    desk, driver = make_pair()
    desk.sample(Command(0.1, 0.2), sampled_ns=5)
    desk.sample(Command(0.3, 0.4), sampled_ns=9)
    assert list(driver.events(20)) == [DriverCommand(Command(0.3, 0.4), 9)]
    assert list(driver.events(30)) == []


def test_presses_between_two_cycles_are_all_heard_and_a_stop_comes_last() -> None:
    desk, driver = make_pair()
    desk.stop()
    desk.arm(Mode.ASSIST)
    desk.disarm()
    assert list(driver.events(0)) == [Disarm(), Arm(Mode.ASSIST), Stop()]
    desk.stop()
    assert list(driver.events(0)) == [Stop()]


def test_quitting_is_remembered() -> None:
    desk, driver = make_pair()
    desk.quit()
    assert not driver.wants_to_quit
    list(driver.events(0))
    assert driver.wants_to_quit
