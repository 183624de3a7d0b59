"""What a session is made of: its topics, its description, its events and its frames.

A session is one MCAP file. Every topic is protobuf, so that Foxglove and Rerun show it as it is:

==========  ==========================  ===============================================
topic       schema                      one message per
==========  ==========================  ===============================================
/camera     foxglove.CompressedImage    frame: a JPEG
/drive      pocketpilot.DriveRecord     control cycle: see ``car.drive_record``
/events     pocketpilot.SessionEvent    thing that happened: armed, tripped, frames dropped
/telemetry  pocketpilot.Telemetry       second of a drive: see ``car.telemetry``
==========  ==========================  ===============================================

A message's log time is the clock's, its ``sequence`` the number of the frame it belongs to, if it belongs to one. The
session's description is an MCAP metadata record at the start of the file. Sessions before version 0.2 have no
``/telemetry``, and neither have those that were driven in the simulator without a car's processes.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields

import numpy as np

from car.config.plain import JPEG_QUALITY
from car.errors import SessionError
from hardware.camera import CameraGeometry, Frame
from hardware.clock import NS_PER_MS

SCHEMA_VERSION = 1
SUFFIX = ".mcap"
PROFILE = "pocketpilot"
METADATA_NAME = "pocketpilot.session"
CHUNK_NS = 500 * NS_PER_MS
"""A chunk spans at most this long, and is on the disk when it ends: the most that a power cut takes, twice over."""
MAX_FRAME_NUMBER = 2**32 - 1
"""MCAP's ``sequence`` has 32 bits: two years of driving at 60 Hz."""
MAX_TIME_NS = 2**63 - 1

_CHECKSUM_KEY = "crc32"
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, the id of its channel (and of its schema) in every file, and its schema's name."""

    name: str
    channel_id: int
    schema: str


CAMERA = Topic("/camera", 1, "foxglove.CompressedImage")
DRIVE = Topic("/drive", 2, "pocketpilot.DriveRecord")
EVENTS = Topic("/events", 3, "pocketpilot.SessionEvent")
TELEMETRY = Topic("/telemetry", 4, "pocketpilot.Telemetry")
TOPICS = (CAMERA, DRIVE, EVENTS, TELEMETRY)


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """Something that happened at ``time_ns``: a ``kind`` for programs, such as ``"trip"``, and a text for people.

    >>> from car.sessions.writer import SessionWriter
    >>> with SessionWriter(folder / "second.mcap", SessionInfo("second"), clock) as session:
    ...     session.add_event(SessionEvent(clock.now_ns(), kind="note", text="the sun came out"))
    """

    time_ns: int
    kind: str
    text: str


