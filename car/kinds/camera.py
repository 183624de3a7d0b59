"""``[camera]`` of ``car.toml``, and what a kind of camera is."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import Field, field_validator, model_validator

from car.kinds.kind import Kind
from car.kinds.section import Section
from hardware.camera import MAX_AGE_MS, Camera, CameraGeometry
from hardware.camera_models import CAMERA_MODELS, camera_model
from hardware.cameras.orientation import Flip, Rotation, turned_geometry
from hardware.clock import Clock

MAX_HEIGHT = 1080
MAX_BUFFER_MB = 500
BUFFER_S = 5.0
"""How much driving is kept in memory for the recorder; an SD card's fsync has been seen to stall for 3 s."""


class CameraSection(Section):
    """The camera and how it is mounted; a kind of your own derives from it, and adds the keys that it needs.

    >>> class GreySection(CameraSection):
    ...     level: int = 128
    >>> GreySection(kind="grey", width=200, rotation=90).geometry.height
    200
    >>> CameraSection(model="pi-camera-3").fov_deg
    51.9

    ``model`` is a name of ``hardware.camera_models``, empty for none of them: it sets the lens and ``delay_ms``. That
    is how late a frame of the simulator comes, also where it stands in for a real camera.
    """

    kind: str = "simulated"
    model: str = ""
    device: str = ""
    fixed_exposure: bool = True
    width: Annotated[int, Field(ge=32, le=1920)] = 160
    height: Annotated[int, Field(ge=24, le=MAX_HEIGHT)] = 120
    rotation: Rotation = 0
    flip: Flip = "none"
    rate_hz: Annotated[float, Field(ge=10, le=120)] = 30.0
    fov_deg: Annotated[float, Field(ge=30, le=170)] = 100.0
    mount_height_m: Annotated[float, Field(ge=0.02, le=1.0)] = 0.13
    pitch_deg: Annotated[float, Field(ge=0, le=80)] = 20.0
    lens: Literal["rectilinear", "fisheye"] = "rectilinear"
    delay_ms: Annotated[float, Field(ge=0, lt=MAX_AGE_MS)] = 0.0

    @model_validator(mode="before")
    @classmethod
    def _as_its_model(cls, content: Any) -> Any:
        """Set what the model stands for; a line that says otherwise is refused, since nobody could tell which counts.

        A new car.toml has these lines, with the defaults: they would undo the model if they won.
        """
        name = content.get("model") if isinstance(content, dict) else None
        if not isinstance(name, str) or name not in CAMERA_MODELS:
            return content
        model = camera_model(name)
        seen = model.geometry()
        own = {"fov_deg": seen.fov_deg, "lens": seen.lens, "delay_ms": model.delay_ms}
        if others := [key for key in own if content.get(key, own[key]) != own[key]]:
            means = ", ".join(f"{key} = {json.dumps(own[key])}" for key in others)
            lines = "its line" if len(others) == 1 else "their lines"
            raise ValueError(f'model = "{name}" means {means}: remove {lines} from the file, or remove model')
        return {**content, **own}

    @field_validator("model")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name and name not in CAMERA_MODELS:
            raise ValueError(f'there is no camera model "{name}": use one of {", ".join(CAMERA_MODELS)}, or remove it')
        return name

    @model_validator(mode="after")
    def _is_within_its_model(self) -> CameraSection:
        if not self.model:
            return self
        most_hz = camera_model(self.model).rate_hz
        if self.rate_hz > most_hz:
            raise ValueError(
                f"{self.model} reads its full view at most {most_hz:g} times a second, and rate_hz is "
                f"{self.rate_hz:g}: set rate_hz = {most_hz:g} or less"
            )
        # Half a pixel of rounding is no other shape.
        if abs(3 * self.width - 4 * self.height) > 2:
            height = round(self.width * 3 / 4)
            to_set = f"height = {height}" if height <= MAX_HEIGHT else f"width = {round(self.height * 4 / 3)}"
            raise ValueError(
                f"the lens of {self.model} is known for frames of 4:3, not of {self.width}x{self.height}: "
                f"set {to_set}, or give fov_deg and delay_ms in place of model"
            )
        return self

    @model_validator(mode="after")
    def _is_fresh_enough(self) -> CameraSection:
        oldest_ms = self.delay_ms + 1000.0 / self.rate_hz
        if self.delay_ms > 0.0 and oldest_ms >= MAX_AGE_MS:
            lower = "" if self.model else ", or lower delay_ms"
            raise ValueError(
                f"a frame {self.delay_ms:g} ms late is {oldest_ms:.0f} ms old when the next comes, and the car stops "
                f"at {MAX_AGE_MS:g} ms: raise rate_hz, which is {self.rate_hz:g}{lower}"
            )
        return self

    @model_validator(mode="after")
    def _fits_into_memory(self) -> CameraSection:
        needed_mb = self.width * self.height * 3 * self.rate_hz * BUFFER_S / 1e6
        if needed_mb > MAX_BUFFER_MB:
            raise ValueError(
                f"{self.width}x{self.height} at {self.rate_hz:g}/s needs {needed_mb:.0f} MB of shared memory, "
                f"and at most {MAX_BUFFER_MB} MB is allowed: make the frames smaller or fewer"
            )
        return self

    @property
    def geometry(self) -> CameraGeometry:
        """The geometry of the picture, as turned: what pilots see and sessions record."""
        own = CameraGeometry(self.width, self.height, self.fov_deg, self.mount_height_m, self.pitch_deg, self.lens)
        return turned_geometry(own, self.rotation)

    @property
    def unturned(self) -> Self:
        """The section of the device itself, which gives its picture as it is mounted."""
        return self.model_copy(update={"rotation": 0, "flip": "none"})


CameraSectionT = TypeVar("CameraSectionT", bound=CameraSection)


class CameraKind(Kind[CameraSectionT]):
    """A kind of camera.

    >>> class TestCardKind(CameraKind[CameraSection]):
    ...     section = CameraSection
    ...
    ...     def open(self, section: CameraSection, clock: Clock) -> Camera:
    ...         from hardware.cameras.recorded import RecordedCamera
    ...
    ...         return RecordedCamera(frames, section.geometry, clock, section.rate_hz)
    >>> TestCardKind().open(CameraSection(), clock).rate_hz
    30.0

    The car opens it again by itself when it stops. ``needs_libcamera`` is True where it cannot work without.
    """

    needs_libcamera: ClassVar[bool] = False

    @abstractmethod
    def open(self, section: CameraSectionT, clock: Clock) -> Camera:
        """Open the camera; raises CameraError when it is not there."""

    def opener(self, section: CameraSectionT, clock: Clock) -> Callable[[], Camera]:
        """Return what opens the camera, now and each time that it has stopped; raises CameraError."""
        return partial(self.open, section, clock)
