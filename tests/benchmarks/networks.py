"""The networks side by side on one real drive, and the peer's by its own recipe; run by hand, it takes many minutes.

``python -m tests.benchmarks networks`` does all of it, ``python -m tests.benchmarks.networks small recurrent`` a part.
The drive is the clean tub of a walled arena, its last fifth held out. Each network is trained once, with the same seed,
exported, and judged on the same frames of the test, in their order, with an interval of its lead over the linear model
of random filters and over the network that is trained first, which of all is the peer's.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from car.pilots.tflite_pilot import TflitePilot
from car.sessions.tub.importer import import_tub
from hardware.camera import Frame
from models.loader import load_model
from models.runner import Model
from tests.arena import arena_archive, unpack_arena
from tests.benchmarks.figures import console
from training.dataset import Dataset, Recording, load_dataset
from training.evaluation.bootstrap import Interval
from training.evaluation.offline import OutputScores, compare
from training.export import export
from training.fit import TrainSettings, fit
from training.networks.steering import network_names
from training.ridge import fit_ridge, mirroring_suits
from training.split import Split, split_recordings

TUB = "data_26_1356_small_camera"
PEER = "donkey-linear, its own recipe"
RIDGE = "linear, of random filters"
FIRST = "the first"
SETTINGS = {
    PEER: TrainSettings(
        network="donkey-linear",
        epochs=100,
        patience=5,
        batch_size=128,
        learning_rate=1e-3,
        decays=False,
        augmented=False,
        mirror=False,
    ),
    "small": TrainSettings(),
    "pilotnet": TrainSettings(network="pilotnet"),
    "mobile": TrainSettings(network="mobile"),
    "recurrent": TrainSettings(network="recurrent"),
    "small, huber": TrainSettings(loss="huber"),
    "small, binned": TrainSettings(loss="binned"),
    "small, balanced": TrainSettings(balance=True),
    "wide": TrainSettings(network="wide"),
}
SAMPLE_FRAMES = 8

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Trained:
    """What a network gave for each frame of the test, and what it took."""

    predicted: Values
    epochs: str
    cpu_s: float
    invoke_ms: float
    kilobytes: float


def measure(names: Sequence[str] = ()) -> None:
    """Print a table of the networks ``names`` of ``SETTINGS``, of all where none is named."""
    assert {settings.network for settings in SETTINGS.values()} == set(network_names())
    archive = arena_archive()
    if not archive.is_file():
        console.print(f"{archive.name} is not in {archive.parent}; set POCKETPILOT_DATA to the folder that has it.")
        return
    with TemporaryDirectory() as name:
        folder = Path(name)
        session = folder / "arena.mcap"
        import_tub(unpack_arena(archive, folder) / TUB, session)
        dataset = load_dataset([session])
        split = split_recordings([recording.captured_ns for recording in dataset.recordings])
        _measure_on(dataset, split, folder, {name: SETTINGS[name] for name in names or SETTINGS})


def _measure_on(dataset: Dataset, split: Split, folder: Path, chosen: Mapping[str, TrainSettings]) -> None:
    (recording,), (test,) = dataset.recordings, split.test
    steered = recording.labels[test, 0].astype(np.float64)
    others = {RIDGE: fit_ridge(dataset, split.train, split.validation).predict_all(dataset, split.test)[:, 0]}
    table = Table(
        *("network", "R² (95 %)", "MAE", "lead over the linear model", f"over {next(iter(chosen))}"),
        *("epochs", "CPU-s", "ms", "kB"),
        title=f"Steering, {len(split.train[0])} frames to train, {len(test)} to test",
        title_justify="left",
    )
    table.add_row(RIDGE, *_scores(compare(others[RIDGE], steered, None, {})))
    # As a training with the command's defaults decides, once for all of them.
    mirror = mirroring_suits(dataset, split.train, split.validation)
    for name, settings in chosen.items():
        settings = replace(settings, mirror=mirror if settings.mirror is None else settings.mirror)
        trained = _train(dataset, split, settings, folder)
        scores = compare(trained.predicted, steered, None, others)
        others.setdefault(FIRST, trained.predicted)
        took = (f"{trained.cpu_s:.0f}", f"{trained.invoke_ms:.2f}", f"{trained.kilobytes:.0f}")
        row = (name, *_scores(scores), trained.epochs, *took)
        table.add_row(*row)
        console.print(" | ".join(row), highlight=False)
    console.print(table)


def _train(dataset: Dataset, split: Split, settings: TrainSettings, folder: Path) -> _Trained:
    (recording,), (test,) = dataset.recordings, split.test
    started_s = time.process_time()
    fitted = fit(dataset, split, settings)
    cpu_s = time.process_time() - started_s
    path = folder / "pilot.tflite"
    export(fitted.network, path, recording.images[split.validation[0][:SAMPLE_FRAMES]])
    model = load_model(path)
    predicted, invoke_ms = _run(model, recording, test)
    epochs = f"{fitted.best_epoch} of {fitted.epochs}"
    return _Trained(predicted, epochs, cpu_s, invoke_ms, path.stat().st_size / 1000)


def _run(model: Model, recording: Recording, frames: NDArray[np.intp]) -> tuple[Values, float]:
    """Return the steering for each of ``frames``, within −1 … +1, and the median of what one took, in ms."""
    given, times_ns = [], []
    with TflitePilot(model) as pilot:
        pilot.reset()
        for frame in frames.tolist():
            started_ns = time.perf_counter_ns()
            answer = pilot.drive(Frame(recording.images[frame], int(recording.captured_ns[frame]), frame))
            times_ns.append(time.perf_counter_ns() - started_ns)
            given.append(answer.command.steering)
    return np.array(given, np.float64), float(np.median(times_ns)) / 1e6


def _scores(scores: OutputScores) -> tuple[str, ...]:
    figures = f"{scores.model.r2:.3f}{_interval(scores.r2_interval)}", f"{scores.model.mae:.3f}"
    leads = [
        f"{scores.model.r2 - scores.others[name].r2:+.3f}{_interval(scores.leads.get(name))}"
        if name in scores.others
        else "–"
        for name in (RIDGE, FIRST)
    ]
    return (*figures, *leads)


def _interval(interval: Interval | None) -> str:
    return "" if interval is None else f" ({interval.low:.2f} to {interval.high:.2f})"


if __name__ == "__main__":
    measure(sys.argv[1:])
