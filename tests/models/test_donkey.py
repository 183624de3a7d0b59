"""Donkey Car's pilots are told by their tensors, and answer as in a Donkey Car; the rest is refused in words."""

from __future__ import annotations

import math
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from models.contract import ModelCard
from models.donkey import THROTTLE_RANGE, decode, read_donkey
from models.errors import ModelError
from models.loader import append_card, load_model
from models.runtime import open_interpreter
from tests.models.make_donkey_models import HEIGHT, WIDTH

VERSIONS = ("5.4", "5.3", "2021", "2020")


def lit(left: int, right: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    image = np.full((HEIGHT, WIDTH, 3), left, np.uint8)
    image[:, WIDTH // 2 :] = right
    return image


def test_the_models_of_these_tests_have_the_names_that_each_version_gives(donkey_models: Path) -> None:
    signatures, first_outputs = {}, {}
    for version in VERSIONS:
        interpreter = open_interpreter((donkey_models / f"categorical-{version}.tflite").read_bytes())
        signatures[version] = [entry["outputs"] for entry in interpreter.get_signature_list().values()]
        first_outputs[version] = interpreter.get_output_details()[0]["name"]
    assert signatures == {
        "5.4": [["output_0", "output_1"]],
        "5.3": [["angle_out", "throttle_out"]],
        "2021": [],
        "2020": [],
    }
    assert first_outputs["2021"].startswith("StatefulPartitionedCall")
    assert first_outputs["2021"].endswith(":1"), "the throttle has to be listed first, as real ones list it"


@pytest.mark.parametrize(
    ("steering", "throttle"),
    [
        ("StatefulPartitionedCall:0", "StatefulPartitionedCall:1"),
        ("n_outputs0/BiasAdd", "n_outputs1/BiasAdd"),
        ("Identity", "Identity_1"),
    ],
)
def test_the_name_tells_what_steers_whatever_is_listed_first(steering: str, throttle: str) -> None:
    numbers = {"shape": np.array([1, 1]), "dtype": np.float32}
    image = {"shape": np.array([1, 120, 160, 3]), "dtype": np.float32, "index": 0}
    wiring = read_donkey({"img_in": image}, {throttle: {**numbers, "index": 7}, steering: {**numbers, "index": 8}})
    assert (wiring.shape, wiring.image, wiring.steering, wiring.throttle) == ((120, 160, 3), 0, 8, 7)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_linear_pilot_answers_with_its_outputs_as_they_are(version: str, donkey_models: Path) -> None:
    model = load_model(donkey_models / f"linear-{version}.tflite")
    assert (model.donkey_type, model.height, model.width) == ("linear", HEIGHT, WIDTH)
    assert model.run(lit(51, 255)) == pytest.approx((0.4, 1.0), abs=1e-5)
    assert model.run(lit(255, 0)) == pytest.approx((2.0, 0.0), abs=1e-5)
    assert model.invoke_ns > 0


@pytest.mark.parametrize("version", VERSIONS)
def test_a_categorical_pilot_answers_with_the_place_of_its_greatest_share(version: str, donkey_models: Path) -> None:
    model = load_model(donkey_models / f"categorical-{version}.tflite")
    assert (model.donkey_type, model.height, model.width) == ("categorical", HEIGHT, WIDTH)
    assert model.run(lit(0, 0)) == (-1.0, 0.0)
    assert model.run(lit(255, 255)) == pytest.approx((1.0, 0.76))
    assert model.run(lit(128, 54)) == pytest.approx((0.0, 0.16))


def test_the_throttle_range_is_the_cards_if_it_has_one(donkey_models: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(donkey_models / "categorical-5.3.tflite", tmp_path / "pilot.tflite"))
    append_card(path, ModelCard("pilot", HEIGHT, WIDTH, training={THROTTLE_RANGE: 0.5}))
    model = load_model(path)
    assert model.warnings == ()
    assert model.run(lit(255, 255)) == pytest.approx((1.0, 0.475))
    append_card(path, ModelCard("pilot", HEIGHT, WIDTH))
    assert load_model(path).run(lit(255, 255)) == pytest.approx((1.0, 0.76))


@pytest.mark.parametrize("value", [0.0, -1.0, 1.5, math.nan, "much"])
def test_a_card_with_a_throttle_range_that_is_none_is_refused(
    value: float | str, donkey_models: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(donkey_models / "categorical-5.3.tflite", tmp_path / "pilot.tflite"))
    append_card(path, ModelCard("pilot", HEIGHT, WIDTH, training={THROTTLE_RANGE: value}))
    with pytest.raises(ModelError, match=r"categorical_throttle_range of .+ Import it again\."):
        load_model(path)


def test_a_categorical_pilot_that_gives_no_numbers_answers_nan(donkey_models: Path) -> None:
    model = load_model(donkey_models / "not-numbers.tflite")
    steering, throttle = model.run(lit(0, 255))
    assert math.isnan(steering)
    assert math.isnan(throttle)
    assert all(math.isfinite(value) for value in model.run(lit(128, 128)))


def test_one_share_that_is_no_number_is_enough_to_answer_nan() -> None:
    shares = np.full((1, 15), 0.1, np.float32)
    shares[0, 3] = np.nan
    steering, throttle = decode("categorical", shares, np.eye(1, 20, 10, dtype=np.float32), 0.8)
    assert math.isnan(steering)
    assert throttle == pytest.approx(0.4)


def test_without_a_card_its_user_hears_what_is_taken_for_granted(donkey_models: Path) -> None:
    (linear,) = load_model(donkey_models / "linear-5.3.tflite").warnings
    (categorical,) = load_model(donkey_models / "categorical-2021.tflite").warnings
    assert "a linear pilot of Donkey Car without a card" in linear
    assert "TRANSFORMATIONS" in linear
    assert "range" not in linear
    assert "throttle range of 0.8" in categorical


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("memory", "of the type memory; only linear and categorical ones drive here"),
        ("imu", "of the type imu;"),
        ("behavior", "of the type behavior;"),
        ("inferred", "of the type inferred;"),
        ("localizer", "of the type localizer;"),
        ("rnn", "that looks at several frames at once (rnn, 3d);"),
        ("grey", "for inputs of the shape (1, 24, 32, 1) instead of colour frames;"),
        ("others", "with the outputs first and second, and nothing says which one steers."),
        ("ten_bins", "with outputs of 10 and 1 values; only linear ones (1 and 1)"),
    ],
)
def test_another_type_is_refused_with_what_to_do(name: str, reason: str, donkey_models: Path) -> None:
    path = donkey_models / f"{name}.tflite"
    with pytest.raises(ModelError) as refused:
        load_model(path)
    message = str(refused.value)
    assert message.startswith(f"{path}: This is a Donkey Car pilot ")
    assert reason in message
    assert "\n" not in message
    assert message.endswith("with `car sessions import` and train with `car train`.")


