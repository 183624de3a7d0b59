"""Models stand side by side by what their cards say, whatever one of them lacks."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import models
from car.pilots.compare import Entry, remarks, rows, show_cards
from models.contract import ModelCard
from models.loader import append_card, read_card

SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"


def card_of(path: Path) -> ModelCard:
    card = read_card(path)
    assert card is not None
    return card


@pytest.fixture
def other(tmp_path: Path) -> Path:
    path = Path(shutil.copy(SHIPPED, tmp_path / "other.tflite"))
    metrics = {"steering": {"mae": 0.25, "r2": 0.5, "predict_mean_mae": 0.3}}
    card = replace(card_of(path), metrics=metrics, closed_loop={"moon": "1 of 3 laps"}, split="another")
    append_card(path, card)
    return path


def test_every_fact_has_a_value_for_each_model(other: Path) -> None:
    table = dict(rows([Entry.read(SHIPPED), Entry.read(other)]))
    assert table["frames"] == ["160x120", "160x120"]
    assert table["steering MAE"] == [f"{card_of(SHIPPED).metrics['steering']['mae']:.3f}", "0.250"]
    assert table["steering R²"][1] == "0.500"
    assert table["throttle MAE"][1] == ""
    assert table["on moon"] == ["", "1 of 3 laps"]
    assert table["on hairpin"][1] == ""


def test_the_baselines_stand_below_the_figure_they_belong_to(other: Path) -> None:
    table = rows([Entry.read(SHIPPED), Entry.read(other)])
    names = [name for name, _ in table]
    at = names.index("steering MAE")
    assert names[at : at + 3] == ["steering MAE", "  predict the mean", "  predict zero"]
    assert table[at + 1][1][1] == "0.300"


def test_figures_of_different_recordings_are_said_not_to_compare(other: Path) -> None:
    assert "car compare" not in " ".join(remarks([Entry.read(SHIPPED), Entry.read(SHIPPED)]))
    assert "car compare" in " ".join(remarks([Entry.read(SHIPPED), Entry.read(other)]))


def test_a_guess_that_is_worse_than_a_guess_is_explained(other: Path) -> None:
    card = card_of(other)
    append_card(other, replace(card, metrics={"steering": {**card.metrics["steering"], "predict_mean_r2": -0.2}}))
    assert any("below 0 for a worse one" in remark for remark in remarks([Entry.read(other)]))


def test_a_model_without_a_card_and_one_that_is_none_are_in_the_table(
    tmp_path: Path, tiny_models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = tmp_path / "[red].tflite"
    odd.write_text("hello")
    lost = tmp_path / "lost.tflite"
    table = dict(rows([Entry.read(tiny_models / "good.tflite"), Entry.read(odd), Entry.read(lost)]))
    no_card, no_model, no_file = table[""]
    assert "no card" in no_card
    assert "not a TFLite model" in no_model
    assert "not a file" in no_file
    assert table["size"][2] == ""
    show_cards([SHIPPED, odd])
    assert "[red]" in capsys.readouterr().out
