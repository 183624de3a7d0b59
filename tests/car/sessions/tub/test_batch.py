"""Many tubs or sessions at once: the good ones are done, the bad ones said, and all of it can be run again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from car import files
from car.errors import RecordingError
from car.sessions import Edits, FrameRange, Session, SessionWriter
from car.sessions.library import SessionLibrary
from car.sessions.tub.batch import Result, export_sessions, import_tubs
from car.sessions.tub.importer import import_tub
from car.sessions.tub.names import MAX_NAME, plain_name
from hardware.clock import VirtualClock
from tests.car.sessions.recordings import INFO, START_NS, frame_of, session_bytes, write_session
from tests.car.sessions.test_writer import drive
from tests.car.sessions.tub.test_importer import START_MS, SyntheticTub


@pytest.fixture
def sessions(tmp_path: Path) -> Path:
    folder = tmp_path / "mycar" / "sessions"
    folder.mkdir(parents=True)
    return folder


def made(results: list[Result]) -> list[str]:
    return [result.made.stem for result in results if result.made is not None]


def names_in(sessions: Path) -> list[str]:
    return sorted(path.name for path in sessions.iterdir())


def bring(sessions: Path, *paths: Path, negate_throttle: bool = False) -> list[Result]:
    return list(import_tubs(paths, sessions, car="mycar", negate_throttle=negate_throttle))


class TestImport:
    def test_a_bad_tub_among_good_ones_is_said_and_passed_over(self, tmp_path: Path, sessions: Path) -> None:
        for name in ("tub_1", "tub_3"):
            SyntheticTub(tmp_path / "tubs" / name).write()
        SyntheticTub(tmp_path / "tubs" / "tub_2", listed=0).write()
        for catalog in (tmp_path / "tubs" / "tub_2").glob("*.catalog"):
            catalog.write_bytes(b"")
        results = bring(sessions, tmp_path / "tubs", tmp_path / "nowhere")
        assert made(results) == ["tub_1", "tub_3"]
        assert [result.failed for result in results] == [False, True, False, True]
        assert "tub_2 can be imported (0 records" in str(results[1])
        assert "There is no folder" in str(results[3])

    def test_a_second_call_takes_what_is_new_and_says_what_is_there(self, tmp_path: Path, sessions: Path) -> None:
        SyntheticTub(tmp_path / "tubs" / "tub_1").write()
        bring(sessions, tmp_path / "tubs")
        SyntheticTub(tmp_path / "tubs" / "tub_2").write()
        first, second = bring(sessions, tmp_path / "tubs")
        assert str(first) == f"{tmp_path / 'tubs' / 'tub_1'}: imported already, 25 records as tub_1"
        assert not first.failed
        assert second.made == sessions / "tub_2.mcap"
        assert names_in(sessions) == ["tub_1.mcap", "tub_2.mcap"]

    def test_after_more_driving_only_what_is_new_is_taken(self, tmp_path: Path, sessions: Path) -> None:
        tub = SyntheticTub(tmp_path / "data")
        tub.write()
        bring(sessions, tub.folder)
        with (tub.folder / "catalog_2.catalog").open("a") as catalog:
            for index in range(25, 40):
                name = f"{index}_cam_image_array_.jpg"
                (tub.folder / "images" / name).write_bytes(frame_of(index).jpeg)
                time = {"_index": index, "_timestamp_ms": START_MS + 50 * index, "cam/image_array": name}
                catalog.write(json.dumps({**tub.records[0], **time}) + "\n")
        (result,) = bring(sessions, tub.folder)
        assert str(result).startswith("data_2: 15 of 40 records imported")
        assert "already imported: 25 records as data" in str(result)
        with Session.open(sessions / "data_2.mcap") as session:
            assert list(session.numbers) == list(range(25, 40))
        (again,) = bring(sessions, tub.folder)
        assert "imported already, 25 records as data, 15 records as data_2" in str(again)

    def test_an_unusable_rest_of_a_tub_is_nothing_new(self, tmp_path: Path, sessions: Path) -> None:
        tub = SyntheticTub(tmp_path / "data")
        del tub.images["3_cam_image_array_.jpg"]
        tub.images["4_cam_image_array_.jpg"] = b"broken"
        tub.images["5_cam_image_array_.jpg"] = frame_of(5, height=24, width=32).jpeg
        tub.write()
        (first,) = bring(sessions, tub.folder)
        assert "22 of 25" in str(first)
        (again,) = bring(sessions, tub.folder)
        assert not again.failed
        assert names_in(sessions) == ["data.mcap"]

    def test_two_tubs_of_one_name_become_two_sessions_though_they_are_the_same(
        self, tmp_path: Path, sessions: Path
    ) -> None:
        for car in ("carA", "carB"):
            SyntheticTub(tmp_path / car / "data").write()
        results = bring(sessions, tmp_path / "carA" / "data", tmp_path / "carB" / "data")
        assert made(results) == ["data", "data_2"]
        assert str(results[1]) == f"data_2: 25 of 25 records imported, from {tmp_path / 'carB' / 'data'}"
        again = bring(sessions, tmp_path / "carB" / "data", tmp_path / "carA" / "data")
        assert ["as data_2" in str(again[0]), "as data" in str(again[1])] == [True, True]
        assert made(again) == []

    @pytest.mark.parametrize("change", ["commands", "images"])
    def test_another_tub_in_the_place_of_one_that_was_imported_is_taken(
        self, tmp_path: Path, sessions: Path, change: str
    ) -> None:
        SyntheticTub(tmp_path / "data").write()
        bring(sessions, tmp_path / "data")
        (tmp_path / "data").rename(tmp_path / "gone")
        tub = SyntheticTub(tmp_path / "data")
        if change == "commands":
            tub.records = [dict(record, **{"user/angle": -0.5}) for record in tub.records]
        else:
            tub.images = {name: frame_of(30 + place).jpeg for place, name in enumerate(tub.images)}
        tub.write()
        (result,) = bring(sessions, tmp_path / "data")
        assert str(result) == f"data_2: 25 of 25 records imported, from {tmp_path / 'data'}"

    def test_the_same_tub_named_twice_is_imported_once(
        self, tmp_path: Path, sessions: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tub = SyntheticTub(tmp_path / "data").write()
        monkeypatch.chdir(tub)
        assert made(bring(sessions, tub, Path(), tmp_path / "data", Path("..") / "data")) == ["data"]

    def test_what_was_thrown_away_can_be_imported_again(self, tmp_path: Path, sessions: Path) -> None:
        tub = SyntheticTub(tmp_path / "data").write()
        bring(sessions, tub)
        SessionLibrary(sessions).delete("data")
        assert made(bring(sessions, tub)) == ["data"]

    def test_a_negated_throttle_makes_another_session(self, tmp_path: Path, sessions: Path) -> None:
        tub = SyntheticTub(tmp_path / "data").write()
        bring(sessions, tub)
        assert made(bring(sessions, tub, negate_throttle=True)) == ["data_2"]
        assert made(bring(sessions, tub, negate_throttle=True)) == []

    def test_sessions_that_cannot_be_read_keep_no_tub_out(self, tmp_path: Path, sessions: Path) -> None:
        tub = SyntheticTub(tmp_path / "data").write()
        (sessions / "data.mcap").write_bytes(b"")
        (sessions / "other.mcap").write_bytes(session_bytes()[:900])
        (sessions / "link.mcap").symlink_to(tmp_path / "nowhere")
        assert made(bring(sessions, tub)) == ["data_2"]

    def test_a_name_that_another_import_is_about_to_use_is_left_to_it(self, tmp_path: Path, sessions: Path) -> None:
        pytest.importorskip("fcntl", reason="Windows knows no such locks")
        tub = SyntheticTub(tmp_path / "data").write()
        with files.create_locked(sessions / ".data.mcap.tmp"):
            assert made(bring(sessions, tub)) == ["data_2"]
            with pytest.raises(RecordingError, match="data is being imported already"):
                import_tub(tub, sessions / "data.mcap")
            assert (sessions / ".data.mcap.tmp").exists()

    def test_what_a_killed_import_left_is_overwritten(self, tmp_path: Path, sessions: Path) -> None:
        tub = SyntheticTub(tmp_path / "data").write()
        (sessions / ".data.mcap.tmp").write_bytes(b"half")
        assert made(bring(sessions, tub)) == ["data"]
        assert names_in(sessions) == ["data.mcap"]

    def test_a_car_without_a_folder_for_sessions_is_one_sentence_for_each(self, tmp_path: Path) -> None:
        for name in ("one", "two"):
            SyntheticTub(tmp_path / "tubs" / name).write()
        results = bring(tmp_path / "no" / "sessions", tmp_path / "tubs")
        assert [result.failed for result in results] == [True, True]
        assert "cannot be created" in str(results[0])

    def test_a_folder_that_cannot_be_looked_into_hides_no_other(
        self, tmp_path: Path, sessions: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "tubs" / "locked").mkdir(parents=True)
        SyntheticTub(tmp_path / "tubs" / "open").write()
        listing = Path.iterdir

        def iterdir(path: Path) -> object:
            if path.name == "locked":
                raise PermissionError(13, "Permission denied")
            return listing(path)

        # Root may look into every folder, so permissions would not do.
        monkeypatch.setattr(Path, "iterdir", iterdir)
        refused, opened = bring(sessions, tmp_path / "tubs")
        assert "locked cannot be read (Permission denied)" in str(refused)
        assert opened.made == sessions / "open.mcap"

    def test_progress_is_shown_by_the_tubs_name(self, tmp_path: Path, sessions: Path) -> None:
        SyntheticTub(tmp_path / "data").write()
        said: list[str] = []

        class Shown:
            def __enter__(self) -> object:
                return lambda done: said.append(f"{done:.0%}")

            def __exit__(self, *_: object) -> None:
                return None

        def watch(what: str) -> Shown:
            said.append(what)
            return Shown()

        list(import_tubs([tmp_path / "data"], sessions, watch=watch))  # type: ignore[arg-type]
        assert (said[0], said[-1]) == ("importing data", "100%")


class TestName:
    @pytest.mark.parametrize(
        ("folder", "expected"),
        [
            ("data", "data"),
            (".hidden", "hidden"),
            ("12:30 lap", "12_30_lap"),
            ("été", "t"),
            ("日本", "tub"),
            ("...", "tub"),
        ],
    )
    def test_a_folders_name_is_made_plain(self, folder: str, expected: str) -> None:
        assert plain_name(folder) == expected

    @pytest.mark.parametrize("folder", ["x" * 300, "x" * (MAX_NAME - 1) + ".y", "_" * 100 + "a"])
    def test_a_long_name_is_cut_to_a_plain_one(self, folder: str) -> None:
        name = plain_name(folder)
        assert 0 < len(name) <= MAX_NAME
        assert plain_name(name) == name

    @pytest.mark.parametrize("typed", [".", "..", "../data", "images/.."])
    def test_a_session_is_called_by_the_folders_real_name(
        self, tmp_path: Path, sessions: Path, monkeypatch: pytest.MonkeyPatch, typed: str
    ) -> None:
        tub = SyntheticTub(tmp_path / "data").write()
        monkeypatch.chdir(tub / "images" if typed == ".." else tub)
        (result,) = bring(sessions, Path(typed))
        assert str(result) == "data: 25 of 25 records imported"
        assert [row.name for row in SessionLibrary(sessions).rows()] == ["data"]

    @pytest.mark.parametrize("name", [".hidden", "12:30 lap", "-rf"])
    def test_every_session_that_was_imported_is_listed(self, tmp_path: Path, sessions: Path, name: str) -> None:
        tub = SyntheticTub(tmp_path / name).write()
        (result,) = bring(sessions, tub)
        assert result.made is not None
        assert [row.name for row in SessionLibrary(sessions).rows()] == [result.made.stem]


class TestExport:
    def test_a_bad_session_among_good_ones_is_said_and_passed_over(self, tmp_path: Path, sessions: Path) -> None:
        for name in ("a", "c"):
            write_session(sessions / f"{name}.mcap", frames=5)
        (sessions / "b.mcap").write_bytes(b"nonsense")
        paths = [sessions / f"{name}.mcap" for name in "abcd"]
        results = list(export_sessions(paths, tmp_path / "tubs"))
        assert [result.failed for result in results] == [False, True, False, True]
        assert made(results) == ["a", "c"]
        assert names_in(tmp_path / "tubs") == ["a", "c"]

    def test_a_second_call_exports_what_is_new_and_says_what_is_there(self, tmp_path: Path, sessions: Path) -> None:
        write_session(sessions / "a.mcap", frames=5)
        list(export_sessions([sessions / "a.mcap"], tmp_path / "tubs"))
        write_session(sessions / "b.mcap", frames=5)
        first, second = export_sessions(sorted(sessions.glob("*.mcap")), tmp_path / "tubs")
        assert str(first) == f"a.mcap: exported already to {tmp_path / 'tubs' / 'a'}"
        assert not first.failed
        assert "records exported" in str(second)

    @pytest.mark.parametrize("change", ["cut", "image", "other"])
    def test_a_tub_that_is_not_the_same_is_left_alone(self, tmp_path: Path, sessions: Path, change: str) -> None:
        write_session(sessions / "a.mcap", frames=5)
        list(export_sessions([sessions / "a.mcap"], tmp_path / "tubs"))
        if change == "cut":
            Edits.of([FrameRange(1, 2)]).save(sessions / "a.mcap")
        elif change == "image":
            (tmp_path / "tubs" / "a" / "images" / "3_cam_image_array_.jpg").unlink()
        else:
            (sessions / "a.mcap").unlink()
            write_session(sessions / "a.mcap", frames=6)
        before = (tmp_path / "tubs" / "a" / "manifest.json").read_bytes()
        assert made(list(export_sessions([sessions / "a.mcap"], tmp_path / "tubs"))) == ["a_2"]
        assert (tmp_path / "tubs" / "a" / "manifest.json").read_bytes() == before
        (again,) = export_sessions([sessions / "a.mcap"], tmp_path / "tubs")
        assert str(again).endswith("exported already to " + str(tmp_path / "tubs" / "a_2"))

    def test_two_sessions_of_one_name_become_two_tubs(self, tmp_path: Path, sessions: Path) -> None:
        other = tmp_path / "other"
        other.mkdir()
        write_session(sessions / "a.mcap", frames=5)
        write_session(other / "a.mcap", frames=6)
        results = list(export_sessions([sessions / "a.mcap", other / "a.mcap"], tmp_path / "tubs"))
        assert made(results) == ["a", "a_2"]

    def test_a_session_without_a_plain_name_gets_one(self, tmp_path: Path, sessions: Path) -> None:
        for name in (".mcap", "...mcap", "my lap.mcap"):
            write_session(sessions / name, frames=5)
        results = list(export_sessions(sorted(sessions.iterdir()), tmp_path / "tubs"))
        assert not any(result.failed for result in results)
        assert [name for name in names_in(tmp_path / "tubs") if name.startswith(".")] == []

    @pytest.mark.parametrize(("frames", "words"), [(30, "a is being recorded"), (0, "a has only just begun")])
    def test_a_session_that_is_being_recorded_is_refused(
        self, tmp_path: Path, sessions: Path, frames: int, words: str
    ) -> None:
        pytest.importorskip("fcntl", reason="Windows knows no such locks")
        clock = VirtualClock(START_NS)
        with SessionWriter(sessions / "a.mcap", INFO, clock, min_free_bytes=0) as session:
            drive(session, clock, frames)
            (result,) = export_sessions([sessions / "a.mcap"], tmp_path / "tubs")
        assert result.failed
        assert words in str(result)
        assert not (tmp_path / "tubs").exists()
