"""An RC receiver at the car: who holds the transmitter drives by its switch, and is gone with its signal."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car.controls.hub import SILENT_NS, DriverHub, Seat
from car.controls.receiver import LOST_NS, STILL_NS, Channels, Receiver, ReceiverDrivers, open_sbus
from car.gate import (
    Arm,
    ArmRefusal,
    ChangeMode,
    Decision,
    DriverCommand,
    DriverLeft,
    Event,
    FrameArrived,
    Gate,
    GateState,
    Limits,
    Mode,
    PilotCommand,
    Stop,
    TripReason,
)
from car.link.driver_slot import DriverSlot, SlotReader, SlotWriter
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import NEUTRAL, Command
from hardware.receivers.port import ReceiverPort
from hardware.receivers.sbus import SbusFrame, encode
from tests.hardware.fakes.sbus import FakeReceiver, sticks

TURN_NS = 20 * NS_PER_MS
LIMIT = 0.5
CHANNELS = Channels(steering=1, throttle=2, mode=5, stop=6)
MANUAL, ASSIST, AUTO = 1000, 1500, 2000
OFF, ON = 1000, 2000


class Rig:
    """A car at a virtual time with a receiver at its serial port, from its bytes to the gate's decision."""

    def __init__(
        self,
        receiver: FakeReceiver,
        channels: Channels = CHANNELS,
        *,
        path: str = "",
        limit: float = LIMIT,
        **pulses: float,
    ) -> None:
        slot = DriverSlot(multiprocessing.get_context("spawn"))
        self.receiver = receiver
        self.clock = VirtualClock(1000 * NS_PER_S)
        self.hub = DriverHub(SlotWriter(slot), self.clock)
        self.gate = Gate()
        self.drivers = ReceiverDrivers(
            self.hub,
            self.clock,
            open_sbus,
            path or receiver.path,
            channels,
            limit,
            lambda: self.gate.state is GateState.ARMED,
        )
        self.told: list[str] = []
        self.drivers.tell = self.told.append
        self.trembles = True
        self.pulses: dict[str, float] = {"ch5": MANUAL, "ch6": OFF, **pulses}
        self._slot_driver = SlotReader(slot)
        self.drivers.look()
        self.turn(5)

    def set(self, **pulses: float) -> None:
        """Move sticks and switches."""
        self.pulses |= pulses

    def turn(self, turns: int = 1, sends: bytes | None = None) -> list[Event]:
        """Let the transmitter say, twice per turn, what is set, or whatever else, and return what the gate hears."""
        events: list[Event] = []
        for _ in range(turns):
            for number in range(2):
                # Hands and potentiometers are never quite still.
                steering_us = self.pulses.get("ch1", 1500)
                tremble_us = number + 2 * (self.clock.now_ns() // TURN_NS % 2) if self.trembles else 0
                trembling = {"ch1": steering_us + (tremble_us if steering_us >= 1500 else -tremble_us)}
                said = encode(sticks(**{**self.pulses, **trembling})) if sends is None else sends
                if said:
                    self.receiver.write(said)
            events += self._turn_once()
        return events

    def silence(self, turns: int) -> list[Event]:
        """Let nothing come in."""
        return self.turn(turns, sends=b"")

    def decide(self) -> Decision:
        """Return what reaches the wheels now."""
        return self.gate.decide(self.clock.now_ns())

    def arm(self) -> None:
        """Move the mode switch from manual away and back, as its owner does."""
        for position in (MANUAL, AUTO, MANUAL):
            self.set(ch5=position)
            self.turn(3)

    def press_again(self) -> None:
        """Let go of the throttle, and press it to its end."""
        self.set(ch2=1500)
        self.turn(3)
        self.set(ch2=2000)
        self.turn(20)

    def drive(self, throttle_us: float = 2000) -> None:
        """Arm, and press the throttle until the wheels turn."""
        self.arm()
        self.set(ch2=throttle_us)
        self.turn(30)
        assert self.decide().command.throttle > 0

    def _turn_once(self) -> list[Event]:
        self.clock.advance_ns(TURN_NS)
        self.drivers.turn()
        now_ns = self.clock.now_ns()
        events = list(self._slot_driver.events(now_ns))
        for event in (FrameArrived(now_ns), PilotCommand(Command(0.0, 0.2)), *events):
            self.gate.handle(event, now_ns)
        self.decide()
        return events


@pytest.fixture
def receiver() -> Iterator[FakeReceiver]:
    with FakeReceiver() as receiver:
        yield receiver


@pytest.fixture
def rig(receiver: FakeReceiver) -> Rig:
    return Rig(receiver)


def commands(events: Sequence[Event]) -> list[DriverCommand]:
    return [event for event in events if isinstance(event, DriverCommand)]


def drives(seat: Seat) -> bool:
    return seat.drives


def is_driven(rig: Rig) -> bool:
    return rig.hub.driver is not None


def acts(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, DriverCommand)]


