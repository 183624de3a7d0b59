from __future__ import annotations

from contextlib import suppress
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from car.drive_record import DriveRecord
from car.errors import SessionError
from car.gate import ArmRefusal, TripReason
from car.sessions import EncodedFrame, SessionEvent, SessionInfo, encode, messages
from car.sessions.format import DRIVE, TOPICS, DamagedInfo
from car.telemetry.telemetry import Telemetry
from hardware.camera import Frame
from hardware.drivetrain import Command
from tests.car.sessions.recordings import GEOMETRY, INFO, frame_of, record_of
from tests.records import RECORDS, TELEMETRY

INT64 = st.integers(-(2**63), 2**63 - 1)


@settings(deadline=None)
@given(RECORDS)
def test_a_record_comes_back_as_it_was(record: DriveRecord) -> None:
    assert messages.record_from_bytes(messages.record_to_bytes(record)) == record


@settings(deadline=None)
@given(TELEMETRY)
def test_telemetry_comes_back_as_it_was(telemetry: Telemetry) -> None:
    assert messages.telemetry_from_bytes(messages.telemetry_to_bytes(telemetry)) == telemetry


def test_no_command_is_not_a_command_of_zero() -> None:
    record = replace(record_of(1), driver=Command(0.0, 0.0), pilot=None)
    back = messages.record_from_bytes(messages.record_to_bytes(record))
    assert back.driver == Command(0.0, 0.0)
    assert back.pilot is None


def test_the_messages_have_every_field_of_the_classes_they_stand_for() -> None:
    for kind, message in messages.MESSAGES.items():
        assert {field.name for field in message} - {"odometry"} == {attribute.name for attribute in fields(kind)}
        assert len({field.number for field in message}) == len(message)


def test_other_tools_read_an_enum_as_its_members_name() -> None:
    record = replace(record_of(1), trip=TripReason.LINK_LOST, refusal=ArmRefusal.NO_DRIVER)
    data = messages.record_to_bytes(record)
    shown = parsed_by_a_stranger(data)
    assert (shown["mode"], shown["gateState"]) == ("assist", "armed")
    assert (shown["trip"], shown["refusal"]) == ("link_lost", "no_driver")
    assert shown["motion"] == {"speedMS": 1.5, "distanceM": 40.25}
    assert "odometry" not in shown


def parsed_by_a_stranger(data: bytes) -> dict[str, Any]:
    """Read a record as other tools do, by the schema that is in the file."""
    from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(messages.schema_data(DRIVE.schema)).file:
        pool.AddSerializedFile(file.SerializeToString())
    message = message_factory.GetMessageClass(pool.FindMessageTypeByName(DRIVE.schema)).FromString(data)
    shown: dict[str, Any] = json_format.MessageToDict(message)
    return shown


def test_a_reason_yet_to_be_invented_reads_as_none() -> None:
    data = messages.record_to_bytes(replace(record_of(1), trip=TripReason.LINK_LOST))
    back = messages.record_from_bytes(data.replace(b"link_lost", b"moon_fell"))
    assert back == record_of(1)


@settings(deadline=None)
@given(INT64, st.text(), st.text())
def test_an_event_comes_back_as_it_was(time_ns: int, kind: str, text: str) -> None:
    event = SessionEvent(time_ns, kind, text)
    assert messages.event_from_bytes(messages.event_to_bytes(event)) == event


def test_text_that_no_format_can_store_is_recorded_with_question_marks() -> None:
    event = messages.event_from_bytes(messages.event_to_bytes(SessionEvent(1, "file", "a\udc80b")))
    assert event.text == "a?b"
    info = SessionInfo.from_metadata(SessionInfo("a\udc80b").to_metadata())
    assert info.name == "a?b"


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_message_raise_nothing_but_a_session_error(data: bytes) -> None:
    for read in (messages.record_from_bytes, messages.event_from_bytes):
        with suppress(SessionError):
            read(data)


def test_a_record_of_a_mode_yet_to_be_invented_asks_for_an_update() -> None:
    data = messages.record_to_bytes(record_of(1)).replace(b"assist", b"hybrid")
    with pytest.raises(SessionError, match="Update Pocketpilot"):
        messages.record_from_bytes(data)


def test_a_record_without_an_applied_command_is_refused() -> None:
    with pytest.raises(SessionError, match="no applied command"):
        messages.record_from_bytes(b"\x1a\x06manual\x22\x05armed")


def test_the_schemas_hold_all_they_depend_on() -> None:
    from google.protobuf import descriptor_pb2, descriptor_pool

    for topic in TOPICS:
        files = descriptor_pb2.FileDescriptorSet.FromString(messages.schema_data(topic.schema))
        pool = descriptor_pool.DescriptorPool()
        for file in files.file:
            pool.AddSerializedFile(file.SerializeToString())
        assert pool.FindMessageTypeByName(topic.schema).full_name == topic.schema


def test_a_description_comes_back_as_it_was() -> None:
    assert SessionInfo.from_metadata(INFO.to_metadata()) == INFO
    assert SessionInfo.from_metadata(SessionInfo("").to_metadata()) == SessionInfo("")


def test_a_description_that_was_changed_or_is_newer_is_refused() -> None:
    metadata = INFO.to_metadata()
    with pytest.raises(DamagedInfo):
        SessionInfo.from_metadata(metadata | {"car": "yours"})
    with pytest.raises(DamagedInfo):
        SessionInfo.from_metadata({})
    with pytest.raises(SessionError, match="schema version 99"):
        SessionInfo.from_metadata(replace(INFO, schema_version=99).to_metadata())


def test_a_frame_decodes_to_rgb_that_cannot_be_written_to() -> None:
    frame = frame_of(63).decode()
    assert frame.number == 63
    assert frame.image.shape == (GEOMETRY.height, GEOMETRY.width, 3)
    assert frame.image.dtype == np.uint8
    red, green, blue = frame.image[20, 20]
    assert red > 180
    assert max(green, blue) < 30
    assert not frame.image.flags.writeable


@pytest.mark.parametrize("jpeg", [b"", b"\xff\xd8\xff\xd9", b"nonsense", frame_of(1).jpeg[:-1], frame_of(1).jpeg[5:]])
def test_a_broken_jpeg_is_refused(jpeg: bytes) -> None:
    with pytest.raises(SessionError, match="frame 5 is not a whole JPEG"):
        EncodedFrame(5, 0, jpeg).decode()


def test_a_jpeg_padded_with_zeros_as_some_cameras_do_is_whole() -> None:
    assert EncodedFrame(1, 0, frame_of(1).jpeg + bytes(30)).decode().image.shape == (GEOMETRY.height, GEOMETRY.width, 3)


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_an_image_that_is_not_rgb_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SessionError, match="cannot be recorded"):
        encode(Frame(np.zeros(shape, np.uint8), 0, 0))
