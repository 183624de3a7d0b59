"""The car's own packages never load Keras or TensorFlow."""

from __future__ import annotations

import subprocess
import sys

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
import car, hardware, models, simulator
tried = 0
for package in (car, hardware, models, simulator):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        try:
            importlib.import_module(module.name)
        except ImportError:
            continue  # an optional package that is not installed here
        tried += 1
heavy = {"keras", "tensorflow", "jax", "torch", "ray", "matplotlib"} & set(sys.modules)
print(tried, sorted(heavy))
"""


def test_no_module_of_the_car_imports_what_only_training_needs() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORT_EVERYTHING], capture_output=True, text=True, check=True)
    tried, heavy = done.stdout.split(maxsplit=1)
    assert int(tried) > 20
    assert heavy.strip() == "[]"


def test_training_modules_themselves_load_quickly() -> None:
    code = "import training.pipeline, training.export, sys; print({'keras', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
