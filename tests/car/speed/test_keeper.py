"""A car that holds its speed, in the loop: what the gate gets, what is recorded, and what ends the drive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from car.config.sections import CarConfig, GateSection, SpeedSection
from car.drive_loop import DriveLoop, LockStepFrames
from car.drive_record import DriveRecord
from car.gate import Arm, DriverCommand, Event, Gate, GateState, Mode, PilotCommand, TripReason
from car.kinds.camera import CameraSection
from car.kinds.simulated import SimulatedEncoderSection
from car.readings import asked
from car.speed.keeper import SpeedKeeper, keep_speed
from hardware.cameras.recorded import RecordedCamera
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import NEUTRAL, Command
from hardware.drivetrains.timeline import TimelineDrivetrain
from hardware.sensor import Reading, Sensor
from simulator.vehicle import SIXTEENTH
from tests.benchmarks.loop import endless_frames
from tests.benchmarks.speed import CONFIG, SAGGING, SPEED_M_S, WITHOUT, hold_speed


class Speedometer(Sensor):
    """Says what it is told to say, freshly."""

    def __init__(self, clock: VirtualClock) -> None:
        self.name = "wheel"
        self._clock = clock
        self.speed_m_s = self.travelled_m = 0.0
        self.frozen_ns: int | None = None

    def read(self) -> Reading:
        self.travelled_m += abs(self.speed_m_s) * 0.01
        measured_ns = self._clock.now_ns() if self.frozen_ns is None else self.frozen_ns
        return Reading({"speed_m_s": self.speed_m_s, "travelled_m": self.travelled_m}, measured_ns)

    def close(self) -> None:
        pass


class Hand:
    """Arms, and holds a stick; in auto it stands for the pilot too."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.mode = Mode.MANUAL
        self.stick = NEUTRAL
        self.held = True
        self.pilot: Command | None = None

    def events(self, now_ns: int) -> Iterable[Event]:
        if self.pilot is not None:
            yield PilotCommand(self.pilot)
        if self._gate.state is GateState.DISARMED:
            yield DriverCommand(NEUTRAL, now_ns)
            yield Arm(self.mode, wheels_up=True)
        yield DriverCommand(self.stick, now_ns, self.held)


class Rig:
    def __init__(self, *, control: bool = True, cap: float = 0.25) -> None:
        self.clock = VirtualClock(NS_PER_S)
        self.config = CarConfig(
            sensors={"wheel": SimulatedEncoderSection()},
            speed=SpeedSection(control=control),
            gate=GateSection(autopilot_throttle_cap=cap),
        )
        self.gate = Gate(self.config.limits)
        self.wheel = Speedometer(self.clock)
        self.hand = Hand(self.gate)
        speed = keep_speed(self.config, {"wheel": self.wheel}, lambda sensor: asked(sensor, self.clock), self.gate)
        assert speed is not None
        self.speed: SpeedKeeper = speed
        geometry = CameraSection().geometry
        frames = LockStepFrames(RecordedCamera(endless_frames(20.0), geometry, self.clock, 20.0))
        self.drivetrain = TimelineDrivetrain(self.clock)
        self._loop = DriveLoop(
            frames,
            None,
            self.gate,
            self.drivetrain,
            self.clock,
            sources=[speed, self.hand],
            motion=speed.motion,
            governor=speed,
        )

    def cycles(self, seconds: float) -> list[DriveRecord]:
        end_ns = self.clock.now_ns() + round(seconds * NS_PER_S)
        records = []
        while self.clock.now_ns() < end_ns:
            records.append(self._loop.step())
        return records

    def driving(self, throttle: float = 0.2, speed_m_s: float = 0.8) -> Rig:
        self.cycles(0.2)
        self.hand.stick, self.wheel.speed_m_s = Command(0.1, throttle), speed_m_s
        records = self.cycles(1.0)
        assert records[-1].gate_state is GateState.ARMED, records[-1].trip
        return self


def test_a_slow_car_gets_more_throttle_and_the_record_says_what_was_asked_for() -> None:
    record = Rig().driving(0.2, 0.7).cycles(0.2)[-1]
    assert record.driver == Command(0.1, 0.2)
    assert 0.25 < record.applied.throttle <= 0.5
    assert record.motion is not None
    assert record.motion.speed_m_s == 0.7


def test_without_control_the_throttle_is_what_was_asked_for_and_the_speed_is_recorded() -> None:
    record = Rig(control=False).driving(0.2, 0.7).cycles(0.2)[-1]
    assert record.applied == Command(0.1, 0.2)
    assert record.motion is not None


def test_neutral_is_neutral_at_once() -> None:
    rig = Rig().driving(0.2, 0.5)
    rig.hand.stick = NEUTRAL
    assert {record.applied.throttle for record in rig.cycles(0.3)} == {0.0}


