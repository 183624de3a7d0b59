"""A gamepad on the car: it drives while its hold button is pressed, it is connected and its loop turns."""

import inspect
import logging
import multiprocessing
import re
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car.controls import layout
from car.controls.gamepad import GamepadDriver, import_evdev
from car.controls.hub import DriverHub
from car.controls.layout import (
    ABS_RY,
    ABS_X,
    BTN_EAST,
    BTN_NORTH,
    BTN_SELECT,
    BTN_START,
    BTN_TL,
    BTN_TR,
    BTN_WEST,
    Inputs,
    find_layout,
)
from car.controls.pad import BUS_BLUETOOTH, Pad
from car.gate import (
    Arm,
    ArmRefusal,
    ChangeMode,
    Disarm,
    DriverCommand,
    DriverLeft,
    Event,
    FrameArrived,
    Gate,
    GateState,
    Mode,
    Stop,
)
from car.link.driver_slot import DriverSlot, SlotReader, SlotWriter
from hardware.clock import NS_PER_MS, NS_PER_S, SystemClock, VirtualClock
from hardware.drivetrain import NEUTRAL
from tests import fake_evdev
from tests.fake_evdev import AbsInfo, FakeEvdev, FakePad, InputDevice, make_axes

TURN_NS = 20 * NS_PER_MS
TURNS_PER_SEARCH = 50
LIMIT = 0.5
NOWHERE = Path("/nowhere")


class Rig:
    """A car's controls at a virtual time with a pad plugged in, and what the gate hears of it."""

    def __init__(self, *pads: FakePad, limit: float = LIMIT) -> None:
        slot = DriverSlot(multiprocessing.get_context("spawn"))
        self.clock = VirtualClock(1000 * NS_PER_S)
        self.hub = DriverHub(SlotWriter(slot), self.clock)
        self.evdev = FakeEvdev(*pads)
        self.driver = GamepadDriver(self.hub, self.clock, self.evdev, limit, ask=lambda _guid: None, root=NOWHERE)
        self.told: list[str] = []
        self.driver.tell = self.told.append
        self._slot_driver = SlotReader(slot)
        self._turns = 0
        self.turn()

    def turn(self, turns: int = 1) -> list[Event]:
        """Let the pads' loop turn, and now and then the search for more, and return what the gate hears."""
        events: list[Event] = []
        for _ in range(turns):
            if self._turns % TURNS_PER_SEARCH == 0:
                self.driver.look()
            self._turns += 1
            self.clock.advance_ns(TURN_NS)
            self.driver.turn()
            events += self._slot_driver.events(self.clock.now_ns())
        return events


def commands(events: list[Event]) -> list[DriverCommand]:
    return [event for event in events if isinstance(event, DriverCommand)]


@pytest.fixture
def pad() -> FakePad:
    return FakePad()


@pytest.fixture
def rig(pad: FakePad) -> Rig:
    return Rig(pad)


def take_hold(rig: Rig, pad: FakePad) -> None:
    pad.press(BTN_TR)
    rig.turn(2)


def test_a_pad_that_nobody_holds_takes_no_car(rig: Rig, pad: FakePad) -> None:
    pad.move(ABS_RY, -1)
    assert rig.turn(10) == []
    assert rig.hub.driver is None


@pytest.mark.parametrize("button", [BTN_TL, BTN_TR])
def test_a_gamepad_drives_while_either_hold_button_is_pressed(rig: Rig, pad: FakePad, button: int) -> None:
    pad.press(button)
    rig.turn(2)
    pad.move(ABS_X, 1)
    pad.move(ABS_RY, -1)
    (held,) = commands(rig.turn())
    assert (held.command.steering, held.command.throttle, held.held) == (1.0, LIMIT, True)
    pad.release(button)
    (released,) = commands(rig.turn())
    assert not released.held


