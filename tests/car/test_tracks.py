"""A car's own tracks: whole files or none, under names that reach nothing else."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from car.tracks import FOLDER_NAME, MAX_TRACKS, NoSuchTrack, TrackLibrary, TrackNameTaken, track_files
from hardware.errors import TrackError
from simulator.track_file import open_track

KIDNEY: dict[str, Any] = {
    "style": "tape",
    "centre_line_m": [[0, 0], [4, 0], [5, 1.5], [4, 3], [2, 2.6], [0, 3], [-1, 1.5]],
}
OTHER = {**KIDNEY, "style": "line"}


def test_what_is_saved_is_entered_under_the_name_of_its_file(tmp_path: Path) -> None:
    library = TrackLibrary(tmp_path)
    saved = library.save("mine", KIDNEY)
    assert library.names == TrackLibrary(tmp_path).names == ("mine",)
    (name,) = track_files(tmp_path, library.names)
    assert open_track(name).length_m == saved.length_m
    assert library.content("mine") == KIDNEY


@pytest.mark.parametrize("name", ["../x", "", ".hidden", "a/b", "a\\b", "mine.json", "MINE.JSON", "a" * 41, "ü", "a\n"])
def test_a_name_reaches_nothing_else(tmp_path: Path, name: str) -> None:
    with pytest.raises(TrackError, match="cannot be called"):
        TrackLibrary(tmp_path).save(name, KIDNEY)
    with pytest.raises(NoSuchTrack):
        TrackLibrary(tmp_path).content(name)
    assert not (tmp_path / FOLDER_NAME).exists()


def test_a_track_is_replaced_only_when_that_is_said(tmp_path: Path) -> None:
    library = TrackLibrary(tmp_path)
    library.save("mine", KIDNEY)
    with pytest.raises(TrackNameTaken, match="already"):
        library.save("mine", OTHER)
    assert library.content("mine") == KIDNEY
    library.save("mine", OTHER, replace=True)
    assert library.content("mine") == OTHER


def test_of_two_who_save_at_once_one_is_told_that_the_name_is_taken(tmp_path: Path) -> None:
    outcomes: list[str] = []

    def save() -> None:
        try:
            TrackLibrary(tmp_path).save("mine", KIDNEY)
            outcomes.append("saved")
        except TrackNameTaken:
            outcomes.append("taken")

    threads = [threading.Thread(target=save) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["saved", "taken", "taken", "taken"]
    assert [path.name for path in (tmp_path / FOLDER_NAME).iterdir()] == ["mine.json"]


def test_a_disk_that_refuses_leaves_what_was_there_and_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = TrackLibrary(tmp_path)
    library.save("mine", KIDNEY)

    def full(_descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        library.save("mine", OTHER, replace=True)
    with pytest.raises(OSError, match="No space left"):
        library.save("new", OTHER)
    assert [path.name for path in (tmp_path / FOLDER_NAME).iterdir()] == ["mine.json"]
    assert library.content("mine") == KIDNEY


def test_files_that_are_no_tracks_are_one_sentence_and_those_without_a_name_are_not_listed(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER_NAME
    folder.mkdir()
    (folder / "broken.json").write_text("{")
    (folder / ".hidden.json").write_text(json.dumps(KIDNEY))
    (folder / "notes.txt").write_text("hello")
    library = TrackLibrary(tmp_path)
    assert library.names == ("broken",)
    with pytest.raises(TrackError, match="no JSON"):
        library.content("broken")


def test_a_car_has_no_more_tracks_than_can_be_told(tmp_path: Path) -> None:
    library = TrackLibrary(tmp_path)
    library.save("track-0", KIDNEY)
    for number in range(1, MAX_TRACKS):
        (tmp_path / FOLDER_NAME / f"track-{number}.json").write_text("{}")
    with pytest.raises(TrackError, match=f"has {MAX_TRACKS} tracks"):
        library.save("one-more", KIDNEY)
    library.save("track-0", OTHER, replace=True)
    assert len(library.names) == MAX_TRACKS


def test_a_folder_that_cannot_be_read_has_no_tracks(tmp_path: Path) -> None:
    (tmp_path / FOLDER_NAME).write_text("a file")
    library = TrackLibrary(tmp_path)
    assert library.names == ()
    with pytest.raises(OSError, match=r"exists|directory"):
        library.save("mine", KIDNEY)