@pytest.mark.parametrize("position", [MANUAL, ASSIST, AUTO])
@pytest.mark.parametrize("throttle_us", [1000, 1500, 2000])
def test_a_transmitter_that_is_on_takes_no_car_and_arms_nothing_wherever_its_switch_is(
    receiver: FakeReceiver, position: int, throttle_us: int
) -> None:
    rig = Rig(receiver, ch5=position, ch2=throttle_us)
    assert rig.turn(100) == []
    assert rig.hub.driver is None
    # It was heard: its stop switch stops.
    rig.set(ch6=ON)
    assert rig.turn(5) == [Stop()]


def test_moving_the_switch_to_manual_arms_with_the_throttle_at_neutral(rig: Rig) -> None:
    rig.set(ch5=AUTO)
    assert rig.turn(5) == []
    rig.set(ch5=MANUAL)
    assert acts(rig.turn(5)) == [ChangeMode(Mode.MANUAL), Arm(Mode.MANUAL)]
    assert rig.decide().state is GateState.ARMED
    assert acts(rig.turn(50)) == []


def test_with_the_throttle_pressed_it_does_not_arm(rig: Rig) -> None:
    rig.set(ch2=1700)
    rig.arm()
    assert rig.decide().state is GateState.DISARMED
    assert rig.decide().refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL
    rig.set(ch2=1500)
    assert acts(rig.turn(50)) == []
    rig.arm()
    assert rig.decide().state is GateState.ARMED


def test_a_throttle_without_a_spring_counts_only_after_it_has_rested_in_its_middle(receiver: FakeReceiver) -> None:
    rig = Rig(receiver, ch2=1000)
    rig.set(ch2=1510)
    rig.arm()
    rig.set(ch2=1700)
    passed = commands(rig.turn(20))
    assert passed
    assert not any(event.held for event in passed)
    rig.set(ch2=1510)
    rig.turn(60)
    rig.set(ch2=1700)
    assert commands(rig.turn(20))[-1].held


def test_sticks_are_steering_and_throttle_within_the_limit(rig: Rig) -> None:
    rig.arm()
    rig.set(ch1=2000, ch2=2000)
    assert commands(rig.turn(5))[-1].command == Command(1.0, LIMIT)
    rig.set(ch1=1000, ch2=1000)
    assert commands(rig.turn(5))[-1].command == Command(-1.0, -LIMIT)
    rig.set(ch1=1510, ch2=1490)
    assert commands(rig.turn(5))[-1].command == NEUTRAL


class ScriptedPort(ReceiverPort):
    """A port at which the frames of a script arrive, one read after the other."""

    def __init__(self, *reads: Sequence[SbusFrame]) -> None:
        self.bytes_read = 0
        self._reads = [*reads]

    def read(self) -> Sequence[SbusFrame]:
        return self._reads.pop(0) if self._reads else []

    def close(self) -> None:
        pass


@given(st.lists(st.integers(0, 2047), min_size=16, max_size=16), st.booleans(), st.booleans())
def test_whatever_the_channels_say_the_command_is_valid(channels: list[int], is_lost: bool, is_failsafe: bool) -> None:
    port = ScriptedPort([SbusFrame(tuple(channels), is_lost, is_failsafe)])
    state = Receiver(port, "/dev/ttyAMA0", CHANNELS).read(0)
    assert state is None or state.command.is_valid()
    is_silent = any(not 885 <= 880 + 0.625 * channels[number - 1] <= 2115 for number in (1, 2, 5, 6))
    assert (state is None) is (is_lost and not is_failsafe and not is_silent)
    assert state is None or state.is_gone is (is_failsafe or is_silent)


def _said(switch_us: float, throttle_us: float, is_lost: bool, is_failsafe: bool) -> SbusFrame:
    return SbusFrame(sticks(ch5=switch_us, ch2=throttle_us).channels, is_lost, is_failsafe)


switch = st.sampled_from((MANUAL, AUTO))
said = st.builds(_said, switch, st.sampled_from((1500, 1500, 2000)), st.just(False), st.just(False))
lost = st.builds(_said, switch, st.just(1500), st.booleans(), st.booleans())
# Frames that last, so that switches count, and some that do not come through.
stretches = st.lists(st.tuples(said, st.integers(1, 5)) | st.tuples(lost, st.integers(1, 25)), max_size=12)


