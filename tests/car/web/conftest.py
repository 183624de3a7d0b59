"""The models of the loader's tests are uploaded here, and some of the trainings are real."""

from tests.models.conftest import donkey_models, tiny_models
from tests.training.conftest import needs_keras, trained

__all__ = ["donkey_models", "needs_keras", "tiny_models", "trained"]
