"""Keras on TensorFlow, imported in one place: without its noise, or with the command that installs it."""

from __future__ import annotations

import os
from typing import Any

from car.errors import MissingPackage
from models.runtime import quiet

_ENVIRONMENT = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "ABSL_MIN_LOG_LEVEL": "3"}


def import_keras() -> Any:
    """Return the ``keras`` module, on TensorFlow; raises MissingPackage when either is not installed."""
    os.environ.update(_ENVIRONMENT)
    try:
        with quiet():
            import keras
            import tensorflow  # noqa: F401  (Keras imports it late, when nobody keeps it quiet)
    except ImportError as error:
        raise MissingPackage(
            f'Training needs Keras and TensorFlow ({error}). Run: pip install "pocketpilot[train]"'
        ) from error
    return keras


def import_tensorflow() -> Any:
    """Return the ``tensorflow`` module; raises MissingPackage when it or Keras is not installed."""
    import_keras()
    import tensorflow

    return tensorflow
