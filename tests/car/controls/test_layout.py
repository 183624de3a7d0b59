"""Which button of a pad is which: by SDL's table, else by the kernel's rules, else not at all."""

import pytest

from car.controls.layout import (
    ABS_RX,
    ABS_RY,
    ABS_RZ,
    ABS_X,
    ABS_Y,
    ABS_Z,
    BTN_EAST,
    BTN_NORTH,
    BTN_SELECT,
    BTN_START,
    BTN_TL,
    BTN_TR,
    BTN_WEST,
    Inputs,
    Stick,
    UnknownLayout,
    find_layout,
)
from tests.fake_evdev import XBOX_BUTTONS, XBOX_LINE, AbsInfo, FakePad, InputDevice, make_axes

SEQUENCE = tuple(range(0x130, 0x13C))
JOYSTICK_SEQUENCE = tuple(range(0x120, 0x12C))
SEQUENCE_LINE = "*,no-name,a:b2,b:b1,x:b3,y:b0,leftshoulder:b4,rightshoulder:b5,back:b8,start:b9,leftx:a0,righty:a3"
DS4_LINE = "*,PS4,a:b1,b:b2,x:b0,y:b3,leftshoulder:b4,rightshoulder:b5,back:b8,start:b9,leftx:a0,righty:a5"


def inputs_of(pad: FakePad) -> Inputs:
    return Inputs.of(InputDevice("/dev/input/event0", pad))


def test_a_pad_whose_driver_follows_the_kernels_rules_needs_no_table() -> None:
    layout = find_layout(inputs_of(FakePad()), None)
    assert (layout.steering, layout.throttle) == (Stick(ABS_X), Stick(ABS_RY))
    assert layout.hold == {BTN_TL, BTN_TR}
    assert layout.stop == {BTN_EAST}
    assert layout.start == {BTN_START}
    assert layout.select == {BTN_SELECT}
    assert layout.mode == {BTN_NORTH, BTN_WEST}


def test_a_switch_pad_with_its_own_driver_needs_no_table_for_all_its_button_z() -> None:
    assert find_layout(inputs_of(FakePad(buttons=(*XBOX_BUTTONS, 0x135))), None).hold == {BTN_TL, BTN_TR}


def test_the_table_says_the_same_of_an_xbox_pad_as_the_kernels_rules() -> None:
    inputs = inputs_of(FakePad())
    assert find_layout(inputs, XBOX_LINE) == find_layout(inputs, None)


@pytest.mark.parametrize("buttons", [SEQUENCE, JOYSTICK_SEQUENCE])
def test_a_pad_whose_driver_counts_its_buttons_is_told_by_the_table(buttons: tuple[int, ...]) -> None:
    pad = FakePad("no-name", buttons=buttons, axes=make_axes(0, 1, 2, 5, 16, 17, low=0, high=255))
    layout = find_layout(inputs_of(pad), SEQUENCE_LINE)
    assert layout.hold == {buttons[4], buttons[5]}
    assert layout.stop == {buttons[1]}
    assert layout.select == {buttons[8]}
    assert layout.start == {buttons[9]}
    assert (layout.steering, layout.throttle) == (Stick(ABS_X), Stick(ABS_RZ))


def test_a_dualshock_without_its_driver_has_its_throttle_on_the_stick_and_not_on_r2() -> None:
    axes = make_axes(0, 1, 2, 5, low=0, high=255) | {code: AbsInfo(0, 0, 255, 0, 0, 0) for code in (ABS_RX, ABS_RY)}
    pad = FakePad("Wireless Controller", buttons=tuple(range(0x130, 0x13E)), axes=axes)
    layout = find_layout(inputs_of(pad), DS4_LINE)
    assert layout.throttle == Stick(ABS_RZ)
    # R1, which the kernel's rules would take for Z.
    assert 0x135 in layout.hold


@pytest.mark.parametrize(
    "buttons",
    [
        SEQUENCE,
        tuple(range(0x130, 0x13E)),
        tuple(range(0x130, 0x13F)),
        JOYSTICK_SEQUENCE,
        # Ten in sequence, as an old Xbox One S by Bluetooth has them.
        tuple(range(0x130, 0x13A)),
    ],
)
def test_a_pad_that_nobody_knows_and_whose_driver_counts_is_refused(buttons: tuple[int, ...]) -> None:
    with pytest.raises(UnknownLayout, match="which of its buttons is which is not known"):
        find_layout(inputs_of(FakePad(buttons=buttons)), None)