def test_with_a_small_limit_a_stick_at_its_end_is_not_at_neutral(pad: FakePad) -> None:
    rig = Rig(pad, limit=0.05)
    pad.move(ABS_RY, -1)
    take_hold(rig, pad)
    assert not commands(rig.turn())[0].held
    pad.press(BTN_START)
    gate, now_ns = Gate(), rig.clock.now_ns()
    for event in (FrameArrived(now_ns), *rig.turn(3)):
        gate.handle(event, rig.clock.now_ns())
    assert gate.refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL
    pad.move(ABS_RY, 0)
    rig.turn()
    pad.move(ABS_RY, -1)
    (event,) = commands(rig.turn())
    assert (event.held, event.command.throttle) == (True, 0.05)


def test_up_is_forward_and_down_is_backward_within_the_limit(rig: Rig, pad: FakePad) -> None:
    take_hold(rig, pad)
    pad.move(ABS_RY, 1)
    assert commands(rig.turn())[0].command.throttle == -LIMIT


def test_a_stick_held_still_is_sampled_at_every_turn_with_the_turns_own_time(rig: Rig, pad: FakePad) -> None:
    take_hold(rig, pad)
    pad.move(ABS_RY, -1)
    sampled_ns = [event.sampled_ns for event in commands(rig.turn(1000))]
    now_ns = rig.clock.now_ns()
    assert sampled_ns == [now_ns - turn * TURN_NS for turn in reversed(range(1000))]


def test_a_loop_that_does_not_turn_samples_nothing(rig: Rig, pad: FakePad) -> None:
    take_hold(rig, pad)
    gate = Gate()
    for event in commands(rig.turn()):
        gate.handle(event, rig.clock.now_ns())
    later_ns = rig.clock.now_ns() + 301 * NS_PER_MS
    assert gate.decide(later_ns).driver is None


def test_a_pad_that_is_unplugged_is_no_driver_from_the_next_turn_on(rig: Rig, pad: FakePad) -> None:
    take_hold(rig, pad)
    pad.move(ABS_RY, -1)
    rig.turn()
    rig.evdev.unplug()
    assert rig.turn() == [DriverLeft()]
    assert rig.hub.driver is None
    assert all(device.is_closed for device in rig.evdev.opened)
    assert rig.turn(100) == []


def test_a_gamepad_comes_back_when_it_is_plugged_in_again_and_its_throttle_has_been_let_go(
    rig: Rig, pad: FakePad
) -> None:
    take_hold(rig, pad)
    pad.move(ABS_RY, -1)
    rig.turn()
    rig.evdev.unplug()
    rig.turn()
    pad.is_gone = False
    rig.evdev.pads["/dev/input/event7"] = pad
    assert not any(event.held for event in commands(rig.turn(120)))
    pad.move(ABS_RY, 0)
    rig.turn(60)
    pad.move(ABS_RY, -1)
    assert commands(rig.turn())[-1].held


def test_an_armed_car_is_neutral_at_once_when_the_pad_goes(rig: Rig, pad: FakePad) -> None:
    gate = Gate()

    def drive(turns: int) -> float:
        throttle = 0.0
        for _ in range(turns):
            events = rig.turn()
            now_ns = rig.clock.now_ns()
            gate.handle(FrameArrived(now_ns), now_ns)
            for event in events:
                gate.handle(event, now_ns)
            throttle = gate.decide(now_ns).command.throttle
        return throttle

    take_hold(rig, pad)
    pad.press(BTN_START)
    drive(2)
    assert gate.state is GateState.ARMED
    pad.move(ABS_RY, -1)
    assert drive(50) == LIMIT
    rig.evdev.unplug()
    assert drive(1) == 0.0


def test_a_bluetooth_pad_of_which_nothing_is_heard_is_let_go_of() -> None:
    pad = FakePad(bustype=BUS_BLUETOOTH)
    rig = Rig(pad)
    take_hold(rig, pad)
    pad.move(ABS_RY, -1)
    assert all(event.held for event in commands(rig.turn(50)))
    # Out of reach: the kernel still has it, and the stick as it was.
    assert not commands(rig.turn(2))[-1].held
    pad.move(ABS_RY, -0.99)
    assert commands(rig.turn())[-1].held


