"""The network takes the camera's frame as it is."""

from __future__ import annotations

import numpy as np
import pytest

from car.errors import TrainingError
from training.networks.steering import NetworkName, join, make_core, make_shrink, network_names

pytestmark = pytest.mark.usefixtures("needs_keras")


@pytest.mark.parametrize(
    ("height", "width", "small"),
    [(120, 160, (60, 80, 3)), (240, 320, (60, 80, 3)), (480, 640, (60, 80, 3)), (120, 120, (60, 60, 3))],
)
def test_any_camera_frame_becomes_a_small_picture(height: int, width: int, small: tuple[int, ...]) -> None:
    shrink = make_shrink(height, width)
    assert shrink.output_shape == (None, *small)
    grey = shrink(np.full((1, height, width, 3), 77, np.uint8)).numpy()
    assert grey == pytest.approx(77.0)


@pytest.mark.parametrize("name", network_names())
def test_every_network_takes_bytes_and_names_what_it_gives(name: NetworkName) -> None:
    network = join(make_shrink(36, 48), make_core((36, 48, 3), name))
    outputs = network({"image": np.zeros((2, 36, 48, 3), np.uint8)})
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {"steering": (2, 1), "throttle": (2, 1)}


def test_the_wide_network_has_more_room_and_both_stay_below_a_megabyte() -> None:
    small, wide = (4 * make_core((60, 80, 3), name).count_params() for name in ("small", "wide"))
    assert small < wide < 1_000_000


@pytest.mark.parametrize(("height", "width"), [(31, 160), (120, 31), (1, 1)])
def test_a_frame_too_small_to_learn_from_is_refused(height: int, width: int) -> None:
    with pytest.raises(TrainingError, match="too small"):
        make_shrink(height, width)
