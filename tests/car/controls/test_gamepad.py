"""A gamepad on the car: it drives while its hold button is pressed, it is connected and its loop turns."""

import inspect
import multiprocessing
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car.controls.gamepad import (
    ABS_RY,
    ABS_RZ,
    ABS_X,
    ABS_Y,
    BTN_EAST,
    BTN_NORTH,
    BTN_SELECT,
    BTN_START,
    BTN_TL,
    BTN_TR,
    BTN_WEST,
    BUS_BLUETOOTH,
    GamepadDriver,
    Pad,
    import_evdev,
)
from car.controls.hub import DriverHub
from car.gate import (
    Arm,
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
from car.link.driver_slot import DriverDesk, DriverSlot, SlotDriver
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import NEUTRAL
from tests import fake_evdev
from tests.fake_evdev import AbsInfo, FakeEvdev, FakePad, InputDevice, make_axes

TURN_NS = 20 * NS_PER_MS
LIMIT = 0.5


class Rig:
    """A car's desk at a virtual time with a pad plugged in, and what the gate hears of it."""

    def __init__(self, *pads: FakePad) -> None:
        slot = DriverSlot(multiprocessing.get_context("spawn"))
        self.clock = VirtualClock(1000 * NS_PER_S)
        self.hub = DriverHub(DriverDesk(slot), self.clock)
        self.evdev = FakeEvdev(*pads)
        self.driver = GamepadDriver(self.hub, self.clock, self.evdev, LIMIT)
        self._slot_driver = SlotDriver(slot)
        self.turn()

    def turn(self, turns: int = 1) -> list[Event]:
        """Let the pad's loop turn, and return what the gate hears."""
        events: list[Event] = []
        for _ in range(turns):
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
def test_it_drives_while_either_hold_button_is_pressed(rig: Rig, pad: FakePad, button: int) -> None:
    pad.press(button)
    rig.turn(2)
    pad.move(ABS_X, 1)
    pad.move(ABS_RY, -1)
    (held,) = commands(rig.turn())
    assert (held.command.steering, held.command.throttle, held.held) == (1.0, LIMIT, True)
    pad.release(button)
    (released,) = commands(rig.turn())
    assert not released.held


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


def test_it_comes_back_when_it_is_plugged_in_again_and_its_throttle_has_been_let_go(rig: Rig, pad: FakePad) -> None:
    take_hold(rig, pad)
    pad.move(ABS_RY, -1)
    rig.turn()
    rig.evdev.unplug()
    rig.turn()
    pad.is_gone = False
    rig.evdev.pads["/dev/input/event7"] = pad
    events = commands(rig.turn(60))
    assert events
    assert not any(event.held for event in events)
    pad.move(ABS_RY, 0)
    rig.turn()
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


def test_it_stops_the_car_while_another_drives_and_takes_over_when_it_asks_twice(rig: Rig, pad: FakePad) -> None:
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


@pytest.mark.parametrize(
    ("axes", "throttle_axis"),
    [((0, 1, 2, 3, 4, 5), ABS_RY), ((0, 1, 2, 5, 9, 10), ABS_RZ), ((0, 1), ABS_Y)],
)
def test_the_throttle_is_on_the_right_stick_where_there_is_one(axes: tuple[int, ...], throttle_axis: int) -> None:
    pad = FakePad(axes=make_axes(*axes, low=0, high=255))
    rig = Rig(pad)
    take_hold(rig, pad)
    pad.move(throttle_axis, -1)
    assert commands(rig.turn())[0].command.throttle == LIMIT


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
    command = Pad(FakeEvdev(pad).InputDevice("/dev/input/event0")).read().command
    assert command.is_valid()


def test_a_loop_that_ends_takes_its_driver_along_whatever_ended_it(rig: Rig, pad: FakePad) -> None:
    take_hold(rig, pad)

    def fall_over() -> Any:
        raise ZeroDivisionError("odd pad")

    rig.evdev.opened[-1].read_one = fall_over  # type: ignore[method-assign]
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
    names = [
        "BTN_EAST",
        "BTN_NORTH",
        "BTN_WEST",
        "BTN_TL",
        "BTN_TR",
        "BTN_SELECT",
        "BTN_START",
        "ABS_X",
        "ABS_RY",
        "ABS_RZ",
    ]
    from car.controls import gamepad

    for name in (*names, "EV_KEY", "EV_ABS", "BUS_BLUETOOTH"):
        assert getattr(gamepad, name) == getattr(real.ecodes, name), name
