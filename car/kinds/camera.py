"""``[camera]`` of ``car.toml``, and what a kind of camera is."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Annotated, ClassVar, Literal, Self, TypeVar

from pydantic import Field, model_validator

from car.kinds.kind import Kind
from car.kinds.section import Section
from hardware.camera import Camera, CameraGeometry
from hardware.cameras.orientation import Flip, Rotation, turned_geometry
from hardware.clock import Clock

MAX_BUFFER_MB = 500
BUFFER_S = 5.0
"""How much driving is kept in memory for the recorder; an SD card's fsync has been seen to stall for 3 s."""


class CameraSection(Section):
    """The camera and how it is mounted; a kind of your own derives from it, and adds the keys that it needs.

    >>> class GreySection(CameraSection):
    ...     level: int = 128
    >>> GreySection(kind="grey", width=200, rotation=90).geometry.height
    200
    """

    kind: str = "simulated"
    device: str = ""
    fixed_exposure: bool = True
    width: Annotated[int, Field(ge=32, le=1920)] = 160
    height: Annotated[int, Field(ge=24, le=1080)] = 120
    rotation: Rotation = 0
    flip: Flip = "none"
    rate_hz: Annotated[float, Field(ge=10, le=120)] = 30.0
    fov_deg: Annotated[float, Field(ge=30, le=170)] = 100.0
    mount_height_m: Annotated[float, Field(ge=0.02, le=1.0)] = 0.13
    pitch_deg: Annotated[float, Field(ge=0, le=80)] = 20.0
    lens: Literal["rectilinear", "fisheye"] = "rectilinear"

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
