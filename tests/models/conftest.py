"""Tiny ``.tflite`` models, good and bad."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from tests.models import make_models


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder that holds what ``make_models`` writes."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("making models needs TensorFlow, which is not installed")
    # By a fixed name, because several packages' tests take this fixture and each would make them again.
    folder = tmp_path_factory.getbasetemp() / "tiny_models"
    if not folder.exists():
        folder.mkdir()
        subprocess.run([sys.executable, make_models.__file__, str(folder)], check=True, capture_output=True)
    return folder