@pytest.mark.parametrize(
    ("button", "event"),
    [
        (BTN_START, Arm(Mode.MANUAL)),
        (BTN_SELECT, Disarm()),
        (BTN_NORTH, ChangeMode(Mode.ASSIST)),
        (BTN_WEST, ChangeMode(Mode.ASSIST)),
        (BTN_EAST, Stop()),
    ],
)
def test_each_button_does_its_own(rig: Rig, pad: FakePad, button: int, event: Event) -> None:
    take_hold(rig, pad)
    pad.press(button)
    assert event in rig.turn()
    assert event not in rig.turn(5)
    pad.release(button)
    assert event not in rig.turn(5)


def test_the_mode_goes_round_and_arming_is_in_it(rig: Rig, pad: FakePad) -> None:
    take_hold(rig, pad)
    seen = []
    for _ in range(3):
        pad.press(BTN_NORTH)
        pad.press(BTN_START)
        seen += [event for event in rig.turn() if isinstance(event, ChangeMode | Arm)]
        pad.release(BTN_NORTH)
        pad.release(BTN_START)
        rig.turn()
    modes = [Mode.ASSIST, Mode.AUTO, Mode.MANUAL]
    assert seen == [event for mode in modes for event in (ChangeMode(mode), Arm(mode))]


def test_a_press_between_two_turns_is_heard(rig: Rig, pad: FakePad) -> None:
    pad.press(BTN_EAST)
    pad.release(BTN_EAST)
    assert rig.turn() == [Stop()]


def test_a_press_whose_event_was_lost_is_heard(rig: Rig, pad: FakePad) -> None:
    pad.press(BTN_EAST)
    pad.events.clear()
    assert rig.turn() == [Stop()]
    assert rig.turn(5) == []


def test_a_button_that_is_down_when_the_pad_is_plugged_in_was_not_pressed_for_us() -> None:
    pad = FakePad(keys={BTN_START, BTN_EAST})
    assert Rig(pad).turn(5) == []


def test_a_gamepad_stops_the_car_while_another_drives_and_takes_over_when_it_asks_twice(rig: Rig, pad: FakePad) -> None:
    browser = rig.hub.join("browser")
    browser.sample(NEUTRAL, rig.clock.now_ns())
    pad.press(BTN_TR)
    pad.press(BTN_EAST)
    assert Stop() in rig.turn()
    assert browser.drives
    for expected in (True, False):
        pad.press(BTN_START)
        browser.sample(NEUTRAL, rig.clock.now_ns())
        events = rig.turn()
        assert browser.drives is expected
        assert not [event for event in events if isinstance(event, Arm)]
        pad.release(BTN_START)
        rig.turn()


def test_select_lets_another_drive(rig: Rig, pad: FakePad) -> None:
    take_hold(rig, pad)
    pad.press(BTN_SELECT)
    pad.release(BTN_TR)
    rig.turn(3)
    assert rig.hub.driver is None
    assert rig.hub.join("browser").arm(Mode.MANUAL)


def test_what_is_no_gamepad_is_left_alone_and_closed() -> None:
    keyboard = FakePad("keyboard", buttons=tuple(range(1, 120)), axes={})
    sensors = FakePad("Wireless Controller Motion Sensors", buttons=(), axes=make_axes(0, 1, 2, 3, 4, 5))
    touchpad = FakePad("Wireless Controller Touchpad", buttons=(0x110, 0x145, 0x14A), axes=make_axes(0, 1, 0x2F))
    rig = Rig(keyboard, sensors, touchpad)
    assert [device.is_closed for device in rig.evdev.opened] == [True, True, True]
    pad = FakePad()
    rig.evdev.pads["/dev/input/event9"] = pad
    rig.turn(60)
    pad.press(BTN_TL)
    assert commands(rig.turn())


def test_a_pad_that_goes_while_it_is_looked_at_is_looked_for_again() -> None:
    pad = FakePad(is_gone=True)
    rig = Rig(pad)
    assert rig.turn(100) == []
    pad.is_gone = False
    rig.turn(60)
    pad.press(BTN_TL)
    assert commands(rig.turn())


def test_a_stick_at_rest_is_neutral(rig: Rig, pad: FakePad) -> None:
    take_hold(rig, pad)
    pad.move(ABS_X, 0.07)
    pad.move(ABS_RY, -0.07)
    assert commands(rig.turn())[0].command == NEUTRAL


