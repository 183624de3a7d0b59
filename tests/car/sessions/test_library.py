"""The car's sessions by name: nothing but them can be reached, and what is recorded cannot be thrown away."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from car.errors import NoSuchSession, SessionBusy
from car.sessions import Edits, FrameRange, SessionWriter
from car.sessions.edits import edits_path
from car.sessions.library import SessionLibrary
from car.sessions.trash import DATES, DATES_KEPT, DAYS_KEPT, Trash
from hardware.clock import VirtualClock
from tests.car.sessions.recordings import INFO, START_NS, frame_of, record_of, session_bytes, write_session


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of two sessions, with what must not be reached beside it."""
    folder = tmp_path / "sessions"
    folder.mkdir()
    for name in ("first", "second"):
        write_session(folder / f"{name}.mcap", frames=40)
    write_session(tmp_path / "outside.mcap", frames=10)
    return folder


@pytest.fixture
def library(folder: Path) -> SessionLibrary:
    return SessionLibrary(folder)


def test_a_row_says_what_a_list_shows(folder: Path, library: SessionLibrary) -> None:
    Edits.of([FrameRange(3, 7), FrameRange(10, 10)]).save(folder / "first.mcap")
    row = library.row("first")
    size = (folder / "first.mcap").stat().st_size
    assert (row.name, row.bytes, row.frames, row.laps, row.started) == ("first", size, 40, 0, INFO.started)
    assert row.seconds == pytest.approx(1.95)
    assert (row.recording, row.damage, row.left_out_frames) == (False, "", 6)


def test_the_latest_session_comes_first(folder: Path, library: SessionLibrary) -> None:
    for day in (1, 3, 2):
        info = replace(INFO, started=f"2026-02-0{day}T00:00:00+00:00")
        write_session(folder / f"day{day}.mcap", frames=1, info=info)
    assert [row.name for row in library.rows()] == ["day3", "day2", "day1", "second", "first"]


def test_a_list_reads_again_what_has_changed_and_nothing_else(folder: Path, library: SessionLibrary) -> None:
    library.rows()
    path = folder / "first.mcap"
    times = (path.stat().st_atime_ns, path.stat().st_mtime_ns)
    data = bytearray(path.read_bytes())
    data[-40:] = bytes(40)
    path.write_bytes(data)
    os.utime(path, ns=times)
    assert library.row("first").damage == ""
    os.utime(path)
    assert "not closed" in library.row("first").damage


def test_damaged_and_foreign_files_are_listed_with_what_is_wrong(folder: Path, library: SessionLibrary) -> None:
    (folder / "empty.mcap").touch()
    (folder / "foreign.mcap").write_text("hello")
    (folder / "cut.mcap").write_bytes(session_bytes(40)[:-100])
    (folder / "first.edits.json").write_text("nonsense")
    damage = {row.name: row.damage for row in library.rows()}
    assert "is empty" in damage["empty"]
    assert "not a Pocketpilot session" in damage["foreign"]
    assert "not closed" in damage["cut"]
    assert "not a list of edits" in damage["first"]
    assert damage["second"] == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../outside",
        "../sessions/first",
        "/etc/passwd",
        "first.mcap",
        "first/",
        "./first",
        "first\0",
        "x" * 5000,
        "\udc80",
        ".hidden",
        "link",
        "folder",
    ],
)
def test_no_name_leads_out_of_the_folder(folder: Path, library: SessionLibrary, name: str) -> None:
    (folder / "link.mcap").symlink_to(folder.parent / "outside.mcap")
    (folder / "folder.mcap").mkdir()
    write_session(folder / ".hidden.mcap", frames=1)
    ways = (library.path, library.row, library.index, library.details, library.thumbnail, library.delete, library.undo)
    for way in ways:
        with pytest.raises(NoSuchSession):
            way(name)
    with pytest.raises(NoSuchSession):
        library.cut(name, 0, 1)
    with pytest.raises(NoSuchSession):
        library.trash.restore(name)


@settings(deadline=None)
@given(st.text())
def test_whatever_is_asked_for_is_a_file_in_the_folder_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    library = SessionLibrary(tmp_path_factory.getbasetemp())
    with pytest.raises(NoSuchSession):
        library.path(name)


def test_details_speak_of_frames_by_their_index(folder: Path, library: SessionLibrary) -> None:
    clock = VirtualClock(START_NS)
    with SessionWriter(folder / "odd.mcap", INFO, clock, sync=lambda _: None, min_free_bytes=0) as session:
        for number in range(100, 140, 2):
            session.add_frame(frame_of(number))
            session.add_record(record_of(number))
    assert library.cut("odd", 2, 4).ranges == (FrameRange(104, 108),)
    details = library.details("odd")
    assert (details.frames, details.ranges, details.left_out_frames, details.cuts) == (20, [(2, 4)], 3, 1)
    assert (details.car, details.width, details.height) == ("mycar", 64, 48)
    assert sum(details.histogram) == 17
    assert library.undo("odd") == Edits()
    assert library.details("odd").ranges == []


