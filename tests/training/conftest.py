"""One small training, done once for all tests that look at what came of it."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import pytest

from models.contract import ModelCard
from tests.training.drives import write_drive
from training.fit import TrainSettings
from training.progress import Progress


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training: its sessions, its model file, the card that ``train`` returned and the progress it told."""

    sessions: list[Path]
    model: Path
    card: ModelCard
    progress: list[Progress]


@pytest.fixture(scope="session")
def needs_keras() -> None:
    for package in ("keras", "tensorflow"):
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


@pytest.fixture(scope="session")
def trained(needs_keras: None, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from training.pipeline import train

    folder = tmp_path_factory.mktemp("car")
    sessions = [write_drive(folder / "sessions" / f"drive-{seed}.mcap", frames=400, seed=seed) for seed in range(3)]
    told: list[Progress] = []
    settings = TrainSettings(epochs=8, batch_size=32, learning_rate=2e-3)
    model = folder / "models" / "bar.tflite"
    card = train(sessions, model, settings, told.append, command="car train")
    return Trained(sessions, model, card, told)
