"""Fixtures that more than one package's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.arena import arena_archive, unpack_arena

# Machines are noisy: no example fails by the clock. All else is as the profile in force has it.
settings.register_profile("any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def arena_tubs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the recorded Donkey Car tubs."""
    archive = arena_archive()
    if not archive.is_file():
        pytest.skip(f"{archive.name} is not in {archive.parent}; set POCKETPILOT_DATA to the folder that has it")
    return unpack_arena(archive, tmp_path_factory.mktemp("arena"))
