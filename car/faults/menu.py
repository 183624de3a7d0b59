"""What can go wrong, and what is promised then.

The figures are written out, and not computed from the limits of the gate, the watchdog and the guard: a limit that
somebody lengthens breaks a promise, and that is to be seen.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from car.assembly.devices import Devices
from car.config.sections import CarConfig, ObstacleSection, SpeedSection
from car.errors import TrialError
from car.faults import strikes
from car.faults.controls import Controls
from car.faults.strikes import Processes
from car.gate import Mode
from car.kinds.pilot import Pilot
from car.kinds.simulated import SimulatedEncoderSection, SimulatedRangeSection
from car.link.car_link import CarLink
from car.pilots.faulty import NanPilot, RaisingPilot, SlowPilot
from car.processes.controls import ControlsJob, run_controls
from hardware.camera import Camera
from hardware.drivetrain import Drivetrain
from hardware.faults import (
    BrokenCamera,
    BrokenDrivetrain,
    BrokenSensor,
    FrozenCamera,
    FrozenSensor,
    HangingDrivetrain,
    LateCamera,
    Onset,
    SilentCamera,
    StallingMotion,
    StandingSensor,
)
from hardware.sensor import Sensor

FRAME_MS = 200
"""A frame is fresh for 150 ms; the gate is asked again within a cycle, 50 ms at 20 frames/s."""
PILOT_MS = 250
"""A pilot's answer is valid for 200 ms, and a cycle."""
STALL_MS = 250
STOP_MS = 50
KILLED_MS = 300
HELD_ON_MS = 2300
"""The wheels are held for 2 s after the kill; it is neutral as soon as nobody else has them."""
SAFEGUARD_MS = 250
"""A safeguard that is silent for 200 ms is lost; the gate is asked again within a cycle."""
RANGE_MS = 250
"""A range sensor that has not measured for 200 ms is lost; the gate is asked again within a cycle."""
ENCODER_MS = 250
"""A wheel encoder that is silent for 200 ms while the car is driven is lost; a cycle later the gate has heard."""
ALL_KILLED_MS = 1000
LINK_MS, LINK_WORST_MS = 350, 500

LATE_MS = 400.0
SLOW_PILOT_MS = 12 * 20.0
THINKING_PILOT_MS = 90.0
"""Slow, but never so slow that the gate trips."""
BLOCK_MS = 4000.0
STOP_AFTER_S = 0.1
STALL_S = 1.0
BURST_AFTER_S = 2.0
OVERLOADED_AFTER_S = 0.5
STANDS_S = 5.0
LATE_CONTROLS_S = 3.0


class TrialClock(StrEnum):
    """Where a fault is tried: in one thread and lock-step, or in real processes with real signals."""

    VIRTUAL = "virtual"
    REAL = "real"


