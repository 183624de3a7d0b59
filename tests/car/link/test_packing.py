"""A drive record crosses from process to process as it is."""

from __future__ import annotations

import math
from dataclasses import replace
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car.drive_record import FIELDS, DriveRecord
from car.link.packing import PACKED_BYTES, pack_record, unpack_record
from hardware.drivetrain import Command
from tests.frames import make_frame, make_record
from tests.records import RECORDS

RECORD = make_record(make_frame(3))
REASONS = [
    (field.name, member)
    for field in FIELDS[DriveRecord]
    if issubclass(field.kind, StrEnum)
    for member in (*field.kind, *([None] if field.optional else []))
]


@given(RECORDS, st.booleans())
def test_a_record_crosses_unchanged(record: DriveRecord, has_frame: bool) -> None:
    packed = pack_record(record, has_frame=has_frame)
    assert len(packed) == PACKED_BYTES
    assert packed[0] == has_frame
    assert unpack_record(packed) == (record, has_frame)


@pytest.mark.parametrize(("name", "member"), REASONS)
def test_a_member_of_an_enum_crosses_as_that_member(name: str, member: StrEnum | None) -> None:
    changed: Any = {name: member}
    back, _ = unpack_record(pack_record(replace(RECORD, **changed), has_frame=True))
    assert getattr(back, name) is member


def test_a_pilots_command_that_is_no_number_comes_out_as_none() -> None:
    back, _ = unpack_record(pack_record(replace(RECORD, pilot=Command(math.nan, 0.5)), has_frame=True))
    assert back == RECORD
