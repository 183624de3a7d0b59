"""However the link to the driver is lost, the wheels are neutral in time and stay so; on real sockets and processes."""

from collections.abc import Iterator

import pytest

from tests.system.link_loss import LOSSES, TimelineCar, timeline_car

PROMISED_MS = 500
NOISE_MS = 200
"""What a busy machine may add; the figures themselves are printed by ``make bench``."""
TRIALS = 3


@pytest.fixture(scope="module")
def car(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TimelineCar]:
    with timeline_car(tmp_path_factory.mktemp("link")) as car:
        yield car


@pytest.mark.parametrize("how", LOSSES)
def test_a_driver_who_vanishes_at_full_drive_leaves_a_car_that_stands(car: TimelineCar, how: str) -> None:
    for _ in range(TRIALS):
        loss = LOSSES[how](car)
        assert loss.to_neutral_ms <= PROMISED_MS + NOISE_MS
        assert not loss.moved_again
