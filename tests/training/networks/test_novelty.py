"""What was learned from is familiar in any light; a floor with other lines is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.contract import UNCERTAINTY
from models.loader import load_model
from models.runtime import installed_runtimes
from training.export import Variant, convert, model_values
from training.networks.novelty import fit_novelty
from training.networks.steering import join, make_core, make_shrink

pytestmark = pytest.mark.usefixtures("needs_keras")

HEIGHT, WIDTH = 60, 80
TIMES_NS = np.arange(100, dtype=np.int64) * 50_000_000
RNG = np.random.default_rng(3)


def lane(lateral: float, bend: float, lines: tuple[float, ...] = (-0.5, 0.5), light: float = 1.0) -> NDArray[np.uint8]:
    """Draw a floor with bright lines towards the horizon, beside the middle by shares of the picture's width."""
    picture = np.full((HEIGHT, WIDTH, 3), 90.0)
    for row in range(HEIGHT // 3, HEIGHT):
        depth = (row - HEIGHT / 3 + 2) / (HEIGHT * 2 / 3)
        for line in lines:
            column = WIDTH * (0.5 + depth * (line - lateral) + bend * (1.0 - depth) ** 2)
            picture[row, max(0, round(column - 2 * depth)) : max(0, round(column + 2 * depth + 1))] = 210.0
    noisy = picture * light + RNG.normal(0.0, 2.0, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def drive(count: int, lines: tuple[float, ...] = (-0.5, 0.5), light: float = 1.0, bends: int = 1) -> NDArray[np.uint8]:
    phases = np.linspace(0.0, 12.0, count) + RNG.uniform(0.0, 6.0)
    return np.stack(
        [lane(0.2 * np.sin(phase), bends * 0.15 * (1.1 + np.sin(0.7 * phase)), lines, light) for phase in phases]
    )


@pytest.fixture(scope="module")
def learned() -> NDArray[np.uint8]:
    return drive(600)


def uncertainty(learned: NDArray[np.uint8], shown: NDArray[np.uint8], *, mirror: bool = False) -> NDArray[np.float32]:
    novelty = fit_novelty(learned, [(drive(100), TIMES_NS)], mirror=mirror)
    values: NDArray[np.float32] = novelty(shown.astype(np.float32)).numpy()[:, 0]
    return values


@pytest.mark.parametrize("light", [0.6, 1.0, 1.15])
def test_the_same_lane_is_familiar_in_any_light(learned: NDArray[np.uint8], light: float) -> None:
    # Frame by frame, as here, some are above what the validation frames came to on average over time.
    assert np.mean(uncertainty(learned, drive(100, light=light)) > 1.0) < 0.25


@pytest.mark.parametrize("lines", [(0.0,), (-1.0, 0.0, 1.0), (-0.2, -0.1, 0.1, 0.2)], ids=["one", "three", "four"])
def test_other_lines_are_not(learned: NDArray[np.uint8], lines: tuple[float, ...]) -> None:
    assert np.mean(uncertainty(learned, drive(100, lines=lines)) > 1.0) > 0.8


def test_a_picture_of_noise_is_not_familiar_and_a_dark_one_is_a_number(learned: NDArray[np.uint8]) -> None:
    noise = RNG.integers(0, 256, (1, HEIGHT, WIDTH, 3), np.uint8)
    dark = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    given = uncertainty(learned, np.concatenate([noise, dark]))
    assert given[0] > 1.0
    assert np.isfinite(given[1])


def test_bends_the_other_way_are_familiar_where_mirror_images_were_learned(learned: NDArray[np.uint8]) -> None:
    other_way = drive(100, bends=-1)
    plain, mirrored = (np.median(uncertainty(learned, other_way, mirror=mirror)) for mirror in (False, True))
    assert mirrored < 1.0 < plain


def test_frames_that_are_all_alike_and_fewer_than_patterns_make_a_number_too() -> None:
    one = np.repeat(lane(0.0, 0.0)[None], 5, axis=0)
    novelty = fit_novelty(one, [(one, TIMES_NS[:5])], mirror=False)
    assert novelty(one.astype(np.float32)).numpy() == pytest.approx(0.0, abs=0.05)
    assert fit_novelty(one, [], mirror=False)(one.astype(np.float32)).numpy() == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("size", [(32, 32), (60, 107), (121, 163)])
def test_pictures_of_any_size_have_one(size: tuple[int, int]) -> None:
    pictures = RNG.integers(0, 256, (20, *size, 3), np.uint8)
    assert fit_novelty(pictures, [], mirror=True)(pictures.astype(np.float32)).shape == (20, 1)


@pytest.mark.parametrize(("variant", "close"), [("float32", 1e-4), ("float16", 0.01), ("dynamic", 0.05)])
def test_a_models_file_gives_it_on_every_runtime(
    learned: NDArray[np.uint8], tmp_path: Path, variant: Variant, close: float
) -> None:
    shrink, novelty = make_shrink(120, 160), fit_novelty(learned, [(drive(100), TIMES_NS)], mirror=False)
    network = join(shrink, make_core((60, 80, 3)), novelty)
    frame = np.repeat(np.repeat(lane(0.1, 0.2, (0.0,)), 2, axis=0), 2, axis=1)
    path = tmp_path / "pilot.tflite"
    path.write_bytes(convert(network, variant))
    expected = float(network({"image": frame[None]})[UNCERTAINTY][0, 0])
    for runtime in installed_runtimes():
        model = load_model(path, runtime)
        model.run(frame)
        assert model.uncertainty == pytest.approx(expected, rel=close)


def test_int8_has_none_and_steers_the_same(learned: NDArray[np.uint8], tmp_path: Path) -> None:
    shrink, core = make_shrink(120, 160), make_core((60, 80, 3))
    novelty = fit_novelty(learned, [], mirror=False)
    frames = RNG.integers(0, 256, (8, 120, 160, 3), np.uint8)
    paths = tmp_path / "unsure.tflite", tmp_path / "plain.tflite"
    for path, network in zip(paths, (join(shrink, core, novelty), join(shrink, core)), strict=True):
        path.write_bytes(convert(network, "int8", frames))
    assert load_model(paths[0]).uncertainty == 0.0
    unsure, plain = (model_values(path, frames) for path in paths)
    assert np.array_equal(unsure, plain)