@given(
    low=st.integers(-(2**31), 2**31 - 1),
    high=st.integers(-(2**31), 2**31 - 1),
    value=st.integers(-(2**31), 2**31 - 1),
)
def test_whatever_an_axis_says_the_command_is_valid(low: int, high: int, value: int) -> None:
    pad = FakePad()
    pad.axes[ABS_X] = pad.axes[ABS_RY] = AbsInfo(value, low, high, 0, 0, 0)
    device = FakeEvdev(pad).InputDevice("/dev/input/event0")
    command = Pad(device, find_layout(Inputs.of(device), None)).read(0).command
    assert command.is_valid()


def test_a_throttle_that_rests_at_its_end_is_none_and_the_pad_stops_all_the_same() -> None:
    pad = FakePad()
    pad.axes[ABS_RY] = pad.axes[ABS_RY]._replace(value=-32768)
    rig = Rig(pad)
    pad.press(BTN_TR)
    assert not any(event.held for event in commands(rig.turn(100)))
    # Pulled, a trigger passes its middle.
    for position in (-0.4, 0.0, 0.4, 1.0, 0.0, -1.0):
        pad.move(ABS_RY, position)
        assert not any(event.held for event in commands(rig.turn(10)))
    pad.press(BTN_EAST)
    assert Stop() in rig.turn()


def test_a_stick_that_was_held_at_its_end_when_the_pad_was_plugged_in_counts_once_it_was_let_go_of() -> None:
    pad = FakePad()
    pad.move(ABS_RY, -1.0)
    rig = Rig(pad)
    pad.move(ABS_RY, 0.1)
    rig.turn(60)
    take_hold(rig, pad)
    pad.move(ABS_RY, -1.0)
    assert commands(rig.turn())[-1].held


def test_an_axis_that_passes_its_middle_again_and_again_does_not_rest_there() -> None:
    pad = FakePad()
    pad.move(ABS_RY, -1.0)
    rig = Rig(pad)
    pad.press(BTN_TR)
    for position in (0.0, 0.9, 0.0, 0.9, 0.0):
        pad.move(ABS_RY, position)
        assert not any(event.held for event in commands(rig.turn(40)))


def test_a_stick_whose_greatest_value_is_up_drives_forward_when_it_is_pushed_up() -> None:
    pad = FakePad(buttons=tuple(range(0x130, 0x13C)))
    device = FakeEvdev(pad).InputDevice("/dev/input/event0")
    line = "*,odd,b:b1,leftshoulder:b4,leftx:a0~,righty:a4~"
    reader = Pad(device, find_layout(Inputs.of(device), line))
    pad.move(ABS_RY, 1.0)
    pad.move(ABS_X, 1.0)
    command = reader.read(0).command
    assert (command.steering, command.throttle) == (-1.0, 1.0)


def test_a_pad_whose_stick_is_at_its_end_since_it_came_takes_the_car_from_nobody() -> None:
    first, second = FakePad("first"), FakePad("second")
    second.move(ABS_RY, -1.0)
    rig = Rig(first, second)
    take_hold(rig, first)
    first.release(BTN_TR)
    rig.turn()
    take_hold(rig, second)
    assert rig.hub.driver is not None
    assert rig.hub.driver.name == "first"


def test_a_pad_that_takes_the_car_from_another_has_it_in_the_mode_it_is_in() -> None:
    first, second = FakePad("first"), FakePad("second")
    rig = Rig(first, second)
    take_hold(rig, first)
    first.press(BTN_NORTH)
    first.release(BTN_NORTH)
    first.release(BTN_TR)
    assert ChangeMode(Mode.ASSIST) in rig.turn()
    take_hold(rig, second)
    second.press(BTN_NORTH)
    assert ChangeMode(Mode.AUTO) in rig.turn()


def test_a_pad_that_is_back_under_the_same_name_is_found_again(rig: Rig, pad: FakePad) -> None:
    rig.evdev.unplug()
    rig.turn()
    # Back before anybody has looked: to the search, it was never away.
    pad.is_gone = False
    rig.evdev.pads["/dev/input/event0"] = pad
    rig.turn(60)
    pad.press(BTN_EAST)
    assert Stop() in rig.turn()


