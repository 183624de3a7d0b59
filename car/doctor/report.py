"""What the doctor says: findings, each with the one line that fixes it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass

from car.kinds.verdict import Level

SCHEMA = 1
"""The version of the JSON report: raised when a key changes its meaning or goes; keys may be added at any time."""


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
