"""A fault on the virtual clock: the same loop, gate, watchdog and driver's slot in one thread, always the same."""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass, replace

from car.assembly.devices import Devices, make_world, sensors_in_world, with_simulated_sensors
from car.config.sections import CarConfig
from car.drive_loop import AutoStart, DriveLoop, EventSource, LockStepFrames
from car.drive_record import DriveRecord
from car.faults.controls import SAMPLE_HZ, STICK, Controls
from car.faults.menu import InjectedFault
from car.faults.outcome import Outcome, Trial, slowest
from car.gate import Gate, GateState, Mode
from car.kinds.pilot import Pilot
from car.link.driver_slot import DriverSlot, SlotReader, SlotWriter
from car.pilots.faulty import PilotFault
from car.processes.watchdog import PERIOD_S, Watchdog
from car.range_watch import RangeWatch, watch_range
from car.readings import asked
from car.speed.keeper import SpeedKeeper, keep_speed
from hardware.clock import NS_PER_MS, NS_PER_S, VirtualClock
from hardware.drivetrain import NEUTRAL, Command
from hardware.drivetrains.timeline import TimelineDrivetrain
from hardware.errors import CameraError
from hardware.faults import Onset
from simulator.scenario import Scenario

START_NS = NS_PER_S
DRIVES_S = 2.0
PHASES_MS = (1, 12, 29)
"""A fault may come at any moment between two frames and two samples; the slowest answer counts."""


def run_virtual(fault: InjectedFault, config: CarConfig, pilot: Pilot) -> Outcome:
    """Try ``fault`` on a simulated car like the one in ``config``, driven by ``pilot``, and say what came of it."""
    config = with_simulated_sensors(fault.car(config))
    onsets_ns = [START_NS + round(DRIVES_S * NS_PER_S) + phase_ms * NS_PER_MS for phase_ms in PHASES_MS]
    return slowest([_try(fault, config, pilot, onset_ns).judge(fault.promised_ms) for onset_ns in onsets_ns])


def _try(fault: InjectedFault, config: CarConfig, pilot: Pilot, onset_ns: int) -> Trial:
    clock = SharedClock(START_NS)
    onset = Onset(clock)
    onset.time_ns = onset_ns
    world = make_world(config, clock, Scenario(config.simulator.track, config.simulator.seed))
    wheels = TimelineDrivetrain(clock, world.drivetrain)
    sensors = sensors_in_world(config, world, clock)
    devices = Devices(world.camera, wheels, world.motion, world.lap_count, lambda: world.pose, sensors=sensors)
    if fault.devices is not None:
        devices = fault.devices(devices, onset)
    if fault.pilot is not None:
        pilot = fault.pilot(pilot, onset)
    gate = Gate(config.limits, Mode.AUTO, headless=not fault.controls)
    source = _controlled(fault, clock, onset_ns) if fault.controls else AutoStart(gate)
    end_ns = onset_ns + round(fault.watch_s * NS_PER_S)
    ahead = watch_range(config, devices.sensors, lambda sensor: asked(sensor, clock))
    speed = keep_speed(config, devices.sensors, lambda sensor: asked(sensor, clock), gate)
    _drive(devices, pilot, gate, clock, source, ahead, speed, end_ns)
    return Trial(wheels.timeline, onset_ns, end_ns)


class SharedClock(VirtualClock):
    """A virtual clock on which others act while somebody waits, as other threads and processes do in real time."""

    def __init__(self, start_ns: int) -> None:
        super().__init__(start_ns)
        self._turns: list[_Turn] = []

    def call_at(self, time_ns: int, act: Callable[[], object], every_ns: int = 0) -> None:
        """Call ``act`` when it is ``time_ns``, and from then on every ``every_ns`` unless that is 0."""
        self._turns.append(_Turn(time_ns, act, every_ns))

    def sleep_until_ns(self, time_ns: int) -> None:
        """Move the time on to ``time_ns``, and let others act at their times."""
        while self._turns and (turn := min(self._turns, key=lambda turn: turn.time_ns)).time_ns <= time_ns:
            self._turns.remove(turn)
            if turn.every_ns:
                self._turns.append(replace(turn, time_ns=turn.time_ns + turn.every_ns))
            super().sleep_until_ns(turn.time_ns)
            turn.act()
        super().sleep_until_ns(time_ns)


