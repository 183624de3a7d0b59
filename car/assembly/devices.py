"""From a car's configuration to its devices."""

from __future__ import annotations

import contextlib
import functools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2

from car.assembly.drivetrains import open_drivetrain
from car.assembly.entered_track import TrackReader
from car.config.sections import CarConfig
from car.kinds.camera import CameraSection
from car.kinds.ours import CAMERAS, DRIVETRAINS, SENSORS
from car.kinds.sensor import SensorSection
from car.kinds.simulated import SimulatedEncoderSection, SimulatedRangeSection
from car.neutral import outputs_of
from hardware.camera import Camera
from hardware.cameras.restarting import RestartingCamera
from hardware.cameras.turned import turned
from hardware.clock import Clock
from hardware.drivetrain import Drivetrain, LapCount, Motion, Pose
from hardware.drivetrains.timeline import TimelineFile
from hardware.errors import CameraError, DrivetrainError, HardwareError, SensorError
from hardware.neutral import Output, is_writable
from hardware.sensor import Sensor
from simulator.range_finder import SimulatedRangeFinder
from simulator.scenario import Scenario
from simulator.track import track_names
from simulator.wheel_encoder import simulated_encoder
from simulator.world import World

CLOSE_TIMEOUT_S = 2.0
SimulatedSensorSection = SimulatedRangeSection | SimulatedEncoderSection


@dataclass(frozen=True, slots=True)
class Devices:
    """What a car drives with.

    >>> devices = open_devices(CarConfig(), clock)
    >>> frame = devices.camera.next_frame(timeout_ms=1000)
    >>> devices.close()

    ``motion`` is None on a car without an encoder, ``lap_count`` and ``pose`` where nobody knows the track.
    ``calibrate`` has the drivetrain follow another calibration from neutral on; None where there is none to follow.
    ``sensors`` are by the name that ``car.toml`` gives each. ``enter_track`` carries a simulated car to the start of
    the track of that name.
    """

    camera: Camera
    drivetrain: Drivetrain
    motion: Callable[[], Motion] | None = None
    lap_count: Callable[[], LapCount] | None = None
    pose: Callable[[], Pose] | None = None
    calibrate: Callable[[Any], None] | None = None
    sensors: Mapping[str, Sensor] = field(default_factory=dict)
    enter_track: Callable[[str], None] | None = None

    def close(self) -> None:
        """Put the drivetrain to neutral, and then release every device; a sensor that hangs is left behind."""
        with contextlib.ExitStack() as stack:
            for sensor in self.sensors.values():
                stack.callback(_close_in_time, sensor)
            stack.callback(self.camera.close)
            stack.callback(self.drivetrain.close)


def _close_in_time(sensor: Sensor) -> None:
    """Close ``sensor``, which may be waiting for a bus that is stuck: the program's end does not wait with it."""
    problems: list[Exception] = []

    def close() -> None:
        try:
            sensor.close()
        except Exception as error:  # noqa: BLE001 - it is raised below
            problems.append(error)

    thread = threading.Thread(target=close, name=f"closing {sensor.name}", daemon=True)
    thread.start()
    thread.join(CLOSE_TIMEOUT_S)
    if problems:
        raise problems[0]


@dataclass(frozen=True, slots=True)
class Wheels:
    """A drivetrain of real wheels; ``calibrate`` has it follow another calibration, from neutral on.

    It is None where there is nothing to calibrate.
    """

    drivetrain: Drivetrain
    calibrate: Callable[[Any], None] | None


def make_world(config: CarConfig, clock: Clock, scenario: Scenario) -> World:
    """Return the world of ``scenario``, with a car in it that has the camera of ``config``.

    Raises TrackError when there is no such track, and none in the file of that name.
    """
    # Frames this small are drawn faster by one thread than they can be shared out to several.
    cv2.setNumThreads(1)
    camera = config.camera
    return scenario.world(clock, camera.geometry, camera.rate_hz, camera.delay_ms)


def open_devices(config: CarConfig, clock: Clock) -> Devices:
    """Open the devices that ``config`` names; raises HardwareError when one is not there.

    A simulated one is of a world in which the others may be real, so that each can be tried out on its own.
    """
    with contextlib.ExitStack() as opened:
        if camera := open_camera(config.camera, clock):
            opened.enter_context(camera)
        if wheels := open_wheels(config, clock):
            opened.enter_context(wheels.drivetrain)
        sensors = {
            name: opened.enter_context(open_sensor(section, name, clock))
            for name, section in config.loop_sensors.items()
            if not isinstance(section, SimulatedSensorSection)
        }
        _must_have_its_world(config, has_world=not (camera and wheels), has_wheels=wheels is None)
        if camera and wheels:
            devices = Devices(camera, wheels.drivetrain, calibrate=wheels.calibrate, sensors=sensors)
        else:
            unturned = config.model_copy(update={"camera": config.camera.unturned})
            world = make_world(unturned, clock, Scenario(config.simulator.track, config.simulator.seed))
            camera = camera or turned(world.camera, config.camera.rotation, config.camera.flip)
            sensors |= {
                name: simulated_sensor(section, name, world, clock)
                for name, section in config.loop_sensors.items()
                if isinstance(section, SimulatedSensorSection)
            }
            devices = replace(_devices_in_world(camera, wheels, world, config), sensors=sensors)
        opened.pop_all()
    return devices


def _must_have_its_world(config: CarConfig, *, has_world: bool, has_wheels: bool) -> None:
    """Raise SensorError for a simulated sensor of a world, or of wheels, that this car does not have."""
    for name, section in config.loop_sensors.items():
        is_encoder = isinstance(section, SimulatedEncoderSection)
        if isinstance(section, SimulatedSensorSection) and not (has_wheels if is_encoder else has_world):
            what = "the wheels are not" if is_encoder else "nothing else of the car is"
            raise SensorError(
                f"The sensor {name} is simulated, and {what}. "
                f"Set [sensors.{name}] to the kind that the car has, or take it out."
            )


