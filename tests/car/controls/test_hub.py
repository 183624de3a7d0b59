"""One driver at a time, and what each of the others may do."""

import multiprocessing

from car.controls.hub import ASKED_TWICE_NS, SILENT_NS, DriverHub
from car.gate import Arm, ChangeMode, Disarm, DriverCommand, DriverLeft, Event, Mode, Stop
from car.link.driver_slot import DriverSlot, SlotReader, SlotWriter
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import NEUTRAL, Command

FORWARD = Command(0.1, 0.6)


class Rig:
    """A hub at a virtual time, and what the gate hears of it."""

    def __init__(self) -> None:
        slot = DriverSlot(multiprocessing.get_context("spawn"))
        self.clock = VirtualClock(1000 * NS_PER_S)
        self.hub = DriverHub(SlotWriter(slot), self.clock)
        self._driver = SlotReader(slot)

    def later(self, duration_ns: int = 20 * NS_PER_MS) -> int:
        self.clock.advance_ns(duration_ns)
        return self.clock.now_ns()

    def heard(self) -> list[Event]:
        return list(self._driver.events(self.clock.now_ns()))


def test_the_first_who_samples_has_the_car_and_the_others_watch() -> None:
    rig = Rig()
    first, second = rig.hub.join("first"), rig.hub.join("second")
    assert second.sample(NEUTRAL, rig.later())
    assert not first.sample(FORWARD, rig.later())
    assert (first.drives, second.drives) == (False, True)
    rig.heard()
    first.sample(FORWARD, rig.later())
    assert not first.arm(Mode.MANUAL)
    assert not first.change_mode(Mode.AUTO)
    assert not first.disarm()
    assert rig.heard() == []


def test_stop_is_everyones() -> None:
    rig = Rig()
    rig.hub.join("driver").sample(NEUTRAL, rig.later())
    rig.heard()
    rig.hub.join("watcher").stop()
    assert rig.heard() == [Stop()]


def test_what_the_driver_asks_for_is_passed_on() -> None:
    rig = Rig()
    seat = rig.hub.join("driver")
    seat.sample(NEUTRAL, rig.later())
    rig.heard()
    now_ns = rig.later()
    seat.sample(FORWARD, now_ns, held=False)
    assert rig.heard() == [DriverCommand(FORWARD, now_ns, held=False)]
    assert seat.arm(Mode.CALIBRATION, wheels_up=True)
    assert seat.change_mode(Mode.AUTO)
    assert seat.disarm()
    assert rig.heard() == [Arm(Mode.CALIBRATION, wheels_up=True), ChangeMode(Mode.AUTO), Disarm()]


def test_a_driver_who_leaves_is_gone_at_once_and_no_watchers_samples_take_the_car() -> None:
    rig = Rig()
    driver, watcher = rig.hub.join("driver"), rig.hub.join("watcher")
    driver.sample(FORWARD, rig.later())
    driver.leave()
    assert rig.heard() == [DriverLeft()]
    assert not watcher.sample(FORWARD, rig.later())
    assert rig.hub.driver is None
    assert watcher.arm(Mode.MANUAL)
    assert watcher.drives


def test_whoever_comes_to_a_car_without_a_driver_has_it_by_sampling() -> None:
    rig = Rig()
    rig.hub.join("gone").leave()
    assert rig.hub.join("new").sample(NEUTRAL, rig.later())


def test_the_car_is_handed_over_when_the_driver_lets_go_and_it_is_neutral_until_the_new_stick_is() -> None:
    rig = Rig()
    driver, asking = rig.hub.join("driver"), rig.hub.join("asking")
    driver.sample(NEUTRAL, rig.later())
    driver.sample(FORWARD, rig.later())
    assert not asking.take_over()
    assert driver.drives
    driver.let_go()
    assert asking.drives
    assert rig.heard() == [DriverCommand(NEUTRAL, rig.clock.now_ns(), held=False)]
    assert not driver.sample(FORWARD, rig.later())
    asking.sample(FORWARD, now_ns := rig.later())
    assert rig.heard() == [DriverCommand(FORWARD, now_ns, held=False)]
    asking.sample(NEUTRAL, rig.later())
    rig.heard()
    asking.sample(FORWARD, now_ns := rig.later())
    assert rig.heard() == [DriverCommand(FORWARD, now_ns)]


