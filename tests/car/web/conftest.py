"""The models of the loader's tests are uploaded here."""

from tests.models.conftest import donkey_models, tiny_models

__all__ = ["donkey_models", "tiny_models"]
