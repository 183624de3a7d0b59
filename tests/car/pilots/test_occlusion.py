"""Where hiding something changes the steering is where a pilot looked."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest

import models
from car.pilots.loading import open_pilot
from car.pilots.occlusion import COLUMNS, ROWS, draw_occlusion, occlusion_map, steering_of
from hardware.camera import CameraGeometry, Image

SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"
NOISE = np.random.default_rng(0).integers(0, 256, (120, 160, 3)).astype(np.uint8)


def test_a_pilot_that_looks_at_one_place_is_seen_to_look_there_alone() -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    image[84:96, 16:32] = 200
    changes = occlusion_map(lambda seen: float(seen[84:96, 16:32].mean()) / 255.0, image)
    row, column = np.unravel_index(changes.argmax(), changes.shape)
    assert changes.shape == (ROWS, COLUMNS)
    assert 84 <= (row + 0.5) * 10 <= 96
    assert 16 <= (column + 0.5) * 10 <= 32
    assert changes[:7].max() == changes[:, 5:].max() == 0.0


def test_every_pixel_is_hidden_some_time_and_shown_again() -> None:
    before = NOISE.copy()
    hidden = np.zeros((120, 160), bool)
    shown: list[bool] = []

    def steer(image: Image) -> float:
        changed = (image != before).any(axis=2)
        hidden[changed] = True
        shown.append(image.flags.writeable)
        assert changed.mean() < 0.03
        return 0.0

    occlusion_map(steer, NOISE)
    assert hidden.mean() > 0.99
    assert len(shown) == ROWS * COLUMNS + 1
    assert not any(shown)
    assert np.array_equal(NOISE, before)


@pytest.mark.parametrize("shape", [(24, 32), (36, 48), (61, 61), (480, 640)])
def test_a_frame_of_any_size_has_a_map(shape: tuple[int, int]) -> None:
    image = cv2.resize(NOISE, shape[::-1])
    changes = occlusion_map(lambda seen: float(seen[-1, -1, 0]) / 255.0, np.asarray(image, np.uint8))
    assert changes[-1, -1] == changes.max() > 0.0
    assert changes[0, 0] == 0.0


def test_a_pilot_that_gives_no_number_looked_at_nothing() -> None:
    assert occlusion_map(lambda _: math.nan, NOISE).max() == 0.0


def test_the_shipped_pilot_looks_at_the_line_and_not_at_the_sky() -> None:
    image = np.full((120, 160, 3), 70, np.uint8)
    cv2.line(image, (70, 119), (95, 60), (230, 230, 230), 6)
    pilot, _ = open_pilot(SHIPPED, CameraGeometry())
    changes = occlusion_map(steering_of(pilot), image)
    assert changes.max() > 0.01
    assert changes[6:].sum() > 3 * changes[:4].sum()


def test_the_light_is_where_the_change_is_and_faint_where_nothing_changes_much() -> None:
    changes = np.zeros((ROWS, COLUMNS))
    changes[2, 3] = 0.8
    image = np.full((120, 160, 3), 80, np.uint8)
    drawn = draw_occlusion(image, changes).astype(int)
    assert drawn[25, 35, 0] > 150 > drawn[25, 35, 2] + 100
    assert (drawn[60:] == 80).all()
    faint = draw_occlusion(image, changes / 100.0).astype(int)
    assert 0 < faint[25, 35, 0] - 80 < 20
