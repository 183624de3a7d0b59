"""A session as a Donkey Car tub: as Donkey's own reader wants it, and the same session again when it is imported."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from car.drive_record import DriveRecord
from car.errors import RecordingError, SessionError, TubError
from car.gate import GateState, Mode
from car.sessions import Edits, FrameRange, Session, SessionWriter
from car.sessions.edits import edits_path
from car.sessions.tub import exporter as tub_export
from car.sessions.tub.exporter import export_tub
from car.sessions.tub.importer import import_tub
from hardware.clock import VirtualClock
from hardware.drivetrain import Command
from tests.car.sessions.recordings import INFO, START_NS, frame_of, record_of, write_session


@pytest.fixture(autouse=True)
def small_catalogs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tub_export, "RECORDS_PER_CATALOG", 40)


def write_records(path: Path, records: list[DriveRecord]) -> None:
    with SessionWriter(path, INFO, VirtualClock(START_NS), sync=lambda _: None, min_free_bytes=0) as writer:
        for record in records:
            writer.add_frame(frame_of(record.frame_number))
            writer.add_record(record)


def lines_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_tub_is_as_donkeys_reader_wants_it(tmp_path: Path) -> None:
    write_session(tmp_path / "a.mcap", frames=100)
    report = export_tub(tmp_path / "a.mcap", tmp_path / "tub")
    assert str(report) == f"a.mcap: 100 records exported to {tmp_path / 'tub'}"
    inputs, types, metadata, created, catalogs = lines_of(tmp_path / "tub" / "manifest.json")
    assert dict(zip(inputs, types, strict=True))["cam/image_array"] == "image_array"
    assert metadata == {"k": "v", "session": "evening", "car": "mycar"}
    assert created["created_at"] == pytest.approx(datetime.fromisoformat(INFO.started).timestamp())
    assert catalogs["paths"] == ["catalog_0.catalog", "catalog_1.catalog", "catalog_2.catalog"]
    assert (catalogs["current_index"], catalogs["max_len"], catalogs["deleted_indexes"]) == (100, 40, [])
    records = []
    for number, name in enumerate(catalogs["paths"]):
        (about,) = lines_of(tmp_path / "tub" / f"{name}_manifest")
        raw = (tmp_path / "tub" / name).read_bytes().splitlines(keepends=True)
        assert about["line_lengths"] == [len(line) for line in raw]
        assert (about["start_index"], about["path"]) == (number * 40, name)
        records += lines_of(tmp_path / "tub" / name)
    assert [record["_index"] for record in records] == list(range(100))
    assert list(records[0]) == sorted(records[0])
    assert records[1]["_timestamp_ms"] - records[0]["_timestamp_ms"] == 50
    assert records[0]["user/mode"] == "local_angle"
    assert (records[0]["pilot/angle"], "pilot/angle" in records[1]) == (-0.25, False)
    assert (tmp_path / "tub" / "images" / records[7]["cam/image_array"]).read_bytes() == frame_of(7).jpeg


def test_what_was_exported_is_the_same_session_when_it_is_imported_again(tmp_path: Path) -> None:
    manual = [replace(record_of(n), mode=Mode.MANUAL, driver=Command(n / 100, 0.5), pilot=None) for n in range(50)]
    auto = [replace(record_of(n), mode=Mode.AUTO, pilot=Command(-n / 100, 0.2)) for n in range(50, 90)]
    records = [*manual, *auto]
    write_records(tmp_path / "a.mcap", records)
    Edits.of([FrameRange(5, 9)]).save(tmp_path / "a.mcap")
    assert export_tub(tmp_path / "a.mcap", tmp_path / "tub").deleted == 5
    report = import_tub(tmp_path / "tub", tmp_path / "b.mcap")
    assert (report.defects, report.imported, report.left_out) == ({}, 90, 5)
    assert Edits.load(tmp_path / "b.mcap") == Edits.load(tmp_path / "a.mcap")
    with Session.open(tmp_path / "b.mcap") as session:
        assert [frame.jpeg for frame in session.frames()] == [frame_of(n).jpeg for n in range(90)]
        again = list(session.records())
    assert [(row.mode, row.driver, row.pilot) for row in again] == [
        (row.mode, row.driver, row.pilot) for row in records
    ]
    export_tub(tmp_path / "b.mcap", tmp_path / "again")
    first, second = (
        [line for name in sorted(tub.glob("*.catalog")) for line in lines_of(name)]
        for tub in (tmp_path / "tub", tmp_path / "again")
    )
    assert first == second


def test_frames_that_nobody_drove_on_are_marked_as_deleted_and_those_without_a_command_are_not_there(
    tmp_path: Path,
) -> None:
    nothing = Command(float("nan"), 0.0)
    records = [
        record_of(0),
        replace(record_of(1), gate_state=GateState.DISARMED),
        replace(record_of(2), mode=Mode.CALIBRATION),
        replace(record_of(3), driver=None, applied=nothing),
        replace(record_of(4), driver=None),
    ]
    write_records(tmp_path / "a.mcap", records)
    report = export_tub(tmp_path / "a.mcap", tmp_path / "tub")
    assert (report.records, report.deleted) == (4, 2)
    *_, last = lines_of(tmp_path / "tub" / "catalog_0.catalog")
    assert (last["user/angle"], last["user/throttle"]) == (record_of(4).applied.steering, 0.125)


def test_an_export_that_cannot_be_leaves_nothing_behind(tmp_path: Path) -> None:
    write_session(tmp_path / "a.mcap", frames=3)
    (tmp_path / "tub").mkdir()
    with pytest.raises(RecordingError, match="exists already"):
        export_tub(tmp_path / "a.mcap", tmp_path / "tub")
    (tmp_path / "tub").rmdir()
    with pytest.raises(SessionError):
        export_tub(tmp_path / "none.mcap", tmp_path / "tub")
    edits_path(tmp_path / "a.mcap").write_text("nonsense")
    with pytest.raises(SessionError, match="not a list of edits"):
        export_tub(tmp_path / "a.mcap", tmp_path / "tub")
    edits_path(tmp_path / "a.mcap").unlink()
    (tmp_path / "file").touch()
    with pytest.raises(RecordingError, match="cannot be written"):
        export_tub(tmp_path / "a.mcap", tmp_path / "file" / "tub")
    write_records(tmp_path / "b.mcap", [replace(record_of(0), driver=None, applied=Command(float("nan"), 0.0))])
    with pytest.raises(TubError, match="no frame with a command"):
        export_tub(tmp_path / "b.mcap", tmp_path / "tub")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mcap", "b.mcap", "file"]
