"""Drive records and telemetry of every kind for property tests, made from the tables of their fields."""

from __future__ import annotations

import enum
from typing import Any

from hypothesis import strategies as st

from car.drive_record import FIELDS, DriveRecord, Field
from car.telemetry import telemetry as of_the_car
from car.telemetry.telemetry import Telemetry

_FIELDS = {**FIELDS, **of_the_car.FIELDS}
_NUMBERS: dict[type, st.SearchStrategy[Any]] = {
    # The smallest one stands for nothing in the ring, and no clock or counter comes to it.
    int: st.integers(-(2**63) + 1, 2**63 - 1),
    float: st.floats(allow_nan=False),
    bool: st.booleans(),
}


def _values(field: Field) -> st.SearchStrategy[Any]:
    values = _NUMBERS.get(field.kind)
    if values is None:
        values = st.sampled_from(field.kind) if issubclass(field.kind, enum.Enum) else _built(field.kind)
    return st.none() | values if field.optional else values


def _built(kind: type) -> st.SearchStrategy[Any]:
    return st.builds(kind, **{field.name: _values(field) for field in _FIELDS[kind]})


RECORDS: st.SearchStrategy[DriveRecord] = _built(DriveRecord)
TELEMETRY: st.SearchStrategy[Telemetry] = _built(Telemetry)
