"""``car.toml``: what a car is made of, typed and checked."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, Field, ValidationError, ValidationInfo, field_validator, model_validator

from car.config.by_kind import (
    UNKNOWN_KIND,
    CalibrationByKind,
    CameraByKind,
    DrivetrainByKind,
    PilotByKind,
    SensorByKind,
    section_class,
)
from car.config.plain import CONFIG_ENCODING, JPEG_QUALITY
from car.errors import ConfigError
from car.gate import Limits
from car.kinds.camera import CameraSection
from car.kinds.drivetrain import DrivetrainSection
from car.kinds.ina219 import Ina219Section
from car.kinds.ours import DRIVETRAINS, CalibrationSection
from car.kinds.pilot import SHIPPED_PILOT, PilotSection
from car.kinds.registry import PluginError
from car.kinds.section import Section
from car.kinds.sensor import SensorSection
from car.kinds.simulated import SimulatedRangeSection, SimulatedSection
from hardware.clock import NS_PER_MS

MAX_NAME = 64
COARSEST_MM = 20.0
"""With more way between two marks, an encoder that dies while the car is slow is noticed too late."""
HOST_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?")

TEMPLATE = """\
# A Pocketpilot car. Every line is optional; what is written here are the defaults.

[car]
name = {name}

[camera]
kind = "simulated"      # or "picamera", "usb"
model = ""              # a camera that people buy, "pi-camera-3" or another of docs/simulator.md: it stands in place of
                        # the lines fov_deg, lens and delay_ms, which have to go then
device = ""             # which one, if not the first: "0" or "1" for picamera, for usb a path in /dev/v4l/by-id
fixed_exposure = true   # picamera: measure the light at the start and hold it, so that a recording has one look
width = 160             # pixels
height = 120
rotation = 0            # turn the picture clockwise: 180 for a camera mounted upside down; 90, 270: width is then up
flip = "none"           # mirror it: "horizontal" (left and right change places) or "vertical"
rate_hz = 30.0
fov_deg = 100.0         # horizontal field of view
mount_height_m = 0.13   # the lens above the ground
pitch_deg = 20.0        # how far the camera looks down
lens = "rectilinear"    # or "fisheye"
delay_ms = 0.0          # in the simulator: how long after its exposure a frame comes

[drivetrain]
kind = "simulated"      # or "servo_esc", "differential": hardware/README.md has their keys; or one of your own
timeline = ""           # a file to which every command to the wheels is appended

[simulator]
track = "oval"          # "random-7" and the like are tracks of their own, and so is a file: "mine.json"
seed = 0

[pilot]
kind = "tflite"         # a trained model; docs/extending.md has other pilots, cameras, drivetrains and sensors
model = "{pilot}"       # a file, a name in models/, or a pilot that ships with Pocketpilot

[gate]
autopilot_throttle_cap = 0.25

[web]
port = 8887             # of the page; if it is taken, the next free one
tls = false             # serve HTTPS with a certificate of the car's own; browsers give gamepads to secure pages only
names = []              # by which browsers may find it, beside its addresses and what the router calls it
announce = true         # once a browser is paired, tell the network where the car is, for `car find`

[gamepad]
enabled = true          # one that is plugged into the car, or paired with it by Bluetooth
throttle_limit = 0.5    # what its stick's end means

[receiver]
port = ""               # the serial port of an RC receiver that speaks SBUS, like "/dev/ttyAMA0": docs/gamepad.md
steering_channel = 1    # channels of the transmitter, 1 to 16
throttle_channel = 2
mode_channel = 5        # a switch: manual, assist, auto
stop_channel = 0        # a switch that stops the car; 0 for none
throttle_limit = 0.5    # what its throttle's end means

[lap]
marker = "none"         # or "aruco": one beside the start line, which `car lap-marker` makes: docs/laps.md
number = 0              # which one, 0 to 49
least_s = 2.0           # no lap is shorter

