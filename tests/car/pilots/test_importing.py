"""A model's file becomes one of the car's own; a pilot of Donkey Car drives, is evaluated and sits the exam as ours."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

import models
from car.errors import ModelNameTaken
from car.pilots.importing import import_model
from car.pilots.library import ModelLibrary
from car.pilots.tflite_pilot import TflitePilot
from hardware.camera import CameraGeometry, Frame
from models.errors import ModelError
from models.loader import load_model, read_card
from tests.models.make_donkey_models import HEIGHT, WIDTH
from tests.system.car_process import assert_refused, run_car

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)
SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"


@pytest.fixture
def library(tmp_path: Path) -> ModelLibrary:
    (tmp_path / "models").mkdir()
    return ModelLibrary(tmp_path, CameraGeometry(WIDTH, HEIGHT))


@pytest.fixture
def car_dir(tmp_path: Path) -> Path:
    """Return a simulated car whose camera gives the frames that the tests' pilots take."""
    assert run_car("init", "mycar", cwd=tmp_path).returncode == 0
    config = tmp_path / "mycar" / "car.toml"
    text = (
        config.read_text()
        .replace("width = 160 ", f"width = {WIDTH} ")
        .replace("height = 120\n", f"height = {HEIGHT}\n")
    )
    config.write_text(text)
    return tmp_path / "mycar"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "models").iterdir())


def test_a_pilot_of_donkey_car_gets_a_card(library: ModelLibrary, donkey_models: Path, tmp_path: Path) -> None:
    source = donkey_models / "categorical-2021.tflite"
    check = import_model(library, source, "theirs", NOW, throttle_range=0.5)
    assert (check.donkey_type, check.height, check.width) == ("categorical", HEIGHT, WIDTH)
    assert read_card(source) is None
    assert names(tmp_path) == ["theirs.tflite"]
    row = library.row("theirs", "")
    assert row.fits
    assert row.card is not None
    assert row.card["training"] == {"made_by": "Donkey Car, categorical", "categorical_throttle_range": 0.5}
    assert (row.card["name"], row.card["width"], row.card["height"]) == ("theirs", WIDTH, HEIGHT)
    assert row.card["created"] == NOW.isoformat()
    full = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    assert load_model(library.path("theirs")).run(full) == pytest.approx((1.0, 0.475))


def test_the_throttle_range_of_an_imported_pilot_can_be_corrected(library: ModelLibrary, donkey_models: Path) -> None:
    import_model(library, donkey_models / "categorical-5.3.tflite", "theirs", NOW)
    import_model(library, library.path("theirs"), "theirs", NOW, throttle_range=0.3, replace=True)
    card = read_card(library.path("theirs"))
    assert card is not None
    assert card.training["categorical_throttle_range"] == 0.3


def test_a_model_of_ours_comes_with_the_card_that_it_has(library: ModelLibrary) -> None:
    assert import_model(library, SHIPPED, "ours", NOW).donkey_type == ""
    assert library.path("ours").read_bytes() == SHIPPED.read_bytes()


@pytest.mark.parametrize("name", ["linear-5.3", "ours"])
def test_only_a_categorical_pilot_has_a_throttle_range(
    name: str, library: ModelLibrary, donkey_models: Path, tmp_path: Path
) -> None:
    path = SHIPPED if name == "ours" else donkey_models / f"{name}.tflite"
    with pytest.raises(ModelError, match="Leave out --throttle-range"):
        import_model(library, path, "theirs", NOW, throttle_range=0.5)
    assert names(tmp_path) == []


