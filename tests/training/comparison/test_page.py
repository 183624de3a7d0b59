"""The page of a comparison needs nothing from elsewhere, and shows where each model goes wrong."""

from __future__ import annotations

import base64
import math
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

import models
from hardware.camera import CameraGeometry
from tests.models.conftest import tiny_models
from tests.training.drives import write_drive
from training.comparison.comparison import Comparison, compare_models
from training.comparison.page import WORST, page_of

__all__ = ["tiny_models"]

SHIPPED = Path(models.__file__).parent / "simulated-lane.tflite"


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("drives")
    paths = [
        write_drive(folder / f"{name}.mcap", frames=160, seed=seed, geometry=CameraGeometry())
        for seed, name in enumerate(("monday", "a<b>&c"))
    ]
    copy = folder / "a<i>.tflite"
    copy.write_bytes(SHIPPED.read_bytes())
    return compare_models([SHIPPED, copy], paths)


def test_the_page_needs_nothing_from_elsewhere_and_names_do_nothing_there(comparison: Comparison) -> None:
    told: list[float] = []
    page = page_of(comparison, told.append)
    assert not re.search(r"https?://|<script|@import|url\(", page)
    sources = re.findall(r'(?:src|href)="([^"]{,30})', page)
    assert len(sources) == 2 * WORST
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
    assert "a&lt;b&gt;&amp;c" in page
    assert "a&lt;i&gt;" in page
    assert not re.search(r"<b>&|<i>", page)
    assert told == [0.5, 1.0]
    # Of each model: three plots, a line for each of two sessions, and one around the worst frame.
    assert page.count("<svg") == 2 * (3 + 2 + 1)
    assert page.count('class="dot"') == 2 * 320


def test_a_picture_has_the_driver_and_the_model_on_the_left_and_the_light_on_the_right(comparison: Comparison) -> None:
    data = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', page_of(comparison))[0]
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(data), np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (240, 640, 3)
    red = picture[..., 2].astype(int) - picture[..., 0]
    bar = picture[..., 1] > 120
    assert (red[:, 320:][~bar[:, 320:]] > 40).any()
    assert abs(int(picture[10, 10].astype(int).sum()) - int(picture[10, 330].astype(int).sum())) < 120


def test_frames_on_which_the_steering_never_changes_have_a_page_too(tmp_path: Path) -> None:
    made = compare_models(
        [SHIPPED], [write_drive(tmp_path / "short.mcap", frames=2, geometry=CameraGeometry(), throttle=0.0)]
    )
    made.judged.labels[:] = 0.25
    page = page_of(made)
    assert math.isnan(made.scores(made.models[0]).error.r2)
    assert "never changes" in page
    assert "nan" not in re.sub(r'base64,[^"]+', "", page)


def test_a_recurrent_model_has_a_page_too(tiny_models: Path, tmp_path: Path) -> None:
    session = write_drive(tmp_path / "small.mcap", frames=30, geometry=CameraGeometry(width=32, height=24))
    assert "looked at" in page_of(compare_models([tiny_models / "recurrent.tflite"], [session]))
