"""The doctor listens to the RC receiver that car.toml has, and says what it hears."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from car.controls.receiver import open_sbus
from car.doctor.patient import LISTENING_TURNS, Heard, listen
from car.kinds.verdict import Level
from hardware.clock import VirtualClock
from hardware.receivers.sbus import SbusFrame
from tests.car.doctor.patients import TRIXIE_VERSIONS, Clinic
from tests.hardware.fakes.sbus import FakeReceiver, sticks
from tests.machines import make_pi_5

PORT = "/dev/ttyAMA0"
CAR = f'[receiver]\nport = "{PORT}"\nstop_channel = 6\n'


@pytest.fixture
def receiver() -> Iterator[FakeReceiver]:
    with FakeReceiver() as receiver:
        yield receiver


@pytest.fixture
def pi(tmp_path: Path) -> Clinic:
    clinic = Clinic(tmp_path, make_pi_5, TRIXIE_VERSIONS)
    clinic.configure(CAR)
    return clinic


def hears(pi: Clinic, *frames: SbusFrame, bytes_read: int = 0) -> None:
    pi.answers["listen"] = lambda _port: Heard(frames, bytes_read or 25 * len(frames))


def test_a_car_without_a_receiver_listens_to_no_port(pi: Clinic) -> None:
    pi.configure("")
    pi.answers["listen"] = lambda _port: pytest.fail("listened")
    assert pi.finding("receiver").level is Level.OK


def test_what_the_channels_say_is_shown(pi: Clinic) -> None:
    lost = SbusFrame((0,) * 16, is_lost=True)
    hears(pi, *[sticks(ch1=1100, ch5=2000, ch6=1000)] * 70, lost)
    finding = pi.finding("receiver")
    assert finding.level is Level.OK
    assert finding.text == (
        f"71 frames in a second at {PORT}, 1 of them lost: steering (channel 1) -80%, throttle (channel 2) +0%, "
        "mode (channel 5) auto, stop (channel 6) off."
    )


def test_a_throttle_that_does_not_rest_in_its_middle_is_told(pi: Clinic) -> None:
    hears(pi, *[sticks(ch2=1000)] * 70)
    findings = [finding for finding in pi.examine().findings if finding.check == "receiver"]
    assert [finding.level for finding in findings] == [Level.OK, Level.WARNING]
    assert "channel 2, is at -100%" in findings[1].text


def test_a_throttle_whose_middle_is_off_is_told(pi: Clinic) -> None:
    hears(pi, *[sticks(ch2=1520)] * 70)
    findings = [finding for finding in pi.examine().findings if finding.check == "receiver"]
    assert [finding.level for finding in findings] == [Level.OK, Level.WARNING]
    assert "channel 2, rests at +4%" in findings[1].text
    assert "trim it to 0%" in findings[1].fix
    hears(pi, *[sticks(ch2=1514)] * 70)
    assert pi.finding("receiver").level is Level.OK


def test_a_channel_that_says_what_no_transmitter_can_say_is_told(pi: Clinic) -> None:
    hears(pi, *[SbusFrame((992, 0, *[992] * 14))] * 70)
    finding = pi.finding("receiver")
    assert finding.level is Level.WARNING
    assert "throttle (channel 2) 880 µs" in finding.text
    assert "885 … 2115 µs" in finding.fix


@pytest.mark.parametrize(
    ("heard", "level", "words"),
    [
        (Heard(), Level.WARNING, "Nothing comes in"),
        (Heard((), 900), Level.WARNING, "no frame of SBUS: is its signal inverted?"),
        (Heard((SbusFrame((0,) * 16, is_failsafe=True),) * 70, 1750), Level.WARNING, "hears no transmitter"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_do(pi: Clinic, heard: Heard, level: Level, words: str) -> None:
    pi.answers["listen"] = lambda _port: heard
    finding = pi.finding("receiver")
    assert finding.level is level
    assert words in finding.text
    assert finding.fix


def test_the_mini_uart_of_a_pi_is_warned_of(pi: Clinic) -> None:
    pi.configure('[receiver]\nport = "/dev/ttyS0"\n')
    hears(pi, *[sticks()] * 70)
    findings = [finding for finding in pi.examine().findings if finding.check == "receiver"]
    assert "knows no parity" in findings[0].text
    assert "dtoverlay=disable-bt" in findings[0].fix


class TalkingClock(VirtualClock):
    """A clock at each turn of which the receiver says something."""

    def __init__(self, receiver: FakeReceiver) -> None:
        super().__init__()
        self._receiver = receiver

    def sleep_until_ns(self, time_ns: int) -> None:
        super().sleep_until_ns(time_ns)
        self._receiver.say(sticks(ch1=1800))


def test_listening_hears_a_second_of_frames(receiver: FakeReceiver) -> None:
    heard = listen(receiver.path, TalkingClock(receiver))
    assert heard.bytes_read == 25 * LISTENING_TURNS
    # The first is needed to see where frames begin.
    assert heard.frames == (sticks(ch1=1800),) * (LISTENING_TURNS - 1)


def test_a_port_that_cannot_be_opened_is_an_error_with_what_to_do(pi: Clinic, tmp_path: Path) -> None:
    pi.configure(f'[receiver]\nport = "{tmp_path}/ttyAMA0"\n')
    pi.answers["listen"] = listen
    finding = pi.finding("receiver")
    assert finding.level is Level.ERROR
    assert finding.text == f"There is no {tmp_path}/ttyAMA0."
    assert finding.fix.startswith("Plug the receiver in")


def test_a_port_that_the_driving_car_has_is_no_error(pi: Clinic, receiver: FakeReceiver) -> None:
    pi.configure(f'[receiver]\nport = "{receiver.path}"\n')
    pi.answers["listen"] = listen
    with open_sbus(receiver.path):
        finding = pi.finding("receiver")
    assert finding.level is Level.WARNING
    assert "by this car, if it is being driven" in finding.text
