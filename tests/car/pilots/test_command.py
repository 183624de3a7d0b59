"""``car models`` as typed."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

import models
from car.assembly.ownership import owning
from car.config.sections import load_config
from tests.system.car_process import assert_refused, run_car

SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"


@pytest.fixture
def car_dir(tmp_path: Path) -> Path:
    """Return a car with the models evening, with which it drives, and noon."""
    assert run_car("init", "mycar", cwd=tmp_path).returncode == 0
    car_dir = tmp_path / "mycar"
    for name in ("evening", "noon"):
        shutil.copy(SHIPPED, car_dir / "models" / f"{name}.tflite")
    config = car_dir / "car.toml"
    config.write_text(config.read_text().replace('model = "simulated-lane"', 'model = "evening"'))
    return car_dir


def names(car_dir: Path) -> list[str]:
    return sorted(path.name for path in (car_dir / "models").iterdir())


def test_a_model_is_renamed_deleted_and_restored_by_its_name_or_its_files(car_dir: Path) -> None:
    assert run_car("models", "rename", "noon.tflite", "lunch", cwd=car_dir).returncode == 0
    assert names(car_dir) == ["evening.tflite", "lunch.tflite"]
    done = run_car("models", "delete", "lunch", cwd=car_dir)
    assert "car models restore lunch" in done.stdout
    assert names(car_dir) == [".trash", "evening.tflite"]
    assert run_car("models", "restore", "lunch", cwd=car_dir).returncode == 0
    assert names(car_dir) == [".trash", "evening.tflite", "lunch.tflite"]


def test_car_toml_follows_when_its_model_is_renamed(car_dir: Path) -> None:
    assert run_car("models", "rename", "evening", "night", cwd=car_dir).returncode == 0
    assert load_config(car_dir / "car.toml").pilot.model == "night"
    assert names(car_dir) == ["night.tflite", "noon.tflite"]


def test_a_rename_that_car_toml_cannot_follow_is_taken_back(car_dir: Path) -> None:
    (car_dir / "car.toml").chmod(0o444)
    assert_refused(run_car("models", "rename", "evening", "night", cwd=car_dir), "car.toml", "read-only")
    assert names(car_dir) == ["evening.tflite", "noon.tflite"]


def test_the_model_that_car_toml_names_is_not_deleted(car_dir: Path) -> None:
    assert_refused(run_car("models", "delete", "evening", cwd=car_dir), "drives with evening", "car.toml")
    config = car_dir / "car.toml"
    config.write_text(config.read_text().replace('"evening"', '"models/evening.tflite"'))
    assert_refused(run_car("models", "delete", "evening", cwd=car_dir), "drives with evening", "car.toml")
    assert names(car_dir) == ["evening.tflite", "noon.tflite"]


def test_no_model_is_moved_while_another_program_has_the_car(car_dir: Path) -> None:
    with owning(car_dir, (), "car drive"):
        for command in (["delete", "noon"], ["rename", "noon", "lunch"]):
            assert_refused(run_car("models", *command, cwd=car_dir), "`car drive`", str(os.getpid()))
    assert names(car_dir) == ["evening.tflite", "noon.tflite"]


def test_what_ships_is_neither_deleted_nor_renamed(car_dir: Path) -> None:
    for command in (["delete", "simulated-lane"], ["rename", "simulated-lane", "mine"]):
        assert_refused(run_car("models", *command, cwd=car_dir), "ships with Pocketpilot")


def test_models_are_compared_by_name_and_file(car_dir: Path) -> None:
    done = run_car("compare", "noon", "models/evening.tflite", "simulated-lane", cwd=car_dir)
    assert done.returncode == 0, done.stderr
    for words in ("noon", "evening", "simulated-lane", "predict the mean", "on hairpin", "no session to compare on"):
        assert words in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="links and pipes are Unix's")
def test_a_list_shows_links_to_nothing_pipes_and_brackets_in_a_name(car_dir: Path) -> None:
    (car_dir / "models" / "lost.tflite").symlink_to("nowhere")
    (car_dir / "models" / "loop.tflite").symlink_to("loop.tflite")
    os.mkfifo(car_dir / "models" / "pipe.tflite")
    shutil.copy(SHIPPED, car_dir / "models" / "[bold].tflite")
    done = run_car("models", "list", cwd=car_dir)
    assert done.returncode == 0, done.stderr
    for name in ("[bold]", "lost", "loop", "pipe"):
        assert name in done.stdout
    for name in ("lost", "loop", "pipe"):
        assert run_car("models", "delete", name, cwd=car_dir).returncode == 0
    assert names(car_dir) == [".trash", "[bold].tflite", "evening.tflite", "noon.tflite"]
