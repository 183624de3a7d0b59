"""``car.toml``: what a car is made of, typed and checked."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, Field, Tag, ValidationError, model_validator

from car.config.drivetrain import UNKNOWN_KIND, CalibrationSection, DrivetrainSection, SimulatedSection
from car.config.plain import CONFIG_ENCODING, JPEG_QUALITY
from car.errors import ConfigError
from car.gate import Limits
from car.kinds.section import Section
from hardware.camera import CameraGeometry

MAX_NAME = 64
MAX_BUFFER_MB = 500
BUFFER_S = 5.0
"""How much driving is kept in memory for the recorder; an SD card's fsync has been seen to stall for 3 s."""
SHIPPED_PILOT = "simulated-lane"

TEMPLATE = """\
# A Pocketpilot car. Every line is optional; what is written here are the defaults.

[car]
name = {name}

[camera]
kind = "simulated"      # or "picamera", "usb"
device = ""             # which one, if not the first: "0" or "1" for picamera, for usb a path in /dev/v4l/by-id
fixed_exposure = true   # picamera: measure the light at the start and hold it, so that a recording has one look
width = 160             # pixels
height = 120
rate_hz = 30.0
fov_deg = 100.0         # horizontal field of view
mount_height_m = 0.13   # the lens above the ground
pitch_deg = 20.0        # how far the camera looks down
lens = "rectilinear"    # or "fisheye"

[drivetrain]
kind = "simulated"      # or "servo_esc", "differential": hardware/README.md has their keys
timeline = ""           # a file to which every command to the wheels is appended

[simulator]
track = "oval"          # "random-7" and the like are tracks of their own
seed = 0

[pilot]
model = "{pilot}"       # a file, a name in models/, or a pilot that ships with Pocketpilot

[gate]
autopilot_throttle_cap = 0.25

[web]
port = 8887             # of the page; if it is taken, the next free one
tls = false             # serve HTTPS with a certificate of the car's own; browsers give gamepads to secure pages only
announce = true         # once a browser is paired, tell the network where the car is, for `car find`

[gamepad]
enabled = true          # one that is plugged into the car, or paired with it by Bluetooth
throttle_limit = 0.5    # what its stick's end means

[recording]
enabled = true
jpeg_quality = {jpeg_quality}
min_free_mb = 500       # recording stops, and driving goes on, when the disk has less left
"""


class CarSection(Section):
    """The car itself."""

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)] = "mycar"


class CameraSection(Section):
    """The camera and how it is mounted."""

    kind: Literal["simulated", "picamera", "usb"] = "simulated"
    device: str = ""
    fixed_exposure: bool = True
    width: Annotated[int, Field(ge=32, le=1920)] = 160
    height: Annotated[int, Field(ge=24, le=1080)] = 120
    rate_hz: Annotated[float, Field(ge=10, le=120)] = 30.0
    fov_deg: Annotated[float, Field(ge=30, le=170)] = 100.0
    mount_height_m: Annotated[float, Field(ge=0.02, le=1.0)] = 0.13
    pitch_deg: Annotated[float, Field(ge=0, le=80)] = 20.0
    lens: Literal["rectilinear", "fisheye"] = "rectilinear"

    @model_validator(mode="after")
    def _fits_into_memory(self) -> Self:
        needed_mb = self.width * self.height * 3 * self.rate_hz * BUFFER_S / 1e6
        if needed_mb > MAX_BUFFER_MB:
            raise ValueError(
                f"{self.width}x{self.height} at {self.rate_hz:g}/s needs {needed_mb:.0f} MB of shared memory, "
                f"and at most {MAX_BUFFER_MB} MB is allowed: make the frames smaller or fewer"
            )
        return self

    @model_validator(mode="after")
    def _names_a_device_of_its_kind(self) -> Self:
        if self.kind == "picamera" and self.device and not self.device.isdecimal():
            raise ValueError(f'device is "{self.device}": a picamera is named by its number, "0" or "1"')
        return self

    @property
    def geometry(self) -> CameraGeometry:
        """The camera's geometry as ``hardware`` knows it."""
        return CameraGeometry(self.width, self.height, self.fov_deg, self.mount_height_m, self.pitch_deg, self.lens)


class SimulatorSection(Section):
    """The world of a simulated car."""

    track: str = "oval"
    seed: Annotated[int, Field(ge=0)] = 0


class PilotSection(Section):
    """The pilot to drive with."""

    model: str = SHIPPED_PILOT