def test_a_driver_who_is_silent_loses_the_car_to_who_asks() -> None:
    rig = Rig()
    driver, asking = rig.hub.join("driver"), rig.hub.join("asking")
    driver.sample(NEUTRAL, rig.later())
    asking.take_over()
    rig.later(SILENT_NS)
    asking.sample(NEUTRAL, rig.clock.now_ns())
    assert driver.drives
    assert asking.sample(NEUTRAL, rig.later())
    assert not driver.sample(FORWARD, rig.later())


def test_who_asks_twice_gets_the_car() -> None:
    rig = Rig()
    driver, asking = rig.hub.join("driver"), rig.hub.join("asking")
    driver.sample(NEUTRAL, rig.later())
    assert not asking.take_over()
    driver.sample(NEUTRAL, rig.later(ASKED_TWICE_NS))
    driver.sample(NEUTRAL, rig.later())
    assert not asking.take_over()
    assert asking.take_over()
    assert not driver.drives


def test_of_two_who_ask_the_first_gets_it() -> None:
    rig = Rig()
    driver, first, second = (rig.hub.join(name) for name in ("driver", "first", "second"))
    driver.sample(NEUTRAL, rig.later())
    first.take_over()
    rig.later()
    second.take_over()
    driver.leave()
    assert first.drives
    first.leave()
    assert second.drives


def test_who_asked_long_ago_does_not_get_a_car_that_it_may_not_be_looking_at() -> None:
    rig = Rig()
    driver, asked = rig.hub.join("driver"), rig.hub.join("asked")
    driver.sample(NEUTRAL, rig.later())
    asked.take_over()
    driver.sample(NEUTRAL, rig.later(ASKED_TWICE_NS + 1))
    rig.heard()
    driver.leave()
    assert rig.heard() == [DriverLeft()]
    assert not asked.sample(NEUTRAL, rig.later())
    assert asked.take_over()


def test_who_has_let_go_may_act_again_while_nobody_drives() -> None:
    rig = Rig()
    seat = rig.hub.join("browser")
    seat.sample(NEUTRAL, rig.later())
    seat.let_go()
    assert rig.heard()[0] == DriverLeft()
    assert not seat.sample(FORWARD, rig.later())
    assert seat.arm(Mode.MANUAL)
    assert seat.drives


def test_seats_are_counted_by_name() -> None:
    rig = Rig()
    seats = [rig.hub.join("browser"), rig.hub.join("browser"), rig.hub.join("terminal")]
    assert rig.hub.count("browser") == 2
    seats[0].leave()
    seats[0].leave()
    assert rig.hub.count("browser") == 1


def test_a_stop_since_arming_was_decided_on_keeps_the_car_from_being_armed() -> None:
    rig = Rig()
    driver, watcher = rig.hub.join("driver"), rig.hub.join("watcher")
    driver.sample(NEUTRAL, rig.later())
    before_ns = rig.later()
    watcher.stop()
    rig.heard()
    assert not driver.arm(Mode.MANUAL, decided_ns=before_ns)
    assert not driver.arm(Mode.MANUAL, decided_ns=rig.clock.now_ns())
    assert rig.heard() == []
    assert driver.arm(Mode.MANUAL, decided_ns=rig.later())
    assert driver.arm(Mode.MANUAL)
    assert rig.heard() == [Arm(Mode.MANUAL)]


def test_a_hand_over_waits_for_the_stick_not_for_what_a_small_limit_leaves_of_it() -> None:
    rig = Rig()
    seat = rig.hub.join("driver")
    for pressed in (True, False, True):
        now_ns = rig.later()
        seat.sample(Command(0.0, 0.01), now_ns, pressed=pressed)
        was_pressed_from_the_start = pressed and now_ns == 1000 * NS_PER_S + 20 * NS_PER_MS
        assert rig.heard() == [
            DriverCommand(Command(0.0, 0.01), now_ns, held=not was_pressed_from_the_start, pressed=pressed)
        ]
