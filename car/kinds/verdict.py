"""What a check says: a verdict, with the one line that fixes what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad a finding is: with a warning the car drives, with an error it does not, or not as it should."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check found: one sentence, and the command or the line of configuration that fixes it.

    >>> verdict = error("The drivetrain is not calibrated yet.", "car calibrate")
    >>> verdict.level is Level.ERROR, verdict.fix
    (True, 'car calibrate')
    """

    level: Level
    text: str
    fix: str = ""


def ok(text: str) -> Verdict:
    """Return that all is well, and how it is."""
    return Verdict(Level.OK, text)


def warning(text: str, fix: str) -> Verdict:
    """Return something that is not as it should be, but does not keep the car from driving."""
    return Verdict(Level.WARNING, text, fix)


def error(text: str, fix: str) -> Verdict:
    """Return something that has to be fixed first."""
    return Verdict(Level.ERROR, text, fix)


def split_advice(message: str) -> tuple[str, str]:
    """Return an error's first sentence, and what comes after it, which is what to do next."""
    text, _, advice = message.partition(". ")
    return f"{text.rstrip('.')}.", advice