def test_damage_that_only_reading_shows_is_in_the_details(folder: Path, library: SessionLibrary) -> None:
    data = bytearray(session_bytes(40))
    middle = len(data) // 2
    data[middle : middle + 10] = bytes(10)
    (folder / "holed.mcap").write_bytes(data)
    assert "1 holes" in library.details("holed").damage


def test_a_thumbnail_is_a_frame_from_the_middle(folder: Path, library: SessionLibrary) -> None:
    assert 10 <= library.thumbnail("first").number < 30
    (folder / "cut.mcap").write_bytes(session_bytes(40)[:-100])
    assert 10 <= library.thumbnail("cut").number < 30


def test_a_session_that_was_written_anew_is_opened_anew(folder: Path, library: SessionLibrary) -> None:
    assert library.index("first").frame_count == 40
    (folder / "first.mcap").unlink()
    write_session(folder / "first.mcap", frames=20)
    assert library.index("first").frame_count == 20


def test_an_index_is_kept_and_the_oldest_makes_room(folder: Path, library: SessionLibrary) -> None:
    first = library.index("first")
    assert library.index("first") is first
    for number in range(20):
        write_session(folder / f"more{number}.mcap", frames=1)
        library.index(f"more{number}")
    assert first.frame(0) == frame_of(0).jpeg
    assert library.index("first") is not first


class TestWhileRecording:
    @pytest.fixture
    def writer(self, folder: Path) -> SessionWriter:
        self.clock = VirtualClock(START_NS)
        writer = SessionWriter(folder / "live.mcap", INFO, self.clock, sync=lambda _: None, min_free_bytes=0)
        self.record(writer, range(25))
        return writer

    def record(self, writer: SessionWriter, numbers: range) -> None:
        for number in numbers:
            self.clock.sleep_until_ns(frame_of(number).captured_ns)
            writer.add_frame(frame_of(number))
            writer.add_record(record_of(number))

    def test_a_live_session_is_listed_and_looked_into_as_it_grows(
        self, library: SessionLibrary, writer: SessionWriter
    ) -> None:
        row = library.row("live")
        assert (row.recording, row.frames, row.damage) == (True, 20, "")
        assert library.details("live").frames == 20
        self.record(writer, range(25, 60))
        assert library.row("live").frames == 50
        assert library.details("live").frames == 50
        assert library.thumbnail("live").number == 25
        writer.close()
        row = library.row("live")
        assert (row.recording, row.frames, row.damage) == (False, 60, "")

    def test_a_live_session_is_cut_but_neither_deleted_nor_handed_out(
        self, library: SessionLibrary, writer: SessionWriter, folder: Path
    ) -> None:
        assert library.cut("live", 0, 4).excludes(3)
        for refused in (library.delete, library.closed_path):
            with pytest.raises(SessionBusy, match="being recorded"):
                refused("live")
        writer.close()
        assert library.delete("live").trashed == "live"
        assert not (folder / "live.mcap").exists()

    def test_a_session_before_its_first_half_second_is_listed_as_empty(
        self, folder: Path, library: SessionLibrary
    ) -> None:
        clock = VirtualClock(START_NS)
        with SessionWriter(folder / "new.mcap", INFO, clock, sync=lambda _: None, min_free_bytes=0):
            row = library.row("new")
            assert (row.recording, row.frames, row.damage) == (True, 0, "")
            with pytest.raises(SessionBusy, match="just begun"):
                library.details("new")

    def test_where_files_cannot_be_locked_the_recorder_tells(self, folder: Path) -> None:
        library = SessionLibrary(folder, lambda: "first")
        assert library.row("first").recording
        with pytest.raises(SessionBusy):
            library.delete("first")

    def test_a_recording_that_ended_without_another_byte_is_no_longer_one(self, folder: Path) -> None:
        recorded = "first"
        library = SessionLibrary(folder, lambda: recorded)
        assert library.row("first").recording
        recorded = ""
        assert not library.row("first").recording