@given(stretches)
def test_the_car_is_armed_only_by_a_switch_that_was_seen_moving_with_the_throttle_at_neutral(
    stretches: list[tuple[SbusFrame, int]],
) -> None:
    frames = [frame for frame, times in stretches for _ in range(times)]
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    clock, gate, listener = VirtualClock(NS_PER_S), Gate(), SlotReader(slot)
    port = ScriptedPort(*([frame] for frame in frames))
    hub = DriverHub(SlotWriter(slot), clock)
    drivers = ReceiverDrivers(hub, clock, lambda _path: port, "port", CHANNELS, LIMIT, lambda: False)
    drivers.look()
    live: list[SbusFrame] = []
    heard_ns = 0
    for frame in frames:
        clock.advance_ns(TURN_NS)
        if frame.is_failsafe:
            live = []
        elif frame.is_live:
            is_new = clock.now_ns() - heard_ns > LOST_NS
            live, heard_ns = [frame] if is_new else [*live, frame], clock.now_ns()
        drivers.turn()
        was_armed = gate.state is GateState.ARMED
        for event in (FrameArrived(clock.now_ns()), *listener.events(clock.now_ns())):
            gate.handle(event, clock.now_ns())
        gate.decide(clock.now_ns())
        if gate.state is GateState.ARMED and not was_armed:
            *before, _, _, _, _ = live
            # From manual away, each for three frames at least, and back, with sticks that did not jump.
            steady = [position for position, same in groupby(heard.pulse_us(5) for heard in before) if len([*same]) > 2]
            assert [position for position, _ in groupby(steady)][-2:] == [MANUAL, AUTO]
            assert [heard.pulse_us(5) for heard in live[-4:-1]] == [MANUAL] * 3
            assert live[-1].pulse_us(2) == 1500


def test_the_switch_is_the_mode_of_who_drives(rig: Rig) -> None:
    rig.arm()
    for position, mode in ((ASSIST, Mode.ASSIST), (AUTO, Mode.AUTO), (MANUAL, Mode.MANUAL)):
        rig.set(ch5=position)
        assert ChangeMode(mode) in rig.turn(5)
        assert rig.decide().mode is mode
        assert rig.decide().state is GateState.ARMED


def test_moved_to_manual_in_auto_the_driver_has_the_steering_at_once_and_the_throttle_after_neutral(rig: Rig) -> None:
    rig.arm()
    rig.set(ch5=AUTO)
    rig.turn(50)
    assert rig.decide().command.throttle > 0.1
    rig.set(ch5=MANUAL, ch1=2000, ch2=2000)
    rig.turn(20)
    assert rig.decide().command == Command(1.0, 0.0)
    rig.set(ch2=1500)
    rig.turn(2)
    rig.set(ch2=2000)
    rig.turn(20)
    assert rig.decide().command.throttle > 0.2


@pytest.mark.parametrize("channel", ["ch5", "ch6"])
def test_a_single_disturbed_frame_moves_no_switch(rig: Rig, channel: str) -> None:
    rig.set(ch5=AUTO)
    rig.turn(5)
    disturbed = sticks(**{**rig.pulses, channel: 2000 if channel == "ch6" else MANUAL})
    steady = sticks(**rig.pulses)
    rig.receiver.say_all([steady, disturbed, disturbed, steady])
    assert acts(rig.silence(1)) == []
    assert acts(rig.turn(20)) == []


def test_the_stop_switch_stops_whoever_drives_and_while_it_is_on_nobody_arms_by_the_transmitter(rig: Rig) -> None:
    browser = rig.hub.join("browser")
    browser.sample(NEUTRAL, rig.clock.now_ns())
    rig.set(ch6=ON)
    assert rig.turn(5).count(Stop()) == 1
    browser.leave()
    events = rig.turn(5)
    rig.set(ch5=AUTO)
    events += rig.turn(5)
    rig.set(ch5=MANUAL)
    events += rig.turn(5)
    assert not [event for event in events if isinstance(event, Arm)]
    assert Stop() in events
    rig.set(ch6=OFF)
    assert acts(rig.turn(20)) == []
    rig.arm()
    assert rig.decide().state is GateState.ARMED
    rig.set(ch2=2000)
    rig.turn(20)
    rig.set(ch6=ON)
    assert Stop() in rig.turn(3)
    assert rig.decide().command == NEUTRAL


def test_without_a_stop_channel_no_channel_stops(receiver: FakeReceiver) -> None:
    rig = Rig(receiver, Channels(1, 2, 5))
    rig.set(ch6=ON, ch16=ON)
    assert rig.turn(10) == []