def test_nothing_is_left_of_one_that_cannot_drive(library: ModelLibrary, donkey_models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^theirs: This is a Donkey Car pilot of the type memory"):
        import_model(library, donkey_models / "memory.tflite", "theirs", NOW)
    (tmp_path / "pipe.tflite").write_bytes(b"TFL3")
    with pytest.raises(ModelError, match="not a TFLite model"):
        import_model(library, tmp_path / "pipe.tflite", "theirs", NOW)
    with pytest.raises(ModelError, match="not a file"):
        import_model(library, tmp_path / "lost.tflite", "theirs", NOW)
    assert names(tmp_path) == []


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_at_once(library: ModelLibrary, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.tflite")
    with pytest.raises(ModelError, match="not a file"):
        import_model(library, tmp_path / "pipe.tflite", "theirs", NOW)


def test_a_name_that_is_taken_is_left_unless_it_is_to_be_replaced(library: ModelLibrary, donkey_models: Path) -> None:
    import_model(library, donkey_models / "linear-5.3.tflite", "theirs", NOW)
    before = library.path("theirs").read_bytes()
    with pytest.raises(ModelNameTaken):
        import_model(library, donkey_models / "categorical-5.3.tflite", "theirs", NOW)
    assert library.path("theirs").read_bytes() == before
    import_model(library, donkey_models / "categorical-5.3.tflite", "theirs", NOW, replace=True)
    assert library.check("theirs").donkey_type == "categorical"


def test_an_unbounded_answer_is_a_command_within_bounds(donkey_models: Path) -> None:
    with TflitePilot(load_model(donkey_models / "linear-2021.tflite")) as pilot:
        command = pilot.drive(Frame(np.full((HEIGHT, WIDTH, 3), 255, np.uint8), 0, 0)).command
        assert (command.steering, command.throttle) == (1.0, 1.0)
    with TflitePilot(load_model(donkey_models / "not-numbers.tflite")) as pilot:
        assert not pilot.drive(Frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8), 0, 0)).command.is_valid()


def test_one_that_was_only_copied_is_listed_and_found_out_by_trying(library: ModelLibrary, donkey_models: Path) -> None:
    incoming = library.incoming("page")
    shutil.copy(donkey_models / "linear-2021.tflite", incoming)
    library.accept(incoming, "page")
    row = library.row("page", "")
    assert (row.fits, row.card) == (True, None)
    assert library.check("page").donkey_type == "linear"


def test_every_command_that_takes_a_model_takes_one_of_donkey_car(car_dir: Path, donkey_models: Path) -> None:
    done = run_car("models", "import", donkey_models / "linear-2021.tflite", "--name", "theirs.tflite", cwd=car_dir)
    assert done.returncode == 0, done.stderr
    assert "linear pilot of Donkey Car" in done.stdout
    assert "car drive --model theirs" in done.stdout
    assert "Donkey Car, linear" in run_car("models", "show", "theirs", cwd=car_dir).stdout
    session = car_dir / "sessions" / "short.mcap"
    assert run_car("simulate", "--expert", "--minutes", "0.1", "--record", session, cwd=car_dir).returncode == 0
    for command in (
        ["simulate", "--model", "theirs", "--minutes", "0.02"],
        ["evaluate", "theirs", session],
        ["replay", session, "--model", "theirs"],
        ["compare", "theirs", "simulated-lane"],
        ["models", "list"],
    ):
        done = run_car(*command, cwd=car_dir)
        assert done.returncode == 0, (command, done)
        assert "Traceback" not in done.stderr


def test_one_without_a_card_drives_and_is_shown_too(car_dir: Path, donkey_models: Path) -> None:
    path = donkey_models / "categorical-2021.tflite"
    shown = run_car("models", "show", path, cwd=car_dir)
    assert shown.returncode == 0
    assert "categorical pilot of Donkey Car without a card" in shown.stdout
    assert f"frames of {WIDTH}x{HEIGHT}" in shown.stdout
    driven = run_car("simulate", "--model", path, "--minutes", "0.02", cwd=car_dir)
    assert driven.returncode == 0
    assert "throttle range of 0.8" in driven.stderr


def test_what_cannot_be_imported_is_one_line(car_dir: Path, donkey_models: Path, tmp_path: Path) -> None:
    (tmp_path / "pilot.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    assert_refused(run_car("models", "import", tmp_path / "pilot.h5", cwd=car_dir), "Keras's .h5", "CREATE_TF_LITE")
    memory = donkey_models / "memory.tflite"
    assert_refused(run_car("models", "import", memory, cwd=car_dir), "of the type memory", "car train")
    assert_refused(run_car("models", "import", "lost.tflite", cwd=car_dir), "lost.tflite", "not a file")
    assert names(car_dir) == []
