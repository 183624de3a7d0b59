"""Telemetry in a session: written, read back, kept by a repair, passed over by those that do not know it, plotted."""

from __future__ import annotations

from pathlib import Path

import pytest

from car.sessions import Session, SessionWriter, scan
from car.sessions.format import TELEMETRY, TOPICS
from car.sessions.index import SessionIndex
from car.sessions.overview import overview
from car.sessions.repair import RepairResult, repair
from car.sessions.series import series_of
from car.telemetry.telemetry import Disk, Firmware, Loop, Processor, Recording, Supply, Telemetry, Wifi
from hardware.clock import NS_PER_S, VirtualClock
from tests.car.sessions.recordings import INFO, PERIOD_NS, START_NS, contents, frame_of, record_of

FORMAT_1 = Path(__file__).parent / "data" / "format_1.mcap"
FRAMES = 100
FULL = Telemetry(
    START_NS,
    Processor(48.3),
    Firmware(under_voltage=False, throttled=True),
    Supply(7.4, 0.5, is_low=True),
    Wifi(-52.0),
    Disk(12_000_000_000),
    Loop(30.0, 5.5, 9.25),
    Recording(3, 0),
)
TAKEN = [FULL, *(Telemetry(START_NS + second * NS_PER_S, wifi=Wifi(-60.0 - second)) for second in range(1, 5))]


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A session of 5 s at 20 Hz, with telemetry each second."""
    path, clock = tmp_path / "evening.mcap", VirtualClock(START_NS)
    with SessionWriter(path, INFO, clock, sync=lambda _: None, min_free_bytes=0) as writer:
        for number in range(FRAMES):
            clock.sleep_until_ns(START_NS + number * PERIOD_NS)
            if number % 20 == 0:
                writer.add_telemetry(TAKEN[number // 20])
            writer.add_frame(frame_of(number))
            writer.add_record(record_of(number))
    return path


def telemetry_in(path: Path) -> list[Telemetry]:
    with Session.open(path) as session:
        return list(session.telemetry())


def test_it_is_read_back_and_changes_nothing_else(session: Path) -> None:
    assert telemetry_in(session) == TAKEN
    frames, records, events = contents(session)
    assert (len(frames), len(records), events) == (FRAMES, FRAMES, [])
    assert overview(session).frames == FRAMES


def test_a_repair_keeps_it(session: Path) -> None:
    data = session.read_bytes()
    session.write_bytes(data[: len(data) * 3 // 4])
    left = telemetry_in(session)
    assert 2 <= len(left) < len(TAKEN)
    report = repair(session)
    assert (report.result, report.kept) == (RepairResult.REPAIRED, None)
    assert telemetry_in(session) == left == TAKEN[: len(left)]


def test_a_session_of_an_earlier_version_has_none(tmp_path: Path) -> None:
    assert telemetry_in(FORMAT_1) == []
    assert SessionIndex(FORMAT_1).telemetry(1000) == []


def test_a_reader_that_does_not_know_it_reads_all_the_rest(session: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "TOPICS", tuple(topic for topic in TOPICS if topic is not TELEMETRY))
    with Session.open(session) as opened:
        assert (opened.frame_count, opened.foreign_messages) == (FRAMES, len(TAKEN))
        assert not opened.damage
        assert len(list(opened.records())) == FRAMES


def test_each_thing_that_was_measured_is_a_plot_over_the_seconds_since_the_first_frame(session: Path) -> None:
    plots = {series.name: series for series in SessionIndex(session).telemetry(1000)}
    wifi = plots["Wifi"]
    assert (wifi.unit, wifi.t_s) == ("dBm", [0.0, 1.0, 2.0, 3.0, 4.0])
    assert wifi.values == [-52.0, -61.0, -62.0, -63.0, -64.0]
    assert plots["Supply"].values == [7.4, None, None, None, None]
    assert plots["Slowed down by the firmware"].values[0] == 1.0
    assert plots["Free on the disk"].values[0] == 12.0
    assert len(plots) == 12


def test_what_was_never_measured_is_no_plot() -> None:
    assert series_of([], 0, 1000) == []
    assert [series.name for series in series_of([Telemetry(0, supply=Supply(7.4, float("nan")))], 0, 1000)] == [
        "Supply"
    ]


def test_a_long_drive_is_thinned_out_and_keeps_its_peaks_and_its_gaps() -> None:
    hours = [Telemetry(second * NS_PER_S, processor=Processor(50.0)) for second in range(10_000)]
    hours[4321] = Telemetry(4321 * NS_PER_S, processor=Processor(91.0))
    hours[6000:8000] = [Telemetry(second * NS_PER_S) for second in range(6000, 8000)]
    (series,) = series_of(hours, 0, 200)
    assert len(series.t_s) == len(series.values) <= 200
    assert series.values[series.t_s.index(4321.0)] == 91.0
    assert None in series.values
    assert series.t_s == sorted(series.t_s)
