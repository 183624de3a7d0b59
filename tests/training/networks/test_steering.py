"""The networks take the camera's frame as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from car.errors import TrainingError
from models.loader import load_model
from training.export import TOLERANCE, export
from training.networks.steering import CORE, NetworkName, join, make_core, make_shrink, network_names

pytestmark = pytest.mark.usefixtures("needs_keras")

FRAMES = np.random.default_rng(1).integers(0, 256, (4, 72, 96, 3), np.uint8)


@pytest.mark.parametrize(
    ("height", "width", "small"),
    [(120, 160, (60, 80, 3)), (240, 320, (60, 80, 3)), (480, 640, (60, 80, 3)), (120, 120, (60, 60, 3))],
)
def test_any_camera_frame_becomes_a_small_picture(height: int, width: int, small: tuple[int, ...]) -> None:
    shrink = make_shrink(height, width)
    assert shrink.output_shape == (None, *small)
    grey = shrink(np.full((1, height, width, 3), 77, np.uint8)).numpy()
    assert grey == pytest.approx(77.0)


def test_the_peers_network_is_shown_the_frame_itself_and_has_as_many_weights() -> None:
    shrink = make_shrink(120, 160, "donkey-linear")
    assert np.array_equal(shrink(np.full((1, 120, 160, 3), (9, 99, 199), np.uint8))[0, 119, 159], (9, 99, 199))
    assert make_core(shrink.output_shape[1:], "donkey-linear").count_params() == 817_028


@pytest.mark.parametrize("name", network_names())
def test_every_network_takes_bytes_and_its_file_gives_what_it_gives(name: NetworkName, tmp_path: Path) -> None:
    import tensorflow as tf

    shrink = make_shrink(72, 96, name)
    core = make_core(shrink.output_shape[1:], name)
    network = join(shrink, core)
    state = {"state": np.zeros((4, 32), np.float32)} if name == "recurrent" else {}
    outputs = network({"image": FRAMES, **state})
    shapes = {name: tuple(value.shape) for name, value in outputs.items()}
    assert shapes == {"steering": (4, 1), "throttle": (4, 1)} | ({"state": (4, 32)} if state else {})
    # Its values on every runtime are compared with the network's there.
    export(network, tmp_path / "pilot.tflite", FRAMES)
    given = load_model(tmp_path / "pilot.tflite").run(FRAMES[0])[0]
    assert given == pytest.approx(float(outputs["steering"][0, 0]), abs=TOLERANCE)
    # What a later training goes on from.
    again = make_core(shrink.output_shape[1:], name)
    again.set_weights(network.get_layer(CORE).get_weights())
    picture = shrink(FRAMES)
    shown = [picture, tf.constant(state["state"])] if state else picture
    assert again(shown)["steering"].numpy() == pytest.approx(outputs["steering"].numpy(), abs=1e-5)


def test_the_wide_network_has_more_room_the_mobile_one_less_and_all_three_stay_below_a_megabyte() -> None:
    mobile, small, wide = (4 * make_core((60, 80, 3), name).count_params() for name in ("mobile", "small", "wide"))
    assert mobile < small < wide < 1_000_000


@pytest.mark.parametrize(
    ("network", "least"), [(name, 61 if name == "donkey-linear" else 32) for name in network_names()]
)
def test_a_frame_too_small_for_a_network_is_refused_and_the_smallest_is_not(network: NetworkName, least: int) -> None:
    assert make_core(make_shrink(least, least, network).output_shape[1:], network).count_params() > 0
    for height, width in ((least - 1, 160), (least, least - 1), (1, 1)):
        with pytest.raises(TrainingError, match=f"{width}x{height} are too small; the network {network} needs"):
            make_shrink(height, width, network)


def test_a_frame_that_is_too_narrow_once_it_is_shrunk_is_refused_as_it_was_recorded() -> None:
    with pytest.raises(
        TrainingError, match=r"^Frames of 100x480 are too small; .* needs 256x256\. Record larger ones\.$"
    ):
        make_shrink(480, 100)
    with pytest.raises(TrainingError, match=r"needs 61x61\. Record larger ones, or train the network small\.$"):
        make_shrink(60, 80, "donkey-linear")
