"""Tiny ``.tflite`` models, good and bad."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.models import make_donkey_models, make_models


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that holds what ``make_models`` writes."""
    return made_by(make_models, tmp_path_factory)


@pytest.fixture(scope="session")
def donkey_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that holds what ``make_donkey_models`` writes."""
    return made_by(make_donkey_models, tmp_path_factory)


def made_by(program: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("making models needs TensorFlow, which is not installed")
    # By a fixed name, because several packages' tests take these fixtures and each would make them again.
    folder = tmp_path_factory.getbasetemp() / program.__name__
    if not folder.exists():
        folder.mkdir()
        subprocess.run([sys.executable, str(program.__file__), str(folder)], check=True, capture_output=True)
    return folder
