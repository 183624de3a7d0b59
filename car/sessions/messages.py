"""Our protobuf messages, built at run time from one table of fields; no compiler, no generated file.

Field numbers are for ever: append, never renumber, never reuse. A field that is absent in an older file reads as its
zero; a message that is absent reads as None, which is how "there was no command" differs from "the command was 0".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from car.drive_record import DriveRecord, StageTimes
from car.errors import SessionError
from car.gate import GateState, Mode
from car.sessions.format import CAMERA, EncodedFrame, SessionEvent
from hardware.clock import NS_PER_S
from hardware.drivetrain import Command, Odometry

PACKAGE = "pocketpilot"
_FILE_NAME = "pocketpilot/session.proto"


@dataclass(frozen=True, slots=True)
class _Field:
    """A field's name, its number, and its protobuf type or the name of one of our messages."""

    name: str
    number: int
    kind: str


@dataclass(frozen=True, slots=True)
class _Message:
    """The Python class a message stands for, and its fields."""

    python: type
    fields: tuple[_Field, ...]


MESSAGES: Mapping[str, _Message] = {
    "Command": _Message(Command, (_Field("steering", 1, "double"), _Field("throttle", 2, "double"))),
    "StageTimes": _Message(
        StageTimes,
        (
            _Field("age_ns", 1, "int64"),
            _Field("pilot_ns", 2, "int64"),
            _Field("inference_ns", 3, "int64"),
            _Field("gate_ns", 4, "int64"),
            _Field("apply_ns", 5, "int64"),
            _Field("publish_ns", 6, "int64"),
        ),
    ),
    "Odometry": _Message(
        Odometry,
        (
            _Field("speed_m_s", 1, "double"),
            _Field("laps", 2, "int64"),
            _Field("progress_m", 3, "double"),
            _Field("lateral_m", 4, "double"),
            _Field("departures", 5, "int64"),
        ),
    ),
    "DriveRecord": _Message(
        DriveRecord,
        (
            _Field("frame_number", 1, "int64"),
            _Field("captured_ns", 2, "int64"),
            _Field("mode", 3, "string"),
            _Field("gate_state", 4, "string"),
            _Field("trip", 5, "string"),
            _Field("driver", 6, "Command"),
            _Field("pilot", 7, "Command"),
            _Field("applied", 8, "Command"),
            _Field("times", 9, "StageTimes"),
            _Field("odometry", 10, "Odometry"),
            _Field("refusal", 11, "string"),
        ),
    ),
    "SessionEvent": _Message(
        SessionEvent,
        (_Field("time_ns", 1, "int64"), _Field("kind", 2, "string"), _Field("text", 3, "string")),
    ),
}


def schema_data(name: str) -> bytes:
    """Return the descriptors of the message called ``name``, with all they depend on: MCAP's schema for protobuf."""
    from google.protobuf import descriptor_pb2

    files = descriptor_pb2.FileDescriptorSet()
    if name == CAMERA.schema:
        image_file = _image_class().DESCRIPTOR.file
        for file in (*image_file.dependencies, image_file):
            file.CopyToProto(files.file.add())
    else:
        files.file.add().CopyFrom(_file_descriptor())
    return bytes(files.SerializeToString())


def frame_to_bytes(frame: EncodedFrame) -> bytes:
    """Return ``frame`` as a ``foxglove.CompressedImage``; its number travels beside it, as the message's sequence."""
    image = _image_class()(frame_id="camera", data=frame.jpeg, format="jpeg")
    image.timestamp.seconds, image.timestamp.nanos = divmod(frame.captured_ns, NS_PER_S)
    return bytes(image.SerializeToString())


def frame_from_bytes(data: bytes, number: int, captured_ns: int) -> EncodedFrame:
    """Read a ``foxglove.CompressedImage``; raises SessionError when it is none."""
    return EncodedFrame(number, captured_ns, bytes(_parsed(_image_class(), data).data))


def record_to_bytes(record: DriveRecord) -> bytes:
    """Return ``record`` as our protobuf message, without loss."""
    return bytes(_packed(record, "DriveRecord").SerializeToString())


def record_from_bytes(data: bytes) -> DriveRecord:
    """Read what ``record_to_bytes`` wrote; raises SessionError when it is not a drive record."""
    values = _unpacked(_parsed(_classes()["DriveRecord"], data), "DriveRecord")
    try:
        values["mode"], values["gate_state"] = Mode(values["mode"]), GateState(values["gate_state"])
    except ValueError as error:
        raise SessionError(f"A drive record says {error}. Update Pocketpilot.") from error
    if values["applied"] is None:
        raise SessionError("A drive record has no applied command. Leave its frame out of the session.")
    values["times"] = values["times"] or StageTimes()
    return DriveRecord(**values)


def event_to_bytes(event: SessionEvent) -> bytes:
    """Return ``event`` as our protobuf message; what is not valid Unicode in its text becomes question marks."""
    return bytes(_packed(event, "SessionEvent").SerializeToString())


def event_from_bytes(data: bytes) -> SessionEvent:
    """Read what ``event_to_bytes`` wrote; raises SessionError when it is not an event."""
    return SessionEvent(**_unpacked(_parsed(_classes()["SessionEvent"], data), "SessionEvent"))


def _packed(value: object, name: str) -> Any:
    message = _classes()[name]()
    _fill(message, value, name)
    return message


def _fill(message: Any, value: object, name: str) -> None:
    for item in MESSAGES[name].fields:
        part = getattr(value, item.name)
        if item.kind in MESSAGES:
            if part is not None:
                inner = getattr(message, item.name)
                inner.SetInParent()  # Command(0, 0) has nothing to write, and yet it is not None.
                _fill(inner, part, item.kind)
        elif item.kind == "string":
            setattr(message, item.name, str(part).encode("utf-8", "replace").decode())
        else:
            setattr(message, item.name, part)


def _unpacked(message: Any, name: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for item in MESSAGES[name].fields:
        if item.kind not in MESSAGES:
            values[item.name] = getattr(message, item.name)
        elif message.HasField(item.name):
            inner = _unpacked(getattr(message, item.name), item.kind)
            values[item.name] = MESSAGES[item.kind].python(**inner)
        else:
            values[item.name] = None
    return values


def _parsed(message_class: Any, data: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return message_class.FromString(data)
    except (DecodeError, UnicodeDecodeError) as error:
        raise SessionError("A message of the session cannot be decoded. Repair the session.") from error


@cache
def _image_class() -> Any:
    from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage

    return CompressedImage


@cache
def _classes() -> dict[str, Any]:
    from google.protobuf import descriptor_pool, message_factory

    # A pool of our own: the process-wide one refuses two definitions of a name, and a test may well load another.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file_descriptor().SerializeToString())
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in MESSAGES}


@cache
def _file_descriptor() -> Any:
    from google.protobuf import descriptor_pb2

    types = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=_FILE_NAME, package=PACKAGE, syntax="proto3")
    for name, message in MESSAGES.items():
        described = file.message_type.add(name=name)
        for item in message.fields:
            row = described.field.add(name=item.name, number=item.number, label=types.LABEL_OPTIONAL)
            if item.kind in MESSAGES:
                row.type, row.type_name = types.TYPE_MESSAGE, f".{PACKAGE}.{item.kind}"
            else:
                row.type = types.Type.Value(f"TYPE_{item.kind.upper()}")
    return file
