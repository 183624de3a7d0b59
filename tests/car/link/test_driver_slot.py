"""What the driver does at the controls reaches the drive loop: the newest command, and every press of a button."""

import multiprocessing
import sys
import threading
from collections.abc import Callable

import pytest

from car.gate import Arm, ArmRefusal, ChangeMode, Checks, Disarm, DriverCommand, DriverLeft, Event, Mode, Stop
from car.link import driver_slot
from car.link.driver_slot import DriverInput, DriverSlot, SlotReader, SlotWriter
from hardware.drivetrain import NEUTRAL, Command


def make_pair() -> tuple[SlotWriter, SlotReader]:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    return SlotWriter(slot), SlotReader(slot)


def test_nothing_pressed_is_no_event() -> None:
    _, driver = make_pair()
    assert list(driver.events(0)) == []


def test_the_newest_command_comes_once_with_the_time_it_was_sampled() -> None:
    writer, driver = make_pair()
    writer.sample(Command(0.1, 0.2), sampled_ns=5)
    writer.sample(Command(0.3, 0.4), sampled_ns=9)
    assert list(driver.events(20)) == [DriverCommand(Command(0.3, 0.4), 9)]
    assert list(driver.events(30)) == []


def test_what_a_driver_allows_a_pilot_comes_with_the_command() -> None:
    writer, driver = make_pair()
    writer.sample(Command(0.1, 0.2), sampled_ns=5, throttle_limit=0.3)
    assert list(driver.events(20)) == [DriverCommand(Command(0.1, 0.2), 5, throttle_limit=0.3)]
    writer.sample(Command(0.1, 0.2), sampled_ns=9)
    assert list(driver.events(20)) == [DriverCommand(Command(0.1, 0.2), 9)]


def test_a_stick_that_is_pressed_comes_with_the_command_and_is_not_handed_over() -> None:
    writer, driver = make_pair()
    writer.sample(Command(0.1, 0.02), sampled_ns=5, pressed=True)
    assert list(driver.events(20)) == [DriverCommand(Command(0.1, 0.02), 5, pressed=True)]
    writer.hand_over(9)
    assert list(driver.events(20)) == [DriverCommand(NEUTRAL, 9, held=False)]


def test_a_device_that_says_nothing_of_a_limit_leaves_a_pilot_everything() -> None:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    slot.write(DriverInput(Command(0.1, 0.2), sampled_ns=5))
    assert list(SlotReader(slot).events(20)) == [DriverCommand(Command(0.1, 0.2), 5, throttle_limit=1.0)]


def test_a_hand_over_is_neutral_and_leaves_a_pilots_limit_as_it_was() -> None:
    writer, driver = make_pair()
    writer.sample(Command(0.1, 0.2), sampled_ns=5, throttle_limit=0.3)
    writer.hand_over(9)
    assert list(driver.events(20)) == [DriverCommand(NEUTRAL, 9, held=False, throttle_limit=0.3)]


def test_presses_between_two_cycles_are_heard_as_they_were_pressed_and_a_stop_comes_last() -> None:
    writer, driver = make_pair()
    writer.stop()
    writer.arm(Mode.ASSIST)
    writer.change_mode(Mode.AUTO)
    writer.disarm()
    assert list(driver.events(0)) == [Arm(Mode.ASSIST), ChangeMode(Mode.AUTO), Disarm(), Stop()]
    writer.disarm()
    writer.arm(Mode.MANUAL)
    assert list(driver.events(0)) == [Disarm(), Arm(Mode.MANUAL)]
    assert not driver.stop_waits()
    writer.stop()
    assert driver.stop_waits()
    assert list(driver.events(0)) == [Stop()]
    assert not driver.stop_waits()


def test_quitting_is_remembered() -> None:
    writer, driver = make_pair()
    writer.quit()
    assert not driver.wants_to_quit
    list(driver.events(0))
    assert driver.wants_to_quit


def test_a_hold_button_that_is_let_go_comes_with_the_command() -> None:
    writer, driver = make_pair()
    writer.sample(Command(0.1, 0.2), sampled_ns=5, held=False)
    assert list(driver.events(0)) == [DriverCommand(Command(0.1, 0.2), 5, held=False)]


def test_the_drivers_word_that_the_wheels_are_up_comes_with_the_arming_it_was_given_for() -> None:
    writer, driver = make_pair()
    writer.arm(Mode.CALIBRATION, wheels_up=True)
    assert list(driver.events(0)) == [Arm(Mode.CALIBRATION, wheels_up=True)]
    writer.arm(Mode.MANUAL)
    assert list(driver.events(0)) == [Arm(Mode.MANUAL, wheels_up=False)]


def test_what_stands_in_the_way_of_driving_comes_when_it_changes() -> None:
    writer, driver = make_pair()
    writer.check((ArmRefusal.TOO_HOT, ArmRefusal.COARSE_STEERING))
    assert list(driver.events(0)) == [Checks((ArmRefusal.TOO_HOT, ArmRefusal.COARSE_STEERING))]
    assert list(driver.events(0)) == []
    writer.check(())
    assert list(driver.events(0)) == [Checks(())]


def test_before_anybody_has_looked_nothing_is_said_and_a_first_all_clear_is_heard() -> None:
    writer, driver = make_pair()
    writer.stop()
    assert list(driver.events(0)) == [Stop()]
    writer.check(())
    assert list(driver.events(0)) == [Checks(())]


def test_presses_from_two_threads_are_all_counted() -> None:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    writer = SlotWriter(slot)

    def press() -> None:
        for _ in range(2000):
            writer.stop()

    threads = [threading.Thread(target=press) for _ in range(4)]
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(before_s)
    state = slot.read()
    assert state is not None
    assert state.stops == 8000


