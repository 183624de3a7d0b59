"""The pilots that ship are small, say where they come from, and answer the same on every runtime."""

from pathlib import Path

import numpy as np
import pytest

import models
from hardware.clock import VirtualClock
from models.loader import load_model, read_card
from models.runtime import installed_runtimes
from simulator.track import make_track
from simulator.world import World
from training.export import check_values

SHIPPED = sorted(Path(models.__file__).parent.glob("*.tflite"))


def test_there_is_one() -> None:
    assert [path.stem for path in SHIPPED] == ["simulated-lane"]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_model_is_under_a_megabyte_and_its_card_is_complete(path: Path) -> None:
    assert path.stat().st_size < 1_000_000
    card = read_card(path)
    assert card is not None
    assert card.name == path.stem
    assert card.command.startswith("car train")
    assert all((card.sessions, card.split, card.camera, card.software, card.created))
    for figures in card.metrics.values():
        assert figures["mae"] < min(figures["predict_mean_mae"], figures["predict_zero_mae"])
    assert len(card.closed_loop) >= 3
    assert all("3 of 3 laps, lane departures: 0" in str(outcome) for outcome in card.closed_loop.values())
    learned = {session.name for session in card.sessions}
    assert not learned & set(card.closed_loop), "a pilot is not examined on what it has learned"


@pytest.mark.parametrize("runtime", installed_runtimes())
@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_model_answers_the_same_on_every_runtime(path: Path, runtime: str) -> None:
    camera = World(make_track("hairpin"), VirtualClock()).camera
    sample = np.stack([camera.next_frame(timeout_ms=1000).image for _ in range(5)])
    model = load_model(path)
    check_values(path, sample, np.array([model.run(image) for image in sample], np.float32), runtime)
