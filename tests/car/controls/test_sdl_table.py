"""SDL's table of gamepads: what it answers where it is there, and what is said where it is not."""

import ctypes

import pytest

from car.controls import sdl_table
from car.controls.layout import ABS_RY, ABS_RZ, BTN_EAST, Inputs, Stick, find_layout
from car.controls.sdl_table import KnownPads, NoTable, ask_sdl
from tests.fake_evdev import FakePad, InputDevice, make_axes


def _has_sdl() -> bool:
    try:
        ctypes.CDLL("libSDL2-2.0.so.0")
    except OSError:
        return False
    return True


needs_sdl = pytest.mark.skipif(not _has_sdl(), reason="SDL is not installed here; it is apt's libsdl2-2.0-0")


def inputs_of(pad: FakePad) -> Inputs:
    return Inputs.of(InputDevice("/dev/input/event0", pad))


@needs_sdl
def test_sdl_knows_an_xbox_pad() -> None:
    inputs = inputs_of(FakePad())
    layout = find_layout(inputs, ask_sdl(inputs.guid))
    assert layout.stop == {BTN_EAST}
    assert layout.throttle == Stick(ABS_RY)


@needs_sdl
def test_sdl_knows_a_dualshock_4_without_its_driver() -> None:
    axes = make_axes(0, 1, 2, 3, 4, 5, 16, 17, low=0, high=255)
    sequence = FakePad(
        "Wireless Controller",
        buttons=tuple(range(0x130, 0x13E)),
        axes=axes,
        vendor=0x054C,
        product=0x05C4,
        version=0x111,
    )
    inputs = inputs_of(sequence)
    layout = find_layout(inputs, ask_sdl(inputs.guid))
    assert layout.hold == {0x134, 0x135}
    assert layout.start == {0x139}
    assert layout.throttle == Stick(ABS_RZ)


@needs_sdl
def test_a_pad_unknown_to_sdl_has_no_line_unless_its_owner_writes_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = inputs_of(FakePad("mine", vendor=0xFFFE, product=0xFFFD, version=1))
    assert ask_sdl(inputs.guid) is None
    guid = inputs.guid[:4] + "0000" + inputs.guid[8:]
    monkeypatch.setenv("SDL_GAMECONTROLLERCONFIG", f"{guid},mine,a:b0,b:b7,leftx:a0,platform:Linux")
    assert "b:b7" in (ask_sdl(inputs.guid) or "")


def test_a_machine_without_sdl_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sdl_table, "SCRIPT", sdl_table.SCRIPT.replace("libSDL2-2.0.so.0", "libSDL2-none.so"))
    with pytest.raises(NoTable, match="not installed") as problem:
        ask_sdl("0" * 32)
    assert problem.value.fix == "sudo apt install libsdl2-2.0-0"


@pytest.mark.parametrize("script", ["import os; os.abort()", "import threading; threading.Event().wait()"])
def test_a_table_that_crashes_or_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    monkeypatch.setattr(sdl_table, "SCRIPT", script)
    monkeypatch.setattr(sdl_table, "ANSWER_TIMEOUT_S", 1.0)
    with pytest.raises(NoTable, match="does not answer"):
        ask_sdl("0" * 32)


def test_each_pad_is_asked_for_once_and_again_only_where_there_was_no_answer() -> None:
    asked = []

    def ask(guid: str) -> str | None:
        asked.append(guid)
        if len(asked) == 1:
            raise NoTable("busy", "")
        return None

    known = KnownPads(ask)
    with pytest.raises(NoTable):
        known.line("a")
    assert [known.line("a"), known.line("a"), known.line("b")] == [None, None, None]
    assert asked == ["a", "a", "b"]
