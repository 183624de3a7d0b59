"""The table of a drive record's fields is whole, and the pages' JSON that is made from it says every one of them."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from enum import StrEnum
from typing import Any, get_type_hints

import pytest
from hypothesis import given

from car.drive_record import FIELDS, JSON_DIGITS, DriveRecord, Field, as_json
from car.gate import ArmRefusal, TripReason
from hardware.drivetrain import Command
from tests.frames import make_frame, make_record
from tests.records import RECORDS

RECORD = make_record(make_frame(3))


@pytest.mark.parametrize("kind", FIELDS)
def test_the_table_says_of_every_attribute_what_its_class_says(kind: type) -> None:
    hints = get_type_hints(kind)
    said = {field.name: field.kind | None if field.optional else field.kind for field in FIELDS[kind]}
    assert said == {attribute.name: hints[attribute.name] for attribute in fields(kind)}


@pytest.mark.parametrize("kind", FIELDS)
def test_no_number_of_the_table_stands_for_two_fields(kind: type) -> None:
    assert len({field.number for field in FIELDS[kind]}) == len(FIELDS[kind])


def test_the_numbers_that_recordings_have_stay_what_they_are() -> None:
    known = {
        "Command": {"steering": 1, "throttle": 2},
        "StageTimes": {"age_ns": 1, "pilot_ns": 2, "inference_ns": 3, "gate_ns": 4, "apply_ns": 5, "publish_ns": 6},
        "Motion": {"speed_m_s": 1, "distance_m": 2},
        "LapCount": {"laps": 1, "progress_m": 2, "lateral_m": 3, "departures": 4},
        "DriveRecord": {"frame_number": 1, "captured_ns": 2, "mode": 3, "gate_state": 4, "trip": 5, "driver": 6}
        | {"pilot": 7, "applied": 8, "times": 9, "refusal": 11, "motion": 12, "lap_count": 13},
    }
    table = {kind.__name__: {field.name: field.number for field in FIELDS[kind]} for kind in FIELDS}
    assert {name: table[name] | known[name] for name in known} == {name: table[name] for name in known}
    assert 10 not in table["DriveRecord"].values()


def said(value: Any, field: Field, json_value: Any) -> bool:
    """Tell whether ``json_value`` says what ``value`` is."""
    if field.kind in FIELDS and value is not None:
        parts = FIELDS[field.kind]
        return list(json_value) == [part.name for part in parts] and all(
            said(getattr(value, part.name), part, json_value[part.name]) for part in parts
        )
    if issubclass(field.kind, StrEnum):
        return bool(json_value == ("" if value is None else value.value))
    if isinstance(value, float):
        return json_value is None if math.isinf(value) else abs(json_value - value) <= 0.5 * 10**-JSON_DIGITS
    return bool(json_value == value)


@given(RECORDS)
def test_every_field_is_in_the_json(record: DriveRecord) -> None:
    read = json.loads(json.dumps(as_json(record), allow_nan=False))
    assert said(record, Field("", 0, DriveRecord), read)


def test_reasons_are_in_words_and_numbers_that_are_none_are_null() -> None:
    tripped = replace(RECORD, trip=TripReason.STOP, refusal=ArmRefusal.NO_FRAME, pilot=Command(math.nan, math.inf))
    shown = as_json(tripped)
    assert (shown["trip"], shown["refusal"]) == ("stopped by the driver", "no fresh frame from the camera")
    assert shown["pilot"] == {"steering": None, "throttle": None}
    assert (as_json(RECORD)["trip"], as_json(RECORD)["pilot"], as_json(RECORD)["mode"]) == ("", None, "manual")
    assert type(shown["trip"]) is str