class Days:
    """A wall clock of whole days, to be set."""

    def __init__(self) -> None:
        self.today = datetime(2026, 10, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.today

    def pass_one(self) -> None:
        self.today += timedelta(days=1)


class TestTrash:
    def test_what_was_thrown_away_comes_back_with_its_edits(self, folder: Path, library: SessionLibrary) -> None:
        data = (folder / "first.mcap").read_bytes()
        library.cut("first", 3, 5)
        assert library.delete("first").trashed == "first"
        assert [row.name for row in library.rows()] == ["second"]
        assert not edits_path(folder / "first.mcap").exists()
        (trashed,) = library.trash.sessions()
        assert trashed.name == "first"
        assert trashed.bytes > len(data)
        assert library.trash.restore("first") == "first"
        assert (folder / "first.mcap").read_bytes() == data
        assert library.details("first").ranges == [(3, 5)]
        assert library.trash.sessions() == []

    def test_two_of_the_same_name_are_kept_apart(self, folder: Path, library: SessionLibrary) -> None:
        library.delete("first")
        write_session(folder / "first.mcap", frames=3)
        assert library.delete("first").trashed == "first~2"
        assert library.trash.restore("first~2") == "first"
        assert library.row("first").frames == 3
        with pytest.raises(SessionBusy, match="another session first"):
            library.trash.restore("first")
        assert [trashed.name for trashed in library.trash.sessions()] == ["first"]

    def test_what_is_not_there_cannot_be_taken_back(self, library: SessionLibrary) -> None:
        with pytest.raises(NoSuchSession):
            library.trash.restore("first")

    def test_what_is_old_goes_with_the_next_deletion_and_is_named(self, folder: Path) -> None:
        library = SessionLibrary(folder)
        days = Days()
        library.trash = Trash(folder, days.now)
        library.delete("first")
        for _ in range(DATES_KEPT):
            days.pass_one()
            library.rows()
        assert library.delete("second").dropped == ["first"]
        assert [trashed.name for trashed in library.trash.sessions()] == ["second"]

    def test_a_session_is_kept_for_two_weeks_of_use_and_goes_some_day(self, folder: Path) -> None:
        days = Days()
        trash = Trash(folder, days.now)
        trash.put(folder / "first.mcap")
        kept = 0
        while not trash.drop_old():
            (trashed,) = trash.sessions()
            assert datetime.fromisoformat(trashed.until) >= days.now()
            days.pass_one()
            kept += 1
            assert kept < 100
        assert kept >= DAYS_KEPT

    def test_a_clock_that_network_time_has_set_drops_nothing(self, folder: Path) -> None:
        days = Days()
        trash = Trash(folder, days.now)
        trash.put(folder / "first.mcap")
        for jump in (timedelta(days=58), timedelta(days=-20_000), timedelta(days=30_000)):
            days.today += jump
            assert trash.drop_old() == []
        (trashed,) = trash.sessions()
        assert datetime.fromisoformat(trashed.until) - days.now() >= timedelta(days=DAYS_KEPT - 2)

    def test_a_clock_that_wakes_up_in_the_past_every_day_makes_no_week_of_a_day(self, folder: Path) -> None:
        days = Days()
        trash = Trash(folder, days.now)
        trash.put(folder / "first.mcap")
        for _ in range(DAYS_KEPT - 1):
            true = days.today + timedelta(days=3)
            for waking in (true - timedelta(days=1), true) * 5:
                days.today = waking
                assert trash.drop_old() == []

    def test_a_car_that_nobody_uses_for_a_year_drops_nothing(self, folder: Path) -> None:
        Trash(folder).put(folder / "first.mcap")
        assert Trash(folder, lambda: datetime.now(UTC) + timedelta(days=365)).drop_old() == []

    def test_a_session_that_came_back_is_young_again(self, folder: Path) -> None:
        days = Days()
        trash = Trash(folder, days.now)
        for _ in range(3):
            trash.put(folder / "first.mcap")
            for _ in range(DATES_KEPT - 1):
                days.pass_one()
                assert trash.drop_old() == []
            trash.restore("first")

    @pytest.mark.parametrize("content", [b"", b"[]", b"nonsense", b'{"first": 3}', b"\0" * 100])
    def test_dates_that_cannot_be_read_count_anew(self, folder: Path, content: bytes) -> None:
        days = Days()
        trash = Trash(folder, days.now)
        trash.put(folder / "first.mcap")
        for _ in range(DATES_KEPT - 1):
            days.pass_one()
            trash.note_date()
        (folder / ".trash" / DATES).write_bytes(content)
        days.pass_one()
        assert trash.drop_old() == []
        assert [trashed.name for trashed in trash.sessions()] == ["first"]

    def test_the_trash_can_be_emptied_at_once(self, folder: Path, library: SessionLibrary) -> None:
        library.delete("first")
        library.delete("second")
        assert library.trash.empty() == ["first", "second"]
        assert library.trash.sessions() == []