def test_failsafe_is_the_loss_of_the_link_at_once(rig: Rig) -> None:
    rig.drive()
    gone = SbusFrame(sticks(ch2=2000, ch5=MANUAL).channels, is_failsafe=True)
    assert DriverLeft() in rig.turn(1, sends=encode(gone))
    assert rig.decide().command == NEUTRAL
    assert rig.hub.driver is None
    rig.turn(150, sends=encode(gone))
    assert rig.decide().trip is TripReason.LINK_LOST
    # Back, with the throttle still pressed and the switch elsewhere: it was not moved for us.
    rig.set(ch5=AUTO)
    assert rig.turn(50) == []
    rig.set(ch2=1500)
    rig.arm()
    assert rig.decide().state is GateState.ARMED


@pytest.mark.parametrize("position", [ASSIST, AUTO])
def test_failsafe_is_a_trip_at_once_where_the_pilot_has_a_hand_in_it(rig: Rig, position: int) -> None:
    rig.arm()
    rig.set(ch5=position)
    rig.turn(50)
    rig.turn(1, sends=encode(SbusFrame(sticks(ch5=position).channels, is_failsafe=True)))
    assert (rig.decide().command, rig.decide().trip) == (NEUTRAL, TripReason.LINK_LOST)
    # However short it was, a switch that was moved meanwhile was not moved for us.
    rig.set(ch5=MANUAL)
    assert acts(rig.turn(20)) == []


@pytest.mark.parametrize(
    "nothing",
    [
        b"",
        encode(SbusFrame(sticks(ch2=2000).channels, is_lost=True)),
        bytes(range(25)),
        encode(sticks(ch2=2000))[:20],
    ],
    ids=["silence", "lost frames", "garbage", "half frames"],
)
def test_without_whole_frames_the_car_is_neutral_within_the_promised_time(rig: Rig, nothing: bytes) -> None:
    rig.drive()
    last_ns = rig.clock.now_ns()
    while rig.decide().command != NEUTRAL:
        rig.turn(1, sends=nothing)
        assert rig.clock.now_ns() - last_ns <= Limits().driver_valid_ns + TURN_NS
    rig.turn(110, sends=nothing)
    assert rig.decide().trip is TripReason.LINK_LOST


def test_after_a_short_silence_the_driver_goes_on_once_the_throttle_was_let_go_of(rig: Rig) -> None:
    rig.drive()
    rig.silence(25)
    assert rig.decide().command == NEUTRAL
    rig.turn(20)
    assert rig.decide().command.throttle == 0.0
    rig.press_again()
    assert rig.decide().command.throttle > 0.2


def test_a_switch_that_was_moved_while_nothing_was_heard_was_not_moved_for_us(rig: Rig) -> None:
    rig.arm()
    rig.set(ch5=AUTO)
    rig.turn(3)
    rig.silence(120)
    assert rig.decide().trip is TripReason.LINK_LOST
    rig.set(ch5=MANUAL)
    assert acts(rig.turn(50)) == []
    assert rig.decide().state is GateState.TRIPPED


def test_a_lost_frame_now_and_then_is_no_loss(rig: Rig) -> None:
    rig.drive()
    lost = encode(SbusFrame(sticks(ch2=1000).channels, is_lost=True))
    for _ in range(20):
        rig.turn(3, sends=lost)
        rig.turn(1)
        assert rig.decide().command.throttle > 0