[recording]
enabled = true
jpeg_quality = {jpeg_quality}
min_free_mb = 500       # recording stops, and driving goes on, when the disk has less left

[foxglove]
enabled = false         # stream live to Foxglove on this machine: docs/foxglove.md
port = 8765             # if it is taken, the next free one
"""


class CarSection(Section):
    """The car itself."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] = "mycar"


class SimulatorSection(Section):
    """The world of a simulated car."""

    track: str = "oval"
    seed: Annotated[int, Field(ge=0)] = 0


class GateSection(Section):
    """The limits of the gate that are the owner's to choose."""

    autopilot_throttle_cap: Annotated[float, Field(gt=0, le=1)] = 0.25

    @property
    def limits(self) -> Limits:
        """The gate's table of limits with this car's choices in it, for whoever does not look ahead."""
        return Limits(autopilot_throttle_cap=self.autopilot_throttle_cap)


class ObstacleSection(Section):
    """What the car does about what is ahead, by some of its sensors: slower from ``slow_m`` on, a stop at ``stop_m``.

    >>> ObstacleSection(sensors=["left", "right"]).sensors
    ('left', 'right')
    """

    sensors: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] = ("front",)
    stop_m: Annotated[float, Field(gt=0, le=10)] = 0.7
    slow_m: Annotated[float, Field(gt=0, le=20)] = 2.0

    @model_validator(mode="after")
    def _is_slower_before_it_stops(self) -> Self:
        if self.slow_m <= self.stop_m:
            raise ValueError(
                f"slow_m is {self.slow_m:g} and stop_m {self.stop_m:g}: the car is slower before it stops, so give more"
            )
        return self


class SupplySection(Section):
    """The sensor at the car's supply, and the voltage below which the car warns; without ``warn_v`` it never does.

    >>> SupplySection(warn_v=6.8).sensor
    'battery'
    """

    sensor: str = "battery"
    warn_v: Annotated[float, Field(gt=0, le=60)] | None = None


class SpeedSection(Section):
    """The sensor that tells how fast the wheels turn; with ``control``, a throttle asks for a speed, which is held.

    >>> SpeedSection(control=True, max_m_s=3.0).sensor
    'wheel'

    ``max_m_s`` is what full throttle comes to, ``response_s`` how long the car takes to two thirds of a new speed.
    """

    sensor: str = "wheel"
    control: bool = False
    max_m_s: Annotated[float, Field(gt=0, le=30)] = 4.0
    response_s: Annotated[float, Field(ge=0.05, le=5)] = 1.0


class GamepadSection(Section):
    """A gamepad on the car itself."""

    enabled: bool = True
    throttle_limit: Annotated[float, Field(gt=0, le=1)] = 0.5


Channel = Annotated[int, Field(ge=1, le=16)]


class ReceiverSection(Section):
    """An RC receiver at a serial port of the car, none without a ``port``; ``stop_channel`` 0 is none too.

    >>> ReceiverSection(port="/dev/ttyAMA0", mode_channel=6).channels
    {'steering': 1, 'throttle': 2, 'mode': 6}
    """

    port: str = ""
    steering_channel: Channel = 1
    throttle_channel: Channel = 2
    mode_channel: Channel = 5
    stop_channel: Annotated[int, Field(ge=0, le=16)] = 0
    throttle_limit: Annotated[float, Field(gt=0, le=1)] = 0.5

    @field_validator("port")
    @classmethod
    def _is_a_path(cls, port: str) -> str:
        if "\0" in port:
            raise ValueError('no port is called that: write it like "/dev/ttyAMA0"')
        return port

    @model_validator(mode="after")
    def _has_a_channel_for_each(self) -> ReceiverSection:
        channels = self.channels
        for number in set(channels.values()):
            names = [name for name, channel in channels.items() if channel == number]
            if len(names) > 1:
                raise ValueError(f"{' and '.join(names)} are both on channel {number}: give each its own")
        return self

    @property
    def channels(self) -> dict[str, int]:
        """The channel of each thing that a transmitter does."""
        named = {"steering": self.steering_channel, "throttle": self.throttle_channel, "mode": self.mode_channel}
        return named if self.stop_channel == 0 else {**named, "stop": self.stop_channel}


