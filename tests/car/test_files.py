"""What is not finished is told from what a killed process has left."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from car.files import alone, create_locked, is_locked, locking, new_folder, publish_new, work_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the locks are Unix's")

WORKER = """
import sys
from pathlib import Path
from car.files import work_folder
with work_folder(Path(sys.argv[1]), ".work-") as folder:
    (folder / "half").write_text("hal")
    print(folder, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a process that works in a folder of its own, of which it prints the path."""
    command = [sys.executable, "-c", WORKER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def folder_of(process: subprocess.Popen[str]) -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


def test_what_a_killed_process_left_goes_and_what_one_works_in_stays(
    worker: subprocess.Popen[str], tmp_path: Path
) -> None:
    left = folder_of(worker)
    with work_folder(tmp_path, ".work-") as ours:
        assert (left / "half").exists()
        worker.kill()
        worker.wait()
    assert not ours.exists()
    assert left.exists()
    with work_folder(tmp_path, ".work-") as ours:
        assert list(tmp_path.iterdir()) == [ours]


def test_a_number_that_is_in_use_again_saves_no_dead_process_s_folder(tmp_path: Path) -> None:
    (tmp_path / f".work-{os.getpid()}-dead").mkdir()
    (tmp_path / f".work-{os.getppid()}-dead").mkdir()
    (tmp_path / "other").mkdir()
    with work_folder(tmp_path, ".work-") as ours:
        assert sorted(tmp_path.iterdir()) == [ours, tmp_path / "other"]


def test_a_folder_that_was_renamed_in_the_block_stays(tmp_path: Path) -> None:
    with work_folder(tmp_path, ".work-") as ours:
        (ours / "whole").write_text("whole")
        ours.rename(tmp_path / "whole")
    assert [path.name for path in tmp_path.rglob("*")] == ["whole", "whole"]


def test_a_new_file_gets_its_name_when_it_is_whole_and_takes_nobody_s(tmp_path: Path) -> None:
    new, path = tmp_path / "new", tmp_path / "path"
    new.write_text("first")
    publish_new(new, path)
    assert [file.name for file in tmp_path.iterdir()] == ["path"]
    new.write_text("second")
    with pytest.raises(FileExistsError):
        publish_new(new, path)
    assert (path.read_text(), new.read_text()) == ("first", "second")


def make_while_another_does(path: Path) -> None:
    with new_folder(path) as first:
        (first / "whole").touch()
        with new_folder(path) as second:
            (second / "other").touch()
            assert not path.exists()
        assert (first / "whole").exists()


def test_two_who_make_the_same_folder_do_not_disturb_each_other_and_one_of_them_fails(tmp_path: Path) -> None:
    path = tmp_path / "new" / "made"
    with pytest.raises(OSError, match="made"):
        make_while_another_does(path)
    assert [each.name for each in path.iterdir()] == ["other"]
    assert list(path.parent.iterdir()) == [path]
    # Made by its user like any other, not for that user's eyes alone.
    assert path.stat().st_mode == path.parent.stat().st_mode


def test_a_folder_whose_making_fails_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_folder(tmp_path / "failed"):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_two_who_look_whether_a_file_is_being_written_do_not_take_each_other_for_a_writer(tmp_path: Path) -> None:
    path = tmp_path / "session"
    path.write_text("")
    with locking(path, shared=True) as ours:
        assert ours
        assert not is_locked(path)
    with create_locked(tmp_path / "new"):
        assert is_locked(tmp_path / "new")
    with locking(path) as ours:
        assert ours
        assert is_locked(path)


def test_one_at_a_time_holds_a_file(tmp_path: Path) -> None:
    with alone(tmp_path / "lock") as first, alone(tmp_path / "lock") as second:
        assert (first, second) == (True, False)
    with alone(tmp_path / "lock") as third:
        assert third
