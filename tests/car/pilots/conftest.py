"""The models of the loader's tests drive here too."""

from tests.models.conftest import tiny_models

__all__ = ["tiny_models"]
