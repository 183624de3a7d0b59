"""Each way to export a network gives its values, on the old runtime too; the smallest good one is recommended."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from car.errors import TrainingError
from models.contract import ModelCard
from models.loader import load_model, read_card
from tests.system.car_process import assert_refused, run_car
from tests.training.conftest import Trained
from tests.training.drives import draw, write_drive
from training import export as exporting
from training.command import explain_variants, show_variants
from training.dataset import load_dataset
from training.export import TOLERANCES, Variant, check_values, convert, model_values, variant_names
from training.fit import TrainSettings, fit
from training.pipeline import train
from training.split import split_recordings
from training.variants import (
    CALIBRATION_FRAMES,
    Judging,
    VariantChoice,
    VariantFigures,
    calibration_frames,
    export_variants,
    recommended,
)

OLD_RUNTIME_PYTHON = "POCKETPILOT_TFLITE_RUNTIME_PYTHON"
STEERINGS = np.linspace(-1.0, 1.0, 9)


@pytest.fixture(scope="module")
def pilot(needs_keras: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Judging]:
    """Return a network that has learned a little, and the frames that its variants are made and judged by."""
    session = write_drive(tmp_path_factory.mktemp("lesson") / "monday.mcap", frames=400)
    dataset = load_dataset([session])
    split = split_recordings([recording.captured_ns for recording in dataset.recordings])
    fitted = fit(dataset, split, TrainSettings(epochs=4, batch_size=32))
    return fitted.network, Judging.of(dataset, split, seed=0)


@pytest.fixture(scope="module")
def variants(pilot: tuple[Any, Judging], tmp_path_factory: pytest.TempPathFactory) -> dict[Variant, Path]:
    """Return a file of each variant."""
    network, judging = pilot
    folder = tmp_path_factory.mktemp("variants")
    files = {variant: folder / f"{variant}.tflite" for variant in variant_names()}
    for variant, path in files.items():
        path.write_bytes(convert(network, variant, judging.calibration))
    return files


@pytest.mark.parametrize(
    ("variant", "close"), [("float32", 1e-4), ("float16", 2e-3), ("dynamic", 0.03), ("int8", 0.06)]
)
def test_each_variant_keeps_the_contract_and_steers_as_the_network(
    variant: Variant, close: float, variants: dict[Variant, Path], pilot: tuple[Any, Judging]
) -> None:
    images = np.stack([draw(steering) for steering in STEERINGS])
    values = model_values(variants[variant], images)
    assert np.abs(values - exporting.network_values(pilot[0], images)).max() < close
    assert np.ptp(values[:, 0]) > 0.2, "a network that gives the same for all frames would pass too"


def test_rounding_makes_the_file_smaller(variants: dict[Variant, Path]) -> None:
    sizes = {variant: path.stat().st_size for variant, path in variants.items()}
    assert sizes["float16"] < 0.6 * sizes["float32"]
    assert max(sizes["dynamic"], sizes["int8"]) < 0.4 * sizes["float32"]


def test_int8_computes_in_int8(variants: dict[Variant, Path]) -> None:
    from models.runtime import open_interpreter

    def share(variant: Variant) -> float:
        kinds = [tensor["dtype"] for tensor in open_interpreter(variants[variant].read_bytes()).get_tensor_details()]
        return kinds.count(np.int8) / len(kinds)

    assert share("int8") > 0.5
    assert share("float32") == 0


@pytest.mark.parametrize("variant", variant_names())
def test_each_variant_gives_the_same_on_the_old_runtime(
    variant: Variant, variants: dict[Variant, Path], pilot: tuple[Any, Judging]
) -> None:
    python = os.environ.get(OLD_RUNTIME_PYTHON)
    if not python:
        pytest.skip(f"set {OLD_RUNTIME_PYTHON} to a Python that has tflite-runtime")
    images = np.concatenate([pilot[1].sample, np.stack([draw(steering) for steering in STEERINGS])])
    expected = model_values(variants[variant], images)
    check_values(variants[variant], images, expected, "tflite_runtime.interpreter", TOLERANCES[variant], python=python)


def test_the_same_network_and_frames_give_the_same_bytes(
    variants: dict[Variant, Path], pilot: tuple[Any, Judging]
) -> None:
    assert convert(pilot[0], "int8", pilot[1].calibration) == variants["int8"].read_bytes()


def test_int8_is_not_made_without_frames_to_calibrate_with(pilot: tuple[Any, Judging]) -> None:
    with pytest.raises(ValueError, match="frames to calibrate"):
        convert(pilot[0], "int8")


def test_calibration_takes_as_many_training_frames_of_each_session_and_no_others() -> None:
    train = [np.arange(0, 10_000, 2), np.arange(0), np.arange(1, 400, 2), np.arange(5)]
    chosen = calibration_frames(train, seed=3)
    assert [len(part) for part in chosen] == [86, 0, 86, 5]
    for part, allowed in zip(chosen, train, strict=True):
        assert np.isin(part, allowed).all()
        assert len(np.unique(part)) == len(part)
    assert all(np.array_equal(a, b) for a, b in zip(chosen, calibration_frames(train, seed=3), strict=True))
    assert not np.array_equal(chosen[0], calibration_frames(train, seed=4)[0])
    assert len(calibration_frames([np.arange(100_000)], seed=0)[0]) == CALIBRATION_FRAMES


def figures(loss: float, size: int) -> VariantFigures:
    return VariantFigures(size, 100, 0.2, 0.3, 0.1, 0.05, loss, 0.01)


def test_the_smallest_that_loses_little_is_recommended() -> None:
    table: dict[Variant, VariantFigures] = {
        "float32": figures(0.0, 400),
        "float16": figures(0.001, 200),
        "dynamic": figures(0.02, 110),
        "int8": figures(0.021, 100),
    }
    assert recommended(table) == "dynamic"
    assert recommended(table | {"dynamic": figures(0.03, 110)}) == "float16"
    assert recommended({"float32": figures(0.0, 400), "int8": figures(float("nan"), 100)}) == "float32"


def test_of_all_variants_the_recommended_one_is_written_with_the_figures_of_all(
    needs_keras: None, tmp_path: Path
) -> None:
    session = write_drive(tmp_path / "monday.mcap", frames=200)
    out = tmp_path / "models" / "pilot.tflite"
    card = train([session], out, TrainSettings(epochs=2, batch_size=32, variant="auto"))
    assert read_card(out) == card
    assert set(card.variants) == set(variant_names())
    table = {cast("Variant", name): VariantFigures(**row) for name, row in card.variants.items()}  # type: ignore[arg-type]
    assert card.training["variant"] == recommended(table)
    # What follows the model in its file is the card.
    assert out.read_bytes()[table[recommended(table)].bytes :].startswith(b"PK")
    assert table["float32"].loss == pytest.approx(0.0, abs=1e-4)
    assert list(out.parent.iterdir()) == [out]


def test_by_default_a_pilot_is_float32_and_compared_with_the_network(trained: Trained) -> None:
    assert trained.card.training["variant"] == "float32"
    assert set(trained.card.variants) == {"float32"}
    assert trained.card.variants["float32"]["difference"] < 1e-4


@pytest.mark.parametrize("choice", ["auto", "int8", "float32"])
def test_a_variant_that_the_runtimes_do_not_agree_on_is_not_written(
    choice: VariantChoice, pilot: tuple[Any, Judging], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No runtime is as exact as that.
    monkeypatch.setitem(TOLERANCES, "float32" if choice == "float32" else "int8", -1.0)
    out = tmp_path / "pilot.tflite"
    if choice == "auto":
        chosen, measured = export_variants(pilot[0], out, choice, pilot[1])
        assert chosen in measured
        assert "int8" not in measured
        assert load_model(out)
        return
    with pytest.raises(TrainingError, match="gives values that differ"):
        export_variants(pilot[0], out, choice, pilot[1])
    assert not out.exists()


def test_what_is_recommended_and_what_is_left_out_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    rows = {name: figures(0.0, 100).to_card() for name in ("float32", "float16", "dynamic")}
    (left_out, says) = explain_variants(rows, "dynamic")
    assert left_out.endswith("do not agree on it: int8.")
    assert says.startswith("Recommended is dynamic, the smallest")
    assert explain_variants({"float16": figures(0.02, 1).to_card()}, "float16") == []
    (dear,) = explain_variants({"int8": figures(0.03, 1).to_card()}, "int8")
    assert "loses more than 2%" in dear
    assert "--variant auto" in dear
    show_variants(ModelCard("x", 1, 1, training={"variant": "dynamic"}, variants=rows))
    assert "dynamic, this one" in capsys.readouterr().out
    show_variants(ModelCard("x", 1, 1, training={"variant": "float32"}, variants={"float32": rows["float32"]}))
    assert capsys.readouterr().out == ""


def test_a_variant_that_there_is_not_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    session = write_drive(tmp_path / "monday.mcap", frames=3)
    done = run_car("train", session, "--variant", "int4", cwd=tmp_path)
    assert_refused(done, "int4", "float32, float16, dynamic, int8, auto")