@dataclass(frozen=True, slots=True)
class _Turn:
    time_ns: int
    act: Callable[[], object]
    every_ns: int


class VirtualControls(Controls):
    """Samples the stick into the driver's slot, as the controls do."""

    def __init__(self, writer: SlotWriter, clock: VirtualClock) -> None:
        self._writer = writer
        self._clock = clock
        self._held = True
        self._is_through = True
        self._waiting: list[tuple[Command, int]] = []
        self.stick = NEUTRAL

    def sample(self) -> None:
        """Take a sample of the stick."""
        self._waiting.append((self.stick, self._clock.now_ns()))
        if self._is_through:
            self._let_through()

    def vanish(self) -> None:
        """Let nothing more through."""
        self._is_through = False

    def come_back(self) -> None:
        """Let all that has waited through."""
        self._is_through = True
        self._let_through()

    def unplug(self) -> None:
        """Sample on with nobody holding the pad, at once."""
        self._held = False
        self.sample()

    def stop(self) -> None:
        """Press stop."""
        self._writer.stop()

    def _let_through(self) -> None:
        for command, sampled_ns in self._waiting:
            self._writer.sample(command, sampled_ns, held=self._held)
        self._waiting.clear()


def _controlled(fault: InjectedFault, clock: SharedClock, onset_ns: int) -> EventSource:
    """Return a driver who arms in the fault's mode and pushes the stick; its controls fail at the onset."""
    slot = DriverSlot(multiprocessing.get_context("spawn"))
    writer = SlotWriter(slot)
    controls = VirtualControls(writer, clock)

    def push() -> None:
        controls.stick = STICK

    period_ns = round(NS_PER_S / SAMPLE_HZ)
    clock.call_at(START_NS, controls.sample, period_ns)
    clock.call_at(START_NS + 10 * period_ns, lambda: writer.arm(fault.mode, wheels_up=True))
    clock.call_at(START_NS + 15 * period_ns, push)
    for after_s, act in fault.acts:
        clock.call_at(onset_ns + round(after_s * NS_PER_S), lambda act=act: act(controls))  # type: ignore[misc]
    return SlotReader(slot)


def _drive(
    devices: Devices,
    pilot: Pilot,
    gate: Gate,
    clock: SharedClock,
    source: EventSource,
    ahead: RangeWatch | None,
    speed: SpeedKeeper | None,
    end_ns: int,
) -> None:
    """Drive as the drive process does, until ``end_ns`` or until nobody is there to arm again."""
    stop_waits = source.stop_waits if isinstance(source, SlotReader) else lambda: False
    watchdog = Watchdog(devices.drivetrain, clock, stop_waits=stop_waits, beat=lambda: None, will_write=lambda: None)
    period_ns = round(PERIOD_S * NS_PER_S)
    clock.call_at(clock.now_ns() + period_ns, watchdog.check, period_ns)

    def should_end(record: DriveRecord) -> bool:
        watchdog.loop_came_round()
        gave_up = isinstance(source, AutoStart) and record.gate_state is GateState.TRIPPED
        return gave_up or clock.now_ns() >= end_ns

    frames = LockStepFrames(devices.camera)
    loop = DriveLoop(
        frames,
        pilot,
        gate,
        devices.drivetrain,
        clock,
        sources=[*(watch for watch in (ahead, speed) if watch is not None), source],
        motion=devices.motion if speed is None else speed.motion,
        lap_count=devices.lap_count,
        pose=devices.pose,
        ahead=None if ahead is None else ahead.ahead,
        governor=speed,
    )
    with contextlib.suppress(CameraError, PilotFault):
        loop.run(should_end)
