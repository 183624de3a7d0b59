"""From a car's configuration to its devices."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2

from car.assembly.drivetrains import calibrate, open_drivetrain
from car.config.drivetrain import CalibrationSection
from car.config.sections import CameraSection, CarConfig
from car.neutral import outputs_of
from hardware.camera import Camera
from hardware.cameras.restarting import RestartingCamera
from hardware.cameras.turned import turned
from hardware.clock import Clock
from hardware.drivetrain import Drivetrain, LapCount, Motion
from hardware.drivetrains.timeline import TimelineFile
from hardware.neutral import Output
from simulator.disturbance import Disturbance
from simulator.track import make_track
from simulator.world import World


@dataclass(frozen=True, slots=True)
class Devices:
    """What a car drives with.

    ``motion`` is None on a car without an encoder, ``lap_count`` where nobody knows the track. ``calibrate`` has the
    drivetrain follow another calibration from neutral on; None where there is none to follow.
    """

    camera: Camera
    drivetrain: Drivetrain
    motion: Callable[[], Motion] | None = None
    lap_count: Callable[[], LapCount] | None = None
    calibrate: Callable[[CalibrationSection], None] | None = None

    def close(self) -> None:
        """Put the drivetrain to neutral and release both devices."""
        try:
            self.drivetrain.close()
        finally:
            self.camera.close()


@dataclass(frozen=True, slots=True)
class Wheels:
    """A drivetrain of real wheels; ``calibrate`` has it follow another calibration, from neutral on."""

    drivetrain: Drivetrain
    calibrate: Callable[[CalibrationSection], None]


def make_world(config: CarConfig, clock: Clock, track: str, seed: int, *, disturb: bool = False) -> World:
    """Return a simulated world in which a car like the one in ``config`` stands at the start of ``track``.

    Raises TrackError when there is no such track.
    """
    # Frames this small are drawn faster by one thread than they can be shared out to several.
    cv2.setNumThreads(1)
    return World(
        make_track(track),
        clock,
        geometry=config.camera.geometry,
        rate_hz=config.camera.rate_hz,
        seed=seed,
        disturbance=Disturbance(seed) if disturb else None,
    )


def open_devices(config: CarConfig, clock: Clock) -> Devices:
    """Open the camera and the drivetrain that ``config`` names; raises HardwareError when one is not there.

    A simulated one is of a world in which the other may be real, so that each can be tried out on its own.
    """
    with contextlib.ExitStack() as opened:
        if camera := open_camera(config.camera, clock):
            opened.enter_context(camera)
        if wheels := open_wheels(config, clock):
            opened.enter_context(wheels.drivetrain)
        if camera and wheels:
            devices = Devices(camera, wheels.drivetrain, calibrate=wheels.calibrate)
        else:
            unturned = config.model_copy(update={"camera": config.camera.unturned})
            world = make_world(unturned, clock, config.simulator.track, config.simulator.seed)
            camera = camera or turned(world.camera, config.camera.rotation, config.camera.flip)
            devices = _devices_in_world(camera, wheels, world, config)
        opened.pop_all()
    return devices


def open_wheels(config: CarConfig, clock: Clock) -> Wheels | None:
    """Open real wheels; None for the simulated ones, which belong to their world.

    Raises DrivetrainError when they are not there.
    """
    drivetrain = open_drivetrain(config, clock)
    if drivetrain is None:
        return None
    return Wheels(_with_timeline(drivetrain, config), functools.partial(calibrate, drivetrain))


def _devices_in_world(camera: Camera, wheels: Wheels | None, world: World, config: CarConfig) -> Devices:
    if wheels is None:
        return Devices(camera, _with_timeline(world.drivetrain, config), world.motion, world.lap_count)
    return Devices(camera, wheels.drivetrain, calibrate=wheels.calibrate)


def _with_timeline(drivetrain: Drivetrain, config: CarConfig) -> Drivetrain:
    path = config.drivetrain.timeline
    return TimelineFile(drivetrain, Path(path)) if path else drivetrain


def open_camera(section: CameraSection, clock: Clock) -> Camera | None:
    """Open a real camera, which is opened again when it stops; None for the simulated one, which belongs to its world.

    Its picture is turned as ``section`` says. Raises CameraError when it is not there.
    """
    camera = _open_unturned(section.unturned, clock)
    return turned(camera, section.rotation, section.flip) if camera else None


def _open_unturned(section: CameraSection, clock: Clock) -> Camera | None:
    if section.kind == "picamera":
        from hardware.cameras.picamera import HeldExposure, PicameraCamera

        exposure = HeldExposure() if section.fixed_exposure else None
        number = int(section.device or "0")
        return RestartingCamera(
            lambda: PicameraCamera(section.geometry, section.rate_hz, clock, number=number, exposure=exposure), clock
        )
    if section.kind == "usb":
        from hardware.cameras.usb import UsbCamera, first_device

        device = section.device or first_device()
        return RestartingCamera(lambda: UsbCamera(section.geometry, section.rate_hz, clock, device), clock)
    return None


def neutral_outputs(config: CarConfig) -> list[Output]:
    """Return how the car's outputs are put to neutral from outside, for the guard and ``car neutral``."""
    return outputs_of(config.model_dump(mode="json", exclude_none=True))