def test_a_second_pad_drives_while_the_first_merely_lies_there() -> None:
    receiver, pad = FakePad("a receiver"), FakePad("in the hand")
    rig = Rig(receiver, pad)
    take_hold(rig, pad)
    pad.move(ABS_RY, -1)
    assert commands(rig.turn())[-1].command.throttle == LIMIT
    assert rig.hub.driver is not None
    assert rig.hub.driver.name == "in the hand"


def test_each_pads_stop_button_stops_whoever_drives() -> None:
    first, second = FakePad("first"), FakePad("second")
    rig = Rig(first, second)
    take_hold(rig, first)
    for pad in (second, first):
        pad.press(BTN_EAST)
        assert Stop() in rig.turn()
        pad.release(BTN_EAST)
        rig.turn()


def test_a_pad_that_is_held_keeps_the_car_and_one_that_was_laid_down_gives_it_to_the_next() -> None:
    first, second = FakePad("first"), FakePad("second")
    rig = Rig(first, second)
    take_hold(rig, first)
    second.move(ABS_RY, -1)
    take_hold(rig, second)
    assert rig.hub.driver is not None
    assert rig.hub.driver.name == "first"
    first.release(BTN_TR)
    rig.turn(5)
    assert rig.hub.driver.name == "first"
    second.release(BTN_TR)
    rig.turn()
    second.press(BTN_TR)
    # Handed over it is neutral until the stick was let go of; and nobody has lost a link.
    events = rig.turn(10)
    assert rig.hub.driver.name == "second"
    assert not any(event.held for event in commands(events))
    assert DriverLeft() not in events
    second.move(ABS_RY, 0)
    rig.turn()
    second.move(ABS_RY, -1)
    assert commands(rig.turn())[-1].held
    first.press(BTN_TR)
    rig.turn(5)
    assert rig.hub.driver.name == "second"


def test_another_pad_drives_on_when_the_one_that_drove_is_unplugged() -> None:
    first, second = FakePad("first"), FakePad("second")
    rig = Rig(first, second)
    take_hold(rig, first)
    rig.evdev.unplug()
    assert rig.turn() == [DriverLeft()]
    take_hold(rig, second)
    assert commands(rig.turn())[-1].held


def test_a_pad_takes_no_car_from_a_browser_by_its_hold_button() -> None:
    pad = FakePad()
    rig = Rig(pad)
    browser = rig.hub.join("browser")
    browser.sample(NEUTRAL, rig.clock.now_ns())
    take_hold(rig, pad)
    assert browser.drives


def test_a_pad_out_of_reach_leaves_the_car_to_the_one_that_is_taken_in_hand() -> None:
    first, second = FakePad("first", bustype=BUS_BLUETOOTH), FakePad("second")
    rig = Rig(first, second)
    take_hold(rig, first)
    rig.turn(60)
    take_hold(rig, second)
    assert rig.hub.driver is not None
    assert rig.hub.driver.name == "second"


def test_a_pad_that_nobody_knows_is_told_of_once_and_does_not_keep_the_others_from_driving() -> None:
    odd, pad = FakePad("no-name", buttons=tuple(range(0x130, 0x13C))), FakePad()
    rig = Rig(odd, pad)
    take_hold(rig, pad)
    assert commands(rig.turn(200))[-1].held
    assert len(rig.told) == 1
    assert "no-name cannot drive" in rig.told[0]


def test_what_is_told_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    odd = FakeEvdev(FakePad("no-name", buttons=tuple(range(0x130, 0x13C))))
    hub = DriverHub(SlotWriter(DriverSlot(multiprocessing.get_context("spawn"))), SystemClock())
    with caplog.at_level(logging.WARNING):
        GamepadDriver(hub, SystemClock(), odd, LIMIT, ask=lambda _guid: None, root=NOWHERE).look()
    assert "no-name cannot drive" in caplog.text


