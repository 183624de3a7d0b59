"""Each carrier of a stop in the controls vouches for itself: a gamepad or a receiver for as long as there is one."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from car.config.folder import CarFolder
from car.config.sections import CarConfig, ReceiverSection
from car.gate import GateState, Limits
from car.link.car_link import CarLink
from car.link.ring import CycleRing
from car.processes import controls
from car.processes.controls import ControlsContext, ControlsJob
from hardware.receivers.sbus import encode
from tests.fake_evdev import FakeEvdev, FakePad, InputEvent
from tests.frames import SMALL, make_frame, make_record
from tests.hardware.fakes.sbus import FakeReceiver, sticks
from tests.system.car_process import wait_for

SILENCE_NS = Limits().safeguard_silence_ns


class HangingPad(FakePad):
    """A pad whose driver does not come back with an answer while ``hangs`` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = False
        self.released = threading.Event()


@pytest.fixture
def pad() -> HangingPad:
    return HangingPad()


@pytest.fixture
def evdev(pad: HangingPad, monkeypatch: pytest.MonkeyPatch) -> FakeEvdev:
    evdev = FakeEvdev(pad)
    ready = evdev.InputDevice

    def open_device(dev: str) -> object:
        device = ready(dev)
        read_one = device.read_one

        def read() -> InputEvent | None:
            if pad.hangs:
                pad.released.wait(60)
            return read_one()

        device.read_one = read  # type: ignore[method-assign]
        return device

    monkeypatch.setattr(evdev, "InputDevice", open_device)
    monkeypatch.setattr(controls, "import_evdev", lambda: evdev)
    return evdev


@pytest.fixture
def context(tmp_path: Path, evdev: FakeEvdev) -> Iterator[ControlsContext]:
    config = CarConfig()
    link = CarLink(multiprocessing.get_context("spawn"), config)
    context = ControlsContext(link, ControlsJob(CarFolder(tmp_path, config)), threading.Event())
    with controls._open_gamepad(context):
        wait_for(lambda: bool(evdev.opened), "the pad to be found")
        yield context


def answers(context: ControlsContext) -> bool:
    return context.link.beats.answer(context.clock.now_ns(), SILENCE_NS)


def test_a_pad_that_is_read_answers_and_one_that_hangs_does_not_while_the_keys_do(
    context: ControlsContext, pad: HangingPad
) -> None:
    wait_for(lambda: answers(context), "the pad's sign of life")

    def is_missed() -> bool:
        context.beat("keys")
        return not answers(context)

    pad.hangs = True
    wait_for(is_missed, "the pad to be missed")
    pad.hangs = False
    pad.released.set()
    wait_for(lambda: not is_missed(), "the pad to be back")


def test_a_pad_that_is_unplugged_is_not_missed(context: ControlsContext, evdev: FakeEvdev) -> None:
    wait_for(lambda: answers(context), "the pad's sign of life")
    evdev.unplug()
    wait_for(lambda: not answers(context), "the pad to be gone")
    context.beat("keys")
    assert answers(context)


def test_a_receiver_at_the_port_of_car_toml_drives_by_the_channels_of_car_toml(tmp_path: Path) -> None:
    with FakeReceiver() as receiver:
        section = ReceiverSection(port=receiver.path, steering_channel=3, mode_channel=7, throttle_limit=0.4)
        config = CarConfig(receiver=section)
        link = CarLink(multiprocessing.get_context("spawn"), config)
        context = ControlsContext(link, ControlsJob(CarFolder(tmp_path, config)), threading.Event())
        with controls._open_receiver(context):

            def is_moved(*switch_us: float) -> bool:
                for pulse_us in switch_us:
                    receiver.send(encode(sticks(ch7=pulse_us, ch3=2000, ch2=2000)) * 4)
                return context.hub.driver is not None

            wait_for(lambda: is_moved(2000, 1000), "the switch to be moved")
            wait_for(lambda: is_moved(1000) and held(link) == (1.0, 0.4), "the sticks")
            assert answers(context)
            receiver.vanish()
            wait_for(lambda: not answers(context), "the receiver to be gone")
            context.beat("keys")
            assert answers(context)


def held(link: CarLink) -> tuple[float, float] | None:
    state = link.slot.read()
    return None if state is None else (state.command.steering, state.command.throttle)


def test_a_receiver_vouches_for_itself_only_while_a_transmitter_with_a_stop_is_heard(tmp_path: Path) -> None:
    with FakeReceiver() as receiver:
        config = CarConfig(receiver=ReceiverSection(port=receiver.path, stop_channel=6))
        context = ControlsContext(
            CarLink(multiprocessing.get_context("spawn"), config),
            ControlsJob(CarFolder(tmp_path, config)),
            threading.Event(),
        )
        with controls._open_receiver(context):

            def is_heard() -> bool:
                receiver.send(encode(sticks()))
                return answers(context)

            wait_for(is_heard, "a transmitter to be heard")
            # The port is still there.
            wait_for(lambda: not answers(context), "it to be gone")
            context.beat("keys")
            assert answers(context)


def test_whether_the_car_is_armed_is_what_its_newest_cycle_says() -> None:
    ring = CycleRing(multiprocessing.get_context("spawn"), SMALL, 20.0)
    is_armed = controls.armed_by(ring)
    assert not is_armed()
    for state in (GateState.ARMED, GateState.TRIPPED, GateState.ARMED):
        ring.publish(replace(make_record(make_frame(1)), gate_state=state), None)
    assert is_armed()
    assert is_armed()
    ring.publish(replace(make_record(make_frame(2)), gate_state=GateState.DISARMED), None)
    assert not is_armed()


def test_a_car_without_a_receiver_waits_for_none(tmp_path: Path) -> None:
    config = CarConfig()
    link = CarLink(multiprocessing.get_context("spawn"), config)
    context = ControlsContext(link, ControlsJob(CarFolder(tmp_path, config)), threading.Event())
    with controls._open_receiver(context):
        assert not answers(context)
        assert [name.name for name in threading.enumerate() if "receiver" in name.name] == []
