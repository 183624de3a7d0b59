"""car.toml is its owner's file: what the program changes in it leaves everything else as it was typed."""

from __future__ import annotations

import errno
import multiprocessing
import os
import threading
from pathlib import Path

import pytest

from car.config.change import change_config
from car.config.sections import CarConfig, load_config, template
from car.errors import ConfigError
from car.neutral import main as neutral


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "car.toml"
    path.write_text(template("mycar"))
    return path


def test_a_change_leaves_every_other_character_as_it_was(path: Path) -> None:
    before = path.read_text()
    change_config(path, {"pilot": {"model": "evening"}})
    assert path.read_text() == before.replace('model = "simulated-lane"', 'model = "evening"')
    assert load_config(path).pilot.model == "evening"


def test_sections_and_keys_that_are_not_there_are_added(tmp_path: Path) -> None:
    path = tmp_path / "car.toml"
    path.write_text("# mine\n\n[camera]\nwidth = 320 # wide\n")
    change_config(path, {"camera": {"height": 240}, "pilot": {"model": "evening"}})
    config = load_config(path)
    assert (config.camera.width, config.camera.height, config.pilot.model) == (320, 240, "evening")
    assert path.read_text().startswith("# mine\n\n[camera]\nwidth = 320 # wide\n")


@pytest.mark.parametrize(
    ("content", "changes", "words"),
    [
        ("[camera]\n", {"camera": {"width": 3}}, "camera.width"),
        ("[camera]\n", {"camera": {"wdith": 3}}, "unknown key"),
        ("[camera\n", {"camera": {"width": 320}}, "not valid TOML"),
        ("camera = 3\n", {"camera": {"width": 320}}, "not a section"),
        ("[camera]\nwidth = 3\n", {"pilot": {"model": "evening"}}, "camera.width"),
    ],
)
def test_what_is_not_allowed_is_refused_and_nothing_is_written(
    tmp_path: Path, content: str, changes: dict[str, dict[str, str | int]], words: str
) -> None:
    path = tmp_path / "car.toml"
    path.write_text(content)
    with pytest.raises(ConfigError, match=words):
        change_config(path, changes)
    assert path.read_text() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="car init"):
        change_config(tmp_path / "car.toml", {"pilot": {"model": "evening"}})


def test_windows_line_ends_and_who_may_read_it_stay(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    path.chmod(0o640)
    change_config(path, {"pilot": {"model": "evening"}})
    assert path.read_bytes().count(b"\n") == path.read_bytes().count(b"\r\n")
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_that_its_owner_has_made_read_only_stays_as_it_is(path: Path) -> None:
    before = path.read_bytes()
    path.chmod(0o444)
    with pytest.raises(ConfigError, match=r"is read-only.*chmod u\+w"):
        change_config(path, {"pilot": {"model": "evening"}})
    assert path.read_bytes() == before


def test_a_full_disk_leaves_the_file_and_asks_for_room(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before = path.read_bytes()
    monkeypatch.setattr("car.files.os.fsync", refuse)
    with pytest.raises(ConfigError, match=r"No space left.*Make room"):
        change_config(path, {"pilot": {"model": "evening"}})
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_what_root_changes_stays_its_owner_s(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0, raising=False)
    monkeypatch.setattr(os, "chown", lambda _path, user, group: given.append((user, group)), raising=False)
    change_config(path, {"pilot": {"model": "evening"}})
    assert given == [(path.stat().st_uid, path.stat().st_gid)]


def test_a_mark_at_its_beginning_which_nobody_sees_is_no_mistake(path: Path) -> None:
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    change_config(path, {"pilot": {"model": "evening"}})
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_config(path).pilot.model == "evening"
    assert neutral(["--car", str(path.parent)]) == 0


def test_a_link_to_the_file_stays_a_link(path: Path, tmp_path: Path) -> None:
    link = tmp_path / "linked.toml"
    link.symlink_to(path)
    change_config(link, {"pilot": {"model": "evening"}})
    assert link.is_symlink()
    assert load_config(path).pilot.model == "evening"


def _set_again_and_again(path: Path, section: str, key: str) -> None:
    for value in range(9001, 9041):
        change_config(path, {section: {key: value}})


def test_processes_that_save_at_the_same_time_lose_nothing(path: Path) -> None:
    # As car calibrate in a terminal and the page's model list do.
    keys = (("web", "port"), ("recording", "min_free_mb"))
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_set_again_and_again, args=(path, *key)) for key in keys]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    expected = (
        template("mycar").replace("port = 8887", "port = 9040").replace("min_free_mb = 500", "min_free_mb = 9040")
    )
    assert path.read_text(encoding="utf-8") == expected


def test_changes_at_the_same_time_are_all_kept(path: Path) -> None:
    keys = ["width", "height", "rate_hz", "fov_deg", "pitch_deg"]
    threads = [threading.Thread(target=change_config, args=(path, {"camera": {key: 64}})) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    camera = load_config(path).camera
    assert camera == CarConfig().camera.model_copy(update=dict.fromkeys(keys, 64))
