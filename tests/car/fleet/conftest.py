"""The car and the laptop of ``tests.car.remote``, and the fleet of that laptop."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.car.fleet.laptop import Laptop, laptop_in
from tests.car.remote.conftest import far as far
from tests.car.remote.conftest import one_car as one_car


@pytest.fixture
def laptop(tmp_path: Path) -> Iterator[Laptop]:
    """Return a laptop that is paired with no car yet."""
    with laptop_in(tmp_path) as laptop:
        yield laptop
