"""``car compare`` as typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardware.camera import CameraGeometry
from tests.system.car_process import assert_refused, run_car
from tests.training.drives import write_drive


@pytest.fixture(scope="module")
def car_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a car with a drive of its own."""
    folder = tmp_path_factory.mktemp("car")
    assert run_car("init", "mycar", cwd=folder).returncode == 0
    write_drive(folder / "mycar" / "sessions" / "monday.mcap", frames=420, geometry=CameraGeometry())
    return folder / "mycar"


def test_models_are_compared_on_the_cars_own_sessions(car_dir: Path) -> None:
    done = run_car("compare", "simulated-lane", cwd=car_dir)
    assert done.returncode == 0, done.stderr
    for words in (
        "on hairpin",
        "Steering on 420 frames that no model has learned from: monday",
        "predict zero",
        "jerk",
    ):
        assert words in done.stdout
    assert "the driver" in done.stdout


def test_a_session_that_cannot_be_read_is_named_and_the_others_are_compared_on(car_dir: Path, tmp_path: Path) -> None:
    noise = tmp_path / "noise.mcap"
    noise.write_bytes(b"no session")
    monday = car_dir / "sessions" / "monday.mcap"
    done = run_car("compare", "simulated-lane", "--on", noise, "--on", monday, cwd=car_dir)
    assert_refused(done, "Not every session can be read", "car sessions repair")
    assert "noise.mcap" in done.stdout
    assert "Steering on 420 frames" in done.stdout


def test_what_is_not_there_is_named(car_dir: Path, tmp_path: Path) -> None:
    assert_refused(run_car("compare", "lost", cwd=car_dir), "There is no model lost")
    assert_refused(run_car("compare", "simulated-lane", "--on", "lost.mcap", cwd=car_dir), "lost.mcap")
    assert_refused(run_car("compare", "simulated-lane", "--on", tmp_path, cwd=car_dir), "There are no sessions")


def test_the_page_is_written_where_it_may_be(car_dir: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = run_car("compare", "simulated-lane", "--html", page, cwd=car_dir)
    assert done.returncode == 0, done.stderr
    assert "<svg" in page.read_text(encoding="utf-8")
    monday = car_dir / "sessions" / "monday.mcap"
    before = monday.read_bytes()
    for place, words in (
        (monday, "named like a session"),
        (tmp_path / "other.tflite", "named like a model"),
        (tmp_path, "is a folder"),
        ("/dev/null", "no file that can be replaced"),
        ("lost/a.html", "another place"),
    ):
        assert_refused(run_car("compare", "simulated-lane", "--html", place, cwd=car_dir), words)
    assert monday.read_bytes() == before


def test_without_a_session_there_are_the_cards_and_no_page(tmp_path: Path) -> None:
    assert run_car("init", "mycar", cwd=tmp_path).returncode == 0
    done = run_car("compare", "simulated-lane", cwd=tmp_path / "mycar")
    assert done.returncode == 0, done.stderr
    assert "on hairpin" in done.stdout
    assert "no session to compare on" in done.stdout
    done = run_car("compare", "simulated-lane", "--html", "a.html", cwd=tmp_path / "mycar")
    assert_refused(done, "no page without sessions")