def test_a_pad_that_answers_nonsense_is_let_go_of_and_the_others_go_on() -> None:
    first, second = FakePad("odd"), FakePad("well")
    rig = Rig(first, second)
    take_hold(rig, first)
    _break(rig.evdev.opened[0])
    assert DriverLeft() in rig.turn()
    second.press(BTN_EAST)
    assert Stop() in rig.turn(100)
    assert rig.evdev.opened[0].is_closed
    # It is still plugged in, and left alone until it is plugged in again.
    assert len(rig.evdev.opened) == 2
    assert [text for text in rig.told if "odd cannot drive" in text] == rig.told


def _break(device: InputDevice) -> None:
    def fall_over() -> Any:
        raise ZeroDivisionError("odd pad")

    device.read_one = fall_over  # type: ignore[method-assign]


def test_the_gamepad_driver_beats_once_per_turn_and_says_whether_there_is_a_pad(pad: FakePad) -> None:
    for rig, is_there in ((Rig(), False), (Rig(pad), True)):
        beats: list[bool] = []
        rig.driver.beat = beats.append
        rig.turn(7)
        assert beats == [is_there] * 7


def test_a_device_that_takes_for_ever_to_open_holds_up_neither_the_pad_that_is_there_nor_the_end() -> None:
    pad = FakePad()
    rig = Rig(pad)
    opening, opened, ended, beaten = (threading.Event() for _ in range(4))
    ready = rig.evdev.InputDevice

    def open_slowly(dev: str) -> InputDevice:
        opening.set()
        opened.wait(30)
        return ready(dev)

    rig.evdev.InputDevice = open_slowly  # type: ignore[method-assign]
    rig.evdev.pads["/dev/input/event8"] = FakePad("slow")
    loop = threading.Thread(target=rig.driver.run, args=(ended,))
    loop.start()
    assert opening.wait(10)
    rig.driver.beat = lambda _there: beaten.set()
    assert beaten.wait(10)
    ended.set()
    loop.join(10)
    assert not loop.is_alive()
    opened.set()


def test_a_search_that_fails_is_told_and_tried_again(pad: FakePad) -> None:
    rig = Rig(pad)
    told, ended = threading.Event(), threading.Event()

    def fail() -> list[str]:
        raise ZeroDivisionError("odd system")

    rig.evdev.list_devices = fail  # type: ignore[method-assign,assignment]
    rig.driver.tell = lambda _text: told.set()
    loop = threading.Thread(target=rig.driver.run, args=(ended,))
    loop.start()
    assert told.wait(10)
    assert loop.is_alive()
    ended.set()
    loop.join(10)
    assert rig.evdev.opened[-1].is_closed


def test_a_loop_that_ends_takes_its_drivers_along_whatever_ended_it(rig: Rig, pad: FakePad) -> None:
    take_hold(rig, pad)

    def fall_over(_there: bool) -> None:
        raise ZeroDivisionError("no more beats")

    rig.driver.beat = fall_over
    with pytest.raises(ZeroDivisionError):
        rig.driver.run(threading.Event())
    assert rig.hub.driver is None
    assert rig.evdev.opened[-1].is_closed


def test_the_made_up_evdev_has_the_real_ones_names_and_arguments() -> None:
    real = import_evdev()
    if real is None:
        pytest.skip("evdev is not installed here; it is apt's python3-evdev")
    for name in ("capabilities", "active_keys", "absinfo", "read_one", "close"):
        assert [*inspect.signature(getattr(InputDevice, name)).parameters] == [
            *inspect.signature(getattr(real.InputDevice, name)).parameters
        ]
    assert "input_device_dir" in inspect.signature(real.list_devices).parameters
    assert fake_evdev.AbsInfo._fields == real.AbsInfo._fields
    assert set(fake_evdev.InputEvent._fields) == set(real.InputEvent.__slots__)
    assert fake_evdev.DeviceInfo._fields == real.device.DeviceInfo._fields
    names = [name for name in vars(layout) if re.fullmatch("(EV|BTN|ABS)_[A-Z0-9]+", name)]
    assert {"BTN_TR", "ABS_RY", "EV_KEY"} <= set(names)
    for name in names:
        assert getattr(layout, name) == getattr(real.ecodes, name), name
    assert real.ecodes.BUS_BLUETOOTH == BUS_BLUETOOTH
