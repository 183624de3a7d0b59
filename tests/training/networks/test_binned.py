"""Steering in bins comes to the mean of what was driven, and a file that is rounded still does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from training.export import INT8_TOLERANCE, export, model_values, network_values
from training.networks.binned import CENTRES, LOGITS, binned_loss
from training.networks.steering import join, make_core, make_shrink

pytestmark = pytest.mark.usefixtures("needs_keras")

FRAMES = np.random.default_rng(1).integers(0, 256, (24, 48, 64, 3), np.uint8)


def mean_loss(driven: NDArray[np.float32], likely: NDArray[np.float64]) -> float:
    logits = np.broadcast_to(np.log(likely).astype(np.float32), (len(driven), len(likely)))
    return float(np.mean(np.asarray(binned_loss(driven[:, None], logits))))


@pytest.mark.parametrize("driven", [[0.9, 0.0, 0.0, 0.0], [-0.83, 0.61], [0.07], [1.0, -1.0, 1.0], [0.333, -1.7]])
def test_the_best_bins_for_a_picture_come_to_the_mean_of_what_was_driven_there(driven: list[float]) -> None:
    steering = np.array(driven, np.float32)
    # The shares of the labels in the bins to either side of them.
    places = (np.clip(steering, -1, 1) + 1) / 2 * (len(CENTRES) - 1)
    below = np.floor(places).astype(int)
    shares = np.zeros(len(CENTRES))
    np.add.at(shares, below, (1 - places + below) / len(driven))
    np.add.at(shares, np.minimum(below + 1, len(CENTRES) - 1), (places - below) / len(driven))
    best = shares + 1e-6
    assert best @ CENTRES == pytest.approx(np.clip(steering, -1, 1).mean(), abs=1e-4)
    least = mean_loss(steering, best / best.sum())
    for here in np.flatnonzero(shares > 0.05).tolist():
        for there in {max(here - 1, 0), min(here + 1, len(CENTRES) - 1)} - {here}:
            moved = best.copy()
            moved[[here, there]] += np.array([-0.1, 0.1]) * best[here]
            assert mean_loss(steering, moved / moved.sum()) > least


def test_an_error_of_the_steering_counts_about_as_much_as_squared() -> None:
    near, far = (np.exp(-((CENTRES - middle) ** 2) / (2 * 0.22**2)).astype(np.float64) for middle in (0.0, 0.2))
    driven = np.random.default_rng(0).normal(0.0, 0.22, 4000).astype(np.float32)
    driven = driven[np.abs(driven) < 1.0]
    more = mean_loss(driven, far / far.sum()) - mean_loss(driven, near / near.sum())
    assert more == pytest.approx(0.2**2, rel=0.35)


def test_a_file_in_int8_with_bins_gives_about_what_its_network_gives(tmp_path: Path) -> None:
    shrink = make_shrink(48, 64)
    core = make_core(shrink.output_shape[1:], binned=True)
    kernel, bias = core.get_layer(LOGITS).get_weights()
    core.get_layer(LOGITS).set_weights([20 * kernel, bias])
    network = join(shrink, core)
    path = tmp_path / "pilot.tflite"
    export(network, path, FRAMES[:4], "int8", FRAMES)
    expected = network_values(network, FRAMES)
    assert np.ptp(expected[:, 0]) > 0.2, "a network that gives the same for all frames would pass too"
    assert np.abs(model_values(path, FRAMES) - expected).max() < INT8_TOLERANCE