class LapSection(Section):
    """How a car that is real tells the start line: by a marker beside it, or by hand alone.

    >>> LapSection(marker="aruco", number=3).least_s
    2.0

    Within ``least_s`` of one crossing there is no other.
    """

    marker: Literal["none", "aruco"] = "none"
    number: Annotated[int, Field(ge=0, le=49)] = 0
    least_s: Annotated[float, Field(gt=0, le=600)] = 2.0


class RecordingSection(Section):
    """Sessions and their files."""

    enabled: bool = True
    jpeg_quality: Annotated[int, Field(ge=10, le=100)] = JPEG_QUALITY
    min_free_mb: Annotated[int, Field(ge=0)] = 500


class FoxgloveSection(Section):
    """The live stream for Foxglove, which this machine alone can open; ``port``, or the next free one."""

    enabled: bool = False
    port: Annotated[int, Field(ge=1024, le=65_000)] = 8765


class WebSection(Section):
    """The page in the browser."""

    port: Annotated[int, Field(ge=1024, le=65_000)] = 8887
    tls: bool = False
    announce: bool = True
    names: Annotated[tuple[str, ...], Field(strict=False)] = ()

    @field_validator("names")
    @classmethod
    def _are_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not HOST_NAME.fullmatch(name.lower()):
                raise ValueError(f'"{name}" is no name of a machine: write it like "car.example.org", without a port')
        return tuple(name.lower().removesuffix(".") for name in names)