def test_a_right_stick_that_may_as_well_be_two_triggers_is_not_guessed_at() -> None:
    with pytest.raises(UnknownLayout):
        find_layout(inputs_of(FakePad(axes=make_axes(0, 1, 2, 5))), None)


def test_the_throttle_is_on_the_left_stick_where_that_is_alone() -> None:
    assert find_layout(inputs_of(FakePad(axes=make_axes(0, 1, 16, 17))), None).throttle == Stick(ABS_Y)
    line = SEQUENCE_LINE.replace("righty:a3", "lefty:a1")
    assert find_layout(inputs_of(FakePad(buttons=SEQUENCE)), line).throttle == Stick(ABS_Y)


def test_an_axis_may_be_the_other_way_round() -> None:
    line = SEQUENCE_LINE.replace("righty:a3", "righty:a2~")
    assert find_layout(inputs_of(FakePad(buttons=SEQUENCE)), line).throttle == Stick(ABS_Z, is_inverted=True)


def test_the_line_of_another_driver_of_the_same_pad_does_not_overrule_what_the_driver_itself_says() -> None:
    layout = find_layout(inputs_of(FakePad()), DS4_LINE)
    assert layout == find_layout(inputs_of(FakePad()), None)
    assert find_layout(inputs_of(FakePad()), "*,broken line") == layout


@pytest.mark.parametrize(
    ("left_out", "reason"),
    [
        ("leftx:a0", "no stick"),
        ("righty:a3", "no stick"),
        ("leftshoulder:b4,rightshoulder:b5", "nothing to hold"),
        ("b:b1", "no button B"),
    ],
)
def test_a_pad_that_lacks_what_driving_needs_is_refused_and_told_so(left_out: str, reason: str) -> None:
    with pytest.raises(UnknownLayout, match=reason):
        find_layout(inputs_of(FakePad(buttons=SEQUENCE)), SEQUENCE_LINE.replace(left_out, ""))


def test_a_line_that_counts_further_than_the_pad_does_is_refused() -> None:
    with pytest.raises(UnknownLayout, match="no stick"):
        find_layout(inputs_of(FakePad(buttons=SEQUENCE)), SEQUENCE_LINE.replace("leftx:a0", "leftx:a99"))
    with pytest.raises(UnknownLayout, match="no button B"):
        find_layout(inputs_of(FakePad(buttons=SEQUENCE)), SEQUENCE_LINE.replace("b:b1", "b:b99"))


def test_a_start_button_is_not_needed_because_a_page_can_arm_the_car() -> None:
    assert find_layout(inputs_of(FakePad(buttons=SEQUENCE)), SEQUENCE_LINE.replace("start:b9", "")).start == frozenset()


def test_buttons_are_counted_from_the_joysticks_on_and_those_below_come_last() -> None:
    pad = FakePad(buttons=(0x0A7, 0x130, 0x110, 0x120))
    assert inputs_of(pad).numbered_buttons == [0x120, 0x130, 0x0A7, 0x110]


def test_a_cross_of_buttons_is_not_counted_as_axes_and_a_stick_in_its_place_is() -> None:
    cross = {16: AbsInfo(0, -1, 1, 0, 0, 0), 17: AbsInfo(0, -1, 1, 0, 0, 0)}
    wide_cross = {16: AbsInfo(0, -127, 127, 0, 0, 0), 17: AbsInfo(0, -127, 127, 0, 0, 0)}
    stick = {16: AbsInfo(0, -127, 127, 4, 8, 0), 17: AbsInfo(0, -127, 127, 4, 8, 0)}
    after = make_axes(0x28)
    assert inputs_of(FakePad(axes=make_axes(0, 1) | cross | after)).numbered_axes == [0, 1, 0x28]
    assert inputs_of(FakePad(axes=make_axes(0, 1) | wide_cross | after)).numbered_axes == [0, 1, 0x28]
    assert inputs_of(FakePad(axes=make_axes(0, 1) | stick | after)).numbered_axes == [0, 1, 16, 17, 0x28]


def test_a_pad_has_the_name_in_the_table_that_sdl_gives_it() -> None:
    # CRC-16/ARC of "123456789" is BB3D by its definition.
    pad = FakePad("123456789", bustype=3, vendor=0x045E, product=0x028E, version=0x0110)
    assert inputs_of(pad).guid == "03003dbb5e0400008e02000010010000"
    nameless = FakePad("123456789", bustype=5, vendor=0, product=0)
    assert inputs_of(nameless).guid == "05003dbb" + b"123456789".hex() + "000000"
