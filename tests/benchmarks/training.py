"""How many images a second of processor time trains on."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from car.config.sections import CarConfig
from car.runs.simulation import Goal, run_simulation
from simulator.scenario import Scenario
from tests.benchmarks.figures import Figure, show
from training.dataset import load_dataset
from training.fit import TrainSettings, fit
from training.split import split_recordings

SECONDS_OF_DRIVING = 120.0
EPOCHS = 5


def measure() -> None:
    """Print training images per CPU-second, shrinking and augmentation included."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lesson.mcap"
        run_simulation(CarConfig(), Scenario("oval", disturb=True), Goal(seconds=SECONDS_OF_DRIVING), record=path)
        dataset = load_dataset([path])
        split = split_recordings([recording.captured_ns for recording in dataset.recordings])
        fitted = fit(dataset, split, TrainSettings(epochs=EPOCHS, patience=EPOCHS))
    show(
        "Training",
        [
            Figure(
                "images per CPU-second, 160x120, augmented",
                f"{fitted.images_per_cpu_s:.0f}",
                "291 (5.3.0, its linear net)",
            )
        ],
    )