class DamagedInfo(SessionError):
    """A session's description is not what was written."""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """Where a session comes from.

    >>> info = SessionInfo("first", car="mycar", camera=CameraGeometry(fov_deg=120.0), rate_hz=30.0)
    >>> SessionInfo.from_metadata(info.to_metadata()) == info
    True

    ``started`` is wall time (ISO 8601, empty if unknown), from which nothing is computed; ``source`` is ``"drive"``,
    ``"simulator"`` or ``"tub"``; ``software`` maps a program to its version; ``extra`` keeps what else is worth it.
    """

    name: str
    car: str = ""
    camera: CameraGeometry = field(default_factory=CameraGeometry)
    rate_hz: float = 20.0
    started: str = ""
    source: str = "drive"
    software: Mapping[str, str] = field(default_factory=dict)
    extra: Mapping[str, str] = field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION

    def to_metadata(self) -> dict[str, str]:
        """Return the description as the flat text mapping that MCAP stores, with a checksum over it."""
        flat: dict[str, str] = {}
        for key, value in asdict(self).items():
            if isinstance(value, dict):
                flat |= {f"{key}.{inner}": str(text) for inner, text in value.items()}
            else:
                flat[key] = str(value)
        flat = {_storable(key): _storable(text) for key, text in flat.items()}
        return flat | {_CHECKSUM_KEY: _checksum(flat)}

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, str]) -> SessionInfo:
        """Read what ``to_metadata`` wrote.

        Raises DamagedInfo when it was changed since, SessionError when it is newer than this program.
        """
        flat = {key: text for key, text in metadata.items() if key != _CHECKSUM_KEY}
        if metadata.get(_CHECKSUM_KEY) != _checksum(flat):
            raise DamagedInfo("The session's description is damaged. Repair the session.")
        try:
            if int(flat["schema_version"]) > SCHEMA_VERSION:
                raise SessionError(
                    f"The session has schema version {flat['schema_version']}; "
                    f"this program knows up to {SCHEMA_VERSION}. Update Pocketpilot."
                )
            return cls(
                name=flat["name"],
                car=flat["car"],
                camera=_camera_from(_group(flat, "camera")),
                rate_hz=float(flat["rate_hz"]),
                started=flat["started"],
                source=flat["source"],
                software=_group(flat, "software"),
                extra=_group(flat, "extra"),
                schema_version=int(flat["schema_version"]),
            )
        except SessionError:
            raise
        except (KeyError, ValueError) as error:
            raise SessionError(f"The session's description cannot be read ({error}). Record it again.") from error


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """A frame as it is recorded: its JPEG, and what ``hardware.camera.Frame`` says about it.

    >>> encoded = encode(frame)
    >>> encoded.number, encoded.decode().image.shape
    (0, (120, 160, 3))
    """

    number: int
    captured_ns: int
    jpeg: bytes = field(repr=False)

    def decode(self) -> Frame:
        """Return the frame with its image: RGB ``uint8``, height × width × 3, read-only.

        Raises SessionError when the JPEG is broken or cut short.
        """
        import cv2

        # OpenCV 4 fills the rest of a JPEG that was cut with grey and says nothing, so its end is looked for first.
        if self.jpeg.startswith(_JPEG_START) and self.jpeg.rstrip(b"\0").endswith(_JPEG_END):
            flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
            try:
                bgr = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), flags)
            except cv2.error:
                bgr = None
            # The stubs do not say that OpenCV answers None for what it cannot decode.
            if isinstance(bgr, np.ndarray):
                image = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)
                image.flags.writeable = False
                return Frame(image, self.captured_ns, self.number)
        raise SessionError(f"The image of frame {self.number} is not a whole JPEG. Leave the frame out of the session.")


def encode(frame: Frame, quality: int = JPEG_QUALITY) -> EncodedFrame:
    """Compress ``frame`` to JPEG at ``quality`` 1 … 100.

    Raises SessionError when its image is not ``uint8``, height × width × 3.
    """
    import cv2

    image = frame.image
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        raise SessionError(
            f"A frame of shape {image.shape} and type {image.dtype} cannot be recorded. "
            "Cameras deliver uint8, height x width x 3."
        )
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise SessionError(f"Frame {frame.number} cannot be compressed to JPEG. Check the camera's frame size.")
    return EncodedFrame(frame.number, frame.captured_ns, jpeg.tobytes())


def _storable(text: str) -> str:
    # A file name that is not valid UTF-8 reaches Python as lone surrogates, which no format can store.
    return text.encode("utf-8", "replace").decode("utf-8")


def _checksum(flat: Mapping[str, str]) -> str:
    lines = "\n".join(f"{key}={flat[key]!r}" for key in sorted(flat))
    return f"{zlib.crc32(lines.encode()):08x}"


def _group(flat: Mapping[str, str], name: str) -> dict[str, str]:
    prefix = f"{name}."
    return {key[len(prefix) :]: text for key, text in flat.items() if key.startswith(prefix)}


def _camera_from(texts: Mapping[str, str]) -> CameraGeometry:
    default = CameraGeometry()
    values = {
        item.name: type(getattr(default, item.name))(texts[item.name]) for item in fields(default) if item.name in texts
    }
    return CameraGeometry(**values)
