"""Which software made a recording or a model."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = ("pocketpilot", "numpy", "opencv-python-headless", "ai-edge-litert", "tflite-runtime")


def software_versions(*more: str) -> dict[str, str]:
    """Return the versions of Python and of the packages that are installed, ``more`` ones included."""
    versions = {"python": platform.python_version()}
    for package in (*PACKAGES, *more):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions
