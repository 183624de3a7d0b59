"""How fast and how large the ways to export a network are, side by side, on one thread."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from models.runtime import installed_runtimes
from tests.benchmarks.figures import Figure, console, show
from training.backend import import_keras
from training.export import convert, variant_names
from training.networks.steering import join, make_core, make_shrink, network_names

HEIGHT, WIDTH = 120, 160
CALIBRATION_FRAMES = 32
OLD_RUNTIME_PYTHON = "POCKETPILOT_TFLITE_RUNTIME_PYTHON"


def measure() -> None:
    """Print size and invoke of each variant of both networks, on each runtime there is.

    What was learned makes no difference to either, so nothing is trained. ``POCKETPILOT_TFLITE_RUNTIME_PYTHON`` names a
    Python that has tflite-runtime where this one has not.
    """
    with TemporaryDirectory() as folder:
        _write_variants(Path(folder))
        for python, runtime in _runtimes():
            # TensorFlow and tflite-runtime in one process break the latter.
            command = [python, "-m", "tests.benchmarks.invokes", folder, runtime]
            done = subprocess.run(command, check=True, capture_output=True, cwd=Path(__file__).parents[2])
            _show(runtime, json.loads(done.stdout), Path(folder))


def _write_variants(folder: Path) -> None:
    import_keras().utils.set_random_seed(0)
    frames = np.random.default_rng(0).integers(0, 256, (CALIBRATION_FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    for network in network_names():
        shrink = make_shrink(HEIGHT, WIDTH)
        pilot = join(shrink, make_core(shrink.output_shape[1:], network))
        for variant in variant_names():
            (folder / f"{network} {variant}.tflite").write_bytes(convert(pilot, variant, frames))


def _runtimes() -> list[tuple[str, str]]:
    """Return the runtimes there are, each with the Python that has it."""
    runtimes = [(sys.executable, runtime) for runtime in installed_runtimes()]
    old = os.environ.get(OLD_RUNTIME_PYTHON)
    return [*runtimes, (old, "tflite_runtime.interpreter")] if old else runtimes


def _show(runtime: str, times_ns: dict[str, list[int]], folder: Path) -> None:
    figures = []
    for network in network_names():
        float32_ns = float(np.median(times_ns[f"{network} float32"]))
        for variant in variant_names():
            name = f"{network} {variant}"
            p50, p99 = np.percentile(times_ns[name], (50, 99)).tolist()
            size_kb = (folder / f"{name}.tflite").stat().st_size / 1e3
            figures.append(
                Figure(
                    name,
                    f"{size_kb:.0f} kB, p50 {p50 / 1e6:.3f} · p99 {p99 / 1e6:.3f} ms, {float32_ns / p50:.2f} x as fast",
                )
            )
    load = f", load {os.getloadavg()[0]:.2f}" if hasattr(os, "getloadavg") else ""
    show(f"Variants on {runtime.split('.')[0]}, one thread{load}", figures)
    console.print("As fast: against float32 of the same network.")
