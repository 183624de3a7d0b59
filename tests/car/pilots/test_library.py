"""The car's models by name: nothing else can be reached, and nothing becomes one that has not been tried out."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import models
from car.errors import ModelNameTaken, NoSuchModel
from car.pilots.check import check_model
from car.pilots.library import ModelLibrary
from hardware.camera import CameraGeometry
from models.contract import ModelCard
from models.errors import ModelError
from models.loader import append_card, load_model, read_card

SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"
CAMERA = CameraGeometry(160, 120)


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    (tmp_path / "models").mkdir()
    return ModelLibrary(tmp_path, CAMERA)


def add(library: ModelLibrary, name: str, content: bytes, *, replace: bool = False) -> None:
    incoming = library.incoming(name, replace=replace)
    try:
        incoming.write_bytes(content)
        library.accept(incoming, name, replace=replace)
    finally:
        incoming.unlink(missing_ok=True)


def test_models_that_ship_are_listed_with_their_card(library: ModelLibrary) -> None:
    row = library.row("simulated-lane", "simulated-lane.tflite")
    assert (row.active, row.fits, row.why, row.shipped, row.bytes) == (True, True, "", True, SHIPPED.stat().st_size)
    assert row.card is not None
    assert row.card["width"] == 160
    assert [row.name for row in library.rows("")] == ["simulated-lane"]


def test_an_added_model_is_listed_and_drives(library: ModelLibrary, tmp_path: Path) -> None:
    add(library, "evening", SHIPPED.read_bytes())
    assert [(row.name, row.active, row.shipped) for row in library.rows("evening.tflite")] == [
        ("evening", True, False),
        ("simulated-lane", False, True),
    ]
    check = library.check("evening")
    assert load_model(library.path("evening"), tried_sha256=check.sha256).width == 160
    assert library.setting("evening") == "evening"
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["evening.tflite"]


def test_the_cars_own_model_goes_before_one_of_the_same_name_that_ships(library: ModelLibrary) -> None:
    add(library, "simulated-lane", SHIPPED.read_bytes())
    (row,) = library.rows("")
    assert not row.shipped


def test_a_model_for_other_frames_is_kept_but_not_driven_with(library: ModelLibrary, tiny_models: Path) -> None:
    add(library, "small", (tiny_models / "good.tflite").read_bytes())
    row = library.row("small", "")
    assert (row.fits, row.card) == (False, None)
    assert "32x24" in row.why
    with pytest.raises(ModelError, match="small takes frames of 32x24"):
        library.check("small")


def test_the_card_alone_tells_that_a_model_does_not_fit(library: ModelLibrary, tmp_path: Path) -> None:
    path = tmp_path / "models" / "other.tflite"
    shutil.copy(SHIPPED, path)
    card = read_card(path)
    assert card is not None
    append_card(path, replace(card, width=320, height=240))
    row = library.row("other", "")
    assert not row.fits
    assert "320x240" in row.why


def test_nothing_is_added_that_is_no_pilot_model(library: ModelLibrary, tmp_path: Path, tiny_models: Path) -> None:
    damaged = bytearray(SHIPPED.read_bytes())
    damaged[5000:6000] = bytes(1000)
    contents = {
        "nothing": b"",
        "text": b"hello",
        "magic": b"\0\0\0\0TFL3" + bytes(100),
        "damaged": bytes(damaged),
        "cut": SHIPPED.read_bytes()[:5000],
        "renamed": (tiny_models / "renamed_outputs.tflite").read_bytes(),
    }
    for name, content in contents.items():
        with pytest.raises(ModelError, match=f"^{name}: ") as caught:
            add(library, name, content)
        assert str(tmp_path) not in str(caught.value)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_model_that_crashes_the_runtime_crashes_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(ModelError, match="evening crashes the TFLite runtime"):
        check_model(SHIPPED, "evening")


def test_another_of_the_same_name_is_not_replaced_unless_that_is_said(library: ModelLibrary, tiny_models: Path) -> None:
    add(library, "evening", SHIPPED.read_bytes())
    with pytest.raises(ModelNameTaken, match="already"):
        library.incoming("evening")
    add(library, "evening", (tiny_models / "good.tflite").read_bytes(), replace=True)
    assert not library.row("evening", "").fits
    assert not library.row("evening", "").fits


def test_one_that_came_meanwhile_is_not_replaced(library: ModelLibrary, tmp_path: Path) -> None:
    incoming = library.incoming("evening")
    incoming.write_bytes(SHIPPED.read_bytes())
    (tmp_path / "models" / "evening.tflite").write_text("mine")
    with pytest.raises(ModelNameTaken):
        library.accept(incoming, "evening")
    assert (tmp_path / "models" / "evening.tflite").read_text() == "mine"


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", ".a", "a\0", "x" * 65, "a b", "a.tflite", "é", "a\n"])
def test_no_name_leads_out_of_the_folder(library: ModelLibrary, name: str) -> None:
    with pytest.raises(ModelError):
        library.incoming(name)
    with pytest.raises(NoSuchModel):
        library.path(name)


def test_a_file_that_is_no_model_is_listed_with_what_is_wrong(library: ModelLibrary, tmp_path: Path) -> None:
    (tmp_path / "models" / "odd.tflite").write_text("hello")
    row = library.row("odd", "")
    assert not row.fits
    assert "not a TFLite model" in row.why
    assert str(tmp_path) not in row.why


def test_a_card_that_lies_is_found_out_when_its_model_is_to_drive(
    library: ModelLibrary, tmp_path: Path, tiny_models: Path
) -> None:
    path = tmp_path / "models" / "odd.tflite"
    shutil.copy(tiny_models / "good.tflite", path)
    append_card(path, ModelCard("odd", height=120, width=160))
    with pytest.raises(ModelError, match="its card says 160x120"):
        library.check("odd")
    assert not library.row("odd", "").fits


def test_a_renamed_model_drives_under_its_new_name(library: ModelLibrary) -> None:
    add(library, "evening", SHIPPED.read_bytes())
    library.rename("evening", "kitchen")
    assert library.check("kitchen").width == 160
    with pytest.raises(NoSuchModel, match="Choose one of: kitchen, simulated-lane"):
        library.path("evening")


@pytest.mark.skipif(sys.platform == "win32", reason="links are Unix's")
def test_a_rename_never_takes_another_models_place(library: ModelLibrary, tmp_path: Path) -> None:
    add(library, "evening", SHIPPED.read_bytes())
    (tmp_path / "models" / "mine.tflite").write_text("mine")
    (tmp_path / "models" / "link.tflite").symlink_to("nowhere")
    for taken in ("mine", "link", "evening"):
        with pytest.raises(ModelNameTaken, match="Rename that one, or delete it"):
            library.rename("evening", taken)
    assert (tmp_path / "models" / "mine.tflite").read_text() == "mine"
    assert (tmp_path / "models" / "evening.tflite").read_bytes() == SHIPPED.read_bytes()


@pytest.mark.parametrize("name", ["", "..", "a/b", "../a", ".a", "x" * 65, "a.tflite"])
def test_a_rename_never_leads_out_of_the_folder(library: ModelLibrary, tmp_path: Path, name: str) -> None:
    add(library, "evening", SHIPPED.read_bytes())
    with pytest.raises(ModelError, match="cannot be called"):
        library.rename("evening", name)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["evening.tflite"]


def test_deleted_models_are_in_the_trash_until_they_are_restored(library: ModelLibrary) -> None:
    for content in (b"the first", b"the second"):
        (library.target("evening")).write_bytes(content)
        trashed = library.delete("evening")
    assert trashed == "evening-2"
    assert [row.name for row in library.rows("")] == ["simulated-lane"]
    library.restore("evening")
    assert library.path("evening").read_bytes() == b"the first"
    library.restore("evening-2")
    assert library.path("evening-2").read_bytes() == b"the second"
    with pytest.raises(NoSuchModel, match="In it are: no models"):
        library.restore("evening")


def test_a_restored_model_never_takes_another_ones_place(library: ModelLibrary) -> None:
    library.target("evening").write_text("old")
    library.delete("evening")
    library.target("evening").write_text("new")
    with pytest.raises(ModelNameTaken):
        library.restore("evening")
    assert library.path("evening").read_text() == "new"
    library.delete("evening")
    library.restore("evening")
    assert library.path("evening").read_text() == "old"


def test_what_ships_and_what_the_car_drives_with_stay(library: ModelLibrary) -> None:
    add(library, "evening", SHIPPED.read_bytes())
    for move in (library.delete, lambda name, in_use: library.rename(name, "other", in_use)):
        with pytest.raises(ModelError, match="ships with Pocketpilot"):
            move("simulated-lane", ())
        with pytest.raises(ModelError, match="The car drives with evening"):
            move("evening", {"evening"})
    assert SHIPPED.is_file()
    assert library.path("evening").is_file()


def test_a_setting_means_its_model_by_name_file_and_path(library: ModelLibrary, tmp_path: Path) -> None:
    add(library, "evening", SHIPPED.read_bytes())
    for setting in ("evening", "evening.tflite", str(tmp_path / "models" / "evening.tflite")):
        assert "evening" in library.meant_by(setting)
    for setting in ("", "simulated-lane", str(tmp_path / "evening.tflite")):
        assert "evening" not in library.meant_by(setting)


def test_a_name_means_the_cars_model_although_a_file_here_hides_it(
    library: ModelLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(library, "evening", SHIPPED.read_bytes())
    monkeypatch.chdir(tmp_path)
    shutil.copy(SHIPPED, tmp_path / "evening.tflite")
    assert "evening" in library.meant_by("evening")


@pytest.mark.skipif(sys.platform == "win32", reason="links are Unix's")
def test_a_link_to_nothing_can_be_thrown_away(library: ModelLibrary, tmp_path: Path) -> None:
    (tmp_path / "models" / "lost.tflite").symlink_to("nowhere")
    library.delete("lost")
    assert [path.name for path in (tmp_path / "models").iterdir()] == [".trash"]


def test_a_model_that_cannot_be_moved_stays(library: ModelLibrary, tmp_path: Path) -> None:
    add(library, "evening", SHIPPED.read_bytes())
    (tmp_path / "models" / ".trash").write_text("in the way")
    with pytest.raises(ModelError, match="evening cannot be moved"):
        library.delete("evening")
    assert library.path("evening").is_file()
    (tmp_path / "models" / "folder.tflite").mkdir()
    with pytest.raises(ModelError, match="folder cannot be moved"):
        library.rename("folder", "other")
    assert not (tmp_path / "models" / "other.tflite").exists()


def make_broken_link(path: Path) -> None:
    path.symlink_to(path.with_name("moved-away"))


def make_link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are Unix's")
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_broken_link, "a link to a file that is not there"),
        (make_link_to_itself, "a link to a file that is not there"),
        (Path.mkdir, "not a file"),
        (make_pipe, "not a file"),
    ],
)
def test_what_is_no_file_is_listed_with_the_reason_and_takes_no_other_model_from_the_list(
    library: ModelLibrary, tmp_path: Path, make: Callable[[Path], None], words: str
) -> None:
    add(library, "evening", SHIPPED.read_bytes())
    make(tmp_path / "models" / "borrowed.tflite")
    rows = {row.name: row for row in library.rows("")}
    assert [(name, row.fits) for name, row in rows.items()] == [
        ("borrowed", False),
        ("evening", True),
        ("simulated-lane", True),
    ]
    assert words in rows["borrowed"].why
    with pytest.raises(NoSuchModel, match=words):
        library.check("borrowed")


def test_a_model_that_is_deleted_while_it_is_looked_at_takes_no_other_from_the_list(
    library: ModelLibrary, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleeting = tmp_path / "models" / "fleeting.tflite"
    fleeting.write_bytes(SHIPPED.read_bytes())

    def read_and_delete(path: Path) -> ModelCard | None:
        card = read_card(path)
        if path == fleeting:
            path.unlink()
        return card

    monkeypatch.setattr("car.pilots.library.read_card", read_and_delete)
    rows = library.rows("")
    assert [(row.name, row.fits) for row in rows] == [("fleeting", False), ("simulated-lane", True)]


def versioned(library: ModelLibrary, name: str, content: bytes, *, force: bool = False) -> str:
    incoming = library.incoming(name, replace=True)
    incoming.write_bytes(content)
    try:
        return library.accept_version(incoming, name, hashlib.sha256(content).hexdigest(), force=force)
    finally:
        incoming.unlink(missing_ok=True)


def test_versions_stay_beside_each_other_and_the_same_one_is_kept_once(library: ModelLibrary, tmp_path: Path) -> None:
    shutil.copy(SHIPPED, tmp_path / "other.tflite")
    append_card(tmp_path / "other.tflite", ModelCard("other", 120, 160))
    first, second = SHIPPED.read_bytes(), (tmp_path / "other.tflite").read_bytes()
    names = [versioned(library, "lane", content) for content in (first, second, first, second)]
    assert names == ["lane", "lane-2", "lane", "lane-2"]
    assert library.path("lane").read_bytes() == first


def test_a_version_never_takes_the_place_of_a_pilot_that_ships(library: ModelLibrary, tmp_path: Path) -> None:
    shutil.copy(SHIPPED, tmp_path / "other.tflite")
    append_card(tmp_path / "other.tflite", ModelCard("other", 120, 160))
    contents = (SHIPPED.read_bytes(), (tmp_path / "other.tflite").read_bytes())
    assert [versioned(library, SHIPPED.stem, content) for content in contents] == [SHIPPED.stem, f"{SHIPPED.stem}-2"]
    assert library.path(SHIPPED.stem) == SHIPPED


def test_a_version_for_other_frames_is_kept_by_force_alone(tmp_path: Path) -> None:
    library = ModelLibrary(tmp_path / "large", CameraGeometry(width=320, height=240))
    (tmp_path / "large" / "models").mkdir(parents=True)
    with pytest.raises(ModelError, match="lane takes frames of 160x120, this camera gives 320x240"):
        versioned(library, "lane", SHIPPED.read_bytes())
    assert list((tmp_path / "large" / "models").iterdir()) == []
    assert versioned(library, "lane", SHIPPED.read_bytes(), force=True) == "lane"
