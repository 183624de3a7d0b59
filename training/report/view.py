"""What is printed of the data report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.table import Column, Table

from car.terminal.console import console
from training.dataset import Recording
from training.report.findings import Finding, Severity
from training.report.report import DataReport, findings_in
from training.report.words import short_balance, short_delay

_STYLES = {Severity.GRAVE: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}
IN_SHORT = 3
"""So many findings are shown before a training begins."""


def show_report(report: DataReport) -> None:
    """Print a line for each session, what was left out, and what there is to know before training."""
    if report.sessions:
        console.print(_table(report))
    for session in report.left_out:
        console.print(f"Left out: {session.error}", style="yellow", highlight=False, soft_wrap=True)
    _show(report.findings)
    if report.sessions and not report.findings:
        console.print("Nothing stands out. Train on it: car train", highlight=False)


def show_in_short(recordings: Iterable[Recording]) -> None:
    """Print the gravest findings in what a training is about to learn from."""
    findings = findings_in(recordings)
    _show(findings[:IN_SHORT])
    if len(findings) > IN_SHORT:
        console.print(f"{len(findings) - IN_SHORT} more findings: car sessions report", highlight=False)


def _show(findings: Sequence[Finding]) -> None:
    for finding in findings:
        console.print(f"{finding.severity}: ", style=_STYLES[finding.severity], end="")
        console.print(str(finding), highlight=False, soft_wrap=True)


def _table(report: DataReport) -> Table:
    table = Table(
        Column("session", overflow="fold"),
        "minutes",
        "frames",
        "left / straight / right",
        "throttle",
        "answers after",
        "light",
        "stops",
    )
    for figures in report.sessions:
        table.add_row(
            figures.name,
            f"{figures.minutes:.1f}",
            str(figures.frames),
            short_balance(figures),
            f"{figures.throttle.mean:.2f} ± {figures.throttle.deviation:.2f}",
            short_delay(figures),
            f"{figures.pictures.level:.0f}",
            f"{figures.times.stopped_share:.0%}",
        )
    return table
