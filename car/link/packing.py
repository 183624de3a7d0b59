"""A drive record as the bytes of a ring's slot, and back; both follow from the table of its fields.

Both ends run the same program, so nothing here has to last: fields may come and go, and so may members of an enum.

The drive loop packs every one of its cycles, so the expressions that take a record apart and put it together are
written out from the table when this is imported, and compiled, as ``dataclasses`` does it: packing by a walk through
the table takes four times as long.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from car.drive_record import FIELDS, DriveRecord, Field

_FORMATS = {int: "q", float: "d", bool: "?"}
_NOTHING = {int: -(2**63), float: math.nan}
"""What a part's numbers are when there is none; the first one tells."""
_IS_THERE = {int: "{0} != -(2**63)", float: "{0} == {0}"}

_MEMBERS = {
    field.name: (None, *field.kind) if field.optional else tuple(field.kind)
    for field in FIELDS[DriveRecord]
    if issubclass(field.kind, StrEnum)
}
_ENUMS = [field for field in FIELDS[DriveRecord] if field.name in _MEMBERS]
_NUMBERS = [field for field in FIELDS[DriveRecord] if field.kind in _FORMATS]
_PARTS = [field for field in FIELDS[DriveRecord] if field.kind in FIELDS]

# Whether there is a frame, the numbers of enum members, the record's own numbers, those of its parts.
_SLOT = struct.Struct(
    f"<?{len(_ENUMS)}B"
    + "".join(_FORMATS[field.kind] for field in _NUMBERS)
    + "".join(_FORMATS[inner.kind] for field in _PARTS for inner in FIELDS[field.kind])
)
PACKED_BYTES = _SLOT.size


def pack_record(record: DriveRecord, *, has_frame: bool) -> bytes:
    """Return ``record`` as bytes, of which the first says whether a frame comes with it.

    A command that begins with NaN, which the gate refuses, comes out as none.
    """
    return _packed(record, has_frame)


def unpack_record(data: bytes) -> tuple[DriveRecord, bool]:
    """Return the record that ``pack_record`` packed, and whether a frame came with it."""
    values = _SLOT.unpack(data)
    return _built(values), values[0]


def _packer() -> Callable[[DriveRecord, bool], bytes]:
    names: dict[str, Any] = {"pack": _SLOT.pack}
    terms = ["has_frame"]
    for field in _ENUMS:
        names[f"number_of_{field.name}"] = {member: number for number, member in enumerate(_MEMBERS[field.name])}
        terms.append(f"number_of_{field.name}[record.{field.name}]")
    terms += [f"record.{field.name}" for field in _NUMBERS]
    for field in _PARTS:
        names[f"no_{field.name}"] = field.kind(*(_NOTHING[inner.kind] for inner in FIELDS[field.kind]))
        first, *others = (inner.name for inner in FIELDS[field.kind])
        terms += [f"(part := record.{field.name} or no_{field.name}).{first}", *(f"part.{name}" for name in others)]
    packer: Callable[[DriveRecord, bool], bytes]
    packer = _compiled(f"lambda record, has_frame: pack({', '.join(terms)})", names)
    return packer


def _builder() -> Callable[[tuple[Any, ...]], DriveRecord]:
    names: dict[str, Any] = {"DriveRecord": DriveRecord}
    terms = []
    end = 1
    for field in (*_ENUMS, *_NUMBERS, *_PARTS):
        names[f"made_{field.name}"] = _MEMBERS.get(field.name, field.kind)
        start, end = end, end + len(FIELDS.get(field.kind, (field,)))
        terms.append(f"{field.name}={_built_from(field, [f'values[{place}]' for place in range(start, end)])}")
    builder: Callable[[tuple[Any, ...]], DriveRecord]
    builder = _compiled(f"lambda values: DriveRecord({', '.join(terms)})", names)
    return builder


def _built_from(field: Field, values: list[str]) -> str:
    """Return the expression that makes ``field`` of ``values``."""
    if field in _NUMBERS:
        return values[0]
    if field in _ENUMS:
        return f"made_{field.name}[{values[0]}]"
    part = f"made_{field.name}({', '.join(values)})"
    if not field.optional:
        return part
    is_there = _IS_THERE[FIELDS[field.kind][0].kind].format(values[0])
    return f"{part} if {is_there} else None"


def _compiled(expression: str, names: dict[str, Any]) -> Any:
    return eval(expression, names)  # noqa: S307 - nothing is in it but names from our own table


_packed, _built = _packer(), _builder()
