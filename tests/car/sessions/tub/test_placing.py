"""A session lasts as long as the drive did, whatever the wall clock did meanwhile."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from car.gate import Mode
from car.sessions import Session
from car.sessions.format import MAX_TIME_NS
from car.sessions.tub.exporter import export_tub
from car.sessions.tub.importer import import_tub
from car.sessions.tub.placing import placed
from car.sessions.tub.records import Defect, Tally, TubRecord
from hardware.clock import NS_PER_MS
from hardware.drivetrain import Command
from tests.car.sessions.tub.test_importer import START_MS, SyntheticTub, imported

DAY_MS = 24 * 3600 * 1000
YEAR_MS = 365 * DAY_MS
EVEN = {50 * NS_PER_MS}


@pytest.fixture
def tub(tmp_path: Path) -> SyntheticTub:
    return SyntheticTub(tmp_path / "data")


def steps_of(tub: SyntheticTub) -> set[int]:
    _, records = imported(tub)
    return {later.captured_ns - earlier.captured_ns for earlier, later in pairwise(records)}


def started(tub: SyntheticTub) -> datetime:
    with Session.open(tub.folder.parent / "out.mcap") as session:
        return datetime.fromisoformat(session.info.started)


@pytest.mark.parametrize("behind_ms", [56 * YEAR_MS - START_MS % YEAR_MS, 6 * YEAR_MS, 3 * DAY_MS])
def test_a_clock_that_network_time_sets_while_driving_leaves_no_step(tub: SyntheticTub, behind_ms: int) -> None:
    for record in tub.records[:10]:
        record["_timestamp_ms"] -= min(behind_ms, START_MS - 1000)
    assert steps_of(tub) == EVEN
    assert started(tub).timestamp() * 1000 == pytest.approx(START_MS, abs=60)
    (tub.folder.parent / "out.mcap").unlink()
    report, _ = imported(tub)
    assert report.defects == {Defect.TIME_AHEAD: 1}
    assert report.duration_s == pytest.approx(24 * 0.05)
    assert "the clock jumps ahead (closed up), first catalog_1.catalog:1" in str(report)


def test_a_single_record_of_another_century_moves_nothing(tub: SyntheticTub) -> None:
    tub.records[7]["_timestamp_ms"] += 50 * YEAR_MS
    assert steps_of(tub) == EVEN
    assert started(tub).year == 2023


def test_a_time_beyond_all_clocks_is_none(tub: SyntheticTub) -> None:
    tub.records[7]["_timestamp_ms"] = 200_000_000_000_000
    assert imported(tub)[0].defects == {Defect.NO_TIME: 1}


def test_a_first_record_without_a_time_is_not_fifty_years_before_the_rest(tub: SyntheticTub) -> None:
    del tub.records[0]["_timestamp_ms"]
    assert steps_of(tub) == EVEN
    assert started(tub).year == 2023


def test_a_pause_of_months_between_two_drives_stays(tub: SyntheticTub) -> None:
    for record in tub.records[10:]:
        record["_session_id"] = "27-02-23_1"
        record["_timestamp_ms"] += 90 * DAY_MS
    report, _ = imported(tub)
    assert report.defects == {}
    assert report.duration_s == pytest.approx(90 * DAY_MS / 1000 + 1.2)


def test_a_pause_of_months_between_two_drives_survives_export_and_import(tub: SyntheticTub, tmp_path: Path) -> None:
    for record in tub.records[10:]:
        record["_session_id"] = "27-02-23_1"
        record["_timestamp_ms"] += 90 * DAY_MS
    report, records = imported(tub)
    export_tub(report.path, tmp_path / "tub")
    again = import_tub(tmp_path / "tub", tmp_path / "again.mcap")
    assert again.defects == {}
    with Session.open(again.path) as session:
        assert list(session.times_ns) == [record.captured_ns for record in records]


@given(times=st.lists(st.none() | st.integers(1, 4_102_444_799_999), min_size=1), drives=st.booleans())
def test_any_times_at_all_give_times_that_rise_and_fit(times: list[int | None], drives: bool) -> None:
    command = Command(0.0, 0.0)
    records = [
        TubRecord(str(n), n, time, f"{n}.jpg", Mode.MANUAL, command, None, drive=str(n) if drives else "")
        for n, time in enumerate(times)
    ]
    captured_ns = [row.captured_ns for row in placed(records, Tally())]
    assert all(earlier < later for earlier, later in pairwise(captured_ns))
    assert captured_ns[0] > 0
    assert captured_ns[-1] <= MAX_TIME_NS
