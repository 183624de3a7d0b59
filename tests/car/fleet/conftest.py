"""The car and the laptop of ``tests.car.remote``, for whoever looks after several."""

from __future__ import annotations

from tests.car.remote.conftest import far as far
from tests.car.remote.conftest import one_car as one_car
