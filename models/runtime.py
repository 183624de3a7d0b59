"""The TFLite runtime under either of its two package names, and a check that survives its crashes."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from models.errors import ModelError

PACKAGES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
CHECK_TIMEOUT_S = 30


def open_interpreter(content: bytes, runtime: str = "") -> Any:
    """Return an interpreter of one thread, with its tensors allocated, for the model in ``content``.

    ``runtime`` is one of ``installed_runtimes``, the first of them unless it is named. One thread, because a second one
    costs ten times the worst-case latency when the cores are busy. Raises ModelError when no runtime is installed or it
    refuses the model; a damaged model may crash the process instead, which is what ``try_out`` is for.
    """
    interpreter_class = _import_runtime(runtime).Interpreter
    with refusals(), quiet():
        interpreter = interpreter_class(model_content=content, num_threads=1)
        # Before anything else: tflite-runtime skips its fast kernels in a signature made earlier.
        interpreter.allocate_tensors()
    return interpreter


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """Raise ModelError for what a runtime raises when it refuses a model, a damaged one or one it does not know."""
    try:
        yield
    except ModelError:
        raise
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"The TFLite runtime refuses the model ({reason}). Export it again.") from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drop what C++ code writes to standard error: TFLite and TensorFlow log there, whatever their log levels say.

    Python's own ``sys.stderr`` is left out of it where it is something else, as under a test runner.
    """
    sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # There is no standard error, as under pythonw.
        yield
        return
    try:
        with open(os.devnull, "wb") as nowhere:  # noqa: PTH123
            os.dup2(nowhere.fileno(), 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def installed_runtimes() -> list[str]:
    """Return which of PACKAGES are there and work with the NumPy that is."""
    numpy_2 = int(np.__version__.split(".")[0]) >= 2
    return [
        package
        for package in PACKAGES
        if importlib.util.find_spec(package.split(".")[0])
        # It was built for NumPy 1: it imports under 2 and then fails at the first model.
        and not (numpy_2 and package.startswith("tflite_runtime"))
    ]


def _import_runtime(runtime: str) -> Any:
    for package in [runtime] if runtime else installed_runtimes():
        try:
            return importlib.import_module(package)
        except ImportError:
            continue
    raise ModelError('No TFLite runtime is installed. Run: pip install "ai-edge-litert>=2,<3".')


def try_out(content: bytes) -> None:
    """Load and run the model once in a process of its own; raises ModelError when that does not end well.

    The runtimes trust their input: of models with one changed byte tflite-runtime 2.14 crashes on a quarter, and
    ai-edge-litert 2.3 on a few in a thousand.
    """
    # -P: a folder "models" where the user stands must not be taken for this package.
    command = [sys.executable, "-P", "-m", "models.runtime"]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=CHECK_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"The model did not answer in {CHECK_TIMEOUT_S} s; it is damaged. Copy it again.") from error
    if done.returncode != 0:
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        raise ModelError(lines[-1] if lines else "The model crashes the TFLite runtime; it is damaged. Copy it again.")


def _run_once(content: bytes) -> None:
    interpreter = open_interpreter(content)
    try:
        interpreter.invoke()
    except (RuntimeError, ValueError) as error:
        raise ModelError("The model cannot be run; it is damaged. Copy it again.") from error


if __name__ == "__main__":
    try:
        _run_once(sys.stdin.buffer.read())
    except ModelError as refusal:
        sys.stdout.write(f"{refusal}\n")
        sys.exit(1)