def test_a_receiver_that_repeats_its_frame_for_ever_loses_the_throttle(rig: Rig) -> None:
    rig.drive()
    rig.trembles = False
    rig.turn(STILL_NS // TURN_NS - 2)
    assert rig.decide().command.throttle == LIMIT
    rig.turn(5)
    assert rig.decide().command.throttle == 0.0
    # Whoever merely held still lets go of it once.
    rig.trembles = True
    rig.turn(20)
    assert rig.decide().command.throttle == 0.0
    rig.press_again()
    assert rig.decide().command.throttle > 0.2


def test_old_frames_that_waited_while_nobody_read_do_not_drive(rig: Rig) -> None:
    rig.drive()
    rig.clock.advance_ns(NS_PER_S)
    rig.receiver.say(sticks(**rig.pulses), times=40)
    assert commands(rig.silence(1)) == []


def test_a_port_that_vanishes_is_no_driver_and_the_receiver_is_found_again(
    receiver: FakeReceiver, tmp_path: Path
) -> None:
    port = tmp_path / "usb-adapter"
    port.symlink_to(receiver.path)
    rig = Rig(receiver, path=str(port))
    rig.drive()
    receiver.vanish()
    port.unlink()
    assert DriverLeft() in rig.silence(1)
    assert rig.decide().command == NEUTRAL
    rig.drivers.look()
    assert [text.partition(".")[0] for text in rig.told] == [f"There is no {port}"]
    with FakeReceiver() as rig.receiver:
        port.symlink_to(rig.receiver.path)
        rig.drivers.look()
        # It comes back with the throttle pressed, and with its switch where it arms.
        assert acts(rig.turn(5)) == []
        rig.set(ch2=1500)
        rig.turn(60)
        rig.arm()
        assert rig.hub.driver is not None
        rig.drivers._end()


def test_a_port_that_cannot_be_opened_is_told_of_once_and_tried_again(receiver: FakeReceiver) -> None:
    with open_sbus(receiver.path):
        rig = Rig(receiver)
        for _ in range(3):
            rig.drivers.look()
        assert len(rig.told) == 1
        assert "Another program has" in rig.told[0]
    rig.drivers.look()
    rig.turn(5)
    rig.arm()
    assert rig.decide().state is GateState.ARMED


def test_a_car_that_a_stop_has_tripped_is_armed_by_the_switch_again(rig: Rig) -> None:
    rig.arm()
    rig.hub.join("browser").stop()
    rig.turn(3)
    assert rig.decide().state is GateState.TRIPPED
    rig.arm()
    assert rig.decide().state is GateState.ARMED


def test_a_switch_that_was_moved_just_before_the_silence_arms_nothing_after_it(rig: Rig) -> None:
    rig.set(ch5=AUTO)
    rig.turn(3)
    rig.receiver.say(sticks(**{**rig.pulses, "ch5": MANUAL}), times=3)
    assert acts(rig.silence(1)) == [ChangeMode(Mode.MANUAL)]
    rig.silence(20)
    rig.set(ch5=MANUAL)
    assert acts(rig.turn(50)) == []


def test_who_drives_by_another_device_keeps_the_car_until_the_transmitter_has_asked_twice(rig: Rig) -> None:
    browser = rig.hub.join("browser")

    def is_driven_by_the_browser(turns: int) -> bool:
        for _ in range(turns):
            browser.sample(NEUTRAL, rig.clock.now_ns())
            rig.turn()
        return drives(browser)

    assert is_driven_by_the_browser(5)
    for expected in (True, False):
        rig.set(ch5=AUTO)
        assert drives(browser)
        is_driven_by_the_browser(5)
        rig.set(ch5=MANUAL)
        assert is_driven_by_the_browser(5) is expected
    assert rig.hub.driver is not None
    assert rig.hub.driver.name == "RC receiver"


def test_who_took_over_by_the_transmitter_drives_by_hand_whatever_the_mode_was(rig: Rig) -> None:
    browser = rig.hub.join("browser")
    browser.sample(NEUTRAL, rig.clock.now_ns())
    browser.arm(Mode.AUTO)
    rig.set(ch2=2000)
    rig.turn()
    for _ in range(2):
        for position in (AUTO, MANUAL):
            rig.set(ch5=position)
            browser.sample(NEUTRAL, rig.clock.now_ns())
            rig.turn(4)
    assert not drives(browser)
    assert (rig.decide().mode, rig.decide().state) == (Mode.MANUAL, GateState.ARMED)
    assert rig.decide().command.throttle == 0.0


def test_a_car_that_drives_itself_with_nobody_at_it_is_driven_by_hand_when_the_switch_comes_to_manual(rig: Rig) -> None:
    rig.gate = Gate(headless=True)
    rig.set(ch5=AUTO)
    rig.turn(5)
    rig.gate.handle(Arm(Mode.AUTO), rig.clock.now_ns())
    rig.turn(20)
    assert rig.decide().command.throttle > 0.1
    rig.set(ch5=MANUAL, ch1=2000)
    rig.turn(20)
    assert (rig.decide().mode, rig.decide().state) == (Mode.MANUAL, GateState.ARMED)
    assert rig.decide().command == Command(1.0, 0.0)


def test_who_asked_once_has_the_car_when_the_other_falls_silent(rig: Rig) -> None:
    browser = rig.hub.join("browser")
    browser.sample(NEUTRAL, rig.clock.now_ns())
    rig.arm()
    assert drives(browser)
    rig.turn(110)
    assert not drives(browser)
    assert rig.hub.driver is not None


def test_a_transmitter_whose_driver_lost_the_car_to_a_page_does_not_take_it_back_by_driving_on(rig: Rig) -> None:
    rig.drive()
    browser = rig.hub.join("browser")
    browser.take_over()
    rig.turn(1)
    assert browser.take_over()
    rig.turn(100)
    assert drives(browser)


def test_without_linux_a_port_is_refused_with_what_to_do(
    receiver: FakeReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "darwin")
    rig = Rig(receiver)
    assert rig.told == ["An RC receiver needs Linux. → Leave [receiver] port empty in car.toml here"]


def test_the_loop_beats_once_per_turn_and_says_whether_a_hand_could_stop_the_car(rig: Rig) -> None:
    beats: list[bool] = []
    rig.drivers.beat = beats.append
    rig.turn(3)
    assert beats == [True] * 3
    rig.receiver.vanish()
    rig.silence(2)
    assert beats == [True] * 3 + [False] * 2


def test_a_loop_that_ends_gives_the_port_back_and_is_no_driver(rig: Rig) -> None:
    rig.drive()
    ended = threading.Event()
    ended.set()
    rig.drivers.run(ended)
    assert rig.hub.driver is None
    open_sbus(rig.receiver.path).close()


def raw(**numbers: int) -> bytes:
    """Return a frame with all channels in the middle but those given, as ``ch1=0``."""
    return encode(SbusFrame(tuple(numbers.get(f"ch{channel}", 992) for channel in range(1, 17))))


# What some receivers without a flag send when they hear no transmitter.
@pytest.mark.parametrize("no_pulse", [raw(**{f"ch{number}": 0 for number in range(1, 17)}), raw(ch2=0), raw(ch5=2047)])
@pytest.mark.parametrize("position", [MANUAL, AUTO])
def test_a_channel_that_says_what_no_transmitter_can_say_is_the_loss_of_the_link_at_once(
    rig: Rig, no_pulse: bytes, position: int
) -> None:
    rig.drive()
    rig.set(ch5=position, ch2=1500)
    rig.turn(20)
    events = rig.turn(1, sends=no_pulse)
    assert events == [DriverLeft()]
    assert rig.decide().command == NEUTRAL
    assert rig.hub.driver is None
    assert rig.turn(120, sends=no_pulse) == []
    assert rig.decide().trip is TripReason.LINK_LOST


def test_a_channel_that_is_not_used_may_say_anything(rig: Rig) -> None:
    rig.arm()
    events = rig.turn(5, sends=raw(ch5=192, ch6=192, ch16=0, ch9=2047))
    assert len(commands(events)) == 5
    assert acts(events) == []


@pytest.mark.parametrize("idle", [ASSIST, AUTO])
def test_a_transmitter_that_is_switched_on_at_manual_arms_nothing_where_the_receiver_hid_that_it_was_off(
    receiver: FakeReceiver, idle: int
) -> None:
    rig = Rig(receiver, ch5=idle, ch6=1500)
    rig.trembles = False
    rig.turn(200)
    rig.trembles = True
    rig.set(ch5=MANUAL, ch6=OFF)
    rig.turn(20)
    assert rig.decide().state is GateState.DISARMED
    rig.arm()
    assert rig.decide().state is GateState.ARMED


def test_a_transmitter_that_comes_back_at_manual_after_a_hidden_loss_arms_nothing(rig: Rig) -> None:
    rig.arm()
    rig.set(ch5=AUTO)
    rig.turn(5)
    rig.hub.join("browser").stop()
    rig.turn(2)
    rig.trembles = False
    rig.turn(200)
    rig.trembles = True
    rig.set(ch5=MANUAL)
    rig.turn(20)
    assert rig.decide().state is GateState.TRIPPED


def test_the_way_from_manual_and_back_may_lead_over_assist_and_takes_no_longer_than_it_takes_a_hand(rig: Rig) -> None:
    for position in (ASSIST, AUTO, ASSIST, MANUAL):
        assert rig.decide().state is GateState.DISARMED
        rig.set(ch5=position)
        rig.turn(30)
    assert rig.decide().state is GateState.ARMED
    rig.hub.join("browser").stop()
    rig.turn(1)
    for position in (AUTO, MANUAL):
        rig.set(ch5=position)
        rig.turn(160)
    assert rig.decide().state is GateState.TRIPPED


@pytest.mark.parametrize("stick", ["ch1", "ch2"])
def test_positions_that_a_receiver_has_chosen_instead_of_the_hand_start_no_pilot_and_arm_nothing(
    rig: Rig, stick: str
) -> None:
    rig.arm()
    rig.set(**{stick: 1900})
    rig.turn(20)
    for position in (AUTO, ASSIST):
        rig.set(ch5=position, **{stick: 1500})
        assert acts(rig.turn(50)) == []
        rig.set(ch5=MANUAL, **{stick: 1900})
        assert acts(rig.turn(20)) == [ChangeMode(Mode.MANUAL)]
    rig.hub.join("browser").stop()
    rig.turn(1)
    rig.set(**{stick: 1500})
    rig.turn(20)
    rig.set(ch5=AUTO)
    rig.turn(5)
    rig.set(ch5=MANUAL, **{stick: 1900})
    rig.turn(5)
    rig.set(**{stick: 1500})
    rig.turn(20)
    assert rig.decide().state is GateState.TRIPPED


def test_who_asked_once_and_is_given_a_car_that_drives_itself_has_it_in_manual(rig: Rig) -> None:
    browser = rig.hub.join("browser")

    def turn_with_the_browser() -> None:
        for _ in range(5):
            browser.sample(NEUTRAL, rig.clock.now_ns())
            rig.turn()

    turn_with_the_browser()
    browser.arm(Mode.AUTO)
    for position in (AUTO, MANUAL):
        rig.set(ch5=position)
        turn_with_the_browser()
    assert drives(browser)
    assert rig.decide().mode is Mode.AUTO
    browser.let_go()
    rig.turn(2)
    assert rig.hub.driver is not None
    assert (rig.decide().mode, rig.decide().state) == (Mode.MANUAL, GateState.ARMED)
    rig.set(ch2=2000)
    rig.turn(20)
    assert rig.decide().command.throttle > 0.2


@pytest.mark.parametrize("gap", [b"", encode(SbusFrame(sticks(ch6=OFF).channels, is_failsafe=True)), raw(ch2=0)])
def test_a_stop_that_was_switched_while_nothing_was_heard_stops_as_soon_as_it_is(rig: Rig, gap: bytes) -> None:
    browser = rig.hub.join("browser")

    def turn_with_the_browser(turns: int, sends: bytes | None = None) -> list[Event]:
        events = []
        for _ in range(turns):
            browser.sample(NEUTRAL, rig.clock.now_ns())
            events += rig.turn(1, sends)
        return events

    turn_with_the_browser(5)
    browser.arm(Mode.MANUAL)
    assert Stop() not in turn_with_the_browser(17, gap)
    rig.set(ch6=ON)
    assert Stop() in turn_with_the_browser(3)


def test_a_stop_is_heard_by_a_frame_now_and_then(rig: Rig) -> None:
    rig.set(ch6=ON)
    events = []
    for _ in range(2):
        events += rig.turn(1) + rig.silence(LOST_NS // TURN_NS + 1)
    assert Stop() in events


def test_a_stop_that_is_switched_just_before_the_failsafe_stops(rig: Rig) -> None:
    stopping = sticks(**{**rig.pulses, "ch6": ON})
    rig.receiver.say_all([*[stopping] * 3, SbusFrame(stopping.channels, is_failsafe=True)])
    assert Stop() in rig.silence(1)


@pytest.mark.parametrize("own", ["ch9", "ch16"])
def test_what_a_receiver_adds_of_its_own_does_not_hide_that_it_repeats_its_frame(rig: Rig, own: str) -> None:
    rig.drive()
    rig.trembles = False
    for number in range(STILL_NS // TURN_NS + 2):
        rig.set(**{own: 1000 + number % 40})
        rig.turn()
    assert rig.decide().command.throttle == 0.0


@pytest.mark.parametrize("stop", [None, 6])
def test_a_port_carries_a_stop_only_while_a_transmitter_is_heard_that_has_one_or_drives(
    receiver: FakeReceiver, stop: int | None
) -> None:
    rig = Rig(receiver, Channels(1, 2, 5, stop))
    beats: list[bool] = []
    rig.drivers.beat = beats.append
    rig.turn()
    assert beats.pop() is (stop is not None)
    rig.silence(LOST_NS // TURN_NS + 1)
    assert not beats.pop()
    rig.turn(3)
    rig.arm()
    assert beats.pop()
    rig.turn(1, sends=encode(SbusFrame(sticks().channels, is_failsafe=True)))
    assert not beats.pop()


def test_a_stop_that_is_on_already_is_none_that_a_headless_car_may_start_by(receiver: FakeReceiver) -> None:
    rig = Rig(receiver, ch6=ON)
    beats: list[bool] = []
    rig.drivers.beat = beats.append
    rig.turn(5)
    assert not any(beats)
    rig.set(ch6=OFF)
    rig.turn(3)
    assert beats[-1]


def test_a_port_with_nothing_on_it_carries_no_stop(receiver: FakeReceiver) -> None:
    clock = VirtualClock(NS_PER_S)
    hub = DriverHub(SlotWriter(DriverSlot(multiprocessing.get_context("spawn"))), clock)
    drivers = ReceiverDrivers(hub, clock, open_sbus, receiver.path, CHANNELS, LIMIT, lambda: False)
    beats: list[bool] = []
    drivers.beat = beats.append
    drivers.look()
    drivers.turn()
    drivers.turn()
    assert beats == [False, False]


def test_a_middle_that_is_20_microseconds_away_does_not_creep(receiver: FakeReceiver) -> None:
    rig = Rig(receiver, ch1=1510, ch2=1520)
    rig.arm()
    rig.turn(20)
    assert rig.decide().state is GateState.ARMED
    assert rig.decide().command == NEUTRAL


@pytest.mark.parametrize("throttle_us", [1000, 1700, 2000])
def test_with_a_small_limit_a_pressed_throttle_is_not_at_neutral_either(
    receiver: FakeReceiver, throttle_us: int
) -> None:
    rig = Rig(receiver, limit=0.05)
    rig.set(ch2=throttle_us)
    rig.arm()
    assert rig.decide().refusal is ArmRefusal.THROTTLE_NOT_NEUTRAL
    rig.set(ch2=1500)
    rig.arm()
    rig.set(ch5=AUTO)
    rig.turn(10)
    rig.set(ch2=throttle_us)
    rig.turn(10)
    rig.set(ch5=MANUAL)
    rig.turn(20)
    assert rig.decide().command.throttle == 0.0
    rig.set(ch2=1500)
    rig.turn(2)
    rig.set(ch2=throttle_us)
    rig.turn(20)
    assert rig.decide().command.throttle != 0.0


@pytest.mark.parametrize("stops_after", [AUTO, MANUAL])
def test_a_stop_of_anybody_between_the_switch_and_the_arming_stays(rig: Rig, stops_after: int) -> None:
    for position in (AUTO, MANUAL):
        rig.receiver.say(sticks(**{**rig.pulses, "ch5": position}), times=3)
        rig.silence(1)
        if position == stops_after:
            rig.hub.join("browser").stop()
            rig.silence(1)
    rig.set(ch5=MANUAL)
    rig.turn(10)
    assert (rig.decide().state, rig.decide().trip) == (GateState.TRIPPED, TripReason.STOP)


def test_a_switch_that_trembles_at_the_edge_of_manual_arms_nothing(rig: Rig) -> None:
    for _ in range(4):
        for position_us in (1249, 1251):
            rig.set(ch5=position_us)
            rig.turn(3)
    assert rig.decide().state is GateState.DISARMED
    for position_us in (MANUAL, AUTO, MANUAL):
        rig.set(ch5=position_us)
        rig.turn(3)
    assert rig.decide().state is GateState.ARMED


def test_a_failsafe_in_the_midst_of_a_read_is_the_loss_of_the_link_too(rig: Rig) -> None:
    rig.drive()
    rig.receiver.say_all([sticks(**rig.pulses), SbusFrame(sticks().channels, is_failsafe=True), sticks(**rig.pulses)])
    assert DriverLeft() in rig.silence(1)
    assert rig.hub.driver is None
    assert rig.turn(20) == []


def test_a_switch_that_was_moved_across_a_failsafe_in_one_read_was_not_moved_for_us(rig: Rig) -> None:
    rig.set(ch5=AUTO)
    rig.turn(5)
    gone = SbusFrame(sticks(ch5=AUTO).channels, is_failsafe=True)
    rig.set(ch5=MANUAL)
    rig.receiver.say_all([*[gone] * 6, *[sticks(**rig.pulses)] * 3])
    assert acts(rig.silence(1)) == []
    assert acts(rig.turn(10)) == []


def test_a_way_from_manual_and_back_with_a_failsafe_in_it_arms_nothing(rig: Rig) -> None:
    away = sticks(**{**rig.pulses, "ch5": AUTO})
    gone = SbusFrame(away.channels, is_failsafe=True)
    rig.receiver.say_all([*[sticks(**rig.pulses)] * 3, gone, *[away] * 3])
    rig.silence(1)
    assert acts(rig.turn(10)) == [ChangeMode(Mode.MANUAL)]


def test_the_switch_back_to_manual_asks_for_no_arming_of_an_armed_car(rig: Rig) -> None:
    rig.arm()
    for position in (ASSIST, MANUAL):
        rig.set(ch5=position)
        rig.turn(5)
    assert rig.decide().state is GateState.ARMED
    assert rig.decide().refusal is None


def test_a_transmitter_that_falls_silent_leaves_the_car_to_others(rig: Rig) -> None:
    rig.drive()
    rig.silence(SILENT_NS // TURN_NS - 1)
    assert is_driven(rig)
    rig.silence(2)
    assert not is_driven(rig)
    rig.set(ch2=1500)
    assert rig.turn(20) == []
