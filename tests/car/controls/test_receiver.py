"""An RC receiver at the car: who holds the transmitter drives by its switch, and is gone with its signal."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car.controls.hub import DriverHub, Seat
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
        self, receiver: FakeReceiver, channels: Channels = CHANNELS, *, path: str = "", **pulses: float
    ) -> None:
        slot = DriverSlot(multiprocessing.get_context("spawn"))
        self.receiver = receiver
        self.clock = VirtualClock(1000 * NS_PER_S)
        self.hub = DriverHub(SlotWriter(slot), self.clock)
        self.drivers = ReceiverDrivers(self.hub, self.clock, open_sbus, path or receiver.path, channels, LIMIT)
        self.told: list[str] = []
        self.drivers.tell = self.told.append
        self.gate = Gate()
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
                tremble = {"ch4": 1500 + 2 * number + 4 * (self.clock.now_ns() // TURN_NS % 2)} if self.trembles else {}
                said = encode(sticks(**self.pulses, **tremble)) if sends is None else sends
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
        """Move the mode switch away and back to manual, as its owner does."""
        self.set(ch5=AUTO)
        self.turn(3)
        self.set(ch5=MANUAL)
        self.turn(3)

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
    assert (state is None) is (is_lost and not is_failsafe)


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
    drivers = ReceiverDrivers(DriverHub(SlotWriter(slot), clock), clock, lambda _path: port, "port", CHANNELS, LIMIT)
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
            assert AUTO in [heard.pulse_us(5) for heard in before]
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
    rig.set(ch2=1500)
    rig.turn(3)
    rig.set(ch2=2000)
    rig.turn(20)
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
    rig.set(ch2=1500)
    rig.turn(3)
    rig.set(ch2=2000)
    rig.turn(20)
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
    for _ in range(2):
        for position in (AUTO, MANUAL):
            rig.set(ch5=position, ch2=2000)
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


def test_the_loop_beats_once_per_turn_and_says_whether_there_is_a_port(rig: Rig) -> None:
    beats: list[bool] = []
    rig.drivers.beat = beats.append
    rig.silence(3)
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