@dataclass(frozen=True, slots=True)
class InjectedFault:
    """One thing that goes wrong.

    >>> fault = InjectedFault("camera-late", "every frame is late", promised_ms=FRAME_MS,
    ...                       devices=lambda devices, onset: replace(
    ...                           devices, camera=LateCamera(devices.camera, onset, LATE_MS)))
    >>> fault.promise
    'neutral ≤ 200 ms'

    The wheels are neutral ``promised_ms`` after it has set in, ``worst_ms`` at the very worst on a real network, and
    stay so for the ``watch_s`` that are watched; None promises that they drive on. The car drives in ``mode``,
    headless or with somebody at the ``controls``. What goes wrong is one of its ``devices``, its ``pilot``, what the
    controls do and how many seconds after the onset (``acts``), or a ``strike`` at its processes from outside.
    ``run_controls`` takes the place of the controls' own start; then the car must not move at all, or with ``late_s``
    not for that long, in which the controls come up, and then it must. ``car`` says what the car has to have for it.
    ``only`` names the clock on which alone it can happen; a strike takes real processes in any case.
    """

    name: str
    what: str
    promised_ms: float | None
    worst_ms: float | None = None
    mode: Mode = Mode.AUTO
    controls: bool = False
    devices: Callable[[Devices, Onset], Devices] | None = None
    pilot: Callable[[Pilot, Onset], Pilot] | None = None
    acts: tuple[tuple[float, Callable[[Controls], None]], ...] = ()
    strike: Callable[[Processes], None] | None = None
    run_controls: Callable[[CarLink, ControlsJob], None] | None = None
    late_s: float | None = None
    car: Callable[[CarConfig], CarConfig] = lambda config: config
    only: TrialClock | None = None
    records: bool = False
    watch_s: float = 1.0

    @property
    def clocks(self) -> Sequence[TrialClock]:
        """The clocks on which it can happen."""
        if self.strike is not None or self.run_controls is not None:
            return (TrialClock.REAL,)
        return tuple(TrialClock) if self.only is None else (self.only,)

    @property
    def ends_the_drive(self) -> bool:
        """True where nobody is there to arm the car again, so that the program has to end, with an error."""
        return self.promised_ms is not None and not self.controls

    @property
    def promise(self) -> str:
        """The promise in words."""
        if self.run_controls is not None:
            return "does not move" if self.late_s is None else f"does not move for {self.late_s:g} s, then drives"
        return "drives on" if self.promised_ms is None else f"neutral ≤ {self.promised_ms:g} ms"


def _camera(make: Callable[[Camera, Onset], Camera]) -> Callable[[Devices, Onset], Devices]:
    return lambda devices, onset: replace(devices, camera=make(devices.camera, onset))


def _drivetrain(make: Callable[[Drivetrain, Onset], Drivetrain]) -> Callable[[Devices, Onset], Devices]:
    return lambda devices, onset: replace(devices, drivetrain=make(devices.drivetrain, onset))


def looking_ahead(config: CarConfig) -> CarConfig:
    """Return the same car with a simulated range sensor that it depends on."""
    if config.obstacle is not None:
        return config
    return config.model_copy(update={"obstacle": ObstacleSection(), "sensors": {"front": SimulatedRangeSection()}})


def holding_speed(config: CarConfig) -> CarConfig:
    """Return the same car with a simulated wheel encoder by which it holds its speed."""
    if config.speed is not None and config.speed.control:
        return config
    sensors = {**config.sensors, "wheel": SimulatedEncoderSection()}
    return config.model_copy(update={"speed": SpeedSection(control=True), "sensors": sensors})


def _sensors(make: Callable[[Sensor, Onset], Sensor]) -> Callable[[Devices, Onset], Devices]:
    return lambda devices, onset: replace(
        devices, sensors={name: make(sensor, onset) for name, sensor in devices.sensors.items()}
    )


def _stall_motion(devices: Devices, onset: Onset) -> Devices:
    motion = devices.motion
    return devices if motion is None else replace(devices, motion=StallingMotion(motion, onset, STALL_S))


def _stop(mode: Mode) -> InjectedFault:
    return InjectedFault(
        f"stop-{mode}",
        f"stop is pressed in {mode}",
        STOP_MS,
        mode=mode,
        controls=True,
        acts=((0.0, lambda controls: controls.stop()),),
        # The page moves no wheel of a car that has nothing to calibrate, as a simulated one.
        only=TrialClock.VIRTUAL if mode is Mode.CALIBRATION else None,
    )


def never_come_up(_link: CarLink, _job: ControlsJob) -> None:
    """Be controls that hang at their birth, until somebody kills them."""
    threading.Event().wait()


def come_up_late(link: CarLink, job: ControlsJob) -> None:
    """Be controls that take their time to be born."""
    time.sleep(LATE_CONTROLS_S)
    run_controls(link, job)