def tracks_of(config: CarConfig) -> tuple[str, ...]:
    """Return the names of the tracks that a car may be carried to, none where its wheels are real."""
    if not DRIVETRAINS.find(config.drivetrain.kind).is_simulated:
        return ()
    own = config.simulator.track
    return tuple(dict.fromkeys((own, *track_names())))


def open_wheels(config: CarConfig, clock: Clock) -> Wheels | None:
    """Open real wheels; None for the simulated ones, which belong to their world.

    Raises DrivetrainError when they are not there.
    """
    drivetrain = open_drivetrain(config, clock)
    if drivetrain is None:
        return None
    kind = DRIVETRAINS.find(config.drivetrain.kind)
    calibrate = functools.partial(kind.recalibrate, drivetrain)
    has_values = kind.fields(config.drivetrain, config.calibration)
    return Wheels(_with_timeline(drivetrain, config), calibrate if has_values else None)


def _devices_in_world(camera: Camera, wheels: Wheels | None, world: World, config: CarConfig) -> Devices:
    if wheels is None:
        tracks = TrackReader(world.track)
        return Devices(
            camera,
            _with_timeline(world.drivetrain, config),
            world.motion,
            world.lap_count,
            lambda: world.pose,
            enter_track=lambda name: world.enter(tracks.read(name)),
        )
    return Devices(camera, wheels.drivetrain, calibrate=wheels.calibrate)


def _with_timeline(drivetrain: Drivetrain, config: CarConfig) -> Drivetrain:
    path = config.drivetrain.timeline
    return TimelineFile(drivetrain, Path(path)) if path else drivetrain


def open_camera(section: CameraSection, clock: Clock) -> Camera | None:
    """Open a real camera, which is opened again when it stops; None for the simulated one, which belongs to its world.

    Its picture is turned as ``section`` says. Raises CameraError when it is not there.
    """
    kind = CAMERAS.find(section.kind)
    if kind.is_simulated:
        return None
    try:
        camera = RestartingCamera(kind.opener(section.unturned, clock), clock)
    except HardwareError:
        raise
    except Exception as error:
        raise CameraError(
            f"The {kind.name} camera cannot be opened ({error!r}). Check [camera] in car.toml."
        ) from error
    return turned(camera, section.rotation, section.flip)


def open_sensor(section: SensorSection, name: str, clock: Clock) -> Sensor:
    """Open the sensor that ``car.toml`` calls ``name``; raises SensorError when it is not there."""
    try:
        sensor: Sensor = SENSORS.find(section.kind).open(section, name, clock)
    except HardwareError:
        raise
    except Exception as error:
        raise SensorError(
            f"The sensor {name}, of kind {section.kind}, cannot be opened ({error!r}). "
            f"Check [sensors.{name}] in car.toml."
        ) from error
    return sensor


def sensors_in_world(config: CarConfig, world: World, clock: Clock) -> Mapping[str, Sensor]:
    """Return the simulated sensors of ``config``, which is one ``with_simulated_sensors``."""
    return {
        name: simulated_sensor(section, name, world, clock)
        for name, section in config.sensors.items()
        if isinstance(section, SimulatedSensorSection)
    }


def with_simulated_sensors(config: CarConfig) -> CarConfig:
    """Return ``config`` with simulated sensors in place of those that ``[obstacle]`` and ``[speed]`` name, no others.

    One that both name, of a kind that measures both, becomes two.
    """
    sensors: dict[str, SimulatedSensorSection] = {}
    for name in () if config.obstacle is None else config.obstacle.sensors:
        section = config.sensors[name]
        sensors[name] = section if isinstance(section, SimulatedRangeSection) else SimulatedRangeSection()
    speed = config.speed
    if speed is not None:
        section, name = config.sensors[speed.sensor], speed.sensor
        while name in sensors:
            name += "_speed"
        sensors[name] = section if isinstance(section, SimulatedEncoderSection) else SimulatedEncoderSection()
        speed = speed.model_copy(update={"sensor": name})
    return config.model_copy(update={"sensors": sensors, "speed": speed, "supply": None})


def simulated_sensor(section: SimulatedSensorSection, name: str, world: World, clock: Clock) -> Sensor:
    """Return the sensor of ``section`` in ``world``."""
    if isinstance(section, SimulatedEncoderSection):
        return simulated_encoder(name, world, clock, section.mm_per_tick / 1000, section.channels)
    return SimulatedRangeFinder(
        name, world, clock, section.rate_hz, section.max_m, section.fov_deg, section.yaw_deg, section.delay_ms
    )


def neutral_outputs(config: CarConfig) -> list[Output]:
    """Return how the car's outputs are put to neutral from outside, for the guard and ``car neutral``.

    Raises DrivetrainError when its kind gives what the guard cannot write: nobody could stop such a car.
    """
    outputs = outputs_of(config.model_dump(mode="json", exclude_none=True))
    wrong = next((output for output in outputs if not (_is_plain(output) and is_writable(output))), None)
    if wrong is not None:
        raise DrivetrainError(
            f"The {config.drivetrain.kind} drivetrain cannot be put to neutral from outside "
            f"({wrong.get('why', f'there is no known way to write {wrong}')}). "
            "Fix its outputs, or choose another drivetrain."
        )
    return outputs


def _is_plain(output: Output) -> bool:
    try:
        json.dumps(output)
    except (TypeError, ValueError):
        return False
    return True