def test_a_hold_button_that_is_let_go_of_is_neutral_at_once() -> None:
    rig = Rig().driving(0.2, 0.5)
    rig.hand.held = False
    assert {record.applied.throttle for record in rig.cycles(0.3)} == {0.0}


def test_a_pressed_stick_is_no_neutral_one_however_little_throttle_the_speed_takes() -> None:
    rig = Rig().driving(0.06, 3.0)
    assert rig.cycles(0.1)[-1].applied.throttle == 0.0
    rig.hand.held = False
    rig.cycles(0.1)
    rig.hand.held = True
    # After the hold button the stick has to go to neutral first, and it has not.
    assert rig.cycles(0.2)[-1].awaits_neutral


def test_the_gates_cap_for_a_pilot_bounds_what_the_speed_would_take() -> None:
    rig = Rig(cap=0.25)
    rig.hand.mode, rig.hand.pilot = Mode.AUTO, Command(0.0, 0.24)
    rig.wheel.speed_m_s = 0.2
    throttles = [record.applied.throttle for record in rig.cycles(3.0)]
    assert max(throttles) == 0.25


def test_calibration_gets_what_is_asked_for() -> None:
    rig = Rig()
    rig.hand.mode = Mode.CALIBRATION
    rig.cycles(0.2)
    rig.hand.stick = Command(0.0, 0.15)
    records = rig.cycles(3.0)
    assert {record.gate_state for record in records} == {GateState.ARMED}
    assert records[-1].applied.throttle == 0.15


@pytest.mark.parametrize("control", [True, False])
def test_an_encoder_that_freezes_trips_the_car_that_depends_on_it_once(control: bool) -> None:
    rig = Rig(control=control).driving()
    rig.wheel.frozen_ns = frozen_ns = rig.clock.now_ns()
    records = rig.cycles(2.0)
    assert records[-1].motion is None
    if not control:
        assert records[-1].gate_state is GateState.ARMED
        return
    assert records[-1].trip is TripReason.ENCODER_LOST
    neutral_ns = next(
        entry.time_ns
        for entry in rig.drivetrain.timeline
        if entry.time_ns > frozen_ns and entry.command.throttle == 0.0
    )
    assert neutral_ns - frozen_ns <= 250 * NS_PER_MS


def test_an_encoder_that_sees_no_motion_any_more_trips_in_a_quarter_of_a_second() -> None:
    rig = Rig().driving()
    rig.wheel.speed_m_s, cut_ns = 0.0, rig.clock.now_ns()
    records = rig.cycles(2.0)
    assert records[-1].trip is TripReason.NO_MOTION
    tripped = next(index for index, record in enumerate(records) if record.trip is not None)
    assert rig.drivetrain.timeline[-len(records) + tripped].time_ns - cut_ns <= 250 * NS_PER_MS


def test_an_encoder_that_is_wired_the_wrong_way_round_trips() -> None:
    rig = Rig()
    rig.cycles(0.2)
    rig.hand.stick, rig.wheel.speed_m_s = Command(0.0, 0.2), -0.05
    rig.cycles(0.2)
    rig.wheel.speed_m_s = -0.4
    assert rig.cycles(0.2)[-1].trip is TripReason.WRONG_WAY


def test_to_arm_again_with_a_dead_encoder_moves_nothing_and_trips_again() -> None:
    rig = Rig().driving()
    rig.wheel.frozen_ns = rig.clock.now_ns()
    rig.cycles(1.0)
    rig.hand.stick = NEUTRAL
    rig.cycles(0.2)
    start = len(rig.drivetrain.timeline)
    rig.gate.handle(Arm(Mode.MANUAL), rig.clock.now_ns())
    assert rig.gate.state is GateState.ARMED
    rig.hand.stick = Command(0.0, 0.5)
    assert rig.cycles(0.5)[-1].trip is TripReason.ENCODER_LOST
    assert {entry.command.throttle for entry in rig.drivetrain.timeline[start:]} == {0.0}


def test_a_sensor_that_nobody_opened_is_lost_after_its_time() -> None:
    rig = Rig()
    speed = keep_speed(rig.config, {}, lambda sensor: asked(sensor, rig.clock), rig.gate)
    assert speed is not None
    assert list(speed.events(NS_PER_S)) == []
    assert speed.motion() is None
    assert keep_speed(CarConfig(), {}, lambda sensor: asked(sensor, rig.clock), rig.gate) is None


def test_a_speed_is_held_while_the_battery_goes_flat_and_on_a_slope() -> None:
    vehicle = replace(SIXTEENTH, battery=replace(SAGGING, capacity_ah=0.002), slope=0.02)
    held, alone = (hold_speed(config, vehicle, seconds=25.0) for config in (CONFIG, WITHOUT))
    assert held.charge < 0.3
    assert held.deviations[1] < 0.05 < 0.15 < alone.deviations[1]
    assert sum(held.speeds_m_s) / len(held.speeds_m_s) == pytest.approx(SPEED_M_S, rel=0.03)
