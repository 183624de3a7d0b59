"""Looking for gamepads: every one is found, and what is none, or cannot drive, is left alone with a reason."""

from pathlib import Path

import pytest

from car.controls.pad_search import PadSearch, forbidden_pads
from car.controls.sdl_table import NoTable
from tests.fake_evdev import FakeEvdev, FakePad, make_axes
from tests.machines import make_machine

SEQUENCE = tuple(range(0x130, 0x13C))
LINE = "*,no-name,a:b2,b:b1,leftshoulder:b4,rightshoulder:b5,leftx:a0,righty:a3"


def no_table(_guid: str) -> str | None:
    raise NoTable("SDL's table of gamepads is not installed", "sudo apt install libsdl2-2.0-0")


def test_every_pad_is_found_once() -> None:
    search = PadSearch(FakeEvdev(FakePad("first"), FakePad("second")), no_table)
    assert [pad.name for pad in search.look()] == ["first", "second"]
    assert search.look() == []


def test_what_is_no_pad_is_opened_once_and_not_talked_of() -> None:
    evdev = FakeEvdev(
        FakePad("keyboard", buttons=tuple(range(1, 120)), axes={}),
        FakePad("mouse", buttons=(0x110, 0x111), axes={}),
        FakePad("Wireless Controller Motion Sensors", buttons=(), axes=make_axes(0, 1, 2, 3, 4, 5)),
        FakePad("Wireless Controller Touchpad", buttons=(0x110, 0x145, 0x14A), axes=make_axes(0, 1, 0x2F)),
    )
    search = PadSearch(evdev, no_table)
    assert [*search.look(), *search.look()] == []
    assert search.refusals == []
    assert [device.is_closed for device in evdev.opened] == [True] * 4


def test_a_pad_that_only_the_table_knows_is_found_with_it_and_told_of_without(caplog: pytest.LogCaptureFixture) -> None:
    pad = FakePad("no-name pad", buttons=SEQUENCE, axes=make_axes(0, 1, 2, 5))
    with_table = PadSearch(FakeEvdev(pad), lambda _guid: LINE)
    assert [found.layout.hold for found in with_table.look()] == [{0x134, 0x135}]
    without = PadSearch(FakeEvdev(pad), no_table)
    assert without.look() == []
    (refusal,) = without.refusals
    assert "no-name pad cannot drive" in refusal.text
    assert "SDL's table of gamepads is not installed" in refusal.text
    assert refusal.fix == "sudo apt install libsdl2-2.0-0"


def test_a_pad_that_the_table_does_not_know_either_is_sent_to_its_xbox_mode() -> None:
    search = PadSearch(FakeEvdev(FakePad("no-name pad", buttons=SEQUENCE)), lambda _guid: None)
    search.look()
    (refusal,) = search.refusals
    assert "Xbox mode" in refusal.fix


def test_a_refusal_is_forgotten_with_its_pad() -> None:
    evdev = FakeEvdev(FakePad("no-name pad", buttons=SEQUENCE))
    search = PadSearch(evdev, no_table)
    search.look()
    evdev.unplug()
    search.look()
    assert search.refusals == []


def test_a_table_that_did_not_answer_is_asked_again_when_only_it_can_tell() -> None:
    answers = iter([None, LINE])

    def ask(_guid: str) -> str | None:
        if (line := next(answers)) is None:
            raise NoTable("SDL's table of gamepads does not answer", "")
        return line

    search = PadSearch(FakeEvdev(FakePad("no-name pad", buttons=SEQUENCE)), ask)
    assert search.look() == []
    (refusal,) = search.refusals
    assert "no-name pad cannot drive" in refusal.text
    assert "does not answer" in refusal.text
    assert refusal.fix
    assert len(search.look()) == 1
    assert search.refusals == []


def test_a_device_that_other_people_may_use_now_is_looked_at_again(tmp_path: Path) -> None:
    path = tmp_path / "event3"
    path.touch(0o600)
    evdev = FakeEvdev()
    evdev.pads[str(path)] = FakePad("no-name", buttons=SEQUENCE)
    search = PadSearch(evdev, no_table)
    search.look()
    search.look()
    assert len(evdev.opened) == 1
    path.unlink()
    evdev.pads[str(path)] = FakePad("another")
    path.touch()
    path.chmod(0o660)
    assert [pad.name for pad in search.look()] == ["another"]


def test_pads_that_this_user_may_not_use_are_named(tmp_path: Path) -> None:
    make_machine(
        tmp_path,
        {
            "dev/input/event5": "",
            "sys/class/input/event5/device/js0/dev": "",
            "sys/class/input/event5/device/name": "Pro Controller\n",
            "dev/input/event7": "",
            "sys/class/input/event7/device/js1/dev": "",
        },
    )
    assert [*forbidden_pads(tmp_path, lambda _path: True)] == []
    first, second = forbidden_pads(tmp_path, lambda _path: False)
    assert first.text == "Pro Controller cannot drive: this user may not use /dev/input/event5."
    assert second.text.startswith("A gamepad cannot drive")
    assert first.fix == "sudo usermod -aG input $USER && sudo reboot"
