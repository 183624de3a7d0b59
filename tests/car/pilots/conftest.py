"""The models of the loader's tests drive here too."""

from tests.models.conftest import donkey_models, tiny_models

__all__ = ["donkey_models", "tiny_models"]