def test_a_driver_who_leaves_takes_what_it_held_along_unless_another_has_come() -> None:
    writer, driver = make_pair()
    writer.sample(Command(0.1, 0.2), sampled_ns=5)
    writer.lose_driver()
    assert list(driver.events(0)) == [DriverLeft()]
    writer.lose_driver()
    writer.sample(Command(0.3, 0.0), sampled_ns=4)
    assert list(driver.events(0)) == [DriverLeft(), DriverCommand(Command(0.3, 0.0), 4)]


def test_another_writer_goes_on_from_where_a_dead_one_stopped_and_no_press_counts_twice() -> None:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    writer, driver = SlotWriter(slot), SlotReader(slot)
    writer.sample(Command(0.1, 0.6), sampled_ns=5)
    writer.stop()
    list(driver.events(0))
    driver.put_in_order()
    assert list(driver.events(0)) == [DriverLeft()]
    successor = SlotWriter(slot)
    successor.sample(Command(0.0, 0.0), sampled_ns=3)
    assert list(driver.events(0)) == [DriverCommand(Command(0.0, 0.0), 3)]
    successor.stop()
    assert list(driver.events(0)) == [Stop()]


def test_a_writer_that_died_while_it_wrote_leaves_what_was_heard_last() -> None:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    writer, driver = SlotWriter(slot), SlotReader(slot)
    writer.stop()
    list(driver.events(0))
    # An odd number says that somebody is writing: nobody will ever finish.
    slot._bytes()[0] |= 1
    assert list(driver.events(0)) == []
    driver.put_in_order()
    SlotWriter(slot).stop()
    assert list(driver.events(0)) == [DriverLeft(), Stop()]


class Meanwhile:
    """Stands in for the barrier between two accesses to the slot's memory: what happens to the slot right there."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act
        self._busy = False
        self.seen: list[object] = []

    def __call__(self) -> None:
        if not self._busy:
            self._busy = True
            self.seen.append(self._act())
            self._busy = False


def test_who_reads_while_the_slot_is_being_written_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    writer = SlotWriter(slot)
    writer.sample(Command(0.1, 0.2), sampled_ns=5)
    # The content may be half the old one and half the new one from before the first byte until after the last.
    reader = Meanwhile(slot.read)
    monkeypatch.setattr(driver_slot, "keep_order", reader)
    writer.sample(Command(0.3, 0.4), sampled_ns=9)
    assert reader.seen == [None, None]
    monkeypatch.undo()
    state = slot.read()
    assert state is not None
    assert (state.command, state.sampled_ns) == (Command(0.3, 0.4), 9)


def test_what_was_read_while_another_command_was_written_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    writer = SlotWriter(slot)
    writer.sample(Command(0.1, 0.2), sampled_ns=5)
    monkeypatch.setattr(driver_slot, "keep_order", Meanwhile(lambda: writer.sample(Command(0.3, 0.4), sampled_ns=9)))
    assert slot.read() is None


@pytest.mark.parametrize(
    ("press", "heard"),
    [
        (lambda writer: writer.arm(Mode.MANUAL), Arm(Mode.MANUAL)),
        (lambda writer: writer.disarm(), Disarm()),
        (lambda writer: writer.stop(), Stop()),
        (lambda writer: writer.change_mode(Mode.ASSIST), ChangeMode(Mode.ASSIST)),
        (lambda writer: writer.lose_driver(), DriverLeft()),
        (lambda writer: writer.sample(Command(0.1, 0.2), sampled_ns=1), DriverCommand(Command(0.1, 0.2), 1)),
    ],
)
def test_the_very_first_press_is_heard_whichever_button_it_is_of(
    press: Callable[[SlotWriter], None], heard: Event
) -> None:
    writer, driver = make_pair()
    press(writer)
    assert list(driver.events(0)) == [heard]
    assert list(driver.events(0)) == []


def being_written(slot: DriverSlot) -> None:
    """Leave the slot as somebody does who is writing it, or who died while writing it."""
    slot._bytes()[0] |= 1


def test_whether_a_stop_waits_may_be_asked_while_the_slot_is_being_written() -> None:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    driver = SlotReader(slot)
    SlotWriter(slot).stop()
    being_written(slot)
    assert not driver.stop_waits()


def test_a_stop_that_nobody_has_heard_yet_outlives_the_controls_that_it_was_pressed_at() -> None:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    writer, driver = SlotWriter(slot), SlotReader(slot)
    writer.sample(Command(0.1, 0.2), sampled_ns=5)
    writer.stop()
    driver.put_in_order()
    assert list(driver.events(0)) == [DriverLeft(), Stop()]


def test_a_writer_may_start_while_the_slot_is_still_as_a_dying_one_left_it() -> None:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    driver = SlotReader(slot)
    being_written(slot)
    SlotWriter(slot).stop()
    assert list(driver.events(0)) == [Stop()]


def test_a_driver_who_is_gone_has_sampled_nothing() -> None:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    writer, driver = SlotWriter(slot), SlotReader(slot)
    for lose in (writer.lose_driver, driver.put_in_order):
        writer.sample(Command(0.1, 0.2), sampled_ns=5)
        lose()
        state = slot.read()
        assert state is not None
        assert state.sampled_ns == 0


def test_a_desk_that_has_not_looked_yet_takes_nothing_back() -> None:
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    driver = SlotReader(slot)
    SlotWriter(slot).check((ArmRefusal.TOO_HOT,))
    assert list(driver.events(0)) == [Checks((ArmRefusal.TOO_HOT,))]
    slot.write(DriverInput())
    assert list(driver.events(0)) == []