class CarConfig(Section):
    """The content of a ``car.toml``.

    >>> config = CarConfig(gate=GateSection(autopilot_throttle_cap=0.15))
    >>> config.camera.kind, config.gate.limits.autopilot_throttle_cap
    ('simulated', 0.15)
    """

    car: CarSection = CarSection()
    camera: CameraByKind = CameraSection()
    drivetrain: DrivetrainByKind = SimulatedSection()
    calibration: CalibrationByKind = CalibrationSection()
    sensors: Mapping[str, SensorByKind] = Field(default_factory=dict)
    simulator: SimulatorSection = SimulatorSection()
    pilot: PilotByKind = PilotSection()
    gate: GateSection = GateSection()
    obstacle: ObstacleSection | None = None
    supply: SupplySection | None = Field(default=None, validate_default=True)
    speed: SpeedSection | None = None
    gamepad: GamepadSection = GamepadSection()
    receiver: ReceiverSection = ReceiverSection()
    lap: LapSection = LapSection()
    recording: RecordingSection = RecordingSection()
    foxglove: FoxgloveSection = FoxgloveSection()
    web: WebSection = WebSection()

    @field_validator("sensors")
    @classmethod
    def _have_gpios_of_their_own(
        cls, sensors: Mapping[str, SensorSection], info: ValidationInfo
    ) -> Mapping[str, SensorSection]:
        drivetrain: DrivetrainSection | None = info.data.get("drivetrain")
        taken = dict.fromkeys(() if drivetrain is None else drivetrain.used_gpios, "the drivetrain")
        for name, section in sensors.items():
            for gpio in section.used_gpios:
                if gpio in taken:
                    raise ValueError(f"{name} has GPIO {gpio}, and so has {taken[gpio]}: give it another")
                taken[gpio] = f"the sensor {name}"
        return sensors

    @field_validator("sensors")
    @classmethod
    def _have_i2c_addresses_of_their_own(
        cls, sensors: Mapping[str, SensorSection], info: ValidationInfo
    ) -> Mapping[str, SensorSection]:
        drivetrain: DrivetrainSection | None = info.data.get("drivetrain")
        pca9685 = drivetrain and DRIVETRAINS.find(drivetrain.kind).pin_needs(drivetrain).pca9685
        taken = {pca9685: "the drivetrain's PCA9685"} if pca9685 else {}
        for name, section in sensors.items():
            bus, address = getattr(section, "i2c_bus", None), getattr(section, "i2c_address", None)
            if not (isinstance(bus, int) and isinstance(address, int)):
                continue
            if (place := (bus, address)) in taken:
                raise ValueError(
                    f"{name} is at {address:#04x} on I²C bus {bus}, and so is {taken[place]}: bridge another "
                    "address on one of the boards, and write it here"
                )
            taken[place] = f"the sensor {name}"
        return sensors

    @field_validator("obstacle")
    @classmethod
    def _has_its_sensor(cls, obstacle: ObstacleSection | None, info: ValidationInfo) -> ObstacleSection | None:
        there = info.data.get("sensors")
        if obstacle is None or there is None:
            return obstacle
        for name in obstacle.sensors:
            if obstacle.sensors.count(name) > 1:
                raise ValueError(f"it names the sensor {name} twice: name each once")
            _must_be_there(name, there, "write in `sensors` which ones look ahead")
            _can_look_ahead(name, there[name], obstacle)
        return obstacle

    @field_validator("supply")
    @classmethod
    def _has_a_sensor_of_its_own(cls, supply: SupplySection | None, info: ValidationInfo) -> SupplySection | None:
        there, obstacle = info.data.get("sensors"), info.data.get("obstacle")
        if there is None:
            return supply
        for name, section in there.items():
            if isinstance(section, Ina219Section) and (supply is None or supply.sensor != name):
                raise ValueError(
                    f"nothing reads the sensor {name}, which measures a supply: add a section [supply] with "
                    f'sensor = "{name}"'
                )
        if supply is None:
            return supply
        name = supply.sensor
        _must_be_there(name, there, "write in `sensor` which one is at the supply")
        if isinstance(there[name], SimulatedRangeSection) or (obstacle is not None and name in obstacle.sensors):
            raise ValueError(f"it names the sensor {name}, which looks ahead: name the one that is at the supply")
        return supply

    @property
    def loop_sensors(self) -> Mapping[str, SensorSection]:
        """The sensors that are beside the drive loop; the one at the supply is the desk's, and no drive needs it."""
        supply = None if self.supply is None else self.supply.sensor
        return {name: section for name, section in self.sensors.items() if name != supply}

    @field_validator("speed")
    @classmethod
    def _has_its_encoder(cls, speed: SpeedSection | None, info: ValidationInfo) -> SpeedSection | None:
        there = info.data.get("sensors")
        if speed is None or there is None:
            return speed
        _must_be_there(speed.sensor, there, "write in `sensor` which one is the wheel encoder")
        supply: SupplySection | None = info.data.get("supply")
        if supply is not None and supply.sensor == speed.sensor:
            raise ValueError(f"it names the sensor {speed.sensor}, which is at the supply: name the wheel encoder")
        mm_per_tick = getattr(there[speed.sensor], "mm_per_tick", None)
        if speed.control and isinstance(mm_per_tick, float) and mm_per_tick > COARSEST_MM:
            raise ValueError(
                f"the sensor {speed.sensor} has a mark every {mm_per_tick:g} mm, and to hold a speed takes one every "
                f"{COARSEST_MM:g} mm or less: give the wheel more marks, or take `control` out"
            )
        return speed

    @property
    def limits(self) -> Limits:
        """The gate's table of limits for a drive in which the sensors that ``[obstacle]`` names are read."""
        if self.obstacle is None:
            return self.gate.limits
        return replace(self.gate.limits, stop_m=self.obstacle.stop_m, slow_m=self.obstacle.slow_m)


def _must_be_there(name: str, there: Mapping[str, SensorSection], otherwise: str) -> None:
    if name not in there:
        names = f"only {', '.join(there)}" if there else "none"
        raise ValueError(
            f"it names the sensor {name}, and the car has {names}: add a section [sensors.{name}], or {otherwise}"
        )