class GateSection(Section):
    """The limits of the gate that are the owner's to choose."""

    autopilot_throttle_cap: Annotated[float, Field(gt=0, le=1)] = 0.25

    @property
    def limits(self) -> Limits:
        """The gate's table of limits with this car's choices in it."""
        return Limits(autopilot_throttle_cap=self.autopilot_throttle_cap)


class GamepadSection(Section):
    """A gamepad on the car itself."""

    enabled: bool = True
    throttle_limit: Annotated[float, Field(gt=0, le=1)] = 0.5


class RecordingSection(Section):
    """Sessions and their files."""

    enabled: bool = True
    jpeg_quality: Annotated[int, Field(ge=10, le=100)] = JPEG_QUALITY
    min_free_mb: Annotated[int, Field(ge=0)] = 500


class WebSection(Section):
    """The page in the browser."""

    port: Annotated[int, Field(ge=1024, le=65_000)] = 8887
    tls: bool = False
    announce: bool = True


class CarConfig(Section):
    """The content of a ``car.toml``."""

    car: CarSection = CarSection()
    camera: CameraSection = CameraSection()
    drivetrain: DrivetrainSection = SimulatedSection()
    calibration: CalibrationSection = CalibrationSection()
    simulator: SimulatorSection = SimulatorSection()
    pilot: PilotSection = PilotSection()
    gate: GateSection = GateSection()
    gamepad: GamepadSection = GamepadSection()
    recording: RecordingSection = RecordingSection()
    web: WebSection = WebSection()


def load_config(path: Path) -> CarConfig:
    """Read and check a ``car.toml``; raises ConfigError with one line that names the key and what is allowed."""
    try:
        content = tomllib.loads(path.read_text(encoding=CONFIG_ENCODING))
    except FileNotFoundError:
        raise ConfigError(f"There is no {path}. Make a car with `car init {path.parent.name or 'mycar'}`.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}). Check the file's permissions.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid TOML: {error}. Mend that line.") from error
    return check_config(content, path)


def check_config(content: Mapping[str, Any], path: Path) -> CarConfig:
    """Return the configuration that ``content``, read from ``path``, means; raises ConfigError as ``load_config``."""
    try:
        return CarConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_explain(error)}") from None


def _explain(error: ValidationError) -> str:
    """Return pydantic's first finding as one sentence."""
    finding = error.errors(include_url=False)[0]
    location = [str(part) for part in finding["loc"]]
    section, names = _find_section(location[:-1])
    key = ".".join([*names, *location[-1:]])
    if finding["type"] == "extra_forbidden":
        return f"unknown key `{key}`. Allowed here: {', '.join(section.model_fields)}."
    if finding["type"] == UNKNOWN_KIND:
        found = finding["input"].get("kind") if isinstance(finding["input"], dict) else finding["input"]
        return f"`{key}.kind` is {found!r}, which is not allowed: {finding['msg']}. Change that line."
    if finding["type"] == "value_error":
        # A section's own finding: the last part of where it is found may be its kind, which nobody wrote as a key.
        names = _find_section(location)[1]
        return f"`{'.'.join(names or location)}`: {finding['msg'].removeprefix('Value error, ')}."
    return f"`{key}` is {finding['input']!r}, which is not allowed: {finding['msg']}. Change that line."


def _find_section(location: Sequence[str]) -> tuple[type[BaseModel], list[str]]:
    """Return the section that pydantic's ``location`` leads to, and the keys on the way as they stand in the file.

    Where a section is of one of several kinds, pydantic names the kind as if it were a key.
    """
    section: type[BaseModel] = CarConfig
    names: list[str] = []
    kinds: dict[str, type[BaseModel]] = {}
    for part in location:
        if part in kinds:
            section, kinds = kinds[part], {}
            continue
        names.append(part)
        field = section.model_fields.get(part)
        if field is None:
            continue
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            section = field.annotation
        kinds = _kinds_of(field.annotation)
    return section, names


def _kinds_of(annotation: Any) -> dict[str, type[BaseModel]]:
    members = (get_args(member) for member in get_args(annotation))
    return {tag.tag: kind for kind, *tags in members for tag in tags if isinstance(tag, Tag)}


def template(name: str) -> str:
    """Return the text of a new car's ``car.toml``."""
    # A JSON string is a TOML string, whatever characters a folder's name has.
    name = json.dumps(name[:MAX_NAME], ensure_ascii=False)
    return TEMPLATE.format(name=name, pilot=SHIPPED_PILOT, jpeg_quality=JPEG_QUALITY)
