"""A model that is loaded runs, keeps its state, and says what does not fit."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from models.contract import ModelCard
from models.errors import ModelError
from models.loader import append_card, load_model
from models.runner import Model
from tests.models.make_models import HEIGHT, WIDTH

BLACK = np.zeros((HEIGHT, WIDTH, 3), np.uint8)


@pytest.fixture
def model(tiny_models: Path, tmp_path: Path) -> Model:
    path = Path(shutil.copy(tiny_models / "good.tflite", tmp_path / "pilot.tflite"))
    append_card(path, ModelCard("pilot", HEIGHT, WIDTH, camera={"fov_deg": 100.0, "lens": "rectilinear"}))
    return load_model(path)


@pytest.mark.parametrize(
    "image",
    [BLACK[:-1], BLACK.astype(np.float32), BLACK[..., 0], np.zeros((WIDTH, HEIGHT, 3), np.uint8)],
    ids=["too low", "float", "grey", "turned"],
)
def test_an_image_of_another_kind_is_refused_and_the_next_one_runs(model: Model, image: np.ndarray) -> None:
    with pytest.raises(ModelError, match=r"takes uint8 images of shape \(24, 32, 3\)"):
        model.run(image)
    assert model.run(BLACK) == (0.0, 0.0)


def test_a_model_says_how_little_it_knows_and_one_that_cannot_says_nothing(model: Model, tiny_models: Path) -> None:
    unsure = load_model(tiny_models / "unsure.tflite")
    assert unsure.run(BLACK) == (0.0, 0.0)
    assert unsure.uncertainty == pytest.approx(2.0)
    unsure.run(np.full_like(BLACK, 51))
    assert unsure.uncertainty == pytest.approx(1.2)
    model.run(BLACK)
    assert model.uncertainty == 0.0


def test_an_uncertainty_of_several_numbers_is_refused(tiny_models: Path) -> None:
    with pytest.raises(ModelError, match="output uncertainty"):
        load_model(tiny_models / "unsure_of_two.tflite")


def test_frames_of_another_size_do_not_fit(model: Model) -> None:
    model.check_fits(HEIGHT, WIDTH)
    with pytest.raises(ModelError, match=r"takes frames of 32x24, this camera gives 160x120\. Set the camera"):
        model.check_fits(height=120, width=160)


def test_a_camera_that_sees_differently_is_told_apart(model: Model) -> None:
    assert model.camera_differences({"fov_deg": 100.0, "lens": "rectilinear", "unknown": 1.0}) == ()
    (difference,) = model.camera_differences({"fov_deg": 62.0, "lens": "rectilinear"})
    assert difference == "pilot.tflite was trained with a camera of fov_deg 100.0, this one has 62.0."


def test_a_model_that_says_nothing_of_its_camera_fits_any(tiny_models: Path) -> None:
    assert load_model(tiny_models / "good.tflite").camera_differences({"fov_deg": 62.0}) == ()


def test_a_recurrent_model_remembers_until_it_is_reset(tiny_models: Path) -> None:
    model = load_model(tiny_models / "recurrent.tflite")
    assert [model.run(BLACK)[0] for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])
    model.reset()
    assert model.run(BLACK)[0] == pytest.approx(0.1)


@pytest.mark.parametrize("error", [ValueError("Invalid tensor index 276\nexceeds 23"), RuntimeError("")])
def test_a_runtime_that_refuses_a_damaged_models_tensors_is_one_sentence(error: Exception) -> None:
    class Refusing:
        def get_signature_list(self) -> dict[str, object]:
            return {"serving_default": {}}

        def get_signature_runner(self, _name: str) -> object:
            raise error

    with pytest.raises(ModelError, match=r"refuses the model \([^\n]+\)\. Export it again\.$"):
        Model("damaged.tflite", Refusing(), None)
