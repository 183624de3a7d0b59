"""Runs one of our own modules in a process of its own: what crashes there, or takes all memory, harms nothing here."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any


class NoAnswer(Exception):
    """The process gave no answer: it crashed, or was killed."""


def run_elsewhere(module: str, argument: str, timeout_s: float) -> dict[str, Any]:
    """Run ``python -m module argument`` and return what it answers, a JSON object on its standard output.

    Raises TimeoutError when it does not end in time, NoAnswer when what it printed is no such object.
    """
    # -P: a folder "car" where the user stands must not be taken for this package.
    command = [sys.executable, "-P", "-m", module, argument]
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"{module} did not end in {timeout_s:g} s.") from error
    try:
        answer = json.loads(done.stdout)
    except ValueError as error:
        raise NoAnswer(f"{module} ended with {done.returncode} and no answer.") from error
    if not isinstance(answer, dict):
        raise NoAnswer(f"{module} answered with something else.")
    return answer


def answer(content: dict[str, Any]) -> None:
    """Say, in the module that is run, what ``run_elsewhere`` is to return."""
    sys.stdout.write(json.dumps(content))
