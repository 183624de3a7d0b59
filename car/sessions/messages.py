"""Our protobuf messages, built at run time from the tables of their fields; no compiler, no generated file.

A field that is absent in an older file reads as its zero; a message that is absent reads as None, which is how "there
was no command" differs from "the command was 0". A member of an enum is its name in lower case: plain to see in any
tool, and the same whatever becomes of its place among the others and of the words that people read.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from typing import Any

from car.drive_record import FIELDS, DriveRecord, Field, StageTimes
from car.errors import SessionError
from car.sessions import former
from car.sessions.format import CAMERA, EncodedFrame, SessionEvent
from car.telemetry import telemetry as of_the_car
from car.telemetry.telemetry import Telemetry
from hardware.clock import NS_PER_S

PACKAGE = "pocketpilot"
_FILE_NAME = "pocketpilot/session.proto"
_SCALARS = {int: "INT64", float: "DOUBLE", bool: "BOOL", str: "STRING"}

_WRITTEN: Mapping[type, tuple[Field, ...]] = {
    **FIELDS,
    SessionEvent: (Field("time_ns", 1, int), Field("kind", 2, str), Field("text", 3, str)),
    **of_the_car.FIELDS,
}
MESSAGES: Mapping[type, tuple[Field, ...]] = {
    **_WRITTEN,
    # Every file describes the former fields too: when a session is repaired, its messages stay what they were.
    former.Odometry: former.ODOMETRY_FIELDS,
    DriveRecord: (*FIELDS[DriveRecord], former.ODOMETRY),
}
"""The fields of each message; it is called what its class is called."""

_ENUMS = [field.kind for field in FIELDS[DriveRecord] if issubclass(field.kind, StrEnum)]
_TEXTS: Mapping[type, Mapping[StrEnum, str]] = {
    kind: {member: member.name.lower() for member in kind} for kind in _ENUMS
}
_MEMBERS: Mapping[type, Mapping[str, StrEnum]] = {
    kind: {text: member for member, text in _TEXTS[kind].items()} | dict(former.WORDS.get(kind, {})) for kind in _ENUMS
}
"""The members of each enum by what a file may call them."""


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
    return bytes(_packed(record).SerializeToString())


def record_from_bytes(data: bytes) -> DriveRecord:
    """Read what ``record_to_bytes`` wrote, in this version or an earlier one; raises SessionError when it did not.

    A reason that this program does not know reads as None, for nothing is computed from it.
    """
    values = _unpacked(_parsed(_classes()[DriveRecord], data), DriveRecord)
    if values["applied"] is None:
        raise SessionError("A drive record has no applied command. Leave its frame out of the session.")
    values["times"] = values["times"] or StageTimes()
    odometry = values.pop(former.ODOMETRY.name)
    return DriveRecord(**(values if odometry is None else values | odometry.apart()))


def event_to_bytes(event: SessionEvent) -> bytes:
    """Return ``event`` as our protobuf message; what is not valid Unicode in its text becomes question marks."""
    return bytes(_packed(event).SerializeToString())


def event_from_bytes(data: bytes) -> SessionEvent:
    """Read what ``event_to_bytes`` wrote; raises SessionError when it is not an event."""
    return SessionEvent(**_unpacked(_parsed(_classes()[SessionEvent], data), SessionEvent))


def telemetry_to_bytes(telemetry: Telemetry) -> bytes:
    """Return ``telemetry`` as our protobuf message, without loss."""
    return bytes(_packed(telemetry).SerializeToString())


def telemetry_from_bytes(data: bytes) -> Telemetry:
    """Read what ``telemetry_to_bytes`` wrote; raises SessionError when it is no telemetry."""
    return Telemetry(**_unpacked(_parsed(_classes()[Telemetry], data), Telemetry))


def _packed(value: object) -> Any:
    message = _classes()[type(value)]()
    _fill(message, value, _WRITTEN[type(value)])
    return message


def _fill(message: Any, value: object, fields: tuple[Field, ...]) -> None:
    for field in fields:
        part, kind = getattr(value, field.name), field.kind
        if part is None:
            continue
        if kind in MESSAGES:
            inner = getattr(message, field.name)
            inner.SetInParent()  # Command(0, 0) has nothing to write, and yet it is not None.
            _fill(inner, part, _WRITTEN[kind])
        elif kind in _TEXTS:
            setattr(message, field.name, _TEXTS[kind][part])
        else:
            setattr(message, field.name, str(part).encode("utf-8", "replace").decode() if kind is str else part)


def _unpacked(message: Any, kind: type) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in MESSAGES[kind]:
        name, part = field.name, field.kind
        if part not in MESSAGES:
            value = getattr(message, name)
            values[name] = _member(value, field) if part in _MEMBERS else value
        elif message.HasField(name):
            values[name] = part(**_unpacked(getattr(message, name), part))
        else:
            values[name] = None
    return values


def _member(text: str, field: Field) -> StrEnum | None:
    member = _MEMBERS[field.kind].get(text)
    if member is None and not field.optional:
        raise SessionError(f"A drive record's {field.name} {text!r} is new to this program. Update Pocketpilot.")
    return member


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
def _classes() -> dict[type, Any]:
    from google.protobuf import descriptor_pool, message_factory

    # A pool of our own: the process-wide one refuses two definitions of a name, and a test may well load another.
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(_file_descriptor().SerializeToString())
    return {
        kind: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{kind.__name__}"))
        for kind in MESSAGES
    }


@cache
def _file_descriptor() -> Any:
    from google.protobuf import descriptor_pb2

    types = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=_FILE_NAME, package=PACKAGE, syntax="proto3")
    for kind, fields in MESSAGES.items():
        described = file.message_type.add(name=kind.__name__)
        for field in fields:
            row = described.field.add(name=field.name, number=field.number, label=types.LABEL_OPTIONAL)
            if field.kind in MESSAGES:
                row.type, row.type_name = types.TYPE_MESSAGE, f".{PACKAGE}.{field.kind.__name__}"
            else:
                row.type = types.Type.Value(f"TYPE_{_SCALARS.get(field.kind, 'STRING')}")
    return file
