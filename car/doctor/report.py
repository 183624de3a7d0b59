"""What the doctor says: findings, each with the one line that mends it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum

SCHEMA = 1
"""The version of the JSON report: raised when a key changes its meaning or goes; keys may be added at any time."""


class Level(StrEnum):
    """How bad a finding is: with a warning the car drives, with an error it does not, or not as it should."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one check found: one sentence, and the command or the line of configuration that mends it."""

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
    """Return something that has to be mended first."""
    return Verdict(Level.ERROR, text, fix)


def split_advice(message: str) -> tuple[str, str]:
    """Return an error's first sentence, and what comes after it, which is what to do next."""
    text, _, advice = message.partition(". ")
    return f"{text.rstrip('.')}.", advice


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict and the check that it is of; ``check`` is its lasting name, ``group`` and ``title`` are for people."""

    check: str
    group: str
    title: str
    level: Level
    text: str
    fix: str


@dataclass(frozen=True, slots=True)
class Report:
    """All findings on a car; ``machine`` is the board or computer in words."""

    car: str
    machine: str
    is_pi: bool
    version: str
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        """The worst finding's level."""
        levels = {finding.level for finding in self.findings}
        return next(level for level in (Level.ERROR, Level.WARNING, Level.OK) if level in levels or level is Level.OK)

    def count(self, level: Level) -> int:
        """Return how many findings are of that level."""
        return Counter(finding.level for finding in self.findings)[level]

    def to_json(self) -> str:
        """Return the report as JSON: the fields above, ``schema`` and ``level``."""
        return json.dumps({"schema": SCHEMA, "level": self.level, **asdict(self)}, ensure_ascii=False, indent=2)