def _can_look_ahead(name: str, section: SensorSection, obstacle: ObstacleSection) -> None:
    """Raise ValueError, in words, for a sensor whose own section says that it cannot do what ``[obstacle]`` asks for.

    ``max_m`` is how far each kind of ours sees; a kind that has no such key is not judged.
    """
    max_m = getattr(section, "max_m", None)
    if isinstance(max_m, float) and max_m < obstacle.slow_m:
        raise ValueError(
            f"slow_m is {obstacle.slow_m:g} and the sensor {name} sees no further than its max_m, {max_m:g}: the car "
            "would never be fast, so lower the one or raise the other"
        )
    if isinstance(section, SimulatedRangeSection):
        silence_ms = Limits().range_silence_ns / NS_PER_MS
        oldest_ms = section.delay_ms + 1000 / section.rate_hz
        if oldest_ms >= silence_ms:
            raise ValueError(
                f"the sensor {name} counts as lost {silence_ms:g} ms after a measurement, and its next one comes after "
                f"{oldest_ms:g} ms: raise its rate_hz, or lower its delay_ms"
            )


def load_config(path: Path) -> CarConfig:
    """Read and check a ``car.toml``; raises ConfigError with one line that names the key and what is allowed."""
    try:
        content = tomllib.loads(path.read_text(encoding=CONFIG_ENCODING))
    except FileNotFoundError:
        raise ConfigError(f"There is no {path}. Make a car with `car init {path.parent.name or 'mycar'}`.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}). Check the file's permissions.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Correct that line.") from error
    return check_config(content, path)


def check_config(content: Mapping[str, Any], path: Path) -> CarConfig:
    """Return the configuration that ``content``, read from ``path``, means; raises ConfigError as ``load_config``."""
    try:
        return CarConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error, content)}") from None
    except PluginError as error:
        raise ConfigError(f"{path}: {error}") from error


def _explain(error: ValidationError, content: Mapping[str, Any]) -> str:
    """Return pydantic's first finding as one sentence."""
    finding = error.errors(include_url=False)[0]
    location = [str(part) for part in finding["loc"]]
    key = ".".join(location)
    if finding["type"] == "extra_forbidden":
        return f"unknown key `{key}`. Allowed here: {', '.join(_section_at(location[:-1], content).model_fields)}."
    if finding["type"] == UNKNOWN_KIND:
        found = finding["input"].get("kind") if isinstance(finding["input"], dict) else finding["input"]
        advice = "Change that line, or install the package that has it."
        return f"`{key}.kind` is {found!r}, which is not allowed: {finding['msg']}. {advice}"
    if finding["type"] == "value_error":
        return f"`{key}`: {finding['msg'].removeprefix('Value error, ')}."
    return f"`{key}` is {finding['input']!r}, which is not allowed: {finding['msg']}. Change that line."


def _section_at(location: list[str], content: Mapping[str, Any]) -> type[BaseModel]:
    """Return the class of the section that pydantic's ``location`` leads to."""
    if not location:
        return CarConfig
    if (of_its_kind := section_class(location, content)) is not None:
        return of_its_kind
    annotation = CarConfig.model_fields[location[0]].annotation
    # Of a section that a car may do without, the section.
    annotation = next(iter(get_args(annotation)), annotation)
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else CarConfig


def template(name: str) -> str:
    """Return the text of a new car's ``car.toml``; what a folder may be called and nobody can read becomes ``_``."""
    readable = "".join(letter if letter.isprintable() else "_" for letter in name[:MAX_NAME])
    # A JSON string is a TOML string.
    name = json.dumps(readable or CarSection().name, ensure_ascii=False)
    return TEMPLATE.format(name=name, pilot=SHIPPED_PILOT, jpeg_quality=JPEG_QUALITY)