def test_a_models_frame_that_does_not_fit_the_camera_is_refused(donkey_models: Path) -> None:
    with pytest.raises(ModelError, match=r"takes frames of 32x24, this camera gives 160x120\."):
        load_model(donkey_models / "linear-2021.tflite").check_fits(height=120, width=160)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("pilot.h5", b"\x89HDF\r\n\x1a\n" + bytes(100), "Keras's .h5"),
        ("pilot.pth", b"\x80\x02}q\x00X\x05\x00\x00\x00torch", "a pickle, as PyTorch's older .pth"),
    ],
)
def test_a_file_of_another_framework_is_named(name: str, content: bytes, kind: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"not a TFLite model but {kind}.*CREATE_TF_LITE"):
        load_model(path)


@pytest.mark.parametrize(
    ("name", "entry", "kind"),
    [("pilot.keras", "model.weights.h5", "Keras's .keras"), ("pilot.pth", "pilot/data.pkl", "PyTorch's .pth")],
)
def test_a_zip_of_another_framework_is_named(name: str, entry: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(entry, "weights")
    with pytest.raises(ModelError, match=f"not a TFLite model but {kind}.*CREATE_TF_LITE"):
        load_model(path)


def test_one_without_a_card_is_tried_out_in_a_process_of_its_own(
    donkey_models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    with pytest.raises(FileNotFoundError, match="/nowhere/python"):
        load_model(donkey_models / "linear-2021.tflite")
