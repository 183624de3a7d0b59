"""The TFLite runtime under either of its two package names, and a trial that survives its crashes."""

from __future__ import annotations

import importlib
import subprocess
import sys
from typing import Any

from models.contract import ModelError

PACKAGES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
TRIAL_TIMEOUT_S = 30


def open_interpreter(content: bytes) -> Any:
    """Return an interpreter of one thread, with its tensors allocated, for the model in ``content``.

    One thread, because a second one costs ten times the worst-case latency when the cores are busy. Raises ModelError
    when neither runtime is installed or the runtime refuses the model; a damaged model may crash the process instead,
    which is what ``try_out`` is for.
    """
    interpreter_class = _find_runtime().Interpreter
    try:
        interpreter = interpreter_class(model_content=content, num_threads=1)
        # Before anything else: tflite-runtime skips its fast kernels in a signature made earlier.
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"The TFLite runtime refuses the model ({reason}). Export it again.") from error
    return interpreter


def _find_runtime() -> Any:
    for package in PACKAGES:
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
        done = subprocess.run(command, input=content, capture_output=True, timeout=TRIAL_TIMEOUT_S, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"The model did not answer in {TRIAL_TIMEOUT_S} s; it is damaged. Copy it again.") from error
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
