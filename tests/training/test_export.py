"""The file gives the network's own values, or it is not written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from car.errors import TrainingError
from models.loader import load_model
from models.runtime import installed_runtimes
from training.export import TOLERANCE, check_values, convert, export

pytestmark = pytest.mark.usefixtures("needs_keras")

FRAMES = np.random.default_rng(1).integers(0, 256, (6, 72, 96, 3), np.uint8)


@pytest.fixture(scope="module")
def network(needs_keras: None) -> Any:
    """Return an untrained pilot, of which every frame size and every seed makes another one."""
    from training.backend import import_keras
    from training.networks.steering import join, make_core, make_shrink

    import_keras().utils.set_random_seed(5)
    return join(make_shrink(72, 96), make_core((72, 96, 3)))


@pytest.fixture(scope="module")
def exported(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "pilot.tflite"
    export(network, path, FRAMES)
    return path


def test_the_file_gives_the_networks_values(network: Any, exported: Path) -> None:
    model = load_model(exported)
    outputs = network({"image": FRAMES})
    for index, image in enumerate(FRAMES):
        expected = [float(outputs[name][index, 0]) for name in ("steering", "throttle")]
        assert model.run(image) == pytest.approx(expected, abs=TOLERANCE)


def test_the_file_fits_a_small_car(exported: Path) -> None:
    assert exported.stat().st_size < 400_000


@pytest.mark.parametrize("runtime", installed_runtimes())
def test_other_values_than_the_networks_are_refused(runtime: str, network: Any, exported: Path) -> None:
    outputs = network({"image": FRAMES})
    expected = np.stack([outputs["steering"][:, 0], outputs["throttle"][:, 0]], axis=1)
    check_values(exported, FRAMES, expected, runtime)
    swapped = expected[:, ::-1]
    with pytest.raises(TrainingError, match=r"differ by .* from the network's"):
        check_values(exported, FRAMES, swapped, runtime)
    with pytest.raises(TrainingError, match="differ by nan"):
        check_values(exported, FRAMES, np.full_like(expected, np.nan), runtime)


def test_a_runtime_that_fails_is_named(exported: Path) -> None:
    with pytest.raises(TrainingError, match=r"no_such_runtime cannot run the exported model"):
        check_values(exported, FRAMES, np.zeros((6, 2), np.float32), "no_such_runtime")


def test_converting_says_nothing(network: Any, capfd: pytest.CaptureFixture[str]) -> None:
    convert(network)
    assert capfd.readouterr() == ("", "")
