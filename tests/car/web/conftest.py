"""The models of the loader's tests are uploaded here, and some of the trainings are real."""

from tests.models.conftest import tiny_models
from tests.training.conftest import needs_keras

__all__ = ["needs_keras", "tiny_models"]