MENU = (
    InjectedFault("camera-frozen", "frames repeat, old times and all", FRAME_MS, devices=_camera(FrozenCamera)),
    InjectedFault("camera-dead", "no frame comes any more", FRAME_MS, devices=_camera(SilentCamera)),
    InjectedFault("camera-broken", "the camera's driver fails", STALL_MS, devices=_camera(BrokenCamera)),
    InjectedFault(
        "frames-late",
        f"every frame is {LATE_MS:g} ms late",
        FRAME_MS,
        devices=_camera(lambda camera, onset: LateCamera(camera, onset, LATE_MS)),
    ),
    InjectedFault(
        "pilot-slow",
        "each answer takes 12 × 20 ms",
        STALL_MS,
        pilot=lambda pilot, onset: SlowPilot(pilot, onset, SLOW_PILOT_MS),
    ),
    InjectedFault("pilot-raises", "the pilot raises an exception", STALL_MS, pilot=RaisingPilot, records=True),
    InjectedFault(
        "pilot-blocks",
        f"an answer takes {BLOCK_MS / 1000:g} s",
        STALL_MS,
        pilot=lambda pilot, onset: SlowPilot(pilot, onset, BLOCK_MS, once=True),
        watch_s=BLOCK_MS / 1000 + 1.0,
    ),
    InjectedFault("pilot-nan", "the pilot answers NaN", PILOT_MS, pilot=NanPilot),
    InjectedFault(
        "link-lost",
        "nothing more from the driver, stick held",
        LINK_MS,
        LINK_WORST_MS,
        mode=Mode.MANUAL,
        controls=True,
        acts=((0.0, lambda controls: controls.vanish()),),
        watch_s=3.0,
    ),
    InjectedFault(
        "link-burst",
        f"… and {BURST_AFTER_S:g} s of old commands come at once",
        LINK_MS,
        LINK_WORST_MS,
        mode=Mode.MANUAL,
        controls=True,
        acts=((0.0, lambda controls: controls.vanish()), (BURST_AFTER_S, lambda controls: controls.come_back())),
        watch_s=BURST_AFTER_S + 1.5,
    ),
    InjectedFault(
        "gamepad-unplugged",
        "gamepad gone, stick held, link alive",
        STOP_MS,
        mode=Mode.MANUAL,
        controls=True,
        acts=((0.0, lambda controls: controls.unplug()),),
    ),
    *(_stop(mode) for mode in Mode),
    InjectedFault(
        "stop-blocked",
        f"stop is pressed {STOP_AFTER_S * 1000:g} ms into a {BLOCK_MS / 1000:g} s answer",
        STOP_AFTER_S * 1000 + STOP_MS,
        controls=True,
        pilot=lambda pilot, onset: SlowPilot(pilot, onset, BLOCK_MS, once=True),
        acts=((STOP_AFTER_S, lambda controls: controls.stop()),),
        watch_s=BLOCK_MS / 1000 + 1.0,
    ),
    replace(
        _stop(Mode.AUTO),
        name="stop-slow-pilot",
        what=f"… while each answer takes {THINKING_PILOT_MS:g} ms",
        pilot=lambda pilot, onset: SlowPilot(pilot, onset.past(), THINKING_PILOT_MS),
    ),
    InjectedFault(
        "range-dead",
        "the range sensor measures nothing more",
        RANGE_MS,
        car=looking_ahead,
        devices=_sensors(FrozenSensor),
    ),
    InjectedFault(
        "range-broken", "the range sensor's driver fails", RANGE_MS, car=looking_ahead, devices=_sensors(BrokenSensor)
    ),
    InjectedFault(
        "encoder-dead",
        "the wheel encoder measures nothing more",
        ENCODER_MS,
        car=holding_speed,
        devices=_sensors(FrozenSensor),
    ),
    InjectedFault(
        "encoder-cut",
        "the wheel encoder's wire is off: it sees no motion",
        ENCODER_MS,
        car=holding_speed,
        devices=_sensors(StandingSensor),
    ),
    InjectedFault("loop-stalled", f"the loop takes {STALL_S:g} s for a cycle", STALL_MS, devices=_stall_motion),
    InjectedFault(
        "bus-hangs",
        "a write to the bus never returns",
        STALL_MS,
        devices=_drivetrain(HangingDrivetrain),
        only=TrialClock.REAL,
        records=True,
    ),
    InjectedFault(
        "bus-fails",
        "every write to the bus fails",
        STALL_MS,
        devices=_drivetrain(BrokenDrivetrain),
        only=TrialClock.REAL,
    ),
    InjectedFault("drive-killed", "SIGKILL to the drive process", KILLED_MS, strike=strikes.kill_drive, records=True),
    InjectedFault(
        "drive-dies-slowly",
        f"SIGKILL to it, and its lines stay held for {strikes.HELD_FOR_S:g} s",
        HELD_ON_MS,
        strike=strikes.kill_drive_that_holds_on,
        watch_s=HELD_ON_MS / 1000 + 1.0,
    ),
    InjectedFault("drive-frozen", "SIGSTOP to the drive process", KILLED_MS, strike=strikes.freeze_drive),
    InjectedFault("drive-ended", "SIGTERM to the drive process", STOP_MS, strike=strikes.end_drive),
    InjectedFault("guard-killed", "SIGKILL to the guard", STALL_MS, strike=strikes.kill_guard),
    InjectedFault("guard-frozen", "SIGSTOP to the guard", SAFEGUARD_MS, strike=strikes.freeze_guard),
    InjectedFault(
        "controls-killed",
        "SIGKILL to the controls, with a driver",
        SAFEGUARD_MS,
        mode=Mode.MANUAL,
        controls=True,
        strike=strikes.kill_controls,
    ),
    InjectedFault(
        "controls-frozen",
        "SIGSTOP to the controls, with a driver",
        SAFEGUARD_MS,
        mode=Mode.MANUAL,
        controls=True,
        strike=strikes.freeze_controls,
    ),
    InjectedFault(
        "controls-killed-headless", "SIGKILL to the controls, headless", SAFEGUARD_MS, strike=strikes.kill_controls
    ),
    InjectedFault(
        "controls-frozen-headless", "SIGSTOP to the controls, headless", SAFEGUARD_MS, strike=strikes.freeze_controls
    ),
    InjectedFault("controls-absent", "the controls never come up", None, run_controls=never_come_up, watch_s=STANDS_S),
    InjectedFault(
        "controls-late",
        f"the controls need {LATE_CONTROLS_S:g} s to come up, headless",
        None,
        run_controls=come_up_late,
        late_s=LATE_CONTROLS_S,
    ),
    InjectedFault(
        "machine-overloaded",
        "stop is pressed while every core is busy twice over",
        OVERLOADED_AFTER_S * 1000 + STOP_MS,
        controls=True,
        strike=strikes.overload_machine,
        acts=((OVERLOADED_AFTER_S, lambda controls: controls.stop()),),
    ),
    InjectedFault(
        "desk-killed",
        "SIGKILL to the desk, with a driver",
        None,
        mode=Mode.MANUAL,
        controls=True,
        strike=strikes.kill_desk,
    ),
    InjectedFault(
        "desk-frozen",
        "SIGSTOP to the desk, with a driver",
        None,
        mode=Mode.MANUAL,
        controls=True,
        strike=strikes.freeze_desk,
    ),
    InjectedFault(
        "desk-frozen-headless", "SIGSTOP to the desk, headless", None, records=True, strike=strikes.freeze_desk
    ),
    InjectedFault("all-killed", "SIGKILL to all, then `car neutral`", ALL_KILLED_MS, strike=strikes.kill_all),
    InjectedFault("disk-full", "the disk takes nothing more", None, records=True, strike=strikes.fill_disk),
    InjectedFault(
        "clock-jumps", "the wall clock jumps an hour, and back", None, records=True, strike=strikes.jump_wall_clock
    ),
    InjectedFault("recorder-killed", "SIGKILL to the desk, headless", None, records=True, strike=strikes.kill_desk),
)
"""Every fault there is, in the order in which they are tried."""


def fault_named(name: str) -> InjectedFault:
    """Return the fault of that name; raises TrialError when there is none."""
    for fault in MENU:
        if fault.name == name:
            return fault
    raise TrialError(f"There is no fault {name}. `car simulate --fault list` shows them all.")
