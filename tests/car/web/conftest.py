"""The models of the loader's tests are uploaded here."""

from tests.models.conftest import tiny_models

__all__ = ["tiny_models"]
