"""A serial port with SBUS on it: what comes is read, what goes wrong is one sentence."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from hardware.errors import ReceiverBusy, ReceiverError
from hardware.receivers import serial_port
from hardware.receivers.sbus import encode
from hardware.receivers.serial_port import MOST_BYTES, TCGETS2, TERMIOS2, SbusPort
from tests.hardware.fakes.sbus import FakeReceiver, sticks
from tests.machines import make_machine

TIOCGEXCL = 0x80045440


@pytest.fixture
def receiver() -> Iterator[FakeReceiver]:
    with FakeReceiver() as receiver:
        yield receiver


@pytest.fixture
def port(receiver: FakeReceiver) -> Iterator[SbusPort]:
    with SbusPort(receiver.path) as port:
        yield port


def hear(port: SbusPort, receiver: FakeReceiver) -> None:
    """Let the decoder see where frames begin."""
    for _ in range(2):
        receiver.say(sticks())
        port.read()


def test_a_port_is_asked_for_100000_baud_and_two_stop_bits(port: SbusPort, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes] = []
    ask = fcntl.ioctl

    def note(descriptor: int, request: int, argument: bytes = b"", *rest: bool) -> object:
        if request == serial_port.TCSETS2:
            asked.append(argument)
        return ask(descriptor, request, argument, *rest)

    monkeypatch.setattr(fcntl, "ioctl", note)
    serial_port._set_up(port._descriptor)
    _, _, control, *_, speed_in, speed_out = TERMIOS2.unpack(asked[0])
    assert (speed_in, speed_out) == (100_000, 100_000)
    wanted = termios.CS8 | termios.PARENB | termios.CSTOPB | termios.CREAD
    assert control & (termios.CSIZE | termios.PARODD | wanted) == wanted
    # The kernel has taken the speed; a pseudo-terminal has no parity and says so.
    there = bytearray(TERMIOS2.size)
    ask(port._descriptor, TCGETS2, there)
    assert TERMIOS2.unpack(there)[-2:] == (100_000, 100_000)


def test_frames_are_read_as_they_come(port: SbusPort, receiver: FakeReceiver) -> None:
    hear(port, receiver)
    assert port.read() == []
    receiver.say_all([sticks(ch1=1000), sticks(ch1=2000)])
    assert port.read() == [sticks(ch1=1000), sticks(ch1=2000)]
    half = encode(sticks(ch2=1100))
    receiver.write(half[:11])
    assert port.read() == []
    receiver.write(half[11:])
    assert port.read() == [sticks(ch2=1100)]


def test_bytes_pass_as_they_are_and_none_of_them_ends_or_interrupts_anything(
    port: SbusPort, receiver: FakeReceiver
) -> None:
    receiver.write(bytes(range(256)))
    assert port._read_all() == bytes(range(256))


def test_what_came_before_the_port_was_opened_is_not_heard(receiver: FakeReceiver) -> None:
    receiver.say(sticks(), times=20)
    with SbusPort(receiver.path) as port:
        assert port.read() == []
        assert port.bytes_read == 0


def test_what_has_waited_for_long_is_thrown_away_and_what_comes_then_is_heard(
    port: SbusPort, receiver: FakeReceiver
) -> None:
    hear(port, receiver)
    receiver.say(sticks(ch2=2000), times=MOST_BYTES // 25 + 3)
    assert port.read() == []
    assert port.read() == []
    hear(port, receiver)
    receiver.say(sticks(ch2=1200))
    assert port.read() == [sticks(ch2=1200)]


def test_garbage_is_counted_and_believed_by_nobody(port: SbusPort, receiver: FakeReceiver) -> None:
    # What SBUS reads as without its inverter.
    inverted = bytes(~byte & 0xFF for byte in encode(sticks()))
    for _ in range(5):
        receiver.write(inverted)
        assert port.read() == []
    assert port.bytes_read == 5 * len(inverted)


def test_a_port_that_vanishes_raises_an_oserror_and_closes(port: SbusPort, receiver: FakeReceiver) -> None:
    hear(port, receiver)
    receiver.vanish()
    with pytest.raises(OSError, match=r"."):
        port.read()
    port.close()
    port.close()


def test_an_end_without_an_error_is_the_end_of_the_port(port: SbusPort, monkeypatch: pytest.MonkeyPatch) -> None:
    # So does Linux tell of a USB adapter that was pulled out.
    monkeypatch.setattr(os, "read", lambda _descriptor, _size: b"")
    with pytest.raises(OSError, match="gone"):
        port.read()


def test_a_port_that_another_program_has_is_refused_and_free_when_that_ends(receiver: FakeReceiver) -> None:
    holder = (
        "import sys\nfrom hardware.receivers.serial_port import SbusPort\n"
        "with SbusPort(sys.argv[1]):\n    print('open', flush=True)\n    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", holder, receiver.path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(ReceiverBusy, match=r"Another program has .* sudo fuser -v"):
            SbusPort(receiver.path)
        other.communicate("")
    with SbusPort(receiver.path) as port:
        assert port.read() == []


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (PermissionError(13, "Permission denied"), "sudo usermod -aG dialout"),
        (OSError(16, "Device or resource busy"), "Another program has"),
        (OSError(5, "Input/output error"), r"cannot be opened \(Input/output error\)\. Check the wiring"),
    ],
)
def test_what_keeps_a_port_closed_is_said_with_what_to_do(
    receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch, problem: OSError, words: str
) -> None:
    def refuse(*_: object) -> int:
        raise problem

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ReceiverError, match=words):
        SbusPort(receiver.path)


def test_what_is_not_there_or_no_serial_port_is_said(tmp_path: Path) -> None:
    with pytest.raises(ReceiverError, match=r"There is no .*ttyAMA0\. Plug"):
        SbusPort(str(tmp_path / "ttyAMA0"))
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file", Path("/dev/null")):
        with pytest.raises(ReceiverError, match=r"is no serial port\. Correct \[receiver\] port"):
            SbusPort(str(path))


def test_a_port_with_the_console_on_it_is_refused_by_whatever_name_it_goes(
    tmp_path: Path, receiver: FakeReceiver
) -> None:
    name = Path(receiver.path).name
    make_machine(tmp_path, {"proc/consoles": f"{name:<20} -W- (EC  p  )  204:64\ntty0  -WU (E  p )  4:1\n"})
    link = tmp_path / "serial0"
    link.symlink_to(receiver.path)
    for path in (receiver.path, str(link)):
        with pytest.raises(ReceiverError, match="do_serial_cons 1"):
            SbusPort(path, tmp_path)
    make_machine(tmp_path, {"proc/consoles": "tty0  -WU (E  p )  4:1\n"})
    SbusPort(str(link), tmp_path).close()


@pytest.mark.parametrize("number", [(5, 0), (5, 1), (4, 0), (4, 1), (4, 63)])
def test_a_screen_with_a_keyboard_is_refused_before_it_is_opened(
    receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch, number: tuple[int, int]
) -> None:
    monkeypatch.setattr(Path, "stat", lambda _path, **_: SimpleNamespace(st_rdev=os.makedev(*number)))
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("opened"))
    with pytest.raises(ReceiverError, match=r"is a screen and keyboard.*\. Correct \[receiver\] port"):
        SbusPort(receiver.path)


@pytest.mark.parametrize("number", [(4, 64), (204, 64), (188, 0)])
def test_a_serial_port_is_none(number: tuple[int, int]) -> None:
    assert not serial_port.is_terminal(os.makedev(*number))


def settings_of(path: str) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOCTTY)
    settings = bytearray(TERMIOS2.size)
    fcntl.ioctl(descriptor, TCGETS2, settings)
    os.close(descriptor)
    return bytes(settings)


def test_a_port_is_given_back_with_the_settings_that_it_had(receiver: FakeReceiver) -> None:
    before = settings_of(receiver.path)
    with SbusPort(receiver.path) as port:
        there = bytearray(TERMIOS2.size)
        fcntl.ioctl(port._descriptor, TCGETS2, there)
        assert there != before
    assert settings_of(receiver.path) == before


def test_who_is_refused_leaves_the_port_to_its_owner_alone(port: SbusPort, receiver: FakeReceiver) -> None:
    def is_exclusive() -> bool:
        answer = bytearray(4)
        fcntl.ioctl(port._descriptor, TIOCGEXCL, answer)
        return any(answer)

    assert is_exclusive()
    there = bytearray(TERMIOS2.size)
    fcntl.ioctl(port._descriptor, TCGETS2, there)
    with pytest.raises(ReceiverBusy):
        SbusPort(receiver.path)
    assert is_exclusive()
    still = bytearray(TERMIOS2.size)
    fcntl.ioctl(port._descriptor, TCGETS2, still)
    assert still == there
