"""Donkey Car's first format comes in like its second: every good record, and every defect said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from car.errors import CarError, TubError
from car.gate import Mode
from car.sessions import Edits, FrameRange, Session
from car.sessions.tub.importer import find_tubs, import_tub
from car.sessions.tub.records import Defect
from hardware.clock import NS_PER_MS
from hardware.drivetrain import Command
from tests.car.sessions.recordings import frame_of

START_S = 1_500_000_000.25


def write_tub(folder: Path, count: int = 12) -> Path:
    """Write a healthy tub; its first record is number 1, as Donkey Car has it."""
    folder.mkdir(parents=True)
    inputs = ["cam/image_array", "user/angle", "user/throttle", "user/mode"]
    types = ["image_array", "float", "float", "str"]
    meta = {"inputs": inputs, "types": types, "start": START_S, "location": "garage"}
    (folder / "meta.json").write_text(json.dumps(meta))
    for number in range(1, count + 1):
        write_record(folder, number)
    return folder


def write_record(folder: Path, number: int, **changes: Any) -> None:
    image = f"{number}_cam-image_array_.jpg"
    record = {
        "cam/image_array": image,
        "user/angle": number / 100,
        "user/throttle": 0.5,
        "user/mode": "user",
        "milliseconds": number * 50,
        **changes,
    }
    (folder / f"record_{number}.json").write_text(json.dumps(record))
    (folder / image).write_bytes(frame_of(number).jpeg)


def test_a_tub_becomes_a_session(tmp_path: Path) -> None:
    tub = write_tub(tmp_path / "tub")
    (tub / "exclude.json").write_text("[3, 4]")
    report = import_tub(tub, tmp_path / "out.mcap")
    assert (report.records, report.imported, report.left_out, report.defects, report.unused_keys) == (12, 12, 2, {}, ())
    with Session.open(tmp_path / "out.mcap") as session:
        assert session.info.extra["location"] == "garage"
        assert session.info.started == "2017-07-14T02:40:00.300000+00:00"
        assert session.info.rate_hz == 20.0
        assert list(session.numbers) == list(range(1, 13))
        assert session.frame_at(9).jpeg == frame_of(10).jpeg
        assert session.times_ns[1] - session.times_ns[0] == 50 * NS_PER_MS
        assert [record.driver for record in session.records()] == [Command(n / 100, 0.5) for n in range(1, 13)]
    assert Edits.load(tmp_path / "out.mcap") == Edits.of([FrameRange(3, 4)])


def test_a_tub_is_found_in_a_folder_of_tubs(tmp_path: Path) -> None:
    tub = write_tub(tmp_path / "data" / "tub_1_17-07-14")
    assert find_tubs(tmp_path) == [tub]


def test_every_defect_is_counted(tmp_path: Path) -> None:
    tub = write_tub(tmp_path / "tub")
    (tub / "meta.json").unlink()
    (tub / "record_2.json").write_text("{")
    (tub / "3_cam-image_array_.jpg").unlink()
    (tub / "4_cam-image_array_.jpg").write_bytes(b"")
    write_record(tub, 5, **{"user/angle": None})
    write_record(tub, 6, **{"user/angle": 7.0})
    write_record(tub, 7, milliseconds="soon")
    write_record(tub, 8, **{"user/mode": "local", "pilot/angle": 0.5, "pilot/throttle": 0.1})
    (tub / "exclude.json").write_text("nonsense")
    (tub / "._record_1.json").write_bytes(b"mac")
    report = import_tub(tub, tmp_path / "out.mcap")
    assert report.defects == {
        Defect.NO_META: 1,
        Defect.BROKEN_LINE: 1,
        Defect.MISSING_IMAGE: 1,
        Defect.EMPTY_IMAGE: 1,
        Defect.NO_COMMAND: 1,
        Defect.OUT_OF_RANGE: 1,
        Defect.NO_TIME: 1,
        Defect.APPLE_DOUBLE: 1,
        Defect.ORPHAN_IMAGE: 1,
    }
    with Session.open(tmp_path / "out.mcap") as session:
        modes = {record.frame_number: (record.mode, record.applied) for record in session.records()}
    assert modes[8] == (Mode.AUTO, Command(0.5, 0.1))
    assert modes[6] == (Mode.MANUAL, Command(1.0, 0.5))


@pytest.mark.parametrize(
    "stamp", ["2017-07-14 02:40:{:09.6f}", "2017-07-14T02:40:{:09.6f}+00:00", "2017-07-14T04:40:{:09.6f}+02:00", None]
)
def test_a_records_own_timestamp_is_its_time(tmp_path: Path, stamp: str | None) -> None:
    tub = write_tub(tmp_path / "tub")
    for number in range(1, 13):
        time = 1_500_000_000 + number * 0.05 if stamp is None else stamp.format(number * 0.05)
        write_record(tub, number, timestamp=time, milliseconds=7)
    report = import_tub(tub, tmp_path / "out.mcap")
    assert (report.defects, report.unused_keys) == ({}, ())
    with Session.open(tmp_path / "out.mcap") as session:
        assert session.info.started == "2017-07-14T02:40:00.050000+00:00"
        assert session.times_ns[11] - session.times_ns[0] == 11 * 50 * NS_PER_MS


@pytest.mark.parametrize(
    "stamp", ["yesterday", "", True, [], -1, 1e300, "9999-12-31 23:59:59+23:59", "0001-01-01 00:00:00+12:00"]
)
def test_a_timestamp_that_is_none_leaves_the_milliseconds(tmp_path: Path, stamp: Any) -> None:
    tub = write_tub(tmp_path / "tub")
    write_record(tub, 5, timestamp=stamp)
    report = import_tub(tub, tmp_path / "out.mcap")
    assert report.imported == 12
    assert report.duration_s == pytest.approx(11 * 0.05)


def test_excluded_numbers_that_match_nothing_are_counted(tmp_path: Path) -> None:
    tub = write_tub(tmp_path / "tub")
    (tub / "exclude.json").write_text("[3, 40, 41]")
    report = import_tub(tub, tmp_path / "out.mcap")
    assert (report.left_out, report.defects) == (1, {Defect.ERASED_NOTHING: 2})


def test_a_tub_without_a_good_record_is_refused(tmp_path: Path) -> None:
    tub = tmp_path / "tub"
    tub.mkdir()
    (tub / "record_1.json").write_text("[]")
    with pytest.raises(TubError, match=r"Nothing in .* can be imported"):
        import_tub(tub, tmp_path / "out.mcap")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
META = st.fixed_dictionaries({}, optional={"inputs": JSON, "types": JSON, "start": JSON})
RECORD = st.fixed_dictionaries({}, optional={"milliseconds": JSON, "user/angle": JSON, "user/mode": JSON})


@settings(deadline=None)
@given(meta=META | JSON, excluded=JSON, record=RECORD)
def test_whatever_the_files_say_nothing_but_our_own_errors_come_of_it(
    tmp_path_factory: pytest.TempPathFactory, meta: Any, excluded: Any, record: Any
) -> None:
    folder = tmp_path_factory.mktemp("any")
    tub = write_tub(folder / "tub", count=3)
    (tub / "meta.json").write_text(json.dumps(meta))
    (tub / "exclude.json").write_text(json.dumps(excluded))
    write_record(tub, 2, **record)
    try:
        report = import_tub(tub, folder / "out.mcap")
    except CarError:
        return
    with Session.open(report.path) as session:
        assert session.frame_count == report.imported
